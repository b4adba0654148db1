"""New rows join existing clusters or found new ones, as greedy linkage over all pairs has it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustering.linkage.assign import cluster_stats, join_or_found, within_reach
from clustering.linkage.constraints import Constraints, RowError
from clustering.linkage.graph import pairs_within
from clustering.linkage.linkage import cluster
from clustering.linkage.oracle import greedy_join, greedy_linkage, in_order, pair_distances

LINE = np.array([[1.0], [2.0], [10.0], [11.0]])
LABELS = np.array([0, 0, 1, 1])


def joined(new, threshold, *, groups=None, **rules):
    """Labels of new rows beside the two clusters on the line."""
    rows, labels = np.concatenate([LINE, new]), np.concatenate([LABELS, np.full(len(new), -1)])
    rules = Constraints(groups=groups, **rules)
    return join_or_found(rows, labels, threshold, constraints=rules)[len(LINE) :].tolist()


@st.composite
def problems(draw):
    """Vectors, labels of which some are -1, a threshold, constraints and variances."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n, d = draw(st.integers(1, 26)), draw(st.integers(1, 4))
    vectors = rng.standard_normal((n, d))
    labels = rng.integers(-1, draw(st.integers(1, 8)), n)
    labels[rng.random(n) < draw(st.sampled_from([0, 0.5, 1]))] = -1
    groups = rng.integers(-1, max(1, n // 3), n) if draw(st.booleans()) else None
    low = rng.integers(0, 9, n)
    low[labels >= 0] = 0
    intervals = np.column_stack([low, low + 4]) if draw(st.booleans()) else None
    apart = rng.integers(0, n, (draw(st.integers(0, 6)), 2))
    apart = apart[apart[:, 0] != apart[:, 1]]
    members = np.column_stack([rng.integers(0, n, 5), rng.integers(0, 9, 5)])
    rules = Constraints(groups, apart, None, intervals, members if draw(st.booleans()) else None)
    variance = rng.uniform(0, 0.5, n) if draw(st.booleans()) else None
    return vectors, labels, draw(st.floats(0, 3)) * d, rules, variance


@settings(max_examples=120, deadline=None)
@given(problems())
def test_same_as_greedy_linkage_over_all_pairs(problem):
    vectors, labels, threshold, rules, variance = problem
    found = join_or_found(vectors, labels, threshold, constraints=rules, variance=variance)
    known = labels >= 0
    np.testing.assert_array_equal(found[known], labels[known], "nobody moves")
    want = greedy_join(vectors, labels, threshold, constraints=rules, variance=variance)
    np.testing.assert_array_equal(in_order(found), want)
    founded = found[found > labels.max(initial=-1)]
    np.testing.assert_array_equal(founded - labels.max(initial=-1) - 1, in_order(founded))


@settings(max_examples=50, deadline=None)
@given(problems())
def test_no_new_row_breaks_a_rule(problem):
    vectors, labels, threshold, rules, variance = problem
    found = join_or_found(vectors, labels, threshold, constraints=rules, variance=variance)
    broken = np.isinf(pair_distances(vectors, rules)) & (found[:, None] == found)
    np.fill_diagonal(broken, False)
    assert not broken[labels < 0].any()


@settings(max_examples=50, deadline=None)
@given(problems(), st.integers(0, 2**32))
def test_the_order_of_the_rows_does_not_matter(problem, seed):
    vectors, labels, threshold, _, variance = problem
    order = np.random.default_rng(seed).permutation(len(vectors))
    found = join_or_found(vectors, labels, threshold, variance=variance)
    moved = None if variance is None else variance[order]
    again = join_or_found(vectors[order], labels[order], threshold, variance=moved)
    np.testing.assert_array_equal(in_order(again), in_order(found[order]))


@settings(max_examples=50, deadline=None)
@given(problems())
def test_what_is_out_of_reach_changes_nothing(problem):
    vectors, labels, threshold, rules, variance = problem
    near = within_reach(vectors, labels, threshold)
    assert near[labels < 0].all()
    for name in np.unique(labels[labels >= 0]):
        gap = ((vectors[labels < 0][:, None] - vectors[labels == name]) ** 2).sum(2).mean(1)
        assert near[labels == name].all() == (gap <= threshold).any() or abs(gap.min()) < 1e-3
    # Rules are given by row number: leave out rows by moving them far off, where they stay.
    found = join_or_found(vectors, labels, threshold, constraints=rules, variance=variance)
    far = np.where(near[:, None], vectors, vectors + 1e3 * (labels[:, None] + 2))
    again = join_or_found(far, labels, threshold, constraints=rules, variance=variance)
    np.testing.assert_array_equal(again, found)


def test_without_clusters_it_is_linkage():
    vectors = np.random.default_rng(5).standard_normal((60, 3))
    found = join_or_found(vectors, np.full(60, -1), 2.0)
    np.testing.assert_array_equal(found, cluster(vectors, 2.0))


def test_counts_weigh_rows_that_stand_for_many():
    rows, count = np.array([[5.0], [6.0], [8.0]]), np.array([9, 1, 1])
    # From 8 to the ten others: (9 * 9 + 4) / 10 = 8.5; unweighted (9 + 4) / 2 = 6.5.
    assert cluster(rows, 8.4, count=count).tolist() == [0, 0, 1]
    assert cluster(rows, 8.6, count=count).tolist() == [0, 0, 0]
    assert cluster(rows, 6.6).tolist() == [0, 0, 0]
    np.testing.assert_array_equal(greedy_linkage(rows, 8.4, count=count), [0, 0, 1])
    with pytest.raises(RowError, match="fewer than one vector: 1"):
        cluster(rows, 1.0, count=[1, 0, 1])


def test_distance_is_the_average_over_the_rows():
    # From 3 to 1 and 2: (4 + 1) / 2.
    assert joined([[3.0]], 2.5) == [0]
    assert joined([[3.0]], 2.49) == [2]


def test_existing_clusters_never_merge():
    assert joined([[6.0]], 1e6) == [0]
    assert join_or_found(LINE, LABELS, 1e6).tolist() == LABELS.tolist()


def test_new_rows_group_first_and_join_or_stay_out_together():
    # 4.5 would join the cluster about 1.5, at 9.25; with 6 and 6.1 it is too far.
    assert joined([[4.5]], 9.5) == [0]
    assert joined([[4.5], [6.0], [6.1]], 9.5) == [2, 2, 2]


def test_faces_of_one_photo_go_to_different_people():
    new = [[1.4], [1.5], [1.6]]
    photos = np.array([0, 1, 2, 3, 9, 9, 9])
    labels = joined(new, 100.0, groups=photos)
    assert labels[1] == 0, "the nearest gets it"
    assert sorted(labels) == [0, 1, 2]
    assert joined(new, 100.0, groups=np.array([0, 1, 2, 3, -1, -1, -1])) == [0, 0, 0]
    assert joined([[1.5]], 1.0, groups=np.array([0, 9, 2, 3, 9])) == [2], "it is there already"
    here = np.array([[0, 9]])  # a face of the first cluster's person that has no row
    assert joined([[1.5]], 1.0, groups=np.array([0, 1, 2, 3, 9]), members=here) == [2]


def test_not_this_person_and_not_born_yet():
    assert joined([[1.5]], 200.0, cannot_link=[[4, 0]]) == [1]
    assert joined([[1.5]], 200.0, cannot_link=[[4, 0], [2, 4]]) == [2]
    born = [[1950, 1960], [1940, 1990], [1950, 1990], [1950, 1990], [1961, 1999]]
    assert joined([[1.5]], 1.0, intervals=born) == [2]
    assert joined([[1.5]], 1.0, intervals=[*born[:4], [1960, 1999]]) == [0]


def test_rows_that_share_a_cluster_against_a_rule_stay():
    rules = {"groups": np.array([7, 7, 2, 3, 4]), "cannot_link": [[0, 1]]}
    assert joined([[1.5]], 1.0, **rules) == [0]


def test_one_row_among_many_compares_no_two_clusters(monkeypatch):
    rng = np.random.default_rng(2)
    vectors, labels = rng.standard_normal((400, 8)), np.arange(400)
    labels[-1] = -1
    looked_at = []

    def spy(*args, **options):
        found = pairs_within(*args, **options)
        looked_at.append(len(found.a))
        return found

    monkeypatch.setattr("clustering.linkage.linkage.pairs_within", spy)
    join_or_found(vectors, labels, 1e3)
    assert looked_at[0] == 399, "as many as there are clusters, not their square"


def test_no_clusters_and_no_rows():
    assert join_or_found([[1.0, 2.0]], [-1], 1.0).tolist() == [0]
    assert join_or_found(np.zeros((0, 1)), np.zeros(0, int), 1.0).tolist() == []
    assert not len(within_reach(np.zeros((0, 1)), np.zeros(0, int), 1.0))


@pytest.mark.parametrize(
    ("vectors", "labels", "rules", "message"),
    [
        ([[np.nan]], [-1], {}, "NaN"),
        ([[1.0]], [-2], {}, "label below -1: 0"),
        ([[1.0]], [0, 1], {}, "labels must be 1 integers"),
        ([[1.0]], [0.5], {}, "labels must be 1 integers"),
        ([[1.0]], [0], {"groups": [1, 2]}, "groups"),
        ([[1.0]], [0], {"members": [[1, 0]]}, "members names rows that do not exist"),
        ([[1.0]], [0], {"members": [[0, -1]]}, "members names groups below 0"),
        ([[1.0]], [0], {"members": [0, 1]}, "pairs of row and group"),
        ([[1.0]], [0], {"apart": 2}, "2 rows are to stay apart, but there are 1"),
        ([[1.0], [2.0], [3.0]], [0, 0, -1], {"intervals": [[0, 1], [2, 3], [0, 9]]}, "meet: 0"),
    ],
)
def test_bad_input_is_refused(vectors, labels, rules, message):
    with pytest.raises(RowError, match=message):
        join_or_found(vectors, labels, 1.0, constraints=Constraints(**rules))


def test_a_label_without_rows_is_refused():
    with pytest.raises(RowError, match="label 1"):
        cluster_stats(LINE, np.array([0, 0, 2, 2]))


def test_must_link_and_a_common_photo_contradict_each_other():
    rules = Constraints(must_link=[[0, 1]], groups=[3, -1], members=[[1, 3]])
    with pytest.raises(RowError, match="0 and 1 must share a cluster but are of one group"):
        cluster(LINE[:2], 1.0, constraints=rules)
