"""Clips in a library: beside photos, by command."""

import csv

import numpy as np
import pytest

from db.library import Library
from tests.album.albums import ANNA, BERT, Drawn, Shelf, photo
from tests.album.drawn_clips import Placed, sound, still, write


@pytest.fixture
def shelf(tmp_path):
    return Shelf(tmp_path)


def party(path, *, seconds=4, created="2004-08-06T07:08:09Z"):
    """Anna all the time, Bert in the second half."""
    half = 15 * seconds
    anna = Placed(ANNA, 20, 30, age=24, male=False)
    frames = [still(anna)] * half + [still(anna, Placed(BERT, 200, 100, age=34))] * half
    return write(path, frames, created=created)


@pytest.fixture
def album(tmp_path):
    """Photos of Anna and of Bert over some years, and a clip of both."""
    folder = tmp_path / "photos"
    for year in (2002, 2004, 2006):
        photo(folder / f"a{year}.jpg", Drawn(ANNA, year - 1980, male=False), year=year)
        photo(folder / f"b{year}.jpg", Drawn(BERT, year - 1970), year=year)
    party(folder / "party.mp4")
    return folder


def test_people_of_a_clip_are_those_of_the_photos(shelf, album):
    report = shelf.index(album)
    assert (report["photos"], report["clips"], report["frames"]) == (6, 1, 24)
    assert (report["faces"], report["failures"]) == (8, [])
    people = shelf.people()
    assert [(person["photos"], person["faces"]) for person in people] == [(4, 4)] * 2
    moments = {}
    for person in people:
        [clip] = [face for face in shelf.seen(person["id"]) if face["moments"]]
        assert clip["path"].endswith("party.mp4")
        assert clip["date"].startswith("2004-08-06")
        assert clip["moments"][0][0] <= clip["time_ms"] <= clip["moments"][0][1]
        moments[person["gender"]] = clip["moments"]
    assert moments == {"female": [[0, 3833]], "male": [[2000, 3833]]}
    assert shelf.index(album)["clips"] == 0


def test_moments_are_shown_and_exported(shelf, album, tmp_path):
    shelf.index(album)
    [bert] = [person["id"] for person in shelf.people() if person["gender"] == "male"]
    assert "2004-08-06 at 0:02-0:03" in shelf("show", bert).out
    assert shelf("export", tmp_path / "out").code == 0
    with (tmp_path / "out" / "faces.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["moments"]]
    assert sorted(row["moments"] for row in rows) == ["0:00-0:03", "0:02-0:03"]
    assert len(list((tmp_path / "out" / "people").rglob("party.mp4"))) == 2


def test_clips_may_be_left_out_and_read_later(shelf, album):
    ran = shelf("index", "--profile", "fake", "--no-clips", album)
    assert "Read 6 new photos" in ran.out
    assert "1 clip left out." in ran.out
    assert shelf.index("--no-clips", album)["skipped_clips"] == 0
    ran = shelf("index", "--profile", "fake", album)
    assert "Read 1 new clip" in ran.out
    assert ": 2 faces." in ran.out
    assert shelf.index("--no-clips", album)["unchanged"] == 7
    assert sum(person["faces"] for person in shelf.people()) == 8


def test_other_frames_of_a_clip_give_the_same_faces(shelf, album):
    shelf.index(album)
    before = {face["face_id"] for p in shelf.people() for face in shelf.seen(p["id"])}
    assert shelf.index("--clip-every", "4,2", album)["clips"] == 1
    assert shelf.index("--clip-every", "4,2", album)["clips"] == 0
    after = {face["face_id"] for p in shelf.people() for face in shelf.seen(p["id"])}
    assert before == after


def test_how_often_to_look_must_make_sense(shelf, album):
    for word in ("0", "5,", "5,3,1", "often"):
        ran = shelf("index", "--clip-every", word, album)
        assert ran.code == 2
        assert "such as 5,3" in ran.err


def test_a_clip_that_breaks_off_keeps_what_was_read(shelf, tmp_path):
    folder = tmp_path / "photos"
    noise = np.random.default_rng(0).integers(0, 255, (180, 240, 320, 3), np.uint8)
    for pixels in noise:
        pixels[60:170, 40:150] = still(Placed(ANNA, 45, 65, 100, age=24))[60:170, 40:150]
    path = write(folder / "a.mp4", noise, options={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    ran = shelf("index", "--profile", "fake", folder)
    assert ran.code == 3
    assert "was read in part (it breaks off after 3 of 6 seconds)" in ran.out
    assert "breaks off" in shelf("status").out
    assert [person["faces"] for person in shelf.people()] == [1]
    assert shelf.index(folder)["failures"] == []
    again = shelf.index("--retry", folder)
    assert (again["clips"], len(again["failures"])) == (1, 1)
    assert [person["faces"] for person in shelf.people()] == [1]


def test_sound_and_rubbish_are_reported(shelf, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    sound(folder / "song.mp4")
    data = party(folder / "a.mov").read_bytes()
    (folder / "a.mov").write_bytes(data[:-2000])
    ran = shelf("index", "--profile", "fake", folder)
    assert ran.code == 3
    assert "song.mp4: is not a picture or a clip (sound without a picture)" in ran.out
    assert "a.mov: is damaged" in ran.out


def test_copies_of_a_clip_share_one_analysis_and_moved_ones_keep_it(shelf, album):
    (album / "copy.mp4").write_bytes((album / "party.mp4").read_bytes())
    report = shelf.index(album)
    assert (report["clips"], report["known"]) == (1, 1)
    (album / "copy.mp4").unlink()
    (album / "party.mp4").rename(album / "moved.mp4")
    assert shelf.index(album)["moved"] == 2
    assert sum(person["faces"] for person in shelf.people()) == 8


def test_a_clip_and_its_sightings_are_one_transaction(shelf, album, monkeypatch):
    from db.engine.schema import analysis, photo, sighting
    from db.photos import analyses

    def fails(*_):
        raise RuntimeError("power cut")

    monkeypatch.setattr(analyses, "save_sightings", fails)
    assert shelf("index", "--profile", "fake", album / "party.mp4").code not in (0, 3)
    with Library.open(shelf.path) as library, library.read() as conn:
        assert [len(conn.execute(table.select()).all()) for table in (photo, analysis)] == [0, 0]
    monkeypatch.undo()
    assert shelf.index(album / "party.mp4")["clips"] == 1
    with Library.open(shelf.path) as library, library.read() as conn:
        assert len(conn.execute(sighting.select()).all()) == 2
