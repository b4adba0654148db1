"""What the page of one person needs: dates and ages of all faces, clips, and who is seen together.

Columns rather than rows, and no paths: a person may have many thousands of faces.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select

from db.engine.schema import assignment, face, observation, photo
from db.engine.sql import contract_id, is_present
from db.library import Library
from db.people.browse import FaceKey
from db.photos.sightings import sightings
from db.rows import Moment


class StoryFace(NamedTuple):
    """A face of a person in a photo on the disk: a row as it comes, since there may be many.

    Attributes
    ----------
    face_id, photo_id : int
    x0, y0, x1, y1 : float
        In pixels of the upright photo.
    time_ms : int or None
        Of the frame, in a clip.
    kind : {'image', 'clip'}
    taken_at : datetime or None
        Naive local time.
    date_source, date_precision : str
    source : str
        Who says whose it is.
    confidence : float or None
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
    kind: str
    taken_at: datetime | None
    date_source: str
    date_precision: str
    source: str
    confidence: float | None
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
    moments: tuple[Moment, ...]


def story_faces(library: Library, person_id: int) -> list[StoryFace]:
    """Return the faces of a person in photos that are on the disk, by date; undated ones last.

    All of them, in the order of `db.people.browse.faces_of`: one pass serves everything on the
    page.
    """
    query = (
        select(
            *(face.c.id, face.c.photo_id, face.c.x0, face.c.y0, face.c.x1, face.c.y1),
            *(face.c.time_ms, photo.c.kind, photo.c.taken_at),
            *(photo.c.date_source, photo.c.date_precision),
            *(assignment.c.source, assignment.c.confidence),
            *(face.c.size, face.c.sharpness, face.c.frontal),
        )
        .select_from(assignment.join(face).join(photo))
        .where(assignment.c.person_id == person_id, is_present(face.c.photo_id))
        .order_by(photo.c.taken_at.is_(None), photo.c.taken_at, face.c.id)
    )
    with library.read() as conn:
        return [StoryFace._make(row) for row in conn.execute(query)]


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


def clips_among(library: Library, faces: Sequence[StoryFace]) -> list[SeenInClip]:
    """Return the clips among what a person is seen in, with the moments, in the same order."""
    clips = [one for one in faces if one.kind == "clip"]
    found = sightings(library, face_ids=[one.face_id for one in clips])
    return [SeenInClip(one.key, one.taken_at, found.get(one.face_id, ())) for one in clips]


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
