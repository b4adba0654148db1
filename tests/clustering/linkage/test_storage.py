"""Large arrays in files: nothing is lost when their pages are, and no file is left."""

import os
from pathlib import Path

import numpy as np
import pytest

from clustering.linkage.storage import InMemory, OnDisk


@pytest.fixture(params=["memory", "disk"])
def storage(request, tmp_path):
    if request.param == "memory":
        yield InMemory()
        return
    with OnDisk(tmp_path, resident=1000) as disk:
        yield disk


def test_contents_survive_release_and_growth(storage):
    array = storage.empty((3, 4), np.float64)
    array[:] = np.arange(12).reshape(3, 4)
    storage.release()
    array = storage.grown(array, 500)
    array[3:] = 7
    for _ in range(3):
        storage.touched(500, array)
    assert array.shape == (500, 4)
    np.testing.assert_array_equal(array[:3].ravel(), np.arange(12))
    assert (array[3:] == 7).all()


def test_an_empty_array_can_grow(storage):
    array = storage.grown(storage.empty((0, 4), np.float32), 6)
    array[:] = 1
    assert array.sum() == 24


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc")
def test_files_have_no_name_and_are_closed_with_their_array(tmp_path):
    def opened():
        return len(list(Path("/proc/self/fd").iterdir()))

    with OnDisk(tmp_path) as disk:
        before = opened()
        array = disk.grown(disk.empty((100, 10), np.float32), 200)
        assert opened() > before
        assert not list(tmp_path.iterdir())
        del array
        assert opened() == before
        disk.release()


def test_a_private_map_is_not_let_go_of(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((1000, 4)))
    shared = np.load(tmp_path / "x.npy", mmap_mode="r+")
    private = np.load(tmp_path / "x.npy", mmap_mode="c")
    shared[0], private[1] = 5, 6
    with OnDisk(tmp_path) as disk:
        for array in (shared, private, shared[2:], np.zeros((2, 2))):
            disk.adopt(array)
        disk.release()
    assert shared[0, 0] == 5
    assert private[1, 0] == 6


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="needs posix_fallocate")
def test_a_full_disk_is_an_error_before_anything_is_written(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with OnDisk(tmp_path) as disk, pytest.raises(OSError, match="No space left"):
        disk.empty((100, 10), np.float32)
