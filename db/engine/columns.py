"""Column types that store what Python means, whatever the engine."""

import os
from datetime import UTC, datetime
from math import isnan

from sqlalchemy import BigInteger, DateTime, Double, Integer, LargeBinary, String, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

BigId = BigInteger().with_variant(Integer, "sqlite")
"""A row id; SQLite only numbers rows by itself when the column is called plainly INTEGER."""


class _Words(TypeDecorator[str]):
    """Text as PostgreSQL can hold it: without NUL, and in the order of its bytes as in SQLite."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Leave out NUL, which some cameras pad their name with."""
        return value.replace("\0", "") if value and "\0" in value else value


class _Number(TypeDecorator[float]):
    """A number that is not known is NULL: SQLite does that by itself."""

    impl = Double
    cache_ok = True

    def process_bind_param(self, value: float | None, dialect: Dialect) -> float | None:
        """Convert NaN."""
        return None if value is None or isnan(value) else value


def short_text(length: int) -> String:
    """Return the type of a text that is at most `length` characters long.

    SQLite holds longer ones, too, so PostgreSQL is told of no bound.
    """
    return String(length).with_variant(_Words(collation="C"), "postgresql")


Words = Text().with_variant(_Words(collation="C"), "postgresql")
"""A text of any length."""
Real: Double[float] = Double().with_variant(_Number(), "postgresql")
"""A number of double precision."""


class PathBytes(TypeDecorator[str]):
    """A path as the bytes the file system gave, because not every file name is UTF-8.

    Python's side is a ``str`` with surrogate escapes, as `os.fsdecode` makes it.
    """

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        """Encode for the database."""
        return None if value is None else os.fsencode(value)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:
        """Decode from the database."""
        return None if value is None else os.fsdecode(value)


class Instant(TypeDecorator[datetime]):
    """A moment, aware in Python and stored as UTC without saying so."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert to UTC; a naive datetime is refused, since it could mean anything."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Mark as UTC."""
        return None if value is None else value.replace(tzinfo=UTC)


def now() -> datetime:
    """Return this moment."""
    return datetime.now(UTC)
