"""What the page of one person needs: dates and ages of all faces, clips, and who is seen together.

Columns rather than rows, and no paths: a person may have many thousands of faces.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select

from db.browse import FaceKey
from db.library import Library
from db.rows import Moment
from db.schema import assignment, face, observation, photo, sighting
from db.sql import contract_id, is_present


class DatedFace(NamedTuple):
    """A face of a person in a photo with a date: a row as it comes, since there may be many.

    Attributes
    ----------
    face_id, photo_id : int
    x0, y0, x1, y1 : float
        In pixels of the upright photo.
    time_ms : int or None
        Of the frame, in a clip.
    taken_at : datetime
        Naive local time.
    date_source, date_precision : str
    size : float
        In pixels of the photo.
    sharpness, frontal : float or None
    """

    face_id: int
    photo_id: int
    x0: float
    y0: float
    x1: float
    y1: float
    time_ms: int | None
    taken_at: datetime
    date_source: str
    date_precision: str
    size: float
    sharpness: float | None
    frontal: float | None

    @property
    def key(self) -> FaceKey:
        """Where the picture of the face is to be had."""
        box = (self.x0, self.y0, self.x1, self.y1)
        return FaceKey(self.face_id, self.photo_id, box, self.time_ms)


class SeenAge(NamedTuple):
    """When a face was seen, and the probability of each age, as float16."""

    taken_at: datetime
    date_source: str
    date_precision: str
    ages: bytes


@dataclass(frozen=True, slots=True)
class SeenInClip:
    """A clip in which a person is seen, and when."""

    key: FaceKey
    taken_at: datetime | None
    duration_ms: int | None
    moments: tuple[Moment, ...]


def dated_faces(library: Library, person_id: int) -> list[DatedFace]:
    """Return the faces of a person in photos with a date that are on the disk, oldest first."""
    query = (
        select(
            *(face.c.id, face.c.photo_id, face.c.x0, face.c.y0, face.c.x1, face.c.y1),
            *(face.c.time_ms, photo.c.taken_at, photo.c.date_source, photo.c.date_precision),
            *(face.c.size, face.c.sharpness, face.c.frontal),
        )
        .select_from(assignment.join(face).join(photo))
        .where(assignment.c.person_id == person_id, photo.c.taken_at.is_not(None))
        .where(is_present(face.c.photo_id))
        .order_by(photo.c.taken_at, face.c.id)
    )
    with library.read() as conn:
        return [DatedFace._make(row) for row in conn.execute(query)]


def seen_ages(library: Library, person_id: int, attributes: str, *, every: int) -> list[SeenAge]:
    """Return what the faces of a person look like in age, of photos with a date on the disk.

    Parameters
    ----------
    library : Library
    person_id : int
    attributes : str
        Contract of the ages.
    every : int
        Of how many faces one is looked at; 1: all.
    """
    columns = (photo.c.taken_at, photo.c.date_source, photo.c.date_precision, observation.c.ages)
    with library.read() as conn:
        contract = contract_id(conn, "attributes", attributes)
        query = (
            select(*columns)
            .select_from(assignment.join(face).join(photo).join(observation))
            .where(assignment.c.person_id == person_id, assignment.c.face_id % every == 0)
            .where(photo.c.taken_at.is_not(None), is_present(face.c.photo_id))
            .where(observation.c.contract_id == contract, observation.c.ages.is_not(None))
        )
        return [SeenAge._make(row) for row in conn.execute(query)]


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
