"""The sieve lets no near pair through its holes, and the survey foresees how many there are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustering.linkage import graph, sieve
from clustering.linkage.graph import pairs_within
from clustering.linkage.oracle import pair_distances
from clustering.linkage.points import Points, centred
from clustering.linkage.sieve import Sieve, survey


def people(n, d, seed=0, noise=0.6):
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((40, d))[rng.integers(0, 40, n)]
    vectors += noise * rng.standard_normal((n, d))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    width=st.integers(1, 8),
    size=st.sampled_from([1e-3, 1.0, 300.0]),
    at=st.floats(0, 1),
)
def test_a_sieve_rules_out_no_pair_that_is_within(seed, width, size, at):
    rng = np.random.default_rng(seed)
    rows = (size * (rng.standard_normal((60, 12)) + rng.integers(0, 3))).astype(np.float32)
    rows[30:40] = rows[:10]
    scatter = rng.uniform(0, size, 60)
    far = pair_distances(rows) + scatter[:, None] + scatter
    threshold = float(np.quantile(far[np.triu_indices(60, 1)], at))
    axes = np.linalg.qr(rng.standard_normal((12, 12)))[0]
    sifted = Sieve.of(Points.of(rows, scatter), axes, width)
    hits = sifted.hits(slice(0, 60), slice(0, 60), threshold)
    assert hits[far <= threshold].all()


def test_the_second_look_rules_out_no_pair_that_is_within(monkeypatch):
    monkeypatch.setattr(sieve, "_MIDDLE_FROM", 8)
    monkeypatch.setattr(sieve, "_MIDDLE", 6)
    rows = people(200, 16)
    far = pair_distances(rows)
    sifted = Sieve.of(Points.of(rows, np.zeros(200)), np.eye(16), 3)
    a, b = np.nonzero(np.triu(sifted.hits(slice(0, 200), slice(0, 200), 0.6), 1))
    c, d = sifted.look_again(a, b, 0.6)
    assert len(c) < len(a), "it is of some use"
    assert {*zip(c, d, strict=True)} >= {*map(tuple, np.argwhere(np.triu(far <= 0.6)))}


def test_bounds_are_below_and_near():
    rows, far = people(80, 30), pair_distances(people(80, 30))
    some = Points.of(rows, np.zeros(80))
    a, b = np.triu_indices(80, 1)
    bound = some.bounds(a, b)
    assert (bound <= far[a, b]).all()
    assert (bound >= far[a, b] - 2 * some.slack - 1e-6).all()


def test_more_pairs_than_asked_for_are_foreseen_not_met(monkeypatch):
    rows = people(4000, 24)
    some = Points.of(rows, np.zeros(4000))
    threshold, _ = survey(some, 1.5, forbidden=None, max_pairs=50_000)
    monkeypatch.setattr(graph, "SURVEY_FROM", 1)
    found = pairs_within(rows, 1.5, max_pairs=50_000)
    assert found.threshold == threshold < 1.5
    assert 25_000 < len(found.a) <= 50_000
    assert survey(some, 0.01, forbidden=None, max_pairs=50_000)[0] == 0.01


def test_forbidden_pairs_do_not_count_in_a_survey():
    some = Points.of(people(3000, 24), np.zeros(3000))

    def everything(a, b):
        return np.ones(len(a), bool)

    assert survey(some, 1.5, forbidden=everything, max_pairs=1000)[0] == 1.5


@pytest.mark.parametrize(("d", "sieved"), [(128, True), (8, False)])
def test_a_sieve_is_used_where_it_pays(d, sieved):
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((3000, d)) * np.exp(-np.arange(d) / 8)
    some = Points.of(rows.astype(np.float32), np.zeros(3000))
    assert (survey(some, 0.5, forbidden=None, max_pairs=10**6)[1] is not None) == sieved


def test_only_rows_far_from_the_origin_are_moved_and_copied():
    rows = people(100, 16)
    assert np.shares_memory(centred(rows, 0.3), rows)
    assert np.shares_memory(Points.of(centred(rows, 0.3), np.zeros(100)).vectors, rows)
    moved = centred(rows + np.float32(1000), 0.3)
    assert np.abs(moved).max() < 3
