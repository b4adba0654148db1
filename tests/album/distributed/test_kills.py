"""Whatever is killed at whatever moment, the library ends as an undisturbed run's."""

import os
import random
import signal
import sys
import time

import pytest

from db.library import Library
from tests.album.albums import pairs
from tests.album.distributed.processes import (
    ALBUM,
    end,
    ended,
    free_port,
    kill_a_worker,
    scheduler,
    started,
    stored,
    until_listening,
    wait_for,
    workers_of,
)
from tests.album.indexing.test_sharing import content

PHOTOS = 300

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="signals are those of Unix"),
]


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return pairs(tmp_path_factory.mktemp("photos"), PHOTOS)


def index(path, photos, *words, also=""):
    command = "index", "--profile", "fake", "--library", path, photos, *words
    return started(*command, also=also)


def held(path):
    with Library.open(path) as library, library.read() as conn:
        assert conn.exec_driver_sql("PRAGMA integrity_check").all() == [("ok",)]
        return content(library)


@pytest.fixture(scope="module")
def undisturbed(photos, tmp_path_factory):
    path = tmp_path_factory.mktemp("undisturbed") / "library.db"
    index(path, photos, "--jobs", 2).communicate()
    return held(path)


@pytest.mark.parametrize("seed", range(20))
def test_a_worker_is_killed(photos, undisturbed, tmp_path, seed):
    path = tmp_path / "library.db"
    process = index(path, photos, "--workers", 2)
    chance = random.Random(seed)
    wait_for(process, path, chance.randrange(PHOTOS * 3 // 4))
    killed = kill_a_worker(process, chance, within=0.5)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 3, err
    assert "Traceback" not in err
    assert f"Read {PHOTOS} new photos" in out, (killed, out)
    assert held(path) == undisturbed


@pytest.mark.parametrize("seed", range(5))
def test_the_scheduler_is_killed_and_started_again(photos, undisturbed, tmp_path, seed):
    chance, port, path = random.Random(seed), free_port(), tmp_path / "library.db"
    address = f"tcp://127.0.0.1:{port}"
    first = scheduler(port)
    until_listening(port)
    workers = started("worker", address, "--workers", 2)
    process = index(path, photos, "--scheduler", address)
    wait_for(process, path, chance.randrange(1, PHOTOS * 3 // 4))
    first.kill()
    first.communicate()
    time.sleep(chance.uniform(0, 3))
    second = scheduler(port)
    with ended(workers, second):
        out, err = process.communicate(timeout=300)
        assert process.returncode == 3, err
        assert "Traceback" not in err
        assert f"Read {PHOTOS} new photos" in out
        assert held(path) == undisturbed
    end(first)


def test_a_scheduler_that_is_killed_for_good_ends_the_run_in_a_sentence(
    photos, undisturbed, tmp_path
):
    port, path = free_port(), tmp_path / "library.db"
    address = f"tcp://127.0.0.1:{port}"
    there = scheduler(port)
    until_listening(port)
    words = ("index", "--profile", "fake", "--library", path, photos)
    patient = f"from album.distributed import dask; dask.BACK_S = 5.0; {ALBUM}"
    with ended(started("worker", address, "--workers", 2)):
        process = started(*words, "--scheduler", address, code=patient)
        wait_for(process, path, 32)
        there.kill()
        there.communicate()
        _, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "Traceback" not in err
    assert f"The scheduler {address} is gone and did not come back" in err.splitlines()[-1]
    assert 32 <= stored(path) < PHOTOS
    index(path, photos, "--jobs", 2).communicate()
    assert held(path) == undisturbed


POISON = """
import os, sys
if "--multiprocessing-fork" in sys.argv:
    from album.analysis.analyse import Analyser
    read = Analyser._read
    def deadly(self, task, place):
        if task.found.path.endswith("123.jpg"):
            os._exit(9)
        return read(self, task, place)
    Analyser._read = deadly
"""
"""Stands for a decoder that a photo crashes: in processes that read, and only there."""


def test_a_photo_that_ends_every_worker_is_the_only_one_to_fail(photos, undisturbed, tmp_path):
    path = tmp_path / "library.db"
    (tmp_path / "sitecustomize.py").write_text(POISON)
    process = index(path, photos, "--workers", 2, also=tmp_path)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 3, err
    assert f"Read {PHOTOS - 1} new photos" in out
    assert "123.jpg: ended the processes that were reading it (" in out
    assert "Traceback" not in err
    again = index(path, photos, "--workers", 2, "--retry")
    out, err = again.communicate(timeout=300)
    assert "Read 1 new photo" in out, err
    assert held(path) == undisturbed


def test_a_worker_that_has_stopped_is_replaced(photos, undisturbed, tmp_path):
    path = tmp_path / "library.db"
    process = index(path, photos, "--workers", 2, "--file-timeout", 5)
    while len(there := workers_of(process)) < 2:
        assert process.poll() is None
        time.sleep(0.1)
    wait_for(process, path, 16)
    os.kill(there[0], signal.SIGSTOP)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 3, err
    assert f"Read {PHOTOS} new photos" in out
    assert held(path) == undisturbed
