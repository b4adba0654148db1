"""Near pairs searched by real workers, also while one of them is killed: the same people."""

import os
import signal
import threading
import time

import numpy as np
import pytest

from album.distributed import pairs, pool
from album.distributed.dask import DaskCluster
from album.distributed.pairs import PairSearch
from album.distributed.pool import Pool
from album.grouping import memory
from clustering.linkage import graph
from clustering.linkage.constraints import Constraints
from clustering.linkage.graph import Resources
from clustering.linkage.linkage import cluster
from clustering.linkage.tiles import search_tile
from tests.album.albums import Shelf
from tests.album.grouping.test_memory import filled

distributed = pytest.importorskip("distributed", reason="dask is not installed")


@pytest.fixture(scope="module")
def two():
    """A client of two worker processes."""
    how = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "host": "127.0.0.1"}
    with (
        distributed.LocalCluster(**how, dashboard_address=":0", silence_logs=50) as workers,
        distributed.Client(workers, set_as_default=False) as client,
    ):
        yield client


@pytest.fixture(autouse=True)
def early(monkeypatch):
    monkeypatch.setattr(graph, "SURVEY_FROM", 100)
    monkeypatch.setattr(pool, "REFRESH_S", 0.1)


def problem(n=1200, d=32):
    rng = np.random.default_rng(0)
    who = rng.integers(0, 40, n)
    vectors = rng.standard_normal((40, d))[who] + 0.6 * rng.standard_normal((n, d))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return vectors, Constraints(groups=np.arange(n) // 3)


def grouped(search=None, **how):
    vectors, rules = problem()
    using = Resources(chunk=100, tile_search=search, **how)
    return cluster(vectors, 0.9, constraints=rules, resources=using)


def on(client):
    return PairSearch(Pool(DaskCluster(client, "")))


def pids(client):
    return list(client.run(os.getpid).values())


def test_same_people_as_in_memory(two, monkeypatch):
    monkeypatch.setattr(pairs, "SIDE", 3)  # so that chunks are let go of and come again
    done = []
    monkeypatch.setattr(pairs, "search_tile", lambda *given: done.append(given))
    for limit in (None, 5000):
        found = grouped(on(two), max_pairs=limit)
        np.testing.assert_array_equal(found, grouped())
    assert not done, "all was searched by the workers"


def slow(left, right, terms):
    time.sleep(0.05)
    return search_tile(left, right, terms)


def test_what_a_killed_worker_had_is_searched_elsewhere(two, monkeypatch):
    monkeypatch.setattr(pairs, "search_on_worker", slow)
    before = pids(two)

    def kill():
        time.sleep(0.5)
        os.kill(before[0], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    found = grouped(on(two))
    killer.join()
    np.testing.assert_array_equal(found, grouped())
    two.wait_for_workers(2)
    assert set(pids(two)) != set(before)


def failing(left, right, terms):
    raise MemoryError("no room")


def test_a_tile_that_fails_everywhere_is_searched_here(two, monkeypatch):
    monkeypatch.setattr(pairs, "search_on_worker", failing)
    np.testing.assert_array_equal(grouped(on(two)), grouped())


def test_without_a_fit_worker_all_is_searched_here(two, monkeypatch):
    monkeypatch.setattr(pool, "VERSION", "another")
    monkeypatch.setattr(pool, "UNFIT_S", 0.3)
    monkeypatch.setattr(pairs, "search_on_worker", None)
    np.testing.assert_array_equal(grouped(on(two)), grouped())


def test_without_a_scheduler_all_is_searched_here():
    with distributed.LocalCluster(
        n_workers=1, processes=False, dashboard_address=":0", silence_logs=50
    ) as workers:
        client = distributed.Client(workers, set_as_default=False)
        search = on(client)
        client.close()
    np.testing.assert_array_equal(grouped(search), grouped())


@pytest.mark.long
def test_the_command_has_workers_search(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "LEAST_CHUNK", 5)
    asked = []
    search = PairSearch.__call__
    monkeypatch.setattr(
        PairSearch, "__call__", lambda self, tiles: asked.append(tiles.tiles) or search(self, tiles)
    )
    monkeypatch.setattr(pairs, "search_tile", None)  # not here
    album = filled(tmp_path / "album", steps=3)
    album.library.close()
    shelf = Shelf(tmp_path / "album")
    alone = shelf("regroup", "--json", "--dry-run").json
    assert shelf("regroup", "--json", "--dry-run", "--workers", 2).json == alone
    assert asked
    assert shelf("regroup", "--workers", 2, "--scheduler", "tcp://127.0.0.1:1").code == 2
    refused = shelf("regroup", "--scheduler", "tcp://127.0.0.1:1")
    assert refused.code == 1
    assert "127.0.0.1:1" in refused.err
