from datetime import date, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from album.dates.calendar import (
    age_at,
    days_from_years,
    fractional_year,
    year_bounds,
    years_from_days,
)


@pytest.mark.parametrize("text", ["1984", "1984-12", "1984-02-29"])
def test_bounds_of_a_partial_date_hold_its_days(text):
    low, high = year_bounds(text)
    first, last = {
        "1984": (date(1984, 1, 1), date(1984, 12, 31)),
        "1984-12": (date(1984, 12, 1), date(1984, 12, 31)),
        "1984-02-29": (date(1984, 2, 29), date(1984, 2, 29)),
    }[text]
    assert low == fractional_year(first)
    assert fractional_year(last) < high <= fractional_year(last) + 1 / 365


@given(st.dates(date(1800, 1, 1), date(2200, 1, 1)), st.dates(date(1800, 1, 1), date(2200, 1, 1)))
def test_ages_grow_with_time_and_are_never_negative(one, other):
    early, late = sorted((one, other))
    age = age_at(late, fractional_year(early))
    assert age >= 0
    assert age == pytest.approx((late - early).days / 365.2425, abs=0.01)
    assert age_at(early, fractional_year(late)) == 0


def test_ages_need_a_date_and_a_birth_year():
    assert age_at(None, 1980.0) is None
    assert age_at(datetime(2000, 1, 1), None) is None


@given(st.dates(date(1800, 1, 1), date(2200, 1, 1)))
def test_days_become_years_near_the_calendars_own(when):
    days = np.array([(when - date(1970, 1, 1)).days], np.float64)
    years = years_from_days(days)
    assert years[0] == pytest.approx(fractional_year(when), abs=2 / 365)
    np.testing.assert_allclose(days_from_years(years), days, atol=1e-6)
