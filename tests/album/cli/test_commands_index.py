"""`album index` again and again: what is new, moved, copied, gone, mended or not to be read."""

import os
import sys

import pytest
from PIL import Image

from tests.album.albums import ANNA, BERT, CLEO, Drawn, Shelf, family, photo
from tests.databases import sql

pytestmark = pytest.mark.postgresql


@pytest.fixture
def shelf(tmp_path):
    return Shelf(tmp_path)


@pytest.fixture
def photos(tmp_path):
    return family(tmp_path / "photos")


def counts(report, *keys):
    return {key: report[key] for key in keys}


def ids(shelf):
    """Faces by path, and whose they are."""
    everybody = shelf.people("--all")
    return {
        (face["path"], face["face_id"]): person["id"]
        for person in everybody
        for face in shelf.seen(person["id"])
        if face["present"]
    }


def analyses(shelf):
    return sql(shelf.path, "SELECT count(*) FROM analysis")[0][0]


def test_a_second_run_reads_nothing_and_changes_nothing(shelf, photos):
    shelf.index(photos)
    before = ids(shelf), shelf.people("--all")
    report = shelf.index(photos)
    wanted = {"photos": 0, "known": 0, "unchanged": 11, "gone": 0, "moved": 0, "people": 2}
    assert counts(report, *wanted) == wanted
    assert (ids(shelf), shelf.people("--all")) == before


def test_grouping_is_done_again_only_when_something_changed(shelf, photos, monkeypatch):
    first = shelf.index(photos)
    calls = []
    for name in ("album.grouping.run.group", "album.grouping.run.assign"):
        monkeypatch.setattr(name, lambda *_, name=name, **__: iter(calls.append(name) or ()))
    again = shelf.index(photos)
    assert calls == []
    assert (again["people"], again["passers_by"]) == (first["people"], first["passers_by"])
    shelf.index(photos, "--clustering", "paper")
    assert calls == ["album.grouping.run.group"]
    next(photos.rglob("*.jpg")).unlink()
    shelf.index(photos)
    assert calls == ["album.grouping.run.group", "album.grouping.run.assign"]


def test_a_new_photo_joins_and_nobody_changes_their_id(shelf, photos):
    shelf.index(photos)
    before = ids(shelf)
    photo(photos / "new.jpg", Drawn(ANNA, 31, male=False), Drawn(CLEO, 26), year=2011)
    report = shelf.index(photos)
    assert counts(report, "photos", "faces", "unchanged") == {
        "photos": 1,
        "faces": 2,
        "unchanged": 11,
    }
    after = ids(shelf)
    assert {key: after[key] for key in before} == before
    assert len(after) == len(before) + 2
    assert len(set(after.values())) == 3


def test_moved_files_keep_faces_and_people(shelf, photos):
    shelf.index(photos)
    before = ids(shelf)
    (photos / "2004").rename(photos / "renamed")
    report = shelf.index(photos)
    wanted = {"photos": 0, "known": 2, "gone": 2, "moved": 2, "unchanged": 9}
    assert counts(report, *wanted) == wanted
    after = ids(shelf)
    moved = {
        (path.replace("/2004/", "/renamed/"), face): who for (path, face), who in before.items()
    }
    assert after == moved
    assert "2 moved" in plain_summary_of_a_move(shelf, photos)


def plain_summary_of_a_move(shelf, photos):
    (photos / "2006").rename(photos / "again")
    return shelf("index", "--profile", "fake", photos).out


def test_deleted_files_are_marked_and_no_longer_counted(shelf, photos):
    shelf.index(photos)
    anna, bert = shelf.people()
    (photos / "2000" / "both.jpg").unlink()
    report = shelf.index(photos)
    assert counts(report, "gone", "moved", "photos") == {"gone": 1, "moved": 0, "photos": 0}
    assert [person["photos"] for person in shelf.people()] == [
        anna["photos"] - 1,
        bert["photos"] - 1,
    ]
    assert shelf("status", "--json").json["gone_files"] == 1
    assert "1 more photo is not on the disk" in shelf("show", bert["id"]).out


def test_people_of_whom_no_photo_is_left_are_no_longer_shown(shelf, photos):
    landscape = photo(photos / "landscape.jpg")
    shelf.index(photos)
    for path in photos.rglob("*.jpg"):
        if path != landscape:
            path.unlink()
    shelf.index(photos)
    assert shelf.people() == []
    assert "No photos" not in shelf("people").out


def test_an_empty_folder_is_called_empty(tmp_path):
    (tmp_path / "empty").mkdir()
    ran = Shelf(tmp_path)("index", tmp_path / "empty")
    assert (ran.code, ran.out) == (0, "There are no files in there.\n")


def test_an_unplugged_disk_takes_nothing_away(shelf, photos):
    shelf.index(photos)
    before = ids(shelf)
    photos.rename(photos.with_name("elsewhere"))
    photos.mkdir()
    assert shelf.index(photos)["gone"] == 0
    assert ids(shelf) == before


def test_copies_share_one_analysis(shelf, tmp_path):
    first = photo(tmp_path / "photos" / "a.jpg", Drawn(ANNA))
    (tmp_path / "photos" / "b.jpg").write_bytes(first.read_bytes())
    report = shelf.index(tmp_path / "photos")
    assert counts(report, "photos", "known", "faces") == {"photos": 1, "known": 1, "faces": 1}
    assert analyses(shelf) == 1
    assert shelf.index(tmp_path / "photos")["unchanged"] == 2
    first.unlink()
    shelf.index(tmp_path / "photos")
    assert [path.rpartition("/")[2] for path, _ in ids(shelf)] == ["b.jpg"]


def test_another_net_reads_everything_again_and_the_same_people_come_out(shelf, photos):
    shelf.index(photos)
    before = ids(shelf)
    report = shelf.index(photos, "--min-face", 24)
    assert counts(report, "photos", "unchanged") == {"photos": 11, "unchanged": 0}
    assert ids(shelf) == before


def test_paper_clustering_finds_the_same_people(shelf, photos):
    report = shelf.index(photos, "--clustering", "paper")
    assert counts(report, "people", "passers_by") == {"people": 2, "passers_by": 1}


def test_files_that_can_not_be_read_are_recorded_and_the_rest_is_done(shelf, tmp_path):
    folder = tmp_path / "photos"
    good = photo(folder / "good.jpg", Drawn(ANNA))
    (folder / "empty.jpg").touch()
    (folder / "truncated.jpg").write_bytes(good.read_bytes()[:-900])
    (folder / "text.jpg").write_text("no picture at all")
    (folder / "really a png.jpg").write_bytes(png_bytes(tmp_path))
    gigantic(folder / "gigantic.png")
    (folder / "notes.txt").write_text("nothing to say about this one")
    report = shelf.index(folder)
    failed = {one["path"].rpartition("/")[2]: one["reason"] for one in report["failures"]}
    assert set(failed) == {"empty.jpg", "truncated.jpg", "text.jpg", "gigantic.png"}
    assert all(reason.endswith(".") for reason in failed.values())
    assert counts(report, "photos", "faces") == {"photos": 2, "faces": 2}
    again = shelf.index(folder)
    assert counts(again, "photos", "failures", "unchanged", "failed_in_all") == {
        "photos": 0,
        "failures": [],
        "unchanged": 7,
        "failed_in_all": 4,
    }


def png_bytes(folder):
    with Image.open(photo(folder / "source.jpg", Drawn(BERT))) as image:
        image.save(folder / "source.png")
    return (folder / "source.png").read_bytes()


def gigantic(path):
    """A picture of 60,000 x 60,000 pixels in a file of some hundred bytes."""
    import struct
    import zlib

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    data = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + data)


def test_a_mended_file_is_read_by_itself(shelf, tmp_path):
    path = tmp_path / "photos" / "a.jpg"
    path.parent.mkdir()
    path.touch()
    assert len(shelf.index(path.parent)["failures"]) == 1
    photo(path, Drawn(ANNA))
    assert counts(shelf.index(path.parent), "photos", "failed_in_all") == {
        "photos": 1,
        "failed_in_all": 0,
    }


def test_a_failed_copy_is_no_known_photo(shelf, tmp_path):
    data = photo(tmp_path / "a.jpg", Drawn(ANNA)).read_bytes()[:-900]
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(data)
    report = shelf.index("--jobs", 0, tmp_path)
    assert (report["known"], len(report["failures"])) == (0, 2)
    assert shelf.index(tmp_path)["failures"] == []


@pytest.mark.skipif(sys.platform != "linux", reason="other systems want names in Unicode")
def test_names_that_are_not_utf8(shelf, tmp_path):
    name = os.fsdecode(b"caf\xe9.jpg")
    path = photo(tmp_path / "photos" / name, Drawn(ANNA))
    assert shelf.index(path.parent)["photos"] == 1
    [person] = shelf.people()
    [face] = shelf.seen(person["id"])
    assert face["path"].endswith("caf\\xe9.jpg")
    from base64 import b64decode

    assert b64decode(face["path_base64"]) == os.fsencode(path)
    assert "caf\\xe9.jpg" in shelf("show", person["id"]).out
    (path.parent / os.fsdecode(b"\xff.jpg")).touch()
    ran = shelf("index", "--profile", "fake", path.parent)
    assert "\\xff.jpg: is empty" in ran.out
    assert "\\xff.jpg" in shelf("status").out


def test_a_single_file_and_two_folders_may_be_named(shelf, photos):
    assert shelf.index(photos / "2000" / "both.jpg")["photos"] == 1
    assert shelf.index(photos / "2002", photos / "2004", photos / "2004")["photos"] == 4
    assert analyses(shelf) == 5


def test_progress_lines_are_few(shelf, photos):
    ran = shelf("index", "--profile", "fake", photos)
    assert ran.err.splitlines() == ["11 files found, 11 to be read.", "Grouping 16 faces …"]
    assert ran.out.splitlines()[0].startswith("Read 11 new photos in ")
    assert ran.out.splitlines()[-1].startswith("2 people and 1 passer-by in the library")


def test_lines_come_further_and_further_apart(capsys):
    from album.cli.progress import Lines
    from album.events import PhotoDone, Scanned

    now = [0.0]
    lines = Lines(lambda: now[0])
    lines.add(Scanned(1000, 1000, 0, 0))
    for second in range(1, 101):
        now[0] = float(second)
        for _ in range(10):
            lines.add(PhotoDone(None, 2))
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "1,000 files found, 1,000 to be read."
    assert [line.split(" of")[0] for line in said[1:]] == ["41", "141", "341", "741"]
    assert said[2] == "141 of 1,000 files, 282 faces, 9.4 photos/s, 2 min left"


def test_each_pass_over_files_is_counted_anew():
    from album.events import PhotoDone, PhotoFailed, Progress, Scanned, TagsRead, TagsToRead

    progress = Progress(started=0)
    assert not progress.add(Scanned(50, 40, 10, 0), now=100)
    for second in range(101, 121):
        assert progress.seconds_left(second) is None or second > 116
        assert progress.add(PhotoDone(None, 2), now=second)
    assert progress.add(PhotoFailed(None, ""), now=121)
    assert (progress.done, progress.faces, progress.failed) == (21, 40, 1)
    assert progress.seconds_left(121) == pytest.approx(19)
    progress.add(TagsToRead(7), now=200)
    progress.add(TagsRead(None, 3), now=201)
    assert (progress.total, progress.done, progress.faces, progress.failed) == (7, 1, 3, 0)


def test_what_is_counted_is_a_line_now_and_then(capsys):
    from album.cli.progress import counting

    now = [0.0]
    with counting("Reading dates", "photo", lambda: now[0]) as advance:
        for done in range(101):
            now[0] = done / 2
            advance(done, 100)
    lines = ["10 of 100 photos", "30 of 100 photos, 35 s left", "70 of 100 photos, 15 s left"]
    assert capsys.readouterr().err.splitlines() == lines


def test_bar_leaves_nothing_behind():
    from rich.console import Console

    from album.cli.progress import Bar
    from album.events import GroupingFaces, PhotoDone, PhotoFailed, Scanned

    bar = Bar()
    bar._bar.live.console = Console(force_terminal=True, width=100, file=(out := open_buffer()))
    with bar:
        for event in (
            Scanned(2, 2, 0, 0),
            PhotoDone(None, 3),
            PhotoFailed(None, ""),
            GroupingFaces(3),
        ):
            bar.add(event)
            bar._bar.refresh()
    said = out.getvalue()
    assert "2/2 · 3 faces" in said
    assert "Grouping 3 faces" in said
    assert said.endswith("\x1b[2K")


def open_buffer():
    import io

    return io.StringIO()
