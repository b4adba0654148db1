"""Several processes index one library at once: each photo is read once, and nothing is lost."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from album.events import FileSkipped, PhotoDone
from album.indexing.index import IndexOptions, index
from album.indexing.planning import Contracts
from album.indexing.sharing import Shared
from db.library import Library
from db.people.faces import load_faces
from db.people.people import people
from db.photos.claims import key_of, offer, take
from nets.engine import load_engine
from tests.album.albums import Shelf, pairs

ROOT = Path(__file__).parents[3]
PHOTOS = 60
NUMBER = iter(range(1000))


@pytest.fixture
def url(server):
    name = f"shared{next(NUMBER)}"
    with server.connect() as raw:
        raw.execute(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0")
    return server.url(name)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return pairs(tmp_path_factory.mktemp("photos"), PHOTOS)


def start(url, photos):
    words = ["index", "--profile", "fake", "--jobs", "1", "--library", url, str(photos)]
    code = "from album.cli import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, *words],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def content(library):
    """Everything but numbers and times: files, photos, faces with all that is known, the groups."""
    from sqlalchemy import text

    with library.read() as conn:
        files = conn.execute(
            text(
                "SELECT path, file.kind, file.size, file.mtime_ns, file.content_hash, "
                "photo.content_hash, stage FROM file LEFT JOIN photo ON photo.id = photo_id "
                "LEFT JOIN failure ON file_id = file.id ORDER BY path"
            )
        ).all()
        faces = conn.execute(
            text(
                "SELECT photo.content_hash, face.id, x0, y0, x1, y1, score, face.size, sharpness, "
                "landmarks, vector, ages, o.p_male, contract.key, person_id, source FROM face "
                "JOIN photo ON photo.id = photo_id JOIN observation o ON o.face_id = face.id "
                "JOIN contract ON contract.id = contract_id "
                "LEFT JOIN assignment a ON a.face_id = face.id "
                "ORDER BY photo.content_hash, x0, contract.key"
            )
        ).all()
        sizes = {
            name: conn.scalar(text(f"SELECT count(*) FROM {name}"))
            for name in ("photo", "file", "face", "observation", "analysis", "failure", "person")
        }
    groups = {}
    for row in faces:
        groups.setdefault(row.person_id, set()).add((row.content_hash, row.x0))
    rows = [tuple(bytes(v) if isinstance(v, memoryview) else v for v in row) for row in faces]
    plain = [(row[0], *row[2:14], row[15]) for row in rows]
    return files, plain, sizes, {frozenset(one) for one in groups.values()}


@pytest.fixture(scope="module")
def alone(photos, tmp_path_factory):
    """What one process makes of the photos, in a file."""
    shelf = Shelf(tmp_path_factory.mktemp("alone"))
    shelf.index(photos)
    with Library.open(shelf.path) as library:
        return content(library)


def test_four_processes_end_with_what_one_ends_with(url, photos, alone):
    running = [start(url, photos) for _ in range(4)]
    told = [process.communicate() for process in running]
    codes = sorted(process.returncode for process in running)
    assert codes == [0, 0, 0, 3], told  # 3: who came by empty.jpg
    assert sum("read by other processes" in out for out, _ in told) >= 2
    with Library.open(url) as library:
        assert content(library) == alone
        with library.read() as conn:
            assert conn.exec_driver_sql("SELECT count(*) FROM claim").scalar() == 0


def test_what_a_killed_process_had_claimed_is_done_by_the_others(url, photos, alone):
    running = [start(url, photos) for _ in range(3)]
    with Library.open(url) as library:
        while not any(people(library)) and running[0].poll() is None:
            with library.read() as conn:
                if conn.exec_driver_sql("SELECT count(*) FROM analysis").scalar() >= 3:
                    break
            time.sleep(0.01)
    running[0].send_signal(signal.SIGKILL)
    for process in running:
        process.communicate()
    assert {process.returncode for process in running[1:]} <= {0, 3}
    with Library.open(url) as library:
        assert content(library) == alone


def test_tasks_of_others_are_waited_for_and_taken_over(url, photos, monkeypatch):
    monkeypatch.setattr("album.indexing.sharing.PAUSE_S", 0.01)
    engine = load_engine(profile="fake")
    options = IndexOptions(jobs=0, group=False)
    with Library.open(url) as library, Library.open(url) as other:
        keys = {}
        made = Shared._key

        def remember(self, task):
            keys[task.found.path] = made(self, task)
            return keys[task.found.path]

        monkeypatch.setattr(Shared, "_key", remember)
        events = index(library, engine, [photos], options)
        next(events)  # scanned
        first = next(events)
        theirs = str(photos / "059.jpg")
        claimed = take(other, [keys[theirs]])
        assert (claimed.mine, claimed.others) == ({keys[theirs]}, frozenset())
        left = []
        for event in events:
            left.append(event)
            if sum(isinstance(one, PhotoDone) for one in (first, *left)) == PHOTOS:
                claimed.release()  # as when the other process ends: the photo is taken over
        assert not any(isinstance(e, FileSkipped) and e.kind == "elsewhere" for e in left)
        assert len(load_faces(library)) == 2 * PHOTOS


def test_claims_are_held_until_they_are_finished_or_left(url):
    with Library.open(url) as library, Library.open(url) as other:
        keys = [key_of(f"/{i}.jpg", "A") for i in range(4)]
        assert len(set(keys) | {key_of("/0.jpg", "B")}) == 5
        offer(library, keys)
        offer(other, keys)
        mine = take(library, keys[:2])
        theirs = take(other, keys)
        assert mine.mine == theirs.others == set(keys[:2])
        assert theirs.mine == set(keys[2:])
        mine.finish()
        theirs.release()
        again = take(other, keys)
        assert (again.mine, again.others) == (set(keys[2:]), frozenset())
        again.finish()
        last = take(library, keys)
        assert not last.mine
        last.release()


def test_a_file_has_one_writer_and_nothing_is_claimed(tmp_path, photos):
    if "postgres" in os.environ.get("ALBUM_TEST_DATABASE", ""):
        pytest.skip("is about the file of SQLite")
    with Library.open(tmp_path / "library.db") as library:
        shared = Shared(library, [1, 2], Contracts("A", None))
        assert [list(tasks) for tasks in shared.rounds()] == [[1, 2]]
        shared.stored(1)
        assert list(shared.elsewhere()) == []
        assert np.all(load_faces(library).face_id == [])
