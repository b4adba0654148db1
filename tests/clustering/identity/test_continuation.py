"""What tells that two groups of faces are one person at two ages, and which are merged first."""

import numpy as np

from clustering.identity.continuation import (
    Lives,
    best_first,
    continuation_features,
    continuation_scores,
)
from clustering.identity.questions import Pairs


def pairs(*rows):
    a, b, distance = zip(*rows, strict=True)
    return Pairs(np.array(a), np.array(b), np.array(distance, float))


def test_features():
    lives = Lives(
        born=np.array([1980.0, 1980.0, 1999.0]),
        sigma=np.array([1.0, 1.0, 1.0]),
        age=np.array([3.0, 18.0, 30.0]),
    )
    found = continuation_features(pairs((0, 1, 1.2), (0, 2, 1.4)), np.array([4, 2, 1]), lives)
    assert found.shape == (2, 7)
    np.testing.assert_allclose(found[:, 0], [1.2, 1.4])
    np.testing.assert_allclose(found[0, 4:], [0, 0, 1.5])
    np.testing.assert_allclose(found[1, 4:], [4, 4, 2.7])  # however far apart, at most 4 sigma


def test_scores_where_birth_years_can_agree_and_are_known():
    lives = Lives(
        born=np.array([1950.0, 1950.0, 1950 + 2.9 * 3**0.5, 1950 + 3.1 * 3**0.5, np.nan]),
        sigma=np.ones(5),
        age=np.array([3.0, 60.0, 3.0, 3.0, 3.0]),
    )
    asked = []
    found = continuation_scores(
        lambda x: asked.append(x) or np.full(len(x), 0.7),
        pairs((0, 1, 1.2), (0, 2, 1.2), (0, 3, 1.2), (0, 4, 1.2)),
        np.ones(5, np.int64),
        lives,
    )
    np.testing.assert_equal(found, [0.7, 0.7, 0.0, np.nan])
    assert asked[0][0, 6] == 3.0  # decades, at most


def test_groups_without_dates_are_not_known():
    lives = Lives(np.array([1980.0, np.nan]), np.array([1.0, np.nan]), np.array([3.0, np.nan]))
    assert lives.known.tolist() == [True, False]


def test_best_first_takes_no_group_twice_and_asks_whether_it_may():
    found = pairs((0, 1, 1.0), (1, 2, 1.0), (2, 3, 1.0), (4, 5, 1.0))
    score = np.array([0.8, 0.9, 0.85, 0.99])
    chosen = best_first(found, score, lambda a, b: (a, b) != (4, 5))
    assert list(zip(chosen.a.tolist(), chosen.b.tolist(), strict=True)) == [(1, 2)]
    everything = best_first(found, score, lambda a, b: True)
    assert list(zip(everything.a.tolist(), everything.b.tolist(), strict=True)) == [(4, 5), (1, 2)]
