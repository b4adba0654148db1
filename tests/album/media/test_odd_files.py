"""One odd file or folder costs itself at most: the rest is indexed, and `album status` says why."""

import json
import os
import shutil
import socket
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

import album
from album.indexing import retries
from album.media import decoding
from album.tags.places import sidecars
from db.library import Library
from tests.album.albums import ANNA, BERT, Drawn, Shelf, photo
from tests.album.drawn_clips import Placed, still, write

SHARED = Path(__file__).parents[4] / "shared"
CASES = Path(os.environ.get("ALBUM_CASES") or SHARED / "cases")
QUICK = ("--profile", "fake", "--file-timeout", "6")


@pytest.fixture
def shelf(tmp_path):
    return Shelf(tmp_path)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "photos"


def stages(shelf):
    failed = shelf("status", "--json").json["failed"]
    return {one["path"].rpartition("/")[2]: one["stage"] for one in failed}


# Text


def takeout(path, *people):
    listed = [{"name": name} for name in people]
    record = {"photoTakenTime": {"timestamp": "1000000000"}, "people": listed}
    path.with_name(f"{path.name}.json").write_text(json.dumps(record), encoding="ascii")


def hints(library):
    with closing(sqlite3.connect(library)) as conn:
        return {name for (name,) in conn.execute("SELECT name FROM hint")}


@pytest.mark.sqlite
def test_half_a_character_costs_the_name_and_never_the_run(shelf, folder):
    for number, name in enumerate(("a.jpg", "b.jpg", "c.jpg")):
        photo(folder / name, Drawn(ANNA), shade=20 * number)
    takeout(folder / "a.jpg", "Zoe \ud83d", "Anna", "\udc00", "Anna\0", "Maryam\u200c", "", None)
    ran = shelf("index", *QUICK, folder)
    assert ran.code == 0, ran.err
    assert shelf("status", "--json").json["photos"] == 3
    assert hints(shelf.path) == {"Anna", "Maryam\u200c"}


@pytest.mark.skipif(not (CASES / "takeout").is_dir(), reason="no cases; set ALBUM_CASES")
def test_the_takeout_folder_that_stopped_every_run(shelf):
    assert shelf("index", *QUICK, CASES / "takeout" / "surrogate").code == 0
    assert shelf("status", "--json").json["photos"] == 3


def test_a_file_name_in_no_encoding_is_shown_as_the_reason_of_a_date(shelf, folder):
    path = folder / os.fsdecode(b"IMG_20150612_101010 \xff.jpg")
    photo(path, Drawn(ANNA), year=None)
    assert shelf("index", *QUICK, folder).code == 0
    told = json.dumps(shelf("dates", "list", "--json", folder).json, ensure_ascii=False)
    assert "2015-06-12" in told
    told.encode("utf-8")


# Pipes, sockets, devices


def pipe(path):
    os.mkfifo(path)


def listening(path):
    # A socket has a short path only; the name in the folder stays when it is closed.
    with socket.socket(socket.AF_UNIX) as one:
        here = Path.cwd()
        os.chdir(path.parent)
        try:
            one.bind(path.name)
        finally:
            os.chdir(here)


def link_to_pipe(path):
    pipe(path.with_name(".pipe"))
    path.symlink_to(".pipe")


def device(path):
    try:
        os.mknod(path, stat.S_IFCHR | 0o644, os.makedev(1, 5))  # /dev/zero
    except PermissionError:
        pytest.skip("only root makes devices")


ODD = (pipe, listening, link_to_pipe, device, Path.mkdir)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a Unix has pipes")
@pytest.mark.parametrize("make", ODD)
@pytest.mark.parametrize("name", ["a.jpg.xmp", "a.xmp", "a.jpg.json", ".picasa.ini"])
def test_what_is_no_sidecar_costs_no_photo(shelf, folder, make, name):
    path = photo(folder / "a.jpg", Drawn(ANNA))
    make(folder / name)
    ran = shelf("index", *QUICK, "--read-tags", folder)
    assert (ran.code, stages(shelf)) == (0, {})
    assert shelf("status", "--json").json["photos"] == 1
    assert sidecars(path) == []
    assert shelf("dates", "refresh", folder).code == 0


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a Unix has pipes")
@pytest.mark.parametrize("make", (pipe, listening, link_to_pipe, device))
def test_what_is_no_photo_is_passed_over(shelf, folder, make):
    photo(folder / "a.jpg", Drawn(ANNA))
    write(folder / "b.mov", [still(Placed(BERT, 40, 60))] * 12)
    for name in ("b.jpg", "c.mov", "d.heic"):
        make(folder / name)
        (folder / ".pipe").unlink(missing_ok=True) if make is link_to_pipe else None
    ran = shelf("index", *QUICK, folder)
    assert (ran.code, stages(shelf)) == (0, {})
    counts = shelf("status", "--json").json
    assert (counts["photos"], counts["clips"], counts["present_files"]) == (1, 1, 2)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a Unix has pipes")
def test_a_pipe_in_the_place_of_a_sidecar_is_not_replaced(shelf, folder):
    photo(folder / "a.jpg", Drawn(ANNA))
    shelf.index(folder)
    shelf("name", shelf.people("--all")[0]["id"], "Anna")
    pipe(folder / "a.jpg.xmp")
    ran = shelf("export", "--xmp")
    assert ran.code == 3
    assert "is not a file (a pipe)" in ran.out + ran.err
    assert stat.S_ISFIFO((folder / "a.jpg.xmp").stat().st_mode)


# Folders and files that may not be read


@pytest.fixture
def powerless(tmp_path):
    """A folder, and a way to run `album` in it without being let into everything, as root is."""
    if not hasattr(os, "geteuid"):
        pytest.skip("permissions of another kind")
    command = [sys.executable, "-m", "album"]
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root may read everything, and there is no setpriv")
        command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *command]
    code = os.fspath(Path(album.__file__).parents[1])

    def run(name, *words):
        return subprocess.run(
            [*command, name, "--library", tmp_path / "l.db", *words],
            env={**os.environ, "PYTHONPATH": code},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    yield tmp_path, run
    for path in tmp_path.rglob("*"):
        path.chmod(0o700)


def failed_in(run):
    return {
        one["path"]: one["reason"] for one in json.loads(run("status", "--json").stdout)["failed"]
    }


@pytest.mark.long
def test_an_unreadable_folder_stays_in_status_until_it_is_readable(powerless):
    place, run = powerless
    photo(place / "p" / "good.jpg", Drawn(ANNA))
    inside = photo(place / "p" / "locked" / "b.jpg", Drawn(BERT))
    assert run("index", *QUICK, "p").returncode == 0
    photo(place / "p" / "locked" / "c.jpg", Drawn(BERT), shade=50)
    locked = inside.parent
    locked.chmod(0)
    reason = (
        "is a folder that cannot be read (Permission denied); check its permissions and its disk."
    )
    for _ in range(2):
        ran = run("index", *QUICK, "p")
        assert ran.returncode == 3, ran.stderr
        assert f"{locked}: {reason}" in ran.stdout
        assert failed_in(run) == {str(locked): reason}
    # What lies in it was not found gone, and a look at another folder changes nothing.
    counts = json.loads(run("status", "--json").stdout)
    assert (counts["present_files"], counts["gone_files"]) == (2, 0)
    (place / "q").mkdir()
    photo(place / "q" / "d.jpg", Drawn(ANNA), shade=10)
    assert run("index", *QUICK, "q").returncode == 0
    assert failed_in(run) == {str(locked): reason}
    locked.chmod(0o700)
    ran = run("index", *QUICK, "p")
    assert ran.returncode == 0, ran.stdout
    assert "1 new photo" in ran.stdout
    assert failed_in(run) == {}
    counts = json.loads(run("status", "--json").stdout)
    assert (counts["present_files"], counts["gone_files"]) == (4, 0)


def test_a_folder_that_is_asked_for_and_may_not_be_read(powerless):
    place, run = powerless
    inside = photo(place / "locked" / "sub" / "b.jpg", Drawn(BERT))
    (place / "locked").chmod(0)
    for asked in (place / "locked", inside.parent, inside):
        ran = run("index", *QUICK, asked)
        assert ran.returncode == 3, ran.stderr
        assert "cannot be read (Permission denied)" in ran.stdout
        assert str(asked) in failed_in(run)


def test_a_link_into_a_folder_that_may_not_be_read_stops_nothing(powerless):
    place, run = powerless
    photo(place / "p" / "good.jpg", Drawn(ANNA))
    hidden = photo(place / "locked" / "b.jpg", Drawn(BERT))
    (place / "p" / "link.jpg").symlink_to(hidden)
    hidden.parent.chmod(0)
    ran = run("index", *QUICK, "p")
    assert ran.returncode == 3, ran.stderr
    assert "Read 1 new photo" in ran.stdout
    assert list(failed_in(run)) == [str(place / "p" / "link.jpg")]


def test_a_file_that_may_not_be_read_is_read_as_soon_as_it_may(powerless):
    place, run = powerless
    path = photo(place / "p" / "a.jpg", Drawn(ANNA))
    path.chmod(0)
    for _ in range(2):
        assert run("index", *QUICK, "p").returncode == 3
        assert "cannot be read (Permission denied)" in failed_in(run)[str(path)]
    path.chmod(0o600)
    ran = run("index", *QUICK, "p")
    assert (ran.returncode, failed_in(run)) == (0, {})
    assert "Read 1 new photo" in ran.stdout


# Mistakes of this program, and their end


@pytest.fixture
def mistaken(monkeypatch):
    """A fault of this program that every photo of a certain name meets."""
    real = decoding.read_upright

    def read_upright(path, header, **options):
        if Path(path).name.startswith("odd"):
            return real(path, header, no_such_option=1, **options)
        return real(path, header, **options)

    monkeypatch.setattr(decoding, "read_upright", read_upright)
    return monkeypatch


@pytest.mark.parametrize("jobs", [0, 2])
def test_a_mistake_costs_its_file_and_is_not_called_damage(shelf, folder, mistaken, jobs):
    photo(folder / "a.jpg", Drawn(ANNA))
    photo(folder / "odd.jpg", Drawn(BERT))
    photo(folder / "z.jpg", Drawn(ANNA), shade=40)
    ran = shelf("index", *QUICK, "--jobs", jobs, folder)
    assert ran.code == 3
    assert "Read 2 new photos" in ran.out
    assert "could not be read because of a fault in this program (unexpected TypeError" in ran.out
    assert "damaged" not in ran.out
    assert stages(shelf) == {"odd.jpg": "unexpected"}
    assert "Traceback" not in ran.err
    again = shelf("index", *QUICK, "--jobs", jobs, "--retry", "-v", folder)
    assert "no_such_option" in again.err
    assert "Traceback" in again.err


def test_what_failed_is_read_again_once_there_are_other_decoders(shelf, folder, mistaken):
    photo(folder / "a.jpg", Drawn(ANNA))
    photo(folder / "odd.jpg", Drawn(BERT))
    (folder / "bad.jpg").write_bytes(b"\xff\xd8\xff nothing")
    assert shelf("index", *QUICK, folder).code == 3
    mistaken.undo()
    assert shelf("index", *QUICK, folder).code == 0
    assert stages(shelf) == {"bad.jpg": "damaged", "odd.jpg": "unexpected"}
    mistaken.setattr(retries, "READING", retries.READING + 1)
    ran = shelf("index", *QUICK, folder)
    assert "Read 1 new photo" in ran.out
    assert "1 file could not be read" in ran.out
    assert stages(shelf) == {"bad.jpg": "damaged"}
    # Once: what still fails is left alone again.
    ran = shelf("index", *QUICK, folder)
    assert (ran.code, stages(shelf)) == (0, {"bad.jpg": "damaged"})
    assert "could not be read before" in ran.out


@pytest.mark.sqlite
def test_clips_that_a_version_before_called_damaged_are_read(shelf, folder):
    """As with PyAV 19, which no longer took an argument; those versions kept no decoders."""
    write(folder / "a.mp4", [still(Placed(ANNA, 40, 60))] * 60)
    (folder / "b.mp4").write_bytes((folder / "a.mp4").read_bytes()[:300])
    assert shelf("index", *QUICK, folder).code == 3
    with closing(sqlite3.connect(shelf.path)) as conn, conn:
        conn.execute("DELETE FROM setting WHERE key = 'index.read_by'")
        conn.execute("DELETE FROM analysis")
        [(file_id, size, mtime)] = conn.execute(
            "SELECT id, size, mtime_ns FROM file WHERE CAST(path AS TEXT) LIKE '%/a.mp4'"
        )
        conn.execute(
            "INSERT INTO failure VALUES (?, NULL, 'damaged', ?, '2025-01-01 00:00:00', ?, ?)",
            (file_id, "is damaged (open() got an unexpected keyword argument)", size, mtime),
        )
    assert set(stages(shelf)) == {"a.mp4", "b.mp4"}
    ran = shelf("index", *QUICK, folder)
    assert "Read 1 new clip" in ran.out
    assert set(stages(shelf)) == {"b.mp4"}


def test_what_is_slow_is_not_tried_again_by_itself(shelf, folder):
    path = photo(folder / "a.jpg", Drawn(ANNA))
    shelf.index(folder)
    with Library.open(shelf.path) as library:
        from db.photos.files import known_files, save_failure
        from db.records import ScannedFile

        known = known_files(library, [str(path)])[str(path)]
        seen = ScannedFile(known.path, known.size, known.mtime_ns, known.content_hash)
        save_failure(library, seen, stage="too-slow", reason="takes too long to read.")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(retries, "READING", retries.READING + 1)
            since = retries.decoders_since(library)
        failed = known_files(library, [str(path)])[str(path)]
        assert failed.failed_at < since
        assert not retries.is_outdated(failed, since)
        assert retries.is_outdated(replace(failed, failed_stage="damaged"), since)
