"""Groups of one child over the years are joined; siblings in one photo are not."""

from dataclasses import replace

import numpy as np
import pytest

from album.grouping.continuation import Barriers, continuations, continued
from album.grouping.features import Dated, Faces, possible_births
from album.grouping.linking import UserRules, link
from album.models.calibration import ContinuationCalibration, IdentityCalibration
from clustering.attributes.fusion import AgeCalibration
from clustering.identity.questions import Logistic

AGE = AgeCalibration(ages=(0, 100), offsets=(0, 0), sigmas=(2, 2), shared=1.0)
NEAR_AND_OF_ONE_YEAR = ContinuationCalibration(
    Logistic(8.0, (-4.0, 0.0, 0.0, 0.0, -3.0, 0.0, 0.0)), certain=0.8
)
USE = IdentityCalibration(0.2, age=AGE, continuation=NEAR_AND_OF_ONE_YEAR)


def child(direction, other, gap, ages, born):
    """Faces at some ages; their vectors turn from one direction towards another by a gap."""
    angle = 2 * np.arcsin(np.sqrt(gap) / 2)
    vector = np.cos(angle) * np.eye(4)[direction] + np.sin(angle) * np.eye(4)[other]
    return [(vector, age, born + age) for age in ages]


def album(*parts, photos=None):
    rows = [row for part in parts for row in part]
    vectors = np.array([row[0] for row in rows], np.float32)
    ages = np.zeros((len(rows), 100), np.float32)
    ages[np.arange(len(rows)), [row[1] - 1 for row in rows]] = 1
    years = np.array([row[2] for row in rows], float)
    where = np.arange(len(rows)) if photos is None else np.array(photos)
    dated = Dated(years, (years - 1970) * 365.2425, np.full(len(rows), 0.05))
    return Faces(vectors, ages, where), dated


SMALL = child(0, 1, 0.0, [3, 4], 1990)
BIG = child(0, 1, 0.3, [14, 15], 1990)
ELDER = child(0, 1, 0.3, [14, 15], 1970)
LABELS = np.array([0, 0, 1, 1])


def test_one_child_at_two_ages_is_joined():
    assert continued(LABELS, *album(SMALL, BIG), USE).tolist() == [0, 0, 0, 0]


def test_other_birth_years_stay_apart():
    assert continued(LABELS, *album(SMALL, ELDER), USE).tolist() == [0, 0, 1, 1]


def test_two_groups_of_adults_stay_apart():
    grown = child(0, 1, 0.0, [33, 34], 1990), child(0, 1, 0.3, [44, 45], 1990)
    assert continued(LABELS, *album(*grown), USE).tolist() == [0, 0, 1, 1]


def test_groups_that_share_a_photo_stay_apart():
    assert continued(LABELS, *album(SMALL, BIG, photos=[0, 1, 1, 2]), USE).tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("barriers", "joins"),
    [
        (Barriers(), True),
        (Barriers(kept=1), True),
        (Barriers(kept=2), False),
        (Barriers(apart=np.array([[3, 0]])), False),
        (Barriers(members=np.array([[0, 2]])), False),
        (Barriers(members=np.array([[0, 9]])), True),
        (Barriers(births=np.array([[1990, 1991], [0, 3000], [1980, 1991], [0, 3000]])), True),
        (Barriers(births=np.array([[1990, 1991], [0, 3000], [1980, 1989], [0, 3000]])), False),
    ],
)
def test_what_keeps_groups_apart(barriers, joins):
    labels = continued(LABELS, *album(SMALL, BIG), USE, barriers)
    assert labels.tolist() == ([0, 0, 0, 0] if joins else [0, 0, 1, 1])


def test_a_new_group_continues_a_known_person_unless_told_otherwise():
    faces, dated = album(SMALL, BIG)
    person = np.array([7, 7, 0, 0])
    assert link(faces, dated, USE, person).tolist() == [7, 7, 7, 7]
    assert link(faces, dated, USE, person, UserRules(apart=np.array([[2, 0]]))).tolist() == [
        7,
        7,
        -1,
        -1,
    ]
    assert link(faces, dated, USE, np.array([7, 7, 9, 9])).tolist() == [7, 7, 9, 9]
    assert link(faces, dated, USE, np.array([7, 0, 9, 0])).tolist() == [7, 7, 9, 9]


def test_chains_of_ages_are_joined_round_by_round():
    later = child(0, 1, 0.36, [25, 26], 1990)  # too far from the first to be looked at
    faces, dated = album(SMALL, child(0, 1, 0.25, [14, 15], 1990), later)
    assert set(continued(np.array([0, 0, 1, 1, 2, 2]), faces, dated, USE)) == {0}


@pytest.mark.parametrize("use", [replace(USE, continuation=None), USE])
def test_undated_groups_stay_as_they_are(use):
    faces, dated = album(SMALL, BIG)
    never = Dated(np.full(4, np.nan), np.full(4, np.nan), np.full(4, np.inf))
    assert continued(LABELS, faces, never, use).tolist() == LABELS.tolist()
    half = Dated(dated.years, dated.days, np.where(LABELS == 0, 0.05, np.inf))
    assert continued(LABELS, faces, half, use).tolist() == LABELS.tolist()


def test_probabilities_fall_with_distance_and_with_years():
    further = child(2, 3, 0.0, [14], 1990)
    faces, dated = album(SMALL, BIG, ELDER, further)
    pairs, probability = continuations(np.array([0, 0, 1, 1, 2, 2, 3]), faces, dated, USE)
    found = {
        (int(a), int(b)): float(p) for a, b, p in zip(pairs.a, pairs.b, probability, strict=True)
    }
    assert found[0, 1] > 0.8
    assert found[0, 2] < 0.1
    assert not any(3 in pair for pair in found)  # too far away to be looked at


def test_nobody_is_born_after_the_photo_nor_long_before_looking_so_young():
    faces, dated = album(SMALL, child(0, 1, 0, [40], 1950))
    low, high = possible_births(faces, dated, USE).T
    margin = 3 * np.hypot(2, 1) + 0.15
    np.testing.assert_allclose(high, [1993.15, 1994.15, 1950 + margin], atol=1e-6)
    np.testing.assert_allclose(low, [1990 - margin, 1990 - margin, 1950 - margin], atol=1e-6)
    unsure = Dated(dated.years, dated.days, np.full(3, 5.0))
    assert np.isinf(possible_births(faces, unsure, USE)).all()
