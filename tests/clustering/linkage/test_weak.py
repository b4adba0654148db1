"""Weak rows join, and neither found nor bridge; without any, nothing changes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustering.linkage.constraints import Constraints
from clustering.linkage.linkage import cluster
from clustering.linkage.weak import among, join_weak_last

NONE = Constraints()


def grouped(x, weak, labels=None, constraints=NONE):
    vectors = np.column_stack([np.array(x, float), np.ones(len(x))])
    start = np.full(len(x), -1) if labels is None else np.array(labels)
    return join_weak_last(
        vectors,
        start,
        1.0,
        weak=np.array(weak, bool),
        constraints=constraints,
        variance=np.zeros(len(x)),
    ).tolist()


def test_a_weak_row_joins_the_nearest():
    assert grouped([0, 0.2, 5, 0.9], [0, 0, 0, 1]) == [0, 0, 1, 0]


def test_weak_rows_found_nothing_together():
    assert grouped([0, 9, 9.1, 9.2], [0, 1, 1, 1]) == [0, 1, 2, 3]


def test_a_weak_row_between_two_does_not_bring_them_together():
    # Average linkage of all would start with the pair 0.0 and 0.6, or 0.6 and 1.2, and end with 3.
    x = [0.0, 0.6, 1.2]
    assert grouped(x, [0, 0, 0]) == [0, 0, 0]
    assert sorted(grouped(x, [0, 1, 0])) != [0, 0, 0]
    assert len(set(grouped(x, [0, 1, 0]))) == 2


def test_weak_rows_that_are_placed_already_stay():
    assert grouped([0, 9, 9.1, 9.3], [0, 1, 1, 1], labels=[0, 1, 1, -1]) == [0, 1, 1, 1]


def test_rules_hold_for_clear_and_weak_rows():
    rules = Constraints(groups=np.array([7, 7, 8, 8]))
    assert grouped([0, 0.1, 0.05, 0.02], [0, 0, 0, 1], constraints=rules)[:3] != [0, 0, 0]
    found = grouped([0, 0.5, 0.1, 0.02], [0, 0, 1, 1], constraints=rules)
    assert found[0] != found[1]
    assert found[2] != found[3]


def test_rules_among_some_rows_are_numbered_anew():
    rules = Constraints(
        groups=np.array([1, 2, 3, 4]),
        cannot_link=np.array([[0, 3], [0, 1]]),
        must_link=np.array([[2, 3]]),
        intervals=np.arange(8.0).reshape(4, 2),
        members=np.array([[1, 50], [3, 60]]),
    )
    some = among(rules, np.array([0, 2, 3]), 4)
    assert some.groups.tolist() == [1, 3, 4]
    assert some.cannot_link.tolist() == [[0, 2]]
    assert some.must_link.tolist() == [[1, 2]]
    assert some.intervals.tolist() == [[0, 1], [4, 5], [6, 7]]
    assert some.members.tolist() == [[2, 60]]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=25), st.integers(0, 2**16))
def test_without_weak_rows_it_is_linkage(numbers, seed):
    x = np.array(numbers) + np.random.default_rng(seed).random(len(numbers)) / 10
    vectors = np.column_stack([x, np.ones(len(x))])
    assert grouped(x, np.zeros(len(x))) == cluster(vectors, 1.0).tolist()


@pytest.mark.parametrize("n", [1, 4])
def test_only_weak_rows(n):
    assert grouped([1.0] * n, [1] * n) == list(range(n))
