"""The approximate search: off unless asked for, true to the rules, and near the exact result."""

import importlib.util
import sys

import numpy as np
import pytest

from clustering.evaluation.metrics import evaluate
from clustering.linkage import approximate, linkage
from clustering.linkage.approximate import PackageMissing, approximate_pairs
from clustering.linkage.constraints import Constraints, RowError
from clustering.linkage.graph import Resources, pairs_within
from clustering.linkage.linkage import average_linkage, cluster
from clustering.linkage.oracle import greedy_linkage, pair_distances, scipy_linkage


def people(n, d, seed=0, noise=0.6, people=40):
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((people, d))[rng.integers(0, people, n)]
    vectors += noise * rng.standard_normal((n, d))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def always(monkeypatch):
    """The approximate search is used for any number of rows, without its package."""
    monkeypatch.setattr(linkage, "APPROXIMATE_FROM", 2)
    monkeypatch.setattr(linkage, "require_faiss", lambda: None)


def proposals(share, seed=0):
    """Every row with every other, both ways, of which only a share is found."""

    def neighbours(rows, radius):
        rng = np.random.default_rng(seed)
        for at in range(0, len(rows), 50):
            a = np.repeat(np.arange(at, min(at + 50, len(rows))), len(rows))
            b = np.tile(np.arange(len(rows)), len(a) // len(rows))
            kept = rng.random(len(a)) < share
            yield a[kept], b[kept]

    return neighbours


@pytest.mark.parametrize("limit", [None, 300])
def test_with_all_pairs_found_the_result_is_the_exact_one(always, monkeypatch, limit):
    monkeypatch.setattr(approximate, "_neighbours", proposals(1.0))
    vectors = people(220, 8, people=6)
    found = cluster(vectors, 0.8, pairs="approximate", resources=Resources(limit))
    np.testing.assert_array_equal(found, scipy_linkage(vectors, 0.8))
    rules = Constraints(groups=np.arange(220) // 3, cannot_link=np.array([[0, 9], [5, 70]]))
    found = cluster(
        vectors, 0.8, constraints=rules, pairs="approximate", resources=Resources(limit)
    )
    np.testing.assert_array_equal(found, greedy_linkage(vectors, 0.8, constraints=rules))


def test_with_many_pairs_missed_rules_and_heights_still_hold(always, monkeypatch):
    monkeypatch.setattr(approximate, "_neighbours", proposals(0.4))
    vectors = people(200, 8, people=6)
    rules = Constraints(groups=np.arange(200) // 3)
    found = average_linkage(vectors, 0.8, constraints=rules, pairs="approximate")
    labels = found.cut()
    far, rule = pair_distances(vectors), pair_distances(vectors, rules)
    same = (labels[:, None] == labels) & ~np.eye(200, dtype=bool)
    assert not np.isinf(rule[same]).any()
    assert len(np.unique(labels)) < 150
    members = {row: [row] for row in range(200)}
    for (a, b), height in zip(found.merges.tolist(), found.heights.tolist(), strict=True):
        true = far[np.ix_(members[a], members[b])].mean()
        assert true <= 0.8
        assert true <= height + 1e-9
        members[a] += members.pop(b)


def test_no_pair_comes_twice_and_none_is_among_those_kept_apart(monkeypatch):
    monkeypatch.setattr(approximate, "_neighbours", proposals(1.0))
    vectors = people(150, 8, people=5)
    found = approximate_pairs(vectors, 0.8, apart=40)
    want = pairs_within(vectors, 0.8, apart=40)
    pairs = list(zip(found.a.tolist(), found.b.tolist(), strict=True))
    assert len(pairs) == len(set(pairs))
    assert set(pairs) == set(zip(want.a.tolist(), want.b.tolist(), strict=True))
    assert (found.b >= 40).all()


def test_faiss_comes_near_the_exact_result(monkeypatch):
    pytest.importorskip("faiss")
    monkeypatch.setattr(linkage, "APPROXIMATE_FROM", 500)
    vectors = people(3000, 32, people=150, noise=0.5)
    rules = Constraints(groups=np.arange(3000) // 3)
    exact = cluster(vectors, 0.8, constraints=rules)
    found = cluster(vectors, 0.8, constraints=rules, pairs="approximate")
    assert evaluate(exact, found, photos=rules.groups).violations == 0
    assert evaluate(exact, found).bcubed_f > 0.98
    graph, whole = approximate_pairs(vectors, 0.5), pairs_within(vectors, 0.5)
    assert 0.9 * len(whole.a) < len(graph.a) <= len(whole.a)


def test_few_rows_are_searched_exactly(monkeypatch):
    monkeypatch.setattr(linkage, "require_faiss", lambda: None)
    monkeypatch.setattr(approximate, "_neighbours", None)  # fails if it is called
    vectors = people(300, 8)
    found = cluster(vectors, 0.8, pairs="approximate")
    np.testing.assert_array_equal(found, cluster(vectors, 0.8))


def test_a_missing_package_is_named_before_any_work(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(PackageMissing, match=r"faiss.*pip install 'album-people\[approximate\]'"):
        cluster(np.full((2, 2), np.nan), 1.0, pairs="approximate")


def test_exact_needs_no_further_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    assert len(cluster(people(50, 4), 0.8)) == 50


def test_bad_input_is_refused_whatever_the_search(monkeypatch):
    monkeypatch.setattr(linkage, "require_faiss", lambda: None)
    with pytest.raises(RowError, match="NaN"):
        cluster(np.full((2, 2), np.nan), 1.0, pairs="approximate")
    with pytest.raises(ValueError, match="pairs must be one of exact, approximate, not 'near'"):
        cluster(people(5, 4), 1.0, pairs="near")
