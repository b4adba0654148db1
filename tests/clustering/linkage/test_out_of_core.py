"""Linkage from mapped vectors, by tiles, and with tiles searched elsewhere: the same partition."""

import pickle
from dataclasses import replace
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustering.linkage import graph, tiles
from clustering.linkage.constraints import Constraints
from clustering.linkage.graph import Resources, pairs_within, within_memory
from clustering.linkage.linkage import average_linkage, cluster
from clustering.linkage.oracle import is_greedy
from clustering.linkage.points import Points
from clustering.linkage.storage import OnDisk
from clustering.linkage.tiles import search_tile
from tests.clustering.linkage.test_linkage import people, problems, unique_answer


def elsewhere(work):
    """Search tiles as another machine would: last first, sums in another order, stale terms."""
    terms = work.terms
    for i, j in work.tiles[::-1]:
        left, right = (pickle.loads(pickle.dumps(turned(work.chunk(at)))) for at in (i, j))
        yield search_tile(left, right, terms)


def turned(chunk):
    sieve = chunk.sieve
    if sieve is not None:
        table = np.hstack([sieve.table[:, -2::-1], sieve.table[:, -1:]])
        second = None if sieve.second is None else backwards(sieve.second)
        sieve = replace(sieve, table=table, second=second)
    return replace(chunk, points=backwards(chunk.points), sieve=sieve)


def backwards(points):
    return Points(points.vectors[:, ::-1].copy(), points.scatter, points.exact_half, points.slack)


@pytest.mark.parametrize("spread", [None, pytest.param(elsewhere, marks=pytest.mark.long)])
@settings(max_examples=80, deadline=None)
@given(problem=problems(), chunk=st.integers(1, 50))
def test_same_partition_as_in_memory(tmp_path_factory, spread, problem, chunk):
    vectors, threshold, constraints, limit = problem
    how = {"constraints": constraints, "allow_zero": True}
    with OnDisk(tmp_path_factory.getbasetemp(), resident=5000) as disk:
        using = Resources(limit, disk, chunk, spread)
        with mock.patch.object(graph, "SURVEY_FROM", 3):
            found = average_linkage(vectors, threshold, resources=using, **how)
    assert is_greedy(found, vectors, constraints=constraints)
    if unique_answer(vectors):
        np.testing.assert_array_equal(found.cut(), cluster(vectors, threshold, **how))


@pytest.mark.parametrize("d", [24, pytest.param(520, marks=pytest.mark.long)])
@pytest.mark.parametrize("spread", [None, elsewhere])
def test_tiles_find_what_one_search_finds(tmp_path, monkeypatch, d, spread):
    monkeypatch.setattr(graph, "SURVEY_FROM", 100)
    monkeypatch.setattr(tiles, "_ROWS", 100)
    vectors, who = people(900, d)
    rules = Constraints(groups=np.arange(900) // 3, intervals=np.column_stack([who, who + 6]))
    want = cluster(vectors, 0.9, constraints=rules)
    assert len(np.unique(want)) < 700
    with OnDisk(tmp_path) as disk:
        using = Resources(3000, disk, 211, spread)
        np.testing.assert_array_equal(
            cluster(vectors, 0.9, constraints=rules, resources=using), want
        )


def test_bounds_of_other_sums_stay_within_the_slack(monkeypatch):
    monkeypatch.setattr(graph, "SURVEY_FROM", 100)
    vectors, _ = people(900, 40)
    using = Resources(chunk=200, tile_search=elsewhere)
    here = pairs_within(vectors, 0.8)
    there = pairs_within(vectors, 0.8, resources=using)
    far = ((vectors[there.a].astype(float) - vectors[there.b]) ** 2).sum(1)
    assert (there.bound <= far).all()
    assert (there.bound >= far - there.slack).all()
    within = far <= 0.8
    pairs = set(zip(there.a[within].tolist(), there.b[within].tolist(), strict=True))
    assert pairs <= set(zip(here.a.tolist(), here.b.tolist(), strict=True))
    assert within.sum() > 1000


@pytest.mark.parametrize("apart", [0, 150, 400])
def test_rows_that_stay_apart_are_not_compared(apart):
    vectors, _ = people(400, 16)
    want = pairs_within(vectors, 0.9, apart=apart)
    found = pairs_within(vectors, 0.9, apart=apart, resources=Resources(chunk=90))
    pairs = [sorted(zip(g.a.tolist(), g.b.tolist(), strict=True)) for g in (want, found)]
    assert pairs[0] == pairs[1]
    assert not len(found.b) or found.b.min() >= apart


def test_half_precision_from_a_file_is_as_good_as_the_same_numbers_in_memory(tmp_path):
    vectors, who = people(1200, 33)
    np.save(tmp_path / "v.npy", vectors.astype(np.float16))
    mapped = np.load(tmp_path / "v.npy", mmap_mode="r")
    rules = Constraints(groups=np.arange(1200) // 4)
    want = cluster(mapped.astype(np.float32), 0.9, constraints=rules)
    with OnDisk(tmp_path) as disk:
        using = within_memory(disk, 1 << 20, mapped.shape)
        np.testing.assert_array_equal(
            cluster(mapped, 0.9, constraints=rules, resources=using), want
        )
    assert len(np.unique(who[want == want[0]])) == 1


def test_copies_in_half_precision_merge_first():
    rows = np.repeat(people(30, 7)[0], 4, axis=0).astype(np.float16)
    labels = cluster(rows, 0, constraints=Constraints(groups=np.tile([0, 1, 2, 2], 30)))
    assert np.bincount(labels).tolist() == [3, 1] * 30


def test_a_full_disk_ends_it_with_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "clustering.linkage.storage.reserve", mock.Mock(side_effect=OSError(28, "full"))
    )
    with OnDisk(tmp_path) as disk, pytest.raises(OSError, match="full"):
        cluster(people(300, 8)[0], 0.9, resources=Resources(storage=disk))
