"""What the user says about faces and people. It can't be derived again, so nothing overrules it."""

import unicodedata
from collections.abc import Sequence
from typing import Any, TypedDict, Unpack

import numpy as np
from sqlalchemy import Connection, delete, select

from db.engine.schema import assignment, person, rejection
from db.engine.sql import upsert
from db.errors import UnknownPersonError
from db.library import Library
from db.people.people import refresh_counts
from db.rows import Pairs


class PersonChanges(TypedDict, total=False):
    """What `edit_person` can change; None takes back what was said.

    Attributes
    ----------
    name : str or None
        Stored in Unicode's composed form, without space around it; an empty one is none.
    hidden : bool
    born : str or None
        ISO date, month or year, such as 1984-05.
    gender : {'f', 'm'} or None
    cover_face_id : int or None
        The face to show.
    """

    name: str | None
    hidden: bool
    born: str | None
    gender: str | None
    cover_face_id: int | None


_COLUMNS = {"born": "born_override", "gender": "gender_override"}


def _values(changes: PersonChanges) -> dict[str, Any]:
    values: dict[str, Any] = {_COLUMNS.get(key, key): value for key, value in changes.items()}
    if values.get("name") is not None:
        values["name"] = unicodedata.normalize("NFC", values["name"]).strip() or None
    if "cover_face_id" in values:
        values["cover_chosen"] = values["cover_face_id"] is not None
    return values


def _unknown(person_id: int) -> UnknownPersonError:
    return UnknownPersonError(f"Nobody has the id {person_id}; see the list of people.")


def edit_person(library: Library, person_id: int, **changes: Unpack[PersonChanges]) -> None:
    """Store what the user says about a person; what is not given stays as it is.

    Parameters
    ----------
    library : Library
    person_id : int
    **changes
        See `PersonChanges`.

    Raises
    ------
    UnknownPersonError
    """
    from db.people.models import Person, session

    with session(library) as orm:
        one = orm.get(Person, person_id)
        if one is None:
            raise _unknown(person_id)
        for key, value in _values(changes).items():
            setattr(one, key, value)


def _check_person(conn: Connection, person_id: int) -> None:
    if conn.scalar(select(person.c.id).where(person.c.id == person_id)) is None:
        raise _unknown(person_id)


def place_faces(
    library: Library, face_ids: Sequence[int], person_id: int, *, source: str = "user"
) -> None:
    """Store that faces are a person's; a grouping never moves them again.

    Parameters
    ----------
    library : Library
    face_ids : sequence of int
    person_id : int
    source : {'user', 'imported'}
        The user's word also takes back an earlier rejection. An import leaves faces alone that the
        user has placed.

    Raises
    ------
    UnknownPersonError
    """
    with library.write() as conn:
        _check_person(conn, person_id)
        faces = {int(face_id) for face_id in face_ids}
        if source == "user":
            for face_id in faces:
                conn.execute(delete(rejection).where(_is(rejection, face_id, person_id)))
        else:
            said = select(assignment.c.face_id).where(assignment.c.source == "user")
            faces -= set(conn.scalars(said))
        rows = [
            {"face_id": face_id, "person_id": person_id, "source": source, "confidence": 1.0}
            for face_id in sorted(faces)
        ]
        columns = ("person_id", "source", "confidence")
        upsert(conn, assignment, rows, keys=["face_id"], update=columns)
        refresh_counts(conn)


def _is(table: Any, face_id: int, person_id: int) -> Any:
    return (table.c.face_id == face_id) & (table.c.person_id == person_id)


def reject_face(library: Library, face_id: int, person_id: int) -> None:
    """Store that a face is not this person's, and take it away from them.

    Raises
    ------
    UnknownPersonError
    """
    with library.write() as conn:
        _check_person(conn, person_id)
        row = {"face_id": face_id, "person_id": person_id}
        upsert(conn, rejection, [row], keys=["face_id", "person_id"])
        conn.execute(delete(assignment).where(_is(assignment, face_id, person_id)))
        refresh_counts(conn)


def rejections(library: Library) -> Pairs:
    """Return which faces are said not to be which person's."""
    columns = (rejection.c.face_id, rejection.c.person_id)
    with library.read() as conn:
        rows = [tuple(row) for row in conn.execute(select(*columns).order_by(*columns))]
    table = np.array(rows, np.int64).reshape(-1, 2)
    return Pairs(table[:, 0].copy(), table[:, 1].copy())
