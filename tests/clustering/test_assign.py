"""New faces join existing clusters under the same rules as in linkage."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustering.assign import assign, assign_or_found, cluster_stats
from clustering.constraints import RowError

LINE = np.array([[1.0], [2.0], [10.0], [11.0]])
LABELS = np.array([0, 0, 1, 1])


def test_distance_is_the_average_over_the_rows():
    stats = cluster_stats(LINE, LABELS)
    # From 3 to 1 and 2: (4 + 1) / 2.
    assert assign([[3.0]], stats, 2.5).tolist() == [0]
    assert assign([[3.0]], stats, 2.49).tolist() == [-1]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_same_as_averaging_all_distances(seed):
    rng = np.random.default_rng(seed)
    old, new = rng.standard_normal((30, 3)), rng.standard_normal((12, 3))
    labels = rng.integers(-1, 6, 30)
    far = ((new[:, None] - old) ** 2).sum(2)
    k = labels.max() + 1
    mean = [
        far[:, labels == c].mean(1) if (labels == c).any() else far[:, 0] + 99 for c in range(k)
    ]
    want = np.where(np.min(mean, 0) <= 4.0, np.argmin(mean, 0), -1)
    np.testing.assert_array_equal(assign(new, cluster_stats(old, labels), 4.0), want)


def test_faces_of_one_photo_go_to_different_people():
    stats = cluster_stats(LINE, LABELS, groups=[0, 1, 2, 3])
    new = [[1.4], [1.5], [1.6]]
    labels = assign(new, stats, 100.0, groups=[9, 9, 9])
    assert labels[1] == 0, "the nearest gets it"
    assert sorted(labels.tolist()) == [-1, 0, 1]
    assert assign(new, stats, 100.0, groups=[-1, -1, -1]).tolist() == [0, 0, 0]
    assert assign([[1.5]], stats, 1.0, groups=[1]).tolist() == [-1], "the photo has this person"


def test_not_this_person_and_not_born_yet():
    stats = cluster_stats(LINE, LABELS, intervals=[[1950, 1960]] * 4)
    assert assign([[1.5]], stats, 200.0, not_in=[[0, 0]]).tolist() == [1]
    assert assign([[1.5]], stats, 200.0, not_in=[[0, 0], [0, 1]]).tolist() == [-1]
    assert assign([[1.5]], stats, 1.0, intervals=[[1961, 1990]]).tolist() == [-1]
    assert assign([[1.5]], stats, 1.0, intervals=[[1960, 1990]]).tolist() == [0]


def test_the_rest_founds_new_clusters():
    stats = cluster_stats(LINE, LABELS)
    labels = assign_or_found([[50.0], [1.5], [50.1], [70.0]], stats, 1.0)
    assert labels.tolist() == [2, 0, 2, 3]


def test_the_order_of_new_rows_does_not_matter():
    rng = np.random.default_rng(3)
    stats = cluster_stats(rng.standard_normal((60, 4)), rng.integers(0, 9, 60))
    new, groups = rng.standard_normal((40, 4)), rng.integers(0, 8, 40)
    order = rng.permutation(40)
    want = assign(new, stats, 8.0, groups=groups)
    np.testing.assert_array_equal(assign(new[order], stats, 8.0, groups=groups[order]), want[order])
    for photo in range(8):
        taken = want[(groups == photo) & (want >= 0)]
        assert len(np.unique(taken)) == len(taken)


def test_no_clusters_and_no_rows():
    none = cluster_stats(np.zeros((0, 2)), np.zeros(0, int))
    assert assign([[1.0, 2.0]], none, 1.0).tolist() == [-1]
    assert assign(np.zeros((0, 1)), cluster_stats(LINE, LABELS), 1.0).tolist() == []


@pytest.mark.parametrize(
    ("vectors", "extra", "message"),
    [
        ([[1.0, 2.0]], {}, "length 2, clusters of 1"),
        ([[np.nan]], {}, "NaN"),
        ([[1.0]], {"groups": [1, 2]}, "groups"),
        ([[1.0]], {"not_in": [[0, 2]]}, "do not exist"),
    ],
)
def test_bad_input_is_refused(vectors, extra, message):
    with pytest.raises(RowError, match=message):
        assign(vectors, cluster_stats(LINE, LABELS), 1.0, **extra)
