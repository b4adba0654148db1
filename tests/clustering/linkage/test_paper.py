"""The paper's two steps, and who passes by."""

import numpy as np
import pytest

from clustering.linkage.constraints import RowError
from clustering.linkage.paper import paper_clustering, paper_distances, passers_by


def test_faces_of_one_photo_come_apart_and_the_rest_stays():
    points = np.array([0.0, 0.1, 0.2, 0.25, 5.0])
    far = np.abs(points[:, None] - points)
    assert paper_clustering(far, 1.0, [0, 1, 2, 3, 4]).labels.tolist() == [0, 0, 0, 0, 1]
    split = paper_clustering(far, 1.0, [0, 1, 0, 2, 3]).labels
    assert split.tolist() == [0, 0, 1, 1, 2]
    assert paper_clustering(far, 1.0, [-1, 1, -1, 2, 3]).labels.tolist() == [0, 0, 0, 0, 1]


def test_average_linkage_is_on_plain_distances():
    far = np.abs(np.subtract.outer([0.0, 1.0, 2.6], [0.0, 1.0, 2.6]))
    # From row 2 to the other two: 2.6 and 1.6, 2.1 on average.
    assert len(set(paper_clustering(far, 2.05, [0, 1, 2]).labels.tolist())) == 2
    assert len(set(paper_clustering(far, 2.15, [0, 1, 2]).labels.tolist())) == 1
    assert len(set(paper_clustering(far, 1.7, [0, 1, 2], linkage="single").labels.tolist())) == 1


def test_age_term_by_hand():
    unit = np.array([[1.0, 0.0], [0.0, 1.0]])
    plain = np.sqrt(2)
    assert paper_distances(unit)[0, 1] == pytest.approx(plain)
    # 20 years old in 2000 is 30 in 2010: (30 - 40)^2 / 70.
    aged = paper_distances(unit, ages=[20, 40], photo_years=[2000, 2010])
    assert aged[0, 1] == aged[1, 0] == pytest.approx(plain + 0.1 * 100 / 70)
    babies = paper_distances(unit, ages=[0, 0])
    assert babies[0, 1] == pytest.approx(plain)
    assert np.diag(aged).tolist() == [0, 0]


def test_passers_by():
    labels = [0, 0, 0, 1, 1, 1, 2, 2, 2, -1, 3, 3, 3]
    photos = [0, 1, 2, 3, 3, 4, 5, 6, 7, 8, -1, -1, -1]
    days = [0.0, 1, 5, 0, 9, 9, 1, 1.5, 2.9, 0, np.nan, 4, np.nan]
    assert passers_by(labels, photos).tolist() == [False, True, False, False]
    assert passers_by(labels, photos, days).tolist() == [False, True, True, False]
    assert passers_by(labels, photos, days, min_photos=1, min_days=1.0).tolist() == [False] * 4
    assert passers_by([], []).tolist() == []


def test_few_faces():
    assert paper_clustering(np.zeros((1, 1)), 1.0, [0]).labels.tolist() == [0]
    assert paper_clustering(np.zeros((0, 0)), 1.0, np.zeros(0, int)).passers_by.tolist() == []


def test_bad_distances_are_refused():
    with pytest.raises(RowError, match="do not fit"):
        paper_clustering(np.zeros((2, 3)), 1.0, [0, 1])
    with pytest.raises(RowError, match=r"\(0, 1\)"):
        paper_clustering(np.array([[0, np.nan], [np.nan, 0]]), 1.0, [0, 1])
