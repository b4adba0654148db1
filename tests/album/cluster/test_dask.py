"""The same on real processes: dask's local cluster, and a scheduler with `album worker`."""

import sys

import pytest

from db.library import Library
from tests.album.albums import ANNA, BERT, CLEO, Drawn, photo
from tests.album.cluster.processes import ended, free_port, scheduler, started
from tests.album.test_sharing import content

PHOTOS = 60

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are those of Unix")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    who = (ANNA, BERT, CLEO)
    for i in range(PHOTOS):
        two = Drawn(who[i % 3]), Drawn(who[(i + 1) % 3])
        photo(folder / f"{i:03}.jpg", *two, shade=i, year=2000 + i % 10)
    (folder / "copy.jpg").write_bytes((folder / "007.jpg").read_bytes())
    (folder / "empty.jpg").touch()
    return folder


def index(path, photos, *words):
    return started("index", "--profile", "fake", "--library", path, photos, *words)


def held(path):
    with Library.open(path) as library:
        return content(library)


@pytest.fixture(scope="module")
def alone(photos, tmp_path_factory):
    path = tmp_path_factory.mktemp("alone") / "library.db"
    process = index(path, photos, "--jobs", 2)
    process.communicate()
    return held(path)


def test_local_workers_end_with_what_one_process_ends_with(photos, alone, tmp_path):
    path = tmp_path / "library.db"
    process = index(path, photos, "--workers", 2)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 3, err  # empty.jpg
    assert "Traceback" not in err
    assert f"Read {PHOTOS} new photos" in out
    assert held(path) == alone


def test_a_scheduler_and_its_workers(photos, alone, tmp_path):
    port, path = free_port(), tmp_path / "library.db"
    address = f"tcp://127.0.0.1:{port}"
    # The worker is there first, and waits.
    worker = started("worker", address, "--workers", 1)
    assert "There is no scheduler at 127.0.0.1" in worker.stderr.readline()
    there = scheduler(port)
    with ended(worker, there):
        process = index(path, photos, "--scheduler", address)
        _, err = process.communicate(timeout=120)
        assert process.returncode == 3, err
        assert "Traceback" not in err
        assert held(path) == alone
    assert worker.returncode == 130
