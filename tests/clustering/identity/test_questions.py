"""Pairs and parts of groups that are worth asking about."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustering.identity.questions import (
    REACH,
    Logistic,
    Pairs,
    half_features,
    halves,
    near_pairs,
    pair_features,
    pooled,
    ranks,
    summarise,
)


def average(x, variance, one, other):
    """Average squared distance between two lists of rows, pair by pair."""
    return np.mean(
        [((x[i] - x[j]) ** 2).sum() + variance[i] + variance[j] for i in one for j in other]
    )


@st.composite
def grouped(draw):
    n = draw(st.integers(4, 14))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    k = draw(st.integers(2, n // 2))
    labels = np.concatenate([np.arange(k), rng.integers(0, k, n - k)])
    return rng.normal(size=(n, 5)), rng.uniform(0, 0.5, n), rng.permutation(labels)


@given(grouped())
@settings(max_examples=60, deadline=None)
def test_distances_of_pairs_are_averages_over_their_rows(case):
    x, variance, labels = case
    pairs = near_pairs(summarise(x, labels, variance), 10.0, reach=10, neighbours=99)
    k = labels.max() + 1
    assert len(pairs) == k * (k - 1) // 2
    rows = [np.flatnonzero(labels == i) for i in range(k)]
    for a, b, far in zip(pairs.a, pairs.b, pairs.distance, strict=True):
        assert far * 10 == pytest.approx(average(x, variance, rows[a], rows[b]), rel=1e-4)


@given(grouped(), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_merged_groups_have_the_distances_that_their_vectors_give(case, seed):
    x, variance, labels = case
    k = int(labels.max()) + 1
    pairs = near_pairs(summarise(x, labels, variance), 10.0, reach=10, neighbours=99)
    rng = np.random.default_rng(seed)
    _, owner = np.unique(rng.integers(0, max(k // 2, 1), k), return_inverse=True)
    merged = pooled(pairs, owner, np.bincount(labels))
    again = near_pairs(summarise(x, owner[labels], variance), 10.0, reach=10, neighbours=99)
    known = dict(zip(zip(again.a, again.b, strict=True), again.distance, strict=True))
    assert len(known) == len(merged)
    for a, b, far in zip(merged.a, merged.b, merged.distance, strict=True):
        assert far == pytest.approx(known[a, b], rel=1e-4)


def test_unknown_distances_count_as_far():
    pairs = Pairs(np.array([0]), np.array([1]), np.array([1.1]))
    merged = pooled(pairs, np.array([0, 1, 1]), np.array([2, 3, 1]))
    assert merged.distance == pytest.approx([(1.1 * 6 + REACH * 2) / 8])


def test_groups_that_are_gone_are_in_no_pair():
    pairs = Pairs(np.array([0, 0]), np.array([1, 2]), np.array([1.1, 1.2]))
    merged = pooled(pairs, np.array([0, -1, 1]), np.array([2, 3, 1]))
    assert (merged.a.tolist(), merged.b.tolist()) == ([0], [1])
    assert merged.distance == pytest.approx([1.2])


def test_ranks_count_who_is_nearer():
    pairs = Pairs(np.array([0, 0, 1]), np.array([1, 2, 2]), np.array([1.3, 1.1, 1.2]))
    of_a, of_b = ranks(pairs)
    assert of_a.tolist() == [1, 0, 0]
    assert of_b.tolist() == [1, 0, 1]


def test_only_near_neighbours_are_kept():
    x = np.array([[0.0], [0.1], [0.3], [0.6], [5.0]])
    groups = summarise(x, np.arange(5), np.zeros(5))
    pairs = near_pairs(groups, 1.0, neighbours=1)
    assert sorted(zip(pairs.a.tolist(), pairs.b.tolist(), strict=True)) == [(0, 1), (1, 2), (2, 3)]


def test_parts_are_cut_where_they_are_furthest_apart():
    x = np.array([[0.0, 0], [0.1, 0], [1, 0], [0, 0.1], [9, 9], [1.1, 0]])
    labels = np.array([0, 0, 0, 0, -1, 0])
    found = halves(x, labels, np.zeros(6), 0.5)
    assert found.group.tolist() == [0]
    assert found.small[0].tolist() == [2, 5]
    far = average(x, np.zeros(6), [0, 1, 3], [2, 5])
    assert found.distance == pytest.approx([far / 0.5])
    assert half_features(found, np.array([5])) == pytest.approx(
        np.array([[far / 0.5, np.log(2), np.log(3)]])
    )


def test_a_crowd_is_cut_in_two_as_well():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(0, 0.05, (900, 3)), rng.normal(1, 0.05, (300, 3))])
    (small,) = halves(x, np.zeros(1200, int), np.zeros(1200), 1.0).small
    assert small.tolist() == list(range(900, 1200))


def test_single_faces_have_no_parts():
    assert len(halves(np.eye(3), np.arange(3), np.zeros(3), 1.0)) == 0


def test_features_of_pairs():
    pairs = Pairs(np.array([0, 1]), np.array([1, 2]), np.array([1.2, 1.1]))
    wanted = [[1.2, np.log(2), 0, np.log(7)], [1.1, 0, 0, np.log(5)]]
    assert pair_features(pairs, np.array([7, 1, 5])) == pytest.approx(np.array(wanted))


def test_probabilities_are_probabilities():
    logistic = Logistic(0.0, (1.0, -2.0))
    p = logistic(np.array([[0.0, 0], [2, 1], [1e9, 0], [0, 1e9]]))
    assert p == pytest.approx([0.5, 0.5, 1, 0])


def test_equal_distances_are_cut_somewhere():
    (small,) = halves(np.eye(3), np.zeros(3, int), np.zeros(3), 1.0).small
    assert len(small) == 1
