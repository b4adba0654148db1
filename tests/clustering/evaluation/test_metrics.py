"""Metrics agree with scikit-learn and with a case computed by hand."""

from itertools import combinations

import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import given, settings
from hypothesis import strategies as st

from clustering.evaluation.metrics import evaluate, violations


def test_bcubed_by_hand():
    # Classes AAAAA BB C, clusters 1112 22 2 with the B's split: see the sums.
    truth = [0, 0, 0, 0, 0, 1, 1, 2]
    found = [1, 1, 1, 2, 2, 2, 3, 3]
    scores = evaluate(truth, found)
    # Cluster 1: 3 rows all A. Cluster 2: 2 A and 1 B. Cluster 3: 1 B and 1 C.
    assert scores.bcubed_precision == pytest.approx((3 * 1 + 2 * 2 / 3 + 1 / 3 + 2 * 1 / 2) / 8)
    # A: three rows find 3 of 5, two find 2 of 5. B: each finds 1 of 2. C: finds itself.
    assert scores.bcubed_recall == pytest.approx((3 * 3 / 5 + 2 * 2 / 5 + 2 * 1 / 2 + 1) / 8)
    p, r = scores.bcubed_precision, scores.bcubed_recall
    assert scores.bcubed_f == pytest.approx(2 * p * r / (p + r))
    # Pairs in one cluster: 3 + 3 + 1, of one class: 3 + 1. Pairs of one class: 10 + 1.
    assert scores.pair_precision == pytest.approx(4 / 7)
    assert scores.pair_recall == pytest.approx(4 / 11)
    assert scores.clusters_per_class == 1


labellings = st.integers(2, 60).flatmap(
    lambda n: st.tuples(*(st.lists(st.integers(0, 7), min_size=n, max_size=n),) * 2)
)


@settings(max_examples=150, deadline=None)
@given(labellings)
def test_same_as_scikit_learn(pair):
    truth, found = pair
    scores = evaluate(truth, found)
    assert scores.ari == pytest.approx(reference.adjusted_rand_score(truth, found), abs=1e-9)
    want = reference.adjusted_mutual_info_score(truth, found)
    assert scores.ami == pytest.approx(want, abs=1e-6)
    homogeneity, completeness, _ = reference.homogeneity_completeness_v_measure(truth, found)
    assert scores.homogeneity == pytest.approx(homogeneity, abs=1e-9)
    assert scores.completeness == pytest.approx(completeness, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(labellings)
def test_same_as_counting_one_by_one(pair):
    truth, found = map(np.array, pair)
    scores = evaluate(truth, found, photos=truth)
    same_class, same_cluster = truth[:, None] == truth, found[:, None] == found
    both = (same_class & same_cluster).sum(1)
    assert scores.bcubed_precision == pytest.approx((both / same_cluster.sum(1)).mean())
    assert scores.bcubed_recall == pytest.approx((both / same_class.sum(1)).mean())
    pairs = list(combinations(range(len(truth)), 2))
    assert scores.violations == sum(truth[i] == truth[j] and found[i] == found[j] for i, j in pairs)


def test_ami_of_many_clusters_matches_scikit_learn():
    rng = np.random.default_rng(0)
    truth, found = rng.integers(0, 300, 4000), rng.integers(0, 200, 4000)
    found[:2500] = truth[:2500]
    want = reference.adjusted_mutual_info_score(truth, found)
    assert evaluate(truth, found).ami == pytest.approx(want, abs=1e-9)


def test_faces_without_a_photo_violate_nothing():
    assert violations([0, 0, 0, 0], [5, 5, -1, -1]) == 1
    assert violations([0, 0], [-1, -1]) == 0


@pytest.mark.parametrize(("truth", "found"), [([], []), ([1, 2], [1]), ([[1]], [[1]])])
def test_labels_that_do_not_fit_are_refused(truth, found):
    with pytest.raises(ValueError, match="label arrays"):
        evaluate(truth, found)
