"""Ages, gender and birth year from many faces."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustering.attributes.fusion import (
    AgeCalibration,
    GenderCalibration,
    birth_intervals,
    corrected_ages,
    expected_ages,
    fuse_birth_year,
    fuse_birth_years,
    fuse_gender,
    fuse_genders,
    male_votes,
)
from clustering.linkage.constraints import RowError


def test_expected_age_by_hand():
    probs = np.zeros((2, 100))
    probs[0, [29, 30, 34, 80]] = [0.4, 0.3, 0.2, 0.1]
    probs[1, 0] = 1
    # Outputs 29, 30, 34 are the ages 30, 31, 35.
    want = (0.4 * 30 + 0.3 * 31 + 0.2 * 35) / 0.9
    np.testing.assert_allclose(expected_ages(probs), [want, 1])
    assert expected_ages(probs, top=1)[0] == 30
    assert expected_ages(probs, top=100)[0] == pytest.approx(0.9 * want + 0.1 * 81)


@pytest.mark.parametrize("probs", [np.zeros((1, 100)), np.full((1, 100), np.nan)])
def test_ages_without_probability_are_refused(probs):
    with pytest.raises(RowError, match=": 0"):
        expected_ages(probs)


def test_product_rule_by_hand():
    # .8 * .8 * .3 against .2 * .2 * .7
    assert fuse_gender([0.8, 0.8, 0.3]) == pytest.approx(0.192 / (0.192 + 0.028))
    assert fuse_gender([0.5]) == 0.5


def test_correlated_faces_count_for_less_but_decide_alike():
    p = np.full(30, 0.7)
    alone, together = fuse_gender(p[:1]), fuse_gender(p)
    cautious = fuse_gender(p, GenderCalibration(correlation=0.5))
    assert alone < cautious < together
    assert fuse_gender(p, GenderCalibration(correlation=1.0)) == pytest.approx(0.7)
    assert fuse_gender(p, GenderCalibration(temperature=1e9)) == pytest.approx(0.5)


def test_no_single_face_decides_for_ever():
    assert fuse_gender([0.0, 1.0, 1.0]) > 0.9
    assert 0 < fuse_gender([1.0] * 500) <= 1


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.floats(0, 1)), min_size=1, max_size=30))
def test_many_people_at_once_are_as_one_by_one(faces):
    who, p = map(np.array, zip(*faces, strict=True))
    use = GenderCalibration(0.3, 1.5, 0.2)
    found = fuse_genders(p, who, 5, use)
    for person in range(5):
        mine = p[who == person]
        want = fuse_gender(mine, use) if len(mine) else np.nan
        np.testing.assert_allclose(found[person], want)


def test_votes():
    votes = male_votes([0.6, 0.59, 0.9, 0.1], [0, 0, 2, 2], 3)
    np.testing.assert_array_equal(votes, [0.5, np.nan, 0.5])


def test_bias_of_ages_is_removed_and_none_is_negative():
    use = AgeCalibration((0.0, 10.0, 20.0), (-3.0, -1.0, -5.0), (1.0, 2.0, 4.0))
    ages, sigma = corrected_ages([1, 10, 15, 60], use)
    np.testing.assert_allclose(ages, [0, 9, 12, 55])
    np.testing.assert_allclose(sigma, [1.1, 2, 3, 4])


def test_birth_year_of_faces_that_agree():
    born = fuse_birth_year([20, 30, 41], [2000.5, 2010.5, 2021.5], 0.01)
    assert born.estimate == pytest.approx(1980.5)
    assert born.n == 3
    assert born.low < 1980.5 < born.high
    alone = fuse_birth_year([20], [2000.5], 0.01)
    assert alone.high - alone.low > born.high - born.low


def test_one_wrong_face_or_date_pulls_little():
    years = np.arange(2000.0, 2011)
    ages = years - 1980
    ages[4] = 75
    assert fuse_birth_year(ages, years, 0.1).estimate == pytest.approx(1980, abs=1)
    years[4] = 2040
    assert fuse_birth_year(years * 0 + np.arange(20, 31), years, 0.1).estimate == pytest.approx(
        1980, abs=1
    )


def test_untrusted_dates_weigh_little_and_widen_the_interval():
    ages, years = np.array([20.0, 20, 20]), np.array([2000.0, 2023, 2023])
    born = fuse_birth_year(ages, years, [0.1, 20, 20])
    assert born.estimate == pytest.approx(1982, abs=2.5)
    scans = fuse_birth_year(np.full(50, 20.0), np.full(50, 2023.0), 20)
    assert scans.high - scans.low > 40, "fifty scans of one day are one date"


def test_nobody_is_in_a_photo_before_being_born():
    born = fuse_birth_year([30, 30, 30, 0.5], [2020, 2021, 2022, 1985.0], 0.1)
    assert born.low <= born.estimate <= born.high <= 1985
    # A date that is not trusted says nothing of the kind.
    free = fuse_birth_year([30, 30, 30, 0.5], [2020, 2021, 2022, 1970.0], [0.1] * 3 + [20])
    assert free.estimate > 1985


def test_more_photos_do_not_remove_what_they_share():
    many = fuse_birth_year(np.full(10_000, 30.0), np.full(10_000, 2010.0), 0.1)
    assert many.high - many.low >= 2 * 1.28 * AgeCalibration().shared


def test_a_burst_with_weights_counts_as_one():
    years = np.full(13, 2010.0)
    ages = np.array([30.0] * 3 + [36.0] * 10)
    burst = np.array([1.0] * 3 + [0.1] * 10)
    weighted = fuse_birth_year(ages, years, 0.1, weights=burst)
    four = fuse_birth_year(ages[:4], years[:4], 0.1)
    assert weighted.estimate == pytest.approx(four.estimate, abs=0.3)
    assert fuse_birth_year(ages, years, 0.1).estimate < weighted.estimate - 1


def test_interval_holds_at_its_rate():
    rng = np.random.default_rng(0)
    use = AgeCalibration(sigmas=(4.0, 4.0), shared=2.0)
    n, people = 40_000, 4000
    who = rng.integers(0, people, n)
    truth = rng.uniform(1940, 1990, people)
    years = rng.uniform(2010, 2020, n)
    ages = years - truth[who] + rng.normal(0, 2, people)[who] + rng.normal(0, 4, n)
    found = fuse_birth_years(ages, years, 0.1, who, people, calibration=use)
    inside = (found.low <= truth) & (truth <= found.high)
    assert 0.77 < inside[found.n > 0].mean() < 0.84


def test_many_birth_years_at_once_are_as_one_by_one():
    rng = np.random.default_rng(1)
    who = rng.integers(0, 50, 200)
    ages, years, unsure = (
        rng.uniform(1, 80, 200),
        rng.uniform(1980, 2020, 200),
        rng.uniform(0, 9, 200),
    )
    found = fuse_birth_years(ages, years, unsure, who, 52)
    for person in range(52):
        mine = who == person
        if not mine.any():
            assert np.isnan([found.estimate[person], found.low[person], found.high[person]]).all()
            continue
        alone = fuse_birth_year(ages[mine], years[mine], unsure[mine])
        np.testing.assert_allclose(
            [found.estimate[person], found.low[person], found.high[person]],
            [alone.estimate, alone.low, alone.high],
            rtol=0,
            atol=1e-6,
        )


def test_possible_birth_years():
    born = birth_intervals([30, 1], [2010.0, 2010.0], 0.0, margin=[10, 5])
    np.testing.assert_allclose(born, [[1970, 1990], [2004, 2010]])


@pytest.mark.parametrize(("ages", "years"), [([np.nan], [2000]), ([-1], [2000]), ([3], [np.inf])])
def test_unusable_ages_and_dates_are_refused(ages, years):
    with pytest.raises(RowError, match=": 0"):
        fuse_birth_year(ages, years, 1.0)


def test_nothing_to_fuse_is_refused():
    with pytest.raises(ValueError, match="no face"):
        fuse_birth_year([], [], 1.0)
    with pytest.raises(ValueError, match="no face"):
        fuse_gender([])
    with pytest.raises(RowError, match="outside 0 to 1"):
        fuse_genders([0.5], [2], 2)


def test_importing_it_brings_no_scipy():
    names = "clustering.attributes.fusion, clustering.linkage.linkage"
    code = f"import sys, {names}; sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
