"""Small pieces of SQL that several modules need, the same on every engine."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    ScalarSelect,
    Table,
    and_,
    case,
    exists,
    insert,
    or_,
    select,
)
from sqlalchemy.dialects import sqlite

from db.engine.bulk import COPY_FROM, is_postgresql, staged
from db.engine.schema import comparison, contract, counter, file, person, photo, rejection

T = TypeVar("T")

CHUNK = 5000
"""Values bound in one statement at most; SQLite allows 32,766."""
_ROOTS = 100
"""Roots looked for in one statement at most; SQLite bounds the depth of an expression."""


def chunks(items: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """Cut `items` into lists of at most `size`."""
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part


def upsert(
    conn: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    keys: Sequence[str],
    update: Sequence[str] = (),
) -> None:
    """Insert rows; where one with the same `keys` exists, set its columns `update` instead."""
    if not rows:
        return
    statement = _for_postgresql(table) if is_postgresql(conn) else sqlite.insert(table)
    many = is_postgresql(conn) and len(rows) >= COPY_FROM
    if many:
        stage = staged(conn, table, rows)
        statement = statement.from_select(list(rows[0]), select(*(stage.c[n] for n in rows[0])))
    if update:
        new = {name: statement.excluded[name] for name in update}
        statement = statement.on_conflict_do_update(index_elements=list(keys), set_=new)
    else:
        statement = statement.on_conflict_do_nothing(index_elements=list(keys))
    if many:
        conn.execute(statement)
    else:
        conn.execute(statement, list(rows))


def _for_postgresql(table: Table) -> Any:
    # Imported late: the dialect takes a tenth of a second to load, and is mostly not used.
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(table)


def contract_id(conn: Connection, kind: str, key: str) -> int | None:
    """Return the row of a contract, or None where it has never been used."""
    found = select(contract.c.id).where(contract.c.kind == kind, contract.c.key == key)
    return conn.scalar(found)


def intern_contracts(conn: Connection, kind: str, keys: Iterable[str]) -> dict[str, int]:
    """Return the rows of contracts, made if need be."""
    distinct = sorted(set(keys))
    known = select(contract.c.key, contract.c.id).where(
        contract.c.kind == kind, contract.c.key.in_(distinct)
    )
    found = {row[0]: int(row[1]) for row in conn.execute(known)}
    for key in distinct:
        if key not in found:
            made = insert(contract).values(kind=kind, key=key).returning(contract.c.id)
            found[key] = int(conn.execute(made).scalar_one())
    return found


def next_id(conn: Connection, name: str) -> int:
    """Return the id that will be given out next under a name, such as that of a table."""
    found = conn.scalar(select(counter.c.next_id).where(counter.c.name == name))
    return 1 if found is None else int(found)


def reserve_ids(conn: Connection, name: str, count: int) -> range:
    """Take ids that are never given out again, even when their rows are deleted.

    An own counter rather than the engine's, because the ids of many new rows are then known before
    the rows are written, and all of them can be written by one call.
    """
    first = next_id(conn, name)
    row = {"name": name, "next_id": first + count}
    upsert(conn, counter, [row], keys=["name"], update=["next_id"])
    return range(first, first + count)


def _is_under(root: str) -> ColumnElement[bool]:
    # A range on the bytes rather than LIKE, so that the index serves and % and _ mean themselves.
    folder = root.rstrip(os.sep) + os.sep
    after = folder[:-1] + chr(ord(os.sep) + 1)
    return or_(file.c.path == root, and_(file.c.path >= folder, file.c.path < after))


def under(roots: Sequence[str]) -> Iterator[ColumnElement[bool]]:
    """Yield conditions on `file` which together mean: is one of `roots`, or lies below one.

    Parameters
    ----------
    roots : sequence of str
        Absolute files or folders. A file can meet several of the conditions when roots overlap.
    """
    for part in chunks(sorted(set(roots)), _ROOTS):
        yield or_(*(_is_under(root) for root in part))


def is_present(photo_id: Column[Any]) -> ColumnElement[bool]:
    """Return the condition that a present file holds the photo; the clip beside it does not."""
    holds = (file.c.photo_id == photo_id) & (file.c.kind != "live")
    return select(file.c.id).where(holds, file.c.gone_at.is_(None)).exists()


def best_file(photo_id: Column[Any]) -> ScalarSelect[Any]:
    """Return the id of the file that a photo is shown by.

    That is the first present file that holds it, of those that agree about which way up it is; else
    the first one gone.
    """
    holder, held = file.alias("holder"), photo.alias("held")
    way_up = holder.c.orientation.is_(None) | (holder.c.orientation == held.c.orientation)
    return (
        select(holder.c.id)
        .join(held, held.c.id == holder.c.photo_id)
        .where(holder.c.photo_id == photo_id, holder.c.kind != "live")
        .order_by(
            case((holder.c.gone_at.is_(None), 0), else_=1),
            case((way_up, 0), else_=1),
            holder.c.id,
        )
        .limit(1)
        .scalar_subquery()
    )


def has_verdict() -> ColumnElement[bool]:
    """Return the condition on `person` that the user has decided something about them."""
    return or_(
        person.c.name.is_not(None),
        person.c.hidden,
        person.c.cover_chosen,
        person.c.born_override.is_not(None),
        person.c.gender_override.is_not(None),
        exists().where(rejection.c.person_id == person.c.id),
        exists().where(
            or_(comparison.c.person_a == person.c.id, comparison.c.person_b == person.c.id),
            comparison.c.verdict == "different",
        ),
    )
