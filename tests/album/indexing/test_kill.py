"""A run that is killed at any point, and run again, ends like one that was left alone."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest

from db.errors import LibraryError
from db.library import Library
from tests.album.albums import ANNA, BERT, CLEO, Drawn, Shelf, photo
from tests.databases import name_of, on_postgres

ROOT = Path(__file__).parents[3]
PHOTOS = 80
KILLS = 4

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="signals are those of Unix"),
    pytest.mark.postgresql,
]


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Photos enough for several transactions, two faces in each."""
    folder = tmp_path_factory.mktemp("photos")
    people = (ANNA, BERT, CLEO)
    for i in range(PHOTOS):
        one, other = people[i % 3], people[(i + 1) % 3]
        photo(folder / f"{i:03}.jpg", Drawn(one), Drawn(other), shade=i, year=2000 + i % 10)
    (folder / "empty.jpg").touch()
    return folder


RUN = "from album.cli import main; main()"
RUN_SLOWLY = (
    "import time, album.media.decoding as media; read = media.read_upright;"
    "media.read_upright = lambda *a, **k: (time.sleep(0.3), read(*a, **k))[1];" + RUN
)

HEARS_CTRL_C = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
"""A shell lets what it starts in the background ignore the signal, and so would these tests."""


def start(shelf, photos, code=RUN):
    words = ["index", "--profile", "fake", "--jobs", "2", "--library", name_of(shelf.path), photos]
    return subprocess.Popen(
        [sys.executable, "-c", HEARS_CTRL_C + code, *map(str, words)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ask(shelf, query):
    """Return the rows of a query; none while there is no table yet."""
    if not on_postgres():  # as fast as can be: what is asked for may be there for a moment only
        if not shelf.path.exists():
            return []
        with suppress(sqlite3.OperationalError), closing(sqlite3.connect(shelf.path)) as raw:
            return raw.execute(query).fetchall()
        return []
    with (
        suppress(LibraryError),
        Library.open(shelf.path, read_only=True) as library,
        library.read() as conn,
    ):
        return [tuple(row) for row in conn.exec_driver_sql(query)]
    return []


def done(shelf):
    """Which photos are done, and when that was."""
    return dict(ask(shelf, "SELECT photo_id, at FROM analysis"))


def wait_until(process, condition):
    while process.poll() is None and not condition():
        time.sleep(0.002)


def found(shelf):
    """Faces by photo and box, and the partition of them into people."""
    query = (
        "SELECT file.path, round(x0), round(y0), person_id FROM face"
        " JOIN file USING (photo_id) LEFT JOIN assignment ON face_id = face.id"
    )
    rows = ask(shelf, query)
    people = {}
    for *face, person in rows:
        people.setdefault(person, set()).add(tuple(face))
    return len(rows), {frozenset(faces) for faces in people.values()}


@pytest.fixture(scope="module")
def undisturbed(photos, tmp_path_factory):
    shelf = Shelf(tmp_path_factory.mktemp("undisturbed"))
    report = shelf.index(photos)
    assert (report["photos"], report["faces"], report["people"]) == (PHOTOS, 2 * PHOTOS, 3)
    return found(shelf)


@pytest.mark.long
def test_killed_at_random_points(photos, undisturbed, tmp_path):
    shelf, points = Shelf(tmp_path), random.Random(7)
    for _ in range(KILLS):
        before = done(shelf)
        process = start(shelf, photos)
        # After some more photos were stored, or, with nothing left, while faces are grouped.
        enough = len(before) + points.randrange(0, 40)
        wait_until(process, lambda enough=enough: len(done(shelf)) >= enough)
        time.sleep(points.uniform(0, 0.03))
        process.kill()
        process.communicate()
        assert before.items() <= done(shelf).items(), "something that was done was done again"
    before = done(shelf)
    report = shelf.index(photos)
    assert before.items() <= done(shelf).items()
    assert report["photos"] == PHOTOS - len(before)
    assert len(done(shelf)) == PHOTOS
    assert found(shelf) == undisturbed
    if not on_postgres():
        assert ask(shelf, "PRAGMA integrity_check") == [("ok",)]
    assert [row[0] for row in ask(shelf, "SELECT count(*) FROM failure")] == [1]


def test_interrupted_run_says_so_and_is_finished_by_the_next(photos, undisturbed, tmp_path):
    shelf = Shelf(tmp_path)
    process = start(shelf, photos, RUN_SLOWLY)
    wait_until(process, lambda: done(shelf))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert err.splitlines()[-1] == (
        "Stopped. What was finished is kept; run the same command to go on."
    )
    assert "Traceback" not in err
    assert out == ""
    before = len(done(shelf))
    assert 0 < before < PHOTOS
    assert shelf.index(photos)["photos"] == PHOTOS - before
    assert found(shelf) == undisturbed


def test_interrupted_while_starting(photos, tmp_path):
    shelf = Shelf(tmp_path)
    process = start(shelf, photos)
    wait_until(process, lambda: ask(shelf, "SELECT 1"))
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert err.splitlines()[-1].startswith("Stopped.")


def test_closed_pipe_is_passed_over_in_silence(tmp_path):
    shelf = Shelf(tmp_path)
    shelf.index(photo(tmp_path / "a.jpg", Drawn(ANNA)))
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        process = subprocess.run(
            [sys.executable, "-c", RUN, "people", "--library", name_of(shelf.path)],
            cwd=ROOT,
            stdout=closed,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert process.stderr == b""
