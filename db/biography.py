"""What the page of one person needs: dates and ages of all faces, clips, and who is seen together.

Columns rather than rows, and no paths: a person may have many thousands of faces.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select

from db.browse import FaceKey
from db.library import Library
from db.records import Floats
from db.rows import Moment
from db.schema import assignment, face, observation, photo, sighting
from db.sql import contract_id, is_present


@dataclass(frozen=True, slots=True)
class DatedFace:
    """A face of a person in a photo with a date.

    Attributes
    ----------
    key : FaceKey
    taken_at : datetime
        Naive local time.
    date_source, date_precision : str
    size : float
        In pixels of the photo.
    sharpness, frontal : float or None
    ages : ndarray of float32, shape (a,), or None
        Probability of each age.
    """

    key: FaceKey
    taken_at: datetime
    date_source: str
    date_precision: str
    size: float
    sharpness: float | None
    frontal: float | None
    ages: Floats | None


@dataclass(frozen=True, slots=True)
class SeenInClip:
    """A clip in which a person is seen, and when."""

    key: FaceKey
    taken_at: datetime | None
    duration_ms: int | None
    moments: tuple[Moment, ...]


def dated_faces(library: Library, person_id: int, attributes: str | None) -> list[DatedFace]:
    """Return the faces of a person in photos with a date that are on the disk, oldest first.

    Parameters
    ----------
    library : Library
    person_id : int
    attributes : str or None
        Contract of the ages.
    """
    with library.read() as conn:
        contract = contract_id(conn, "attributes", attributes) if attributes else None
        said = (observation.c.face_id == face.c.id) & (observation.c.contract_id == (contract or 0))
        query = (
            select(
                *(face.c.id, face.c.photo_id, face.c.x0, face.c.y0, face.c.x1, face.c.y1),
                *(face.c.time_ms, photo.c.taken_at, photo.c.date_source, photo.c.date_precision),
                *(face.c.size, face.c.sharpness, face.c.frontal, observation.c.ages),
            )
            .select_from(assignment.join(face).join(photo).outerjoin(observation, said))
            .where(assignment.c.person_id == person_id, photo.c.taken_at.is_not(None))
            .where(is_present(face.c.photo_id))
            .order_by(photo.c.taken_at, face.c.id)
        )
        rows = conn.execute(query).all()
    return [_dated_face(tuple(row)) for row in rows]


def _dated_face(row: tuple[Any, ...]) -> DatedFace:
    face_id, photo_id, x0, y0, x1, y1, time_ms, *rest, ages = row
    key = FaceKey(face_id, photo_id, (x0, y0, x1, y1), time_ms)
    values = (*rest, _probabilities(ages))
    return DatedFace(key, *values)


def _probabilities(blob: bytes | None) -> NDArray[np.float32] | None:
    return None if blob is None else np.frombuffer(blob, np.float16).astype(np.float32)


def clips_with(library: Library, person_id: int) -> list[SeenInClip]:
    """Return the clips in which a person is seen, oldest first."""
    query = (
        select(
            *(face.c.id, face.c.photo_id, face.c.x0, face.c.y0, face.c.x1, face.c.y1),
            *(face.c.time_ms, photo.c.taken_at, photo.c.duration_ms),
            *(sighting.c.start_ms, sighting.c.end_ms, sighting.c.frames),
        )
        .select_from(assignment.join(face).join(photo).outerjoin(sighting))
        .where(assignment.c.person_id == person_id, photo.c.kind == "clip")
        .where(is_present(face.c.photo_id))
        .order_by(photo.c.taken_at.nulls_first(), face.c.id, sighting.c.start_ms)
    )
    found: dict[int, SeenInClip] = {}
    with library.read() as conn:
        for face_id, photo_id, x0, y0, x1, y1, time_ms, when, length, *moment in conn.execute(
            query
        ):
            key = FaceKey(face_id, photo_id, (x0, y0, x1, y1), time_ms)
            before = found[face_id].moments if face_id in found else ()
            now = () if moment[0] is None else (Moment(*moment),)
            found[face_id] = SeenInClip(key, when, length, (*before, *now))
    return list(found.values())


def companions(library: Library, person_id: int, *, limit: int = 12) -> list[tuple[int, int]]:
    """Return who is in most photos together with a person, as ids with numbers of photos."""
    mine = (
        select(face.c.photo_id)
        .join(assignment, assignment.c.face_id == face.c.id)
        .where(assignment.c.person_id == person_id)
    )
    photos = func.count(face.c.photo_id.distinct())
    query = (
        select(assignment.c.person_id, photos)
        .select_from(assignment.join(face))
        .where(face.c.photo_id.in_(mine), assignment.c.person_id != person_id)
        .where(is_present(face.c.photo_id))
        .group_by(assignment.c.person_id)
        .order_by(photos.desc(), assignment.c.person_id)
        .limit(limit)
    )
    with library.read() as conn:
        return [(int(row[0]), int(row[1])) for row in conn.execute(query)]
