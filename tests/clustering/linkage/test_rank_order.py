"""Rank-order clustering does what its paper says."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

from clustering.evaluation.metrics import adjusted_rand, bcubed, contingency
from clustering.linkage.constraints import RowError
from clustering.linkage.rank_order import rank_distances, rank_order


def people(rng, *, spread, count=12, shots=10, dim=32):
    middles = rng.normal(size=(count, dim))
    rows = np.repeat(middles, shots, axis=0) + spread * rng.normal(size=(count * shots, dim))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return squareform(pdist(rows)), np.repeat(np.arange(count), shots)


def test_the_rank_order_distance_by_hand():
    # On a line at 0, 1, 3: the lists are (0 1 2), (1 0 2), (2 1 0).
    order = np.array([[0, 1, 2], [1, 0, 2], [2, 1, 0]])
    rank = np.array([[0, 1, 2], [1, 0, 2], [2, 1, 0]])
    # D(0, 1) = 1 + 0 and D(1, 0) = 1 + 0, over 1. D(1, 2) = 1 + 2 + 0, D(2, 1) = 2 + 0, over 1.
    # D(0, 2) = 2 + 1 + 0, D(2, 0) = 2 + 1 + 0, over 2.
    pairs = np.array([[0, 1], [1, 2], [0, 2]])
    assert rank_distances(order, rank, pairs).tolist() == [2, 5, 3]


def test_clear_groups_are_found_whatever_the_order():
    rng = np.random.default_rng(3)
    far, who = people(rng, spread=0.2, shots=14)
    labels = rank_order(far, 14)
    table = contingency(who, labels)
    assert bcubed(table)[0] == 1
    assert (table.clusters > 1).sum() == 12  # and the outliers stay alone, as the authors say
    assert labels[0] == 0
    shuffled = rng.permutation(len(far))
    again = rank_order(far[np.ix_(shuffled, shuffled)], 14)
    assert adjusted_rand(contingency(labels[shuffled], again)) == 1


def test_a_threshold_of_zero_merges_nothing():
    far, who = people(np.random.default_rng(5), spread=0.3, count=3)
    assert rank_order(far, 0).tolist() == list(range(len(who)))


def test_a_dense_group_does_not_swallow_a_distant_face():
    far, _ = people(np.random.default_rng(7), spread=0.2, count=2)
    alone = np.full((len(far) + 1,) * 2, 3.0)
    alone[:-1, :-1] = far
    alone[-1, -1] = 0
    labels = rank_order(alone, 14)
    assert (labels == labels[-1]).sum() == 1


@pytest.mark.parametrize("n", [0, 1])
def test_nothing_to_compare(n):
    assert rank_order(np.zeros((n, n)), 14).tolist() == list(range(n))


@pytest.mark.parametrize("bad", [np.zeros((2, 3)), np.full((2, 2), np.nan), np.zeros(3)])
def test_what_is_no_distance_matrix_is_refused(bad):
    with pytest.raises(RowError, match="square"):
        rank_order(bad, 14)
