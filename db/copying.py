"""A library copied into another, of either engine: every row, under the same ids.

What is copied is one state of the source, table by table in the order of references, some thousand
rows a transaction. Until the end the target is marked (`UNFINISHED`), so that nobody takes half a
library for a whole one. A copy that was broken off goes on where it was: what is there already is
compared with the source row by row, and if that has changed since, the copy begins anew.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from sqlalchemy import (
    Connection,
    Select,
    Table,
    bindparam,
    delete,
    func,
    insert,
    select,
    tuple_,
    update,
)

from db.engine.bulk import insert_rows
from db.engine.schema import metadata, photo, setting
from db.errors import LibraryError, OtherCopyError, printable
from db.library import UNFINISHED, Library

ROWS = 4096
"""Rows of a transaction at most."""
_BATCH_BYTES = 8 << 20
_OWN = (UNFINISHED, "cleaning-due")
"""Keys of settings that are about a file and not about the library in it."""
TABLES: tuple[Table, ...] = tuple(
    table
    for table in metadata.sorted_tables
    if table.name not in ("schema_version", "index_progress")
)
_LATER = photo.c.duplicate_of
"""Refers to rows of its own table, which may come later; set at the end of the table."""


@dataclass(frozen=True, slots=True)
class Copied:
    """How far a copy is: rows of a table that are there, and that there will be."""

    table: str
    rows: int
    total: int


@dataclass(frozen=True, slots=True)
class BegunAnew:
    """The source has changed since the copy was broken off."""


def copy_library(source: Library, target: Library) -> Iterator[Copied | BegunAnew]:
    """Copy a library into one that is empty, or that is an unfinished copy of the same.

    Parameters
    ----------
    source : Library
        May be read-only, and may be used meanwhile: what is changed from now on is not copied.
    target : Library
        Opened with ``unfinished=True``.

    Yields
    ------
    Copied
        After each transaction.
    BegunAnew

    Raises
    ------
    LibraryError
        The target is a library already, or an unfinished copy of another one.
    """
    _mark(target, source.path)
    with source.read() as conn:
        done = {table.name: _rows_there(conn, target, table) for table in TABLES}
        if None in done.values():
            _empty(target)
            yield BegunAnew()
            done = dict.fromkeys(done, 0)
        for table in TABLES:
            yield from _copy_table(conn, target, table, done[table.name] or 0)
        numbers = source.numbering(conn)
    with target.write() as conn:
        target.set_numbering(conn, numbers)
        conn.execute(delete(setting).where(setting.c.key == UNFINISHED))


def _mark(target: Library, source: str) -> None:
    """Mark the target as unfinished, which it stays until the end."""
    if source == target.path:
        raise LibraryError(f"{printable(source)} can't be copied to itself; give another place.")
    with target.write() as conn:
        query = select(setting.c.value).where(setting.c.key == UNFINISHED)
        mark = _as_mark(source)
        of = conn.scalar(query)
        if of is None and any(_count(conn, table) for table in TABLES):
            raise LibraryError(
                f"{printable(target.path)} holds a library already; give a place where there is "
                "none."
            )
        if of not in (None, mark):
            raise OtherCopyError(
                f"{printable(target.path)} is an unfinished copy of {of}; finish that, or delete "
                "it."
            )
        if of is None:
            conn.execute(insert(setting).values(key=UNFINISHED, value=mark))


def _as_mark(source: str) -> str:
    r"""Return the path of a source as text: bytes that are not UTF-8 become ``\xNN``.

    A folder that is really called so makes no harm: what is there is compared row by row.
    """
    return os.fsencode(source).decode("utf-8", "backslashreplace")


def _rows(table: Table) -> Select[Any]:
    """Select what is copied of a table, in the order of its key."""
    query = select(*(column for column in table.c if column is not _LATER))
    if table is setting:
        query = query.where(setting.c.key.not_in(_OWN))
    return query.order_by(*table.primary_key)


def _count(conn: Connection, table: Table) -> int:
    rows = _rows(table).order_by(None).subquery()
    return int(conn.scalar(select(func.count()).select_from(rows)) or 0)


def _stream(conn: Connection, query: Select[Any]) -> Iterator[Sequence[Any]]:
    """Yield rows, few of them in memory."""
    with closing(conn.execute(query.execution_options(yield_per=512))) as result:
        yield from result


def _rows_there(source: Connection, target: Library, table: Table) -> int | None:
    """Count the rows that were copied before; None where they are not those of the source."""
    with target.read() as conn:
        there = _count(conn, table)
        if not there:
            return 0
        begin = _stream(source, _rows(table).limit(there))
        pairs = zip_longest(begin, _stream(conn, _rows(table)))
        same = all(_comparable(one) == _comparable(other) for one, other in pairs)
    return there if same else None


def _comparable(row: Sequence[Any] | None) -> list[Any] | None:
    """Return a row as PostgreSQL would have it, which holds no NUL in a text."""
    if row is None:
        return None
    return [value.replace("\0", "") if isinstance(value, str) else value for value in row]


def _empty(target: Library) -> None:
    with target.write() as conn:
        for table in reversed(TABLES):
            keep = setting.c.key == UNFINISHED
            conn.execute(delete(table).where(~keep) if table is setting else delete(table))


def _copy_table(source: Connection, target: Library, table: Table, done: int) -> Iterator[Copied]:
    total = _count(source, table)
    query = _rows(table)
    if done:
        query = query.where(_after(source, table, done))
    for part in _batches(_stream(source, query)):
        with target.write() as conn:
            insert_rows(conn, table, part)
        done += len(part)
        yield Copied(table.name, done, total)
    if table is photo:
        _refer_back(source, target)


def _after(source: Connection, table: Table, done: int) -> Any:
    """Return the condition that a row comes after the first `done` ones."""
    keys = list(table.primary_key)
    last = source.execute(_rows(table).with_only_columns(*keys).offset(done - 1).limit(1)).one()
    return tuple_(*keys) > tuple_(*last)


def _batches(rows: Iterator[Sequence[Any]]) -> Iterator[list[dict[str, Any]]]:
    part: list[dict[str, Any]] = []
    size = 0
    for row in rows:
        part.append(dict(row._mapping))  # type: ignore[attr-defined]
        size += sum(len(value) for value in row if isinstance(value, bytes | str))
        if len(part) >= ROWS or size >= _BATCH_BYTES:
            yield part
            part, size = [], 0
    if part:
        yield part


def _refer_back(source: Connection, target: Library) -> None:
    """Set the column that refers to rows of its own table."""
    rows = source.execute(select(photo.c.id, _LATER).where(_LATER.is_not(None))).all()
    if rows:
        with target.write() as conn:
            to = update(photo).where(photo.c.id == bindparam("of"))
            values = [{"of": row[0], "to": row[1]} for row in rows]
            conn.execute(to.values(duplicate_of=bindparam("to")), values)
