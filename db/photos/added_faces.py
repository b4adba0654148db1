"""Faces that a change has added, such as those that only the tags of a photo know of.

They belong to the change: to take it back takes them away, and to do it again brings them back
under the same ids, with what was observed of them. So the event holds their rows.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from typing import Any

from sqlalchemy import Connection, Table, delete, exists, insert, or_, select

from db.engine.schema import assignment, contract, face, observation, person, photo, rejection
from db.engine.sql import chunks
from db.photos.turning import Upright, moved_face, shown_photos

IMPORTED = "imported"
"""The detector contract of a face that only a tag knows of; analyses never remove such a face."""

Rows = Mapping[str, Mapping[str, Any]]


def to_json(conn: Connection, face_ids: Sequence[int]) -> Rows:
    """Return some faces and their observations as JSON can hold them; bytes in base64."""
    tables = {"face": (face, face.c.id), "observation": (observation, observation.c.face_id)}
    found = {
        name: {
            "columns": [column.name for column in table.c],
            "rows": [
                [_plain(value) for value in row]
                for part in chunks(sorted(face_ids))
                for row in conn.execute(select(table).where(of.in_(part)).order_by(of))
            ],
        }
        for name, (table, of) in tables.items()
    }
    photos = {row["photo_id"] for row in _rows(face, found)}
    shown = {str(key): astuple(value) for key, value in shown_photos(conn, photos).items()}
    return {**found, "shown": shown}


def ids(found: Rows) -> list[int]:
    """Return the ids of the faces."""
    return [row["id"] for row in _rows(face, found)]


def put_back(conn: Connection, found: Rows) -> None:
    """Insert the faces that are not there, as far as their photos and contracts still are."""
    faces = _rows(face, found)
    photos = set(
        conn.scalars(select(photo.c.id).where(photo.c.id.in_({r["photo_id"] for r in faces})))
    )
    contracts = set(conn.scalars(select(contract.c.id)))
    there = set(conn.scalars(select(face.c.id).where(face.c.id.in_([row["id"] for row in faces]))))
    missing = [
        row
        for row in faces
        if row["photo_id"] in photos and row["detector_id"] in contracts and row["id"] not in there
    ]
    _turn(conn, missing, found.get("shown", {}))
    back = {row["id"] for row in missing}
    observations = [
        row
        for row in _rows(observation, found)
        if row["face_id"] in back and row["contract_id"] in contracts
    ]
    for table, rows in ((face, missing), (observation, observations)):
        if rows:
            conn.execute(insert(table), rows)


def _turn(conn: Connection, rows: list[dict[str, Any]], shown: Mapping[str, Any]) -> None:
    """Take the places of faces to how their photos are shown now."""
    now = shown_photos(conn, {row["photo_id"] for row in rows})
    for row in rows:
        before = shown.get(str(row["photo_id"]))
        after = now[row["photo_id"]]
        if before is not None and Upright(*before) != after:
            row.update(moved_face(row, Upright(*before), after))


def take_away(conn: Connection, found: Rows) -> set[int]:
    """Delete the faces, except those that a detector or the user has confirmed since.

    Returns
    -------
    set of int
        The people who have lost a face by it.
    """
    only_tagged = exists().where(contract.c.id == face.c.detector_id, contract.c.key == IMPORTED)
    confirmed = or_(
        exists().where(assignment.c.face_id == face.c.id, assignment.c.source != "auto"),
        exists().where(rejection.c.face_id == face.c.id),
        exists().where(person.c.cover_face_id == face.c.id, person.c.cover_chosen),
    )
    losers: set[int] = set()
    for part in chunks(ids(found)):
        gone = list(
            conn.scalars(select(face.c.id).where(face.c.id.in_(part), only_tagged, ~confirmed))
        )
        whose = select(assignment.c.person_id).where(assignment.c.face_id.in_(gone))
        losers |= set(conn.scalars(whose))
        conn.execute(delete(face).where(face.c.id.in_(gone)))
    return losers


def _rows(table: Table, found: Rows) -> list[dict[str, Any]]:
    """Return rows as they were; columns that are no longer known are left out."""
    part = found[table.name]
    return [
        {
            name: _value(value)
            for name, value in zip(part["columns"], row, strict=True)
            if name in table.c
        }
        for row in part["rows"]
    ]


def _plain(value: Any) -> Any:
    return {"base64": b64encode(value).decode("ascii")} if isinstance(value, bytes) else value


def _value(value: Any) -> Any:
    return b64decode(value["base64"]) if isinstance(value, dict) else value
