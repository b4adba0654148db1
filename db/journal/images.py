"""Rows before and after a change, as plain values: what the journal keeps and puts back."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Table, and_, bindparam, delete, select

from db.engine.columns import Instant
from db.engine.schema import assignment, comparison, date_override, exemption, person, rejection
from db.engine.sql import chunks, upsert

Key = tuple[int, ...]
Row = dict[str, Any]
Images = dict[str, dict[Key, Row | None]]
"""By table and key: a row, or None where there is none."""

TABLES: dict[str, Table] = {
    table.name: table
    for table in (person, assignment, rejection, exemption, comparison, date_override)
}
"""What people decide is in these; nothing else is ever changed by a decision."""
SCOPES: dict[str, tuple[Column[Any], ...]] = {
    "people": (
        person.c.id,
        rejection.c.person_id,
        comparison.c.person_a,
        comparison.c.person_b,
    ),
    "faces": (assignment.c.face_id, rejection.c.face_id),
    "photos": (exemption.c.photo_id, date_override.c.photo_id),
}
"""The columns by which the rows of some people, faces or photos are found."""


def keys(table: Table) -> tuple[str, ...]:
    """Return the names of the columns that identify a row."""
    return tuple(column.name for column in table.primary_key)


def key_of(table: Table, row: Row) -> Key:
    """Return the values that identify a row."""
    return tuple(int(row[name]) for name in keys(table))


def empty() -> Images:
    """Return images of nothing."""
    return {name: {} for name in TABLES}


def rows_about(conn: Connection, kind: str, ids: Iterable[int]) -> Images:
    """Read all rows about some people, faces or photos.

    Parameters
    ----------
    conn : Connection
    kind : {'people', 'faces', 'photos'}
    ids : iterable of int
    """
    found = empty()
    for part in chunks(sorted(set(ids))):
        for column in SCOPES[kind]:
            table = column.table
            assert isinstance(table, Table)
            for found_row in conn.execute(select(table).where(column.in_(part))).mappings():
                row = dict(found_row)
                found[table.name][key_of(table, row)] = row
    return found


def rows_by_key(conn: Connection, keys_of: Mapping[str, Iterable[Key]]) -> Images:
    """Read the rows of these keys; None for those that are not there."""
    found: Images = {}
    for name, of_table in keys_of.items():
        table = TABLES[name]
        known = set(of_table)
        found[name] = dict.fromkeys(known)
        first = table.c[keys(table)[0]]
        for part in chunks(sorted({key[0] for key in known})):
            for found_row in conn.execute(select(table).where(first.in_(part))).mappings():
                row = dict(found_row)
                if (key := key_of(table, row)) in known:
                    found[name][key] = row
    return found


def put(conn: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows, or overwrite those of the same key."""
    names = keys(table)
    others = [column.name for column in table.c if column.name not in names]
    upsert(conn, table, rows, keys=names, update=others)


def remove(conn: Connection, table: Table, of: Iterable[Key]) -> None:
    """Delete the rows of these keys."""
    names = keys(table)
    same = and_(*(table.c[name] == bindparam(f"of_{name}") for name in names))
    parameters = [{f"of_{n}": v for n, v in zip(names, key, strict=True)} for key in of]
    if parameters:
        conn.execute(delete(table).where(same), parameters)


def to_json(images: Images) -> dict[str, Any]:
    """Return images as JSON can hold them: columns once, then rows, then the keys without one."""
    written: dict[str, Any] = {}
    for name, rows in images.items():
        if not rows:
            continue
        columns = [column.name for column in TABLES[name].c]
        there = [row for row in rows.values() if row is not None]
        written[name] = {
            "columns": columns,
            "rows": [[_plain(row[column]) for column in columns] for row in there],
            "absent": [list(key) for key, row in rows.items() if row is None],
        }
    return written


def from_json(written: Mapping[str, Any]) -> Images:
    """Return the images that `to_json` wrote; columns that are no longer known are left out."""
    images = empty()
    for name, part in written.items():
        table = TABLES[name]
        columns = part["columns"]
        for values in part["rows"]:
            named = zip(columns, values, strict=True)
            row = {c: _value(table.c[c], value) for c, value in named if c in table.c}
            images[name][key_of(table, row)] = row
        for key in part["absent"]:
            images[name][tuple(key)] = None
    return images


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _value(column: Column[Any], value: Any) -> Any:
    moment = isinstance(column.type, Instant) or column.type.python_type is datetime
    return datetime.fromisoformat(value) if moment and value is not None else value
