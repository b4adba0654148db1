"""Points in time as they are written: in metadata, and in the names that cameras and phones give.

Nothing here decides whether a date is to be believed; see `album.dates.photo_date`.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from pathlib import PurePath


class Precision(StrEnum):
    """How much of a date was written; the rest is filled with the middle of what is open."""

    SECOND = "second"
    DAY = "day"
    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time as written.

    Attributes
    ----------
    when : datetime
        Naive: the time on the clock of the place, or UTC where `offset_minutes` is 0 because the
        source knows nothing else.
    offset_minutes : int or None
        East of UTC; None when nothing says.
    precision : Precision
        What was written. A day stands for its noon, a month for its 15th, a year for 1 July.
    """

    when: datetime
    offset_minutes: int | None = None
    precision: Precision = Precision.SECOND


_WRITTEN = re.compile(
    r"(\d{4})(?:[:/.-](\d{1,2})(?:[:/.-](\d{1,2})"
    r"(?:[T\s]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d+))?)?\s*([A-Za-z]|[+-]\d{1,2}:?\d{2})?)?)?)?"
)
_OFFSET = re.compile(r"([+-])(\d{1,2}):?(\d{2})")

_DATE = r"(?<!\d)(?P<y>1[89]\d\d|20\d\d){0}(?P<m>0[1-9]|1[0-2]){0}(?P<d>0[1-9]|[12]\d|3[01])"
_CLOCK = r"(?P<H>[01]?\d|2[0-3])[.:_-]?(?P<M>[0-5]\d)[.:_-]?(?P<S>[0-5]\d)(?:\d{3})?(?!\d)"
_NAME_PATTERNS = (
    re.compile(_DATE.format("") + r"[-_ T]?" + _CLOCK),
    re.compile(
        _DATE.format("[-_.]") + r"(?:[-_ T]+(?:at )?)" + _CLOCK + r"(?P<half>\s?[AaPp][Mm])?"
    ),
    re.compile(
        r"^(?:IMG|VID|MVIMG|PANO|BURST|DSC|PXL|Screenshot|STK)[-_]" + _DATE.format("") + r"(?!\d)"
    ),
    re.compile(_DATE.format("-") + r"(?!\d)"),
)


def parse(text: str, *, offset: str = "", subsec: str = "") -> Moment | None:
    """Read a date as EXIF, XMP, IPTC or ISO 8601 write it.

    Parameters
    ----------
    text : str
        ``YYYY:MM:DD HH:MM:SS`` and everything near it; month and day may be missing or ``00``.
    offset : str, optional
        ``+HH:MM``, written elsewhere; one in `text` wins.
    subsec : str, optional
        Digits after the second, written elsewhere.

    Returns
    -------
    Moment or None
        None when the text is no date.
    """
    match = _WRITTEN.fullmatch(text.strip(" \0\t\r\n"))
    if not match:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    digits = (fraction or subsec.strip() or "0")[:6]
    try:
        when, precision = _completed(int(year), int(month or 0), int(day or 0))
        if hour is not None and precision is Precision.DAY:
            micro = int(digits.ljust(6, "0")) if digits.isascii() and digits.isdigit() else 0
            at = time(int(hour), int(minute), min(int(second or 0), 59), micro)
            when, precision = datetime.combine(when, at), Precision.SECOND
    except ValueError:
        return None
    return Moment(when, parse_offset(zone or offset), precision)


def parse_offset(text: str) -> int | None:
    """Return minutes east of UTC of ``Z`` or ``+HH:MM``; None for anything else."""
    if text.strip() in ("Z", "z"):
        return 0
    match = _OFFSET.fullmatch(text.strip())
    if not match:
        return None
    minutes = int(match[2]) * 60 + int(match[3])
    # The world's clocks go from -12:00 to +14:00.
    return None if minutes > 14 * 60 else minutes * (-1 if match[1] == "-" else 1)


def from_timestamp(seconds: float) -> Moment | None:
    """Return seconds since 1970 as a moment in UTC; None beyond the calendar."""
    try:
        utc = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    except (OverflowError, ValueError):
        return None
    return Moment(utc.replace(tzinfo=None), 0)


def parse_file_name(path: str) -> Moment | None:
    """Read the date in a file's name.

    Known are ``IMG_20190101_123456``, ``PXL_`` (whose clock is UTC), ``VID_``,
    ``IMG-20190101-WA0007`` (the day only), ``Screenshot_20190101-123456``,
    ``2019-01-01 12.34.56``, ``Screen Shot 2019-01-01 at 1.23.45 PM`` and what is like them.
    Folders are not looked at: they name what is in them, or when it was copied.
    """
    name = PurePath(path).name
    for pattern in _NAME_PATTERNS:
        match = pattern.search(name)
        moment = _moment_of(match.groupdict(), name) if match else None
        if moment:
            return moment
    return None


def _moment_of(parts: dict[str, str | None], name: str) -> Moment | None:
    try:
        year, month, day = (int(parts[key] or 0) for key in "ymd")
        when, precision = _completed(year, month, day)
        if parts.get("H"):
            hour, minute, second = (int(parts[key] or 0) for key in "HMS")
            half = (parts.get("half") or "").strip().lower()
            if half:
                hour = hour % 12 + (12 if half == "pm" else 0)
            when, precision = (
                when.replace(hour=hour, minute=minute, second=second),
                Precision.SECOND,
            )
    except ValueError:
        return None
    return Moment(when, 0 if name.startswith("PXL_") else None, precision)


def _completed(year: int, month: int, day: int) -> tuple[datetime, Precision]:
    if month == 0:
        return datetime(year, 7, 1), Precision.YEAR
    if day == 0:
        return datetime(year, month, 15), Precision.MONTH
    return datetime(year, month, day, 12), Precision.DAY
