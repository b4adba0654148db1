"""The user's decisions about people, faces and photos, in bulk, as a grouping must respect them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select

from db.engine.schema import assignment, comparison, event, exemption, face, person, rejection
from db.engine.sql import has_verdict, next_id, reserve_ids
from db.library import Library
from db.records import Ints
from db.rows import Pairs

Stamp = tuple[int, ...]

GROUPINGS = "grouping"
"""Name of the counter of groupings that were stored."""


@dataclass(frozen=True, slots=True)
class Assigned:
    """Every face that is somebody's, also of photos that are gone, as columns.

    Attributes
    ----------
    face_id, photo_id, person_id : ndarray of int64, shape (n,)
    placed : ndarray of bool, shape (n,)
        Whether a user or an import placed it.
    """

    face_id: Ints
    photo_id: Ints
    person_id: Ints
    placed: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The user's decisions, as of one moment.

    Attributes
    ----------
    touched : ndarray of int64, shape (k,)
        People about whom the user has decided anything: who have a name, a chosen cover, a birth
        date or gender of the user's, a face that was placed or rejected, who are hidden or known to
        be different from somebody.
    born : mapping of int to str
        By person: the birth date that the user gave; an ISO date, month or year.
    exempt : ndarray of int64, shape (m,)
        Photos in which a person may be more than once.
    different : ndarray of int64, shape (l, 2)
        Pairs of people who are known to be two.
    rejected : Pairs
        Which face is not whose.
    assigned : Assigned
    stamp : tuple of int
        Changes whenever any of this does, or the faces are grouped; see `is_unchanged`.
    """

    touched: Ints
    born: Mapping[int, str]
    exempt: Ints
    different: Ints
    rejected: Pairs
    assigned: Assigned
    stamp: Stamp


def verdicts(library: Library) -> Verdicts:
    """Read everything that the user has decided about people and faces, as of one moment."""
    placed = select(assignment.c.person_id).where(assignment.c.source != "auto").distinct()
    pair = (comparison.c.person_a, comparison.c.person_b)
    different = select(*pair).where(comparison.c.verdict == "different").order_by(*pair)
    exempt = select(exemption.c.photo_id).order_by(exemption.c.photo_id)
    born = select(person.c.id, person.c.born_override).where(person.c.born_override.is_not(None))
    with library.read() as conn:
        touched = set(conn.scalars(select(person.c.id).where(has_verdict())))
        touched |= set(conn.scalars(placed))
        return Verdicts(
            touched=np.array(sorted(touched), np.int64),
            born={int(row[0]): row[1] for row in conn.execute(born)},
            exempt=_table(conn, exempt, 1)[:, 0],
            different=_table(conn, different, 2),
            rejected=_rejections(conn),
            assigned=_assigned(conn),
            stamp=_stamp(conn),
        )


def rejections(library: Library) -> Pairs:
    """Return which faces are not which person's, by face and then by person."""
    with library.read() as conn:
        return _rejections(conn)


def _rejections(conn: Connection) -> Pairs:
    columns = (rejection.c.face_id, rejection.c.person_id)
    table = _table(conn, select(*columns).order_by(*columns), 2)
    return Pairs(table[:, 0].copy(), table[:, 1].copy())


def is_unchanged(conn: Connection, stamp: Stamp) -> bool:
    """Tell whether nobody has changed anything since the stamp was taken.

    To be asked in the transaction that stores what was derived: who names a person while a grouping
    is being worked out would otherwise find another person under that name.
    """
    return _stamp(conn) == stamp


def count_grouping(conn: Connection) -> None:
    """Make every stamp that was taken before out of date, because a grouping is being stored.

    Rows alone would not show that another process has moved faces from one person to another.
    """
    reserve_ids(conn, GROUPINGS, 1)


def _stamp(conn: Connection) -> Stamp:
    undone = select(func.count()).select_from(event).where(event.c.undone)
    counts = [select(func.count()).select_from(t) for t in (event, person, assignment, rejection)]
    last = select(func.coalesce(func.max(event.c.id), 0))
    found = (int(conn.scalar(query) or 0) for query in (last, undone, *counts))
    return (next_id(conn, GROUPINGS), *found)


def _table(conn: Connection, query: Any, width: int) -> Ints:
    rows = [tuple(row) for row in conn.execute(query)]
    return np.array(rows, np.int64).reshape(-1, width)


def _assigned(conn: Connection) -> Assigned:
    columns = (face.c.id, face.c.photo_id, assignment.c.person_id, assignment.c.source != "auto")
    query = select(*columns).join(assignment).order_by(face.c.id)
    table = _table(conn, query, 4)
    return Assigned(
        table[:, 0].copy(), table[:, 1].copy(), table[:, 2].copy(), table[:, 3].astype(bool)
    )
