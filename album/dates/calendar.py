"""Calendar arithmetic: dates as fractional years, the bounds of a partial date, ages."""

from datetime import date

import numpy as np
from numpy.typing import NDArray

DAYS_PER_YEAR = 365.2425
"""Mean length of a Gregorian year."""


def fractional_year(when: date) -> float:
    """Return a date as a year: the middle of 1990 is 1990.5."""
    start = date(when.year, 1, 1).toordinal()
    length = date(when.year + 1, 1, 1).toordinal() - start
    return when.year + (when.toordinal() - start) / length


def years_from_days(days: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return days since 1970 as years of mean length, within two days of `fractional_year`.

    Unlike `fractional_year` it keeps differences: two photos a minute apart stay a minute apart
    across New Year and in leap years.
    """
    return np.asarray(1970 + days / DAYS_PER_YEAR)


def days_from_years(years: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return days since 1970, the inverse of `years_from_days`."""
    return np.asarray((years - 1970) * DAYS_PER_YEAR)


def year_bounds(text: str) -> tuple[float, float]:
    """Return start and end of an ISO year, month or day as fractional years."""
    year, *rest = map(int, text.split("-"))
    if not rest:
        return float(year), year + 1.0
    if len(rest) == 1:
        (month,) = rest
        following = date(year + month // 12, month % 12 + 1, 1)
        return fractional_year(date(year, month, 1)), fractional_year(following)
    start = fractional_year(date(year, *rest))
    return start, start + 1 / DAYS_PER_YEAR


def age_at(when: date | None, born: float | None) -> float | None:
    """Return the age in years at a date; see `age_in`."""
    return age_in(None if when is None else fractional_year(when), born)


def age_in(year: float | None, born: float | None) -> float | None:
    """Return the age at a fractional year; 0 where the photo seems older than the person."""
    return None if year is None or born is None else max(year - born, 0.0)
