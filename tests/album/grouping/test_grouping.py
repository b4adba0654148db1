"""Grouping: lasting ids, bursts, covers, the same-photo rule and what dates say."""

import numpy as np
import pytest

from album.grouping.features import Dated, Faces, unit
from album.grouping.grouping import LINKAGE, burst_weights, lasting_ids
from album.models.calibration import (
    PATH,
    IdentityCalibration,
    attribute_calibration,
    identity_calibration,
)
from nets.engine import ATTRIBUTES, EMBEDDERS

pytestmark = pytest.mark.postgresql

RNG = np.random.default_rng(4)


def faces(people, per_person, *, noise=0.25, photos=None):
    centres = unit(RNG.normal(size=(people, 64)).astype(np.float32))
    who = np.repeat(np.arange(people), per_person)
    vectors = unit(centres[who] + noise * unit(RNG.normal(size=(len(who), 64)).astype(np.float32)))
    ages = np.full((len(who), 100), 0.01, np.float32)
    photos = np.arange(len(who)) if photos is None else photos
    return who, Faces(vectors, ages, photos)


def undated(n):
    nothing = np.full(n, np.nan)
    return Dated(nothing, nothing, np.full(n, np.inf))


def dated(years):
    years = np.asarray(years, float)
    return Dated(years, (years - 1970) * 365.2425, np.full(len(years), 0.05))


@pytest.mark.parametrize("method", LINKAGE)
def test_people_are_told_apart(method):
    who, given = faces(6, 5)
    labels = LINKAGE[method](given, undated(len(who)), IdentityCalibration(0.8))
    np.testing.assert_array_equal(labels, who)


@pytest.mark.parametrize("method", LINKAGE)
def test_nobody_is_twice_in_a_photo(method):
    who, given = faces(3, 6, photos=np.tile(np.repeat([0, 1, 2], 2), 3))
    labels = LINKAGE[method](given, undated(len(who)), IdentityCalibration(0.8))
    pairs = np.stack([labels, given.photos])
    assert len(np.unique(pairs, axis=1).T) == len(who)


@pytest.mark.parametrize("method", LINKAGE)
def test_no_faces(method):
    none = Faces(np.zeros((0, 64), np.float32), np.zeros((0, 100), np.float32), np.zeros(0, int))
    assert LINKAGE[method](none, undated(0), IdentityCalibration(0.8)).size == 0


def test_different_birth_years_keep_look_alikes_apart():
    _, given = faces(1, 4)
    given.ages[:] = 0
    given.ages[[0, 1], 5] = given.ages[[2, 3], 59] = 1  # a grandchild and a grandfather
    use = IdentityCalibration(0.4, birth_weight=0.8, birth_width=12, birth_unknown=0.3)
    labels = LINKAGE["default"](given, dated([2010, 2011, 2010, 2011]), use)
    np.testing.assert_array_equal(labels, [0, 0, 1, 1])
    assert not LINKAGE["default"](given, undated(4), use).any()


def test_the_same_person_grows_older():
    _, given = faces(1, 3)
    given.ages[:] = 0
    given.ages[[0, 1, 2], [4, 24, 44]] = 1
    use = IdentityCalibration(0.4, birth_weight=0.8, birth_width=12, birth_unknown=0.3)
    assert not LINKAGE["default"](given, dated([1980, 2000, 2020]), use).any()


def test_a_cluster_continues_the_person_most_of_its_faces_were():
    labels = np.array([0, 0, 0, 1, 1, 2])
    before = np.array([7, 7, 9, 9, 9, 0])
    np.testing.assert_array_equal(lasting_ids(labels, before, set()), [7, 9, 0])


def test_no_id_goes_to_two_clusters_and_the_named_choose_first():
    labels = np.array([0, 0, 0, 1, 1])
    before = np.array([7, 7, 9, 7, 9])
    np.testing.assert_array_equal(lasting_ids(labels, before, set()), [7, 9])
    np.testing.assert_array_equal(lasting_ids(labels, before, {9}), [9, 7])


def test_a_burst_counts_once():
    minute = 1 / 365.2425 / 24 / 60
    years = np.array([2000, 2000 + minute / 9, 2000 + minute / 5, 2001, 2000])
    weights = burst_weights(np.array([0, 0, 0, 0, 1]), years)
    np.testing.assert_allclose(weights, [1 / 3, 1 / 3, 1 / 3, 1, 1])


def test_there_is_a_calibration_for_everything_that_can_be_chosen():
    assert PATH.is_file()
    for name in EMBEDDERS:
        use = identity_calibration(name, "faceres-deep")
        assert 0 < use.identity_threshold <= use.threshold < 2
    for name in ATTRIBUTES:
        use = attribute_calibration(name)
        assert len(use.age.ages) == len(use.age.offsets) == len(use.age.sigmas)
