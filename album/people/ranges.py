"""Ranges of numbers and of dates as people write them: ``3..6``, ``2015..``, ``2019-06``."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from album.errors import AlbumError

_NUMBER = re.compile(r"\d{1,9}")
_DATE = re.compile(r"(\d{4})(?:-(\d{1,2}))?(?:-(\d{1,2}))?")


class NotARange(AlbumError):  # noqa: N818 - the name says what is wrong
    """A range or a date that can't be understood, or that runs backwards."""

    code = "not-a-range"
    exit_code = 2


@dataclass(frozen=True, slots=True)
class Range:
    """Whole numbers from `low` to `high`, both included; None is open."""

    low: int | None
    high: int | None

    def __contains__(self, value: int) -> bool:
        return (self.low is None or self.low <= value) and (self.high is None or value <= self.high)


def parse_range(text: str) -> Range:
    """Read a number or a range.

    Parameters
    ----------
    text : str
        ``3``, ``3..6``, ``3..`` or ``..6``.

    Returns
    -------
    Range

    Raises
    ------
    NotARange
    """
    low, dots, high = (part.strip() for part in text.partition(".."))
    if not dots:
        high = low
    first, last = _number(low), _number(high)
    if not (low or high) or (low and first is None) or (high and last is None):
        raise NotARange(
            f"{text or 'Nothing'} is no range; write a number such as 3, or 3..6, 3.. or ..6."
        )
    if first is not None and last is not None and first > last:
        raise NotARange(f"{text} runs backwards; write {last}..{first}.")
    return Range(first, last)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and _NUMBER.fullmatch(text) else None


def parse_date(text: str) -> tuple[datetime, datetime]:
    """Read an ISO day, month or year.

    Parameters
    ----------
    text : str
        ``2019``, ``2019-06`` or ``2019-06-30``.

    Returns
    -------
    tuple of datetime
        Naive: its first moment, and the first moment after it.

    Raises
    ------
    NotARange
    """
    found = _DATE.fullmatch(text.strip())
    try:
        if found is None:
            raise ValueError(text)
        year, month, day = (None if part is None else int(part) for part in found.groups())
        assert year is not None
        start = datetime(year, month or 1, day or 1)
        return start, _after(start, month is None, day is None)
    except (ValueError, OverflowError) as error:
        raise NotARange(
            f"{text or 'Nothing'} is no date; write a day, a month or a year, such as 2019-06-30, "
            "2019-06 or 2019."
        ) from error


def _after(start: datetime, whole_year: bool, whole_month: bool) -> datetime:
    if whole_year:
        return start.replace(year=start.year + 1)
    if whole_month:
        return (start + timedelta(days=31)).replace(day=1)
    return start + timedelta(days=1)


def parse_years(text: str) -> tuple[datetime | None, datetime | None]:
    """Read a year or a range of years as the moment it starts and the moment after its end.

    Raises
    ------
    NotARange
    """
    years = parse_range(text)
    for year in (years.low, years.high):
        if year is not None and not 1000 <= year < 9999:
            raise NotARange(f"{text} is no year; write 2019, or 2015..2019, 2015.. or ..2019.")
    start = None if years.low is None else datetime(years.low, 1, 1)
    return start, None if years.high is None else datetime(years.high + 1, 1, 1)
