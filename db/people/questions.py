"""What has to be known of a library to ask its user good questions."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Select, Text, cast, select

from db.engine.schema import assignment, comparison, exemption, face, file, person
from db.library import Library
from db.records import Ints


@dataclass(frozen=True, slots=True, eq=False)
class Placements:
    """Who is in which photo, n rows in the order of `face_id`.

    Attributes
    ----------
    face_id, photo_id, person_id : ndarray of int64, shape (n,)
        The photo is -1 where one person may be in it twice.
    placed : ndarray of bool, shape (n,)
        Whether a user or an import placed it.
    present : ndarray of bool, shape (n,)
        Whether a file on disk holds the photo.
    """

    face_id: Ints
    photo_id: Ints
    person_id: Ints
    placed: NDArray[np.bool_]
    present: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.face_id)

    def on_disk(self) -> "Placements":
        """Return the rows whose photo is on disk."""
        names = (field.name for field in fields(Placements))
        return Placements(**{name: getattr(self, name)[self.present] for name in names})


@dataclass(frozen=True, slots=True, eq=False)
class Traits:
    """What decides who is asked about, k people by ascending id.

    Attributes
    ----------
    person_id : ndarray of int64, shape (k,)
    named, hidden, passer_by : ndarray of bool, shape (k,)
        Who has a name is no passer-by.
    gender, born : ndarray of str, shape (k,)
        What the user decided; empty where nothing was decided.
    years : ndarray of float64, shape (k, 5)
        Estimated birth year with its interval, first and last photo, as fractional years; NaN
        where not known.
    """

    person_id: Ints
    named: NDArray[np.bool_]
    hidden: NDArray[np.bool_]
    passer_by: NDArray[np.bool_]
    gender: NDArray[np.str_]
    born: NDArray[np.str_]
    years: NDArray[np.float64]

    def take(self, which: Ints) -> "Traits":
        """Return some of the people."""
        names = (field.name for field in fields(Traits))
        return Traits(**{name: getattr(self, name)[which] for name in names})


def placements(library: Library) -> Placements:
    """Return all faces that somebody is assigned to."""
    # A set of present photos is a third faster than asking for each face.
    holds = file.c.photo_id.is_not(None) & (file.c.kind != "live")
    there = select(file.c.photo_id).where(file.c.gone_at.is_(None), holds)
    columns = (face.c.id, face.c.photo_id, assignment.c.person_id, assignment.c.source != "auto")
    query = select(*columns).select_from(assignment.join(face))
    with library.read() as conn:
        exempt = np.array(conn.scalars(select(exemption.c.photo_id)).all(), np.int64)
        on_disk = np.array(conn.scalars(there).all(), np.int64)
        face_id, photo_id, person_id, placed = _columns(conn, query, 4)
    order = np.argsort(face_id, kind="stable")
    photo_id = photo_id[order]
    return Placements(
        face_id[order],
        np.where(np.isin(photo_id, exempt), -1, photo_id),
        person_id[order],
        placed[order] > 0,
        np.isin(photo_id, on_disk),
    )


def _columns(conn: Connection, query: Select[Any], width: int) -> list[Ints]:
    """Return the columns of a query, all of them whole numbers."""
    with closing(conn.execute(query)) as result:
        # From the cursor itself: wrapping 100,000 rows takes longer than reading them. And column
        # by column, since NumPy takes twenty times as long from rows.
        rows = result.cursor.fetchall()
    columns = list(zip(*rows, strict=True)) or [()] * width
    return [np.array(column, np.int64) for column in columns]


def traits(library: Library) -> Traits:
    """Return what decides who is asked about, of everybody."""
    overrides = (person.c.gender_override, person.c.born_override)
    flags = (person.c.name.is_not(None), person.c.hidden, person.c.passer_by)
    # As texts, since NumPy reads all dates at once.
    dates = (cast(person.c.first_at, Text), cast(person.c.last_at, Text))
    estimates = (person.c.born, person.c.born_low, person.c.born_high)
    query = select(person.c.id, *flags, *overrides, *estimates, *dates)
    with library.read() as conn:
        rows = conn.execute(query.order_by(person.c.id)).fetchall()
    columns = list(zip(*rows, strict=True)) or [()] * 11
    ids, named, hidden, passing, gender, born = columns[:6]
    has_name = np.array(named, bool)
    births = [np.array(column, np.float64) for column in columns[6:9]]
    return Traits(
        np.array(ids, np.int64),
        has_name,
        np.array(hidden, bool),
        np.array(passing, bool) & ~has_name,
        np.array([text or "" for text in gender], str),
        np.array([text or "" for text in born], str),
        np.column_stack([*births, *map(_years, columns[9:])]),
    )


def _years(texts: Sequence[str | None]) -> NDArray[np.float64]:
    """Return dates as fractional years, to a day; NaN for None."""
    days = np.array([text[:10] if text else "NaT" for text in texts], "datetime64[D]")
    since = np.where(np.isnat(days), np.nan, days.astype(np.float64))
    return np.asarray(1970 + since / 365.2425)


def comparisons(library: Library) -> dict[tuple[int, int], str]:
    """Return the verdicts on pairs of people, the lower id first."""
    columns = (comparison.c.person_a, comparison.c.person_b, comparison.c.verdict)
    with library.read() as conn:
        return {(row[0], row[1]): row[2] for row in conn.execute(select(*columns))}
