"""Faces a page at a time, for looking at a library of any size."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, func, select

from db.engine.schema import assignment, face, file, person, photo
from db.engine.sql import CHUNK, best_file, chunks, is_present
from db.library import Library
from db.people.faces import load_table
from db.rows import FaceTable


@dataclass(frozen=True, slots=True)
class FaceKey:
    """Where the picture of a face is to be had.

    Attributes
    ----------
    face_id, photo_id : int
    box : tuple of float
        Left, top, right, bottom in pixels of the upright photo.
    time_ms : int or None
        Of the frame, in a clip.
    """

    face_id: int
    photo_id: int
    box: tuple[float, float, float, float]
    time_ms: int | None


@dataclass(frozen=True, slots=True)
class FaceFile:
    """A face and a file that holds its photo, as both were when the photo was read.

    ``path`` is None where no file is known; ``present`` tells whether it was there last.
    """

    key: FaceKey
    path: str | None
    present: bool
    size: int | None
    mtime_ns: int | None


_KEY = (face.c.id, face.c.photo_id, face.c.x0, face.c.y0, face.c.x1, face.c.y1, face.c.time_ms)


def _key(row: Sequence[Any]) -> FaceKey:
    face_id, photo_id, x0, y0, x1, y1, time_ms = row
    return FaceKey(face_id, photo_id, (x0, y0, x1, y1), time_ms)


def cover_faces(library: Library, person_ids: Sequence[int]) -> dict[int, FaceKey]:
    """Return the face that stands for each of some people, where there is one.

    That is the cover, else the largest face.
    """
    covers = select(person.c.id, *_KEY).join(face, face.c.id == person.c.cover_face_id)
    found: dict[int, FaceKey] = {}
    with library.read() as conn:
        for part in chunks(person_ids):
            for person_id, *row in conn.execute(covers.where(person.c.id.in_(part))):
                found[person_id] = _key(row)
        for part in chunks([one for one in person_ids if one not in found]):
            for person_id, *row in conn.execute(_any_face(part)):
                found.setdefault(person_id, _key(row))
    return found


def _any_face(person_ids: Sequence[int]) -> Select[Any]:
    """Select the largest face of each of some people, found without sorting all of them."""
    other = face.alias("other")
    largest = (
        select(other.c.id)
        .join(assignment, assignment.c.face_id == other.c.id)
        .where(assignment.c.person_id == person.c.id)
        .order_by(other.c.size.desc(), other.c.id)
        .limit(1)
        .scalar_subquery()
    )
    return (
        select(person.c.id, *_KEY)
        .select_from(person.join(face, face.c.id == largest))
        .where(person.c.id.in_(person_ids))
    )


def _of(person_id: int) -> ColumnElement[bool]:
    return (assignment.c.person_id == person_id) & is_present(face.c.photo_id)


def faces_of(
    library: Library, person_id: int, *, offset: int = 0, limit: int = 200, newest: bool = False
) -> list[int]:
    """Return the ids of some faces of a person in present photos, by date; undated ones last.

    Parameters
    ----------
    library : Library
    person_id : int
    offset, limit : int
    newest : bool
        Newest first.
    """
    when = photo.c.taken_at.desc() if newest else photo.c.taken_at
    query = (
        select(face.c.id)
        .select_from(assignment.join(face).join(photo))
        .where(_of(person_id))
        .order_by(photo.c.taken_at.is_(None), when, face.c.id)
        .limit(limit)
        .offset(offset)
    )
    with library.read() as conn:
        return [int(one) for one in conn.scalars(query)]


def count_faces(library: Library, person_id: int) -> int:
    """Return how many faces of a person are in photos that are on the disk."""
    query = select(func.count()).select_from(assignment.join(face)).where(_of(person_id))
    with library.read() as conn:
        return int(conn.scalar(query) or 0)


def face_file(library: Library, face_id: int) -> FaceFile | None:
    """Return where a face is to be cut from, or None where there is no such face."""
    query = (
        select(*_KEY, file.c.path, file.c.gone_at, file.c.size, file.c.mtime_ns)
        .select_from(face.outerjoin(file, file.c.id == best_file(face.c.photo_id)))
        .where(face.c.id == face_id)
    )
    with library.read() as conn:
        row = conn.execute(query).first()
    if row is None:
        return None
    path, gone_at, size, mtime_ns = row[7:]
    return FaceFile(_key(row[:7]), path, path is not None and gone_at is None, size, mtime_ns)


@dataclass(frozen=True, slots=True)
class PhotoFile:
    """A photo or clip and a file that holds it, as it was when it was read; see `FaceFile`."""

    photo_id: int
    content_hash: str
    kind: str
    path: str | None
    present: bool
    size: int | None
    mtime_ns: int | None


def photo_file(library: Library, photo_id: int) -> PhotoFile | None:
    """Return where a photo is to be read, or None where there is no such photo."""
    query = (
        select(
            photo.c.id,
            func.coalesce(file.c.content_hash, photo.c.content_hash),
            photo.c.kind,
            file.c.path,
            file.c.gone_at,
            file.c.size,
            file.c.mtime_ns,
        )
        .select_from(photo.outerjoin(file, file.c.id == best_file(photo.c.id)))
        .where(photo.c.id == photo_id)
    )
    with library.read() as conn:
        row = conn.execute(query).first()
    if row is None:
        return None
    here = row[3] is not None and row[4] is None
    return PhotoFile(row[0], row[1], row[2], row[3], here, row[5], row[6])


class FaceQuality(NamedTuple):
    """How clearly a face shows, and whether its photo is on the disk; see `db.rows.FaceTable`."""

    face_id: int
    present: bool
    size: float
    sharpness: float | None
    frontal: float | None


def face_qualities(library: Library, person_id: int) -> list[FaceQuality]:
    """Return all faces of a person by date, undated ones first."""
    query = (
        select(
            *(face.c.id, is_present(face.c.photo_id)),
            face.c.size,
            face.c.sharpness,
            face.c.frontal,
        )
        .select_from(assignment.join(face).join(photo))
        .where(assignment.c.person_id == person_id)
        .order_by(photo.c.taken_at.nulls_first(), face.c.photo_id, face.c.id)
    )
    with library.read() as conn:
        return [FaceQuality._make(row) for row in conn.execute(query)]


def face_ids_of(library: Library, person_ids: Sequence[int]) -> list[int]:
    """Return the ids of all faces of some people in photos that are on the disk, ascending."""
    query = select(face.c.id).select_from(assignment.join(face)).where(is_present(face.c.photo_id))
    with library.read() as conn:
        parts = (query.where(assignment.c.person_id.in_(part)) for part in chunks(person_ids))
        return sorted(int(one) for part in parts for one in conn.scalars(part))


def faces_with_vectors(library: Library, face_ids: Sequence[int], *, identity: str) -> FaceTable:
    """Return some faces with vectors, as `db.people.faces.load_faces` does all.

    Parameters
    ----------
    library : Library
    face_ids : sequence of int
        A few thousand at most.
    identity : str
        Contract of the vectors.
    """
    these = face.c.id.in_(list(face_ids)[:CHUNK])
    with library.read() as conn:
        return load_table(conn, library.path, identity=identity, only=these)
