"""What the page of one person needs: dates and ages of all faces, clips, and who is seen together.

Columns rather than rows, and no paths: a person may have many thousands of faces.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select

from db.engine.schema import assignment, face, observation, photo, sighting
from db.engine.sql import chunks, contract_id, is_present
from db.library import Library
from db.people.browse import FaceKey, PersonFace
from db.rows import Moment


class DatedAges(NamedTuple):
    """The date of a photo with a face, and the probability of each age of it, as float16."""

    taken_at: datetime
    date_source: str
    date_precision: str
    ages: bytes


@dataclass(frozen=True, slots=True)
class ClipAppearance:
    """A clip in which a person is seen, and when."""

    key: FaceKey
    taken_at: datetime | None
    moments: tuple[Moment, ...]


def dated_ages(library: Library, person_id: int, attributes: str, *, every: int) -> list[DatedAges]:
    """Return the estimated ages of the faces of a person, in photos with a date on the disk.

    Parameters
    ----------
    library : Library
    person_id : int
    attributes : str
        Contract of the ages.
    every : int
        One of how many faces is read; 1: all.
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
        return [DatedAges._make(row) for row in conn.execute(query)]


def clip_appearances(library: Library, faces: Sequence[PersonFace]) -> list[ClipAppearance]:
    """Return the clips among what a person is seen in, with the moments, in the same order."""
    clips = [one for one in faces if one.kind == "clip"]
    columns = (sighting.c.face_id, sighting.c.start_ms, sighting.c.end_ms, sighting.c.frames)
    found: dict[int, list[Moment]] = {}
    with library.read() as conn:
        for part in chunks(one.face_id for one in clips):
            query = select(*columns).where(sighting.c.face_id.in_(part)).order_by(*columns[:2])
            for face_id, *moment in conn.execute(query):
                found.setdefault(face_id, []).append(Moment(*moment))
    return [
        ClipAppearance(one.key, one.taken_at, tuple(found.get(one.face_id, ()))) for one in clips
    ]


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
