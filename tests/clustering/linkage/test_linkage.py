"""Fast linkage gives what the plain one gives, and keeps every constraint."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustering.linkage import graph, rounds, tiles
from clustering.linkage.constraints import Constraints, RowError
from clustering.linkage.graph import Resources, pairs_within
from clustering.linkage.linkage import average_linkage, cluster
from clustering.linkage.oracle import (
    greedy_linkage,
    in_order,
    is_greedy,
    pair_distances,
    scipy_linkage,
)


@st.composite
def problems(draw, ties=False, constrained=True):
    """Vectors, a threshold, constraints and a limit on pairs."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n, d = draw(st.integers(1, 40)), draw(st.integers(1, 5))
    vectors = rng.integers(0, 3, (n, d)).astype(float) if ties else rng.standard_normal((n, d))
    if draw(st.booleans()):
        vectors = vectors[rng.integers(0, n, n)]
    if draw(st.booleans()):
        vectors = vectors.astype(np.float32)
    threshold = draw(st.floats(0, 3)) * d
    limit = draw(st.sampled_from([1, 7, 10**6]))
    return vectors, threshold, constraints_for(draw, rng, n) if constrained else None, limit


def constraints_for(draw, rng, n):
    groups = rng.integers(-1, max(1, n // 3), n) if draw(st.booleans()) else None
    low = rng.integers(0, 9, n)
    intervals = np.column_stack([low, low + rng.integers(2, 9, n)]) if draw(st.booleans()) else None
    apart = rng.integers(0, n, (draw(st.integers(0, 6)), 2))
    apart = apart[apart[:, 0] != apart[:, 1]]
    plain = Constraints(groups, apart, None, intervals)
    together = rng.integers(0, n, (draw(st.integers(0, 3)), 2))
    rules = Constraints(groups, apart, together, intervals)
    try:
        cluster(np.ones((n, 1)), 0, constraints=rules)
    except RowError:
        return plain
    return rules


def run(problem):
    vectors, threshold, constraints, limit = problem
    return average_linkage(
        vectors, threshold, constraints=constraints, allow_zero=True, resources=Resources(limit)
    )


def unique_answer(vectors):
    """Copies tie with each other, which under constraints leaves a choice."""
    return len(np.unique(vectors, axis=0)) == len(vectors)


@settings(max_examples=150, deadline=None)
@given(problems(constrained=False))
def test_same_partition_as_scipy_on_random_and_duplicated_points(problem):
    vectors, threshold, *_ = problem
    found = run(problem)
    np.testing.assert_array_equal(found.cut(), scipy_linkage(vectors, threshold))
    np.testing.assert_array_equal(found.cut(threshold / 2), scipy_linkage(vectors, threshold / 2))


@settings(max_examples=150, deadline=None)
@given(problems())
def test_same_partition_as_the_greedy_reference_under_constraints(problem):
    vectors, threshold, constraints, _ = problem
    found = run(problem)
    assert is_greedy(found, vectors, constraints=constraints)
    if unique_answer(vectors):
        want = greedy_linkage(vectors, threshold, constraints=constraints)
        np.testing.assert_array_equal(found.cut(), want)


@settings(max_examples=150, deadline=None)
@given(problems(ties=True))
def test_with_ties_the_result_is_one_that_greedy_linkage_can_give(problem):
    vectors, _, constraints, _ = problem
    assert is_greedy(run(problem), vectors, constraints=constraints)


@settings(max_examples=100, deadline=None)
@given(problems(ties=True))
def test_no_constraint_is_ever_broken(problem):
    vectors, _, constraints, _ = problem
    labels = run(problem).cut()
    same = labels[:, None] == labels
    np.fill_diagonal(same, False)
    assert not np.isinf(pair_distances(vectors, constraints))[same].any()
    for i, j in np.asarray(constraints.must_link if constraints.must_link is not None else []):
        assert labels[i] == labels[j]


@settings(max_examples=60, deadline=None)
@given(problems(), st.integers(0, 2**32))
def test_the_order_of_the_rows_does_not_matter_without_ties(problem, seed):
    vectors, threshold, constraints, limit = problem
    if not unique_answer(vectors):
        return
    order = np.random.default_rng(seed).permutation(len(vectors))
    back = np.argsort(order)
    moved = Constraints(
        None if constraints.groups is None else constraints.groups[order],
        back[constraints.cannot_link],
        None if constraints.must_link is None else back[constraints.must_link],
        None if constraints.intervals is None else constraints.intervals[order],
    )
    labels = run((vectors[order], threshold, moved, limit)).cut()
    np.testing.assert_array_equal(in_order(labels[back]), run(problem).cut())


def people(n, d, seed=0, people=40, noise=0.6):
    rng = np.random.default_rng(seed)
    means = rng.standard_normal((people, d))
    who = rng.integers(0, people, n)
    vectors = means[who] + noise * rng.standard_normal((n, d))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), who


@pytest.mark.parametrize(("n", "d", "threshold"), [(1500, 32, 0.8), (1500, 600, 0.9)])
@pytest.mark.parametrize("limit", [2_000, None])
def test_same_partition_as_scipy_in_several_blocks(monkeypatch, n, d, threshold, limit):
    monkeypatch.setattr(tiles, "_ROWS", 100)
    monkeypatch.setattr(tiles, "_COLUMNS", 300)
    monkeypatch.setattr(graph, "SURVEY_FROM", 1)  # so that pairs are sieved first
    monkeypatch.setattr(rounds, "_PART", 1000)
    vectors, _ = people(n, d)
    found = average_linkage(vectors, threshold, resources=Resources(limit))
    for at in (threshold, 0.7 * threshold):
        np.testing.assert_array_equal(found.cut(at), scipy_linkage(vectors, at))


def test_constraints_on_many_rows_match_the_reference():
    vectors, who = people(220, 8, people=6)
    rng = np.random.default_rng(1)
    groups = rng.integers(-1, 60, 220)
    apart = np.array([(i, j) for i, j in rng.integers(0, 220, (40, 2)) if i != j])
    rules = Constraints(groups, apart, None, np.column_stack([who, who + 3]))
    want = greedy_linkage(vectors, 1.0, constraints=rules)
    for limit in (50, None):
        found = cluster(vectors, 1.0, constraints=rules, resources=Resources(limit))
        np.testing.assert_array_equal(found, want)


@pytest.mark.parametrize("limit", [200, None])
def test_uncertain_rows_are_further_from_all(limit):
    vectors, _ = people(200, 8, people=6)
    vectors[100:] = vectors[:100]
    variance = np.random.default_rng(4).uniform(0, 0.3, 200)
    want = greedy_linkage(vectors, 1.0, variance=variance)
    np.testing.assert_array_equal(
        cluster(vectors, 1.0, variance=variance, resources=Resources(limit)), want
    )
    assert len(np.unique(want)) > len(np.unique(cluster(vectors, 1.0)))
    with pytest.raises(RowError, match="negative, NaN or infinite: 1"):
        cluster(vectors[:2], 1.0, variance=[0, -1])


def test_columns_far_from_the_origin_lose_no_digits():
    vectors, _ = people(400, 16)
    years = np.random.default_rng(2).uniform(1930, 2020, (400, 1)) * 0.0224
    wide = np.hstack([vectors, years]).astype(np.float64)
    np.testing.assert_array_equal(cluster(wide, 0.9), scipy_linkage(wide, 0.9))
    moved = wide + 1e4
    np.testing.assert_array_equal(cluster(moved, 0.9), cluster(wide, 0.9))


def test_the_graph_misses_no_pair_and_bounds_from_below():
    vectors, _ = people(500, 24)
    far = pair_distances(vectors)
    found = pairs_within(vectors, 0.7)
    want = np.argwhere(np.triu(far <= 0.7))
    pairs = set(zip(found.a.tolist(), found.b.tolist(), strict=True))
    assert pairs >= set(map(tuple, want.tolist()))
    true = far[found.a, found.b]
    assert (found.bound <= true).all()
    assert (found.bound >= true - found.slack).all()


@pytest.mark.parametrize("limit", [50, 1000])
def test_a_graph_with_too_many_pairs_has_all_pairs_of_a_lower_threshold(monkeypatch, limit):
    monkeypatch.setattr(tiles, "_ROWS", 50)
    vectors, _ = people(400, 24)
    far = pair_distances(vectors)
    found = pairs_within(vectors, 1.5, max_pairs=limit)
    assert found.threshold < 1.5
    assert limit / 4 < len(found.a) <= limit
    pairs = set(zip(found.a.tolist(), found.b.tolist(), strict=True))
    assert pairs >= set(map(tuple, np.argwhere(np.triu(far <= found.threshold)).tolist()))


def test_many_copies_and_equal_distances_end_quickly_and_right():
    rng = np.random.default_rng(0)
    copies = np.repeat(rng.standard_normal((2, 8)), 1500, axis=0)
    rules = Constraints(groups=np.arange(3000) // 3)
    labels = cluster(copies, 0.1, constraints=rules, resources=Resources(10_000))
    assert np.bincount(labels).tolist() == [500] * 6
    assert len(np.unique(cluster(np.eye(256), 2.0))) == 1
    assert len(np.unique(cluster(np.eye(256), 1.9))) == 256


def test_everything_in_one_photo_stays_apart():
    vectors, _ = people(600, 8, people=2)
    labels = cluster(vectors, 4.0, constraints=Constraints(groups=np.zeros(600, int)))
    assert labels.tolist() == list(range(600))


def test_must_link_joins_what_is_far_and_moves_the_average():
    line = np.array([[1.0], [9.0], [2.0], [6.5]])
    rules = Constraints(must_link=np.array([[0, 1]]))
    assert cluster(line, 3.0).tolist() == [0, 1, 0, 2]
    # Row 3 is 30.25 and 6.25 from the two that belong together, 18.25 on average. Row 2 is 1, 49
    # and 20.25 from these three.
    assert cluster(line, 18.0, constraints=rules).tolist() == [0, 0, 1, 2]
    assert cluster(line, 18.5, constraints=rules).tolist() == [0, 0, 1, 0]
    assert cluster(line, 23.5, constraints=rules).tolist() == [0, 0, 0, 0]
    found = average_linkage(line, 1.0, constraints=rules)
    assert found.cut().tolist() == [0, 0, 1, 2]
    assert found.cut(0).tolist() == [0, 0, 1, 2]


def test_a_forbidden_pair_is_inherited():
    line = np.array([[0.1], [0.2], [0.35]])
    rules = Constraints(cannot_link=np.array([[0, 2]]))
    assert cluster(line, 1.0, constraints=rules).tolist() == [0, 0, 1]


def test_people_born_after_a_photo_are_not_in_it():
    line = np.array([[0.1], [0.2], [0.35]])
    born = np.array([[1950, 1960], [1955, 1990], [1975, 1990]])
    assert cluster(line, 1.0, constraints=Constraints(intervals=born)).tolist() == [0, 0, 1]


def test_heights_rise_and_cuts_nest():
    found = average_linkage(people(300, 8)[0], 1.5)
    assert (np.diff(found.heights) >= 0).all()
    fine, coarse = found.cut(0.5), found.cut(1.2)
    assert len(np.unique(np.column_stack([fine, coarse]), axis=0)) == len(np.unique(fine))
    with pytest.raises(ValueError, match="stopped at"):
        found.cut(1.6)


@pytest.mark.parametrize("n", [0, 1])
def test_few_rows(n):
    assert cluster(np.ones((n, 4)), 1.0).tolist() == [0] * n


def bad(value):
    vectors = np.ones((5, 3))
    vectors[[1, 3]] = value
    return vectors


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (bad(np.nan), "NaN or infinite values: 1, 3"),
        (bad(np.inf), "NaN or infinite values: 1, 3"),
        (bad(0), "all zeros: 1, 3"),
        (np.ones(5), "shape"),
        (np.ones((5, 0)), "shape"),
        (np.full((2, 2), "x"), "real numbers"),
        ([[1.0, 2.0], None, [2.0, 1.0], None], "rows without a vector: 1, 3"),
        ([[1.0, 2.0], [1.0], [2.0, 1.0], [1.0, 2.0, 3.0]], "another length than 2.*: 1, 3"),
        ([1.0, 2.0], "shape"),
    ],
)
def test_bad_vectors_are_refused_by_row(vectors, message):
    with pytest.raises(RowError, match=message):
        cluster(vectors, 1.0)


@pytest.mark.parametrize(
    ("constraints", "message"),
    [
        (Constraints(groups=[0, 1]), "groups must be 4"),
        (Constraints(groups=[0.5] * 4), "integers"),
        (Constraints(groups=[0, 1, -2, 1]), "below -1: 2"),
        (Constraints(cannot_link=[[0, 4]]), r"do not exist.*4"),
        (Constraints(must_link=[[-1, 0]]), "do not exist"),
        (Constraints(must_link=[0, 1]), "pairs of row numbers"),
        (Constraints(intervals=[[0, 1]]), "shape"),
        (Constraints(intervals=[[0, 1], [2, 1], [0, 1], [0, np.nan]]), "empty: 1, 3"),
        (
            Constraints(cannot_link=[[2, 0]], must_link=[[0, 1], [1, 2]]),
            "rows 2 and 0 must and can",
        ),
        (Constraints(cannot_link=[[1, 1]]), "rows 1 and 1 must and cannot"),
        (Constraints(groups=[7, 1, 7, 2], must_link=[[0, 1], [1, 2]]), "rows 0 and 2 .* one group"),
        (
            Constraints(intervals=[[0, 1], [0, 9], [3, 4], [0, 9]], must_link=[[0, 1], [1, 2]]),
            "rows 2 and 0 .* do not meet",
        ),
    ],
)
def test_bad_constraints_are_refused_by_row(constraints, message):
    with pytest.raises(RowError, match=message):
        cluster(np.ones((4, 2)), 1.0, constraints=constraints)


@pytest.mark.parametrize("threshold", [-1.0, np.nan, np.inf])
def test_bad_thresholds_are_refused(threshold):
    with pytest.raises(ValueError, match="threshold"):
        cluster(np.ones((3, 2)), threshold)
