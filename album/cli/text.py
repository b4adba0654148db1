"""How numbers, dates, people and tables are written. One style for all commands."""

import shutil
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import click

from album.errors import StrPath, shown

if TYPE_CHECKING:
    from album.people.people import Person

NOTHING = "–"


def number(value: int) -> str:
    """Write 1204 as 1,204."""
    return f"{value:,}"


def count(value: int, one: str, many: str = "") -> str:
    """Write a number with its noun: 1 photo, 1,204 photos."""
    return f"{number(value)} {one if value == 1 else many or one + 's'}"


def duration(seconds: float) -> str:
    """Write a time as people say it: 0.8 s, 34 s, 5 min, 2 h 10 min."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02} min"


def size(octets: int) -> str:
    """Write a number of bytes in the unit that fits: 1.2 MB."""
    value, units = float(octets), iter(("kB", "MB", "GB", "TB"))
    if value < 1000:
        return f"{octets} bytes"
    unit = ""
    while value >= 1000 and (larger := next(units, None)):
        value, unit = value / 1000, larger
    return f"{value:.1f} {unit}"


def safe(text: str) -> str:
    r"""Return text without characters that steer a terminal; they become ``\xNN``."""
    if text.isprintable():
        return text
    return "".join(
        f"\\x{ord(c):02x}" if unicodedata.category(c) in ("Cc", "Cf", "Cs") else c for c in text
    )


def path_text(path: StrPath | None) -> str:
    """Return a path that can be printed anywhere."""
    return NOTHING if path is None else safe(shown(path))


def gender_text(person: "Person") -> str:
    """Write a gender with its probability: female 98 %."""
    if person.gender is None:
        return NOTHING
    if person.gender_probability is None:
        return person.gender
    percent = min(round(100 * person.gender_probability), 99)
    return f"{person.gender} {percent} %"


def born_text(person: "Person") -> str:
    """Write a birth year with its interval, 1978 (1975–1981), or what the user set."""
    if person.born_date is not None:
        return person.born_date
    if person.born is None:
        return NOTHING
    if person.born_low is None or person.born_high is None:
        return str(int(person.born))
    return f"{int(person.born)} ({int(person.born_low)}–{int(person.born_high)})"


def day(when: datetime | None, precision: str = "second") -> str:
    """Write the day of a date, or as much as is known of it."""
    if when is None:
        return NOTHING
    return when.strftime({"year": "%Y", "month": "%Y-%m"}.get(precision, "%Y-%m-%d"))


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; `stretch` marks the one that is cut where the terminal is narrow."""

    title: str
    right: bool = False
    stretch: bool = False


def width(text: str) -> int:
    """Return the columns that a text takes in a terminal."""
    if text.isascii():
        return len(text)
    wide = (unicodedata.east_asian_width(c) in "WF" for c in text)
    narrow = sum(not unicodedata.combining(c) for c in text)
    return narrow + sum(wide)


def table(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Lay out a table, line by line; made by hand because thousands of rows should take no time."""
    rows = [[safe(cell) for cell in row] for row in rows]
    widths = [
        max(map(width, (column.title, *(row[i] for row in rows))))
        for i, column in enumerate(columns)
    ]
    _squeeze(columns, widths)
    yield click.style(_line(columns, [column.title for column in columns], widths), bold=True)
    for row in rows:
        yield _line(columns, row, widths)


def _squeeze(columns: Sequence[Column], widths: list[int]) -> None:
    """Narrow the stretching column until the table fits the terminal; leave pipes alone."""
    if not sys.stdout.isatty():
        return
    room = shutil.get_terminal_size().columns - sum(widths) - 2 * (len(widths) - 1)
    for i, column in enumerate(columns):
        if column.stretch and room < 0:
            widths[i] = max(widths[i] + room, 12)


def _line(columns: Sequence[Column], cells: Sequence[str], widths: Sequence[int]) -> str:
    parts = []
    for column, cell, room in zip(columns, cells, widths, strict=True):
        fitted = cell if width(cell) <= room else _cut(cell, room)
        pad = " " * (room - width(fitted))
        parts.append(pad + fitted if column.right else fitted + pad)
    return "  ".join(parts).rstrip()


def _cut(text: str, room: int) -> str:
    """Shorten a text in its middle, where paths differ least."""
    while width(text) > room - 1:
        middle = len(text) // 2
        text = text[:middle] + text[middle + 1 :]
    return text[: len(text) // 2] + "…" + text[len(text) // 2 :]
