"""Faces of people in photos and clips, as everything above the library shows them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from album.dates.calendar import age_at
from album.dates.sources import is_trusted
from album.people.people import Person, to_person
from db.library import Library
from db.people.browse import FaceKey
from db.people.faces import face_rows, faces_by_id
from db.people.people import people_by_id
from db.photos.sightings import sightings
from db.rows import FaceRow, Moment

F = TypeVar("F", bound="Quality")


@dataclass(frozen=True, slots=True)
class Face:
    """A face in a photo, or of a clip the face that shows a person best.

    JSON has the fields from `face_id` to `emotion_probability`, in this order; see
    `album.people.records`.

    Attributes
    ----------
    face_id, photo_id : int
    path : str or None
        Of a file that holds the photo; bytes that are not UTF-8 are surrogates.
    present : bool
        Whether that file was there when its folder was last indexed.
    date : datetime or None
        Of the photo; naive local time.
    date_source, date_precision : str
    age : float or None
        Years at that time by the birth year of the person, never negative; None without a trusted
        date.
    box : tuple of float
        Left, top, right, bottom in pixels of the upright photo.
    time_ms : int or None
        Of a clip: the frame that the box is in.
    moments : tuple of Moment
        Of a clip: when the person is seen.
    score : float
        Probability of being a face.
    confidence : float or None
        0 to 1: how well the face fits the person.
    source : {'auto', 'user', 'imported'} or None
        Who assigned the face; None where it is nobody's.
    emotion : str or None
        The likeliest of `nets.core.api.EMOTIONS`; None where no net has looked.
    emotion_probability : float or None
    person_id : int or None
    kind : {'image', 'clip'}
    date_trusted : bool
        Whether the date is good enough to tell an age by.
    size : float
        In pixels of the photo.
    sharpness, frontal : float or None
        See `nets.core.quality`.
    """

    face_id: int
    photo_id: int
    path: str | None
    present: bool
    date: datetime | None
    date_source: str
    date_precision: str
    age: float | None
    box: tuple[float, float, float, float]
    time_ms: int | None
    moments: tuple[Moment, ...]
    score: float
    confidence: float | None
    source: str | None
    emotion: str | None
    emotion_probability: float | None
    person_id: int | None
    kind: str
    date_trusted: bool
    size: float
    sharpness: float | None
    frontal: float | None

    @property
    def clarity(self) -> float:
        """How clearly the face shows; of many faces, `clarities` is faster."""
        return float(clarities([self])[0])


def face_key(face: Face) -> FaceKey:
    """Return where the picture of a face is to be cut out."""
    return FaceKey(face.face_id, face.photo_id, face.box, face.time_ms)


def to_face(row: FaceRow, born: float | None, moments: tuple[Moment, ...] = ()) -> Face:
    """Translate a row of the library; `born` is the fractional birth year of its person."""
    # Imported late: the table of people needs none of it.
    from album.people.expressions import likeliest

    trusted = row.taken_at is not None and is_trusted(row.date_source, row.date_precision)
    emotion, probability = likeliest(None if row.emotions is None else [row.emotions.tolist()])
    return Face(
        face_id=row.face_id,
        photo_id=row.photo_id,
        path=row.path,
        present=row.present,
        date=row.taken_at,
        date_source=row.date_source,
        date_precision=row.date_precision,
        age=age_at(row.taken_at, born) if trusted else None,
        box=row.box,
        time_ms=row.time_ms,
        moments=moments,
        score=row.score,
        confidence=row.confidence,
        source=row.source,
        emotion=emotion,
        emotion_probability=probability,
        person_id=row.person_id,
        kind=row.kind,
        date_trusted=trusted,
        size=row.size,
        sharpness=row.sharpness,
        frontal=row.frontal,
    )


def person_faces(library: Library, people: Sequence[Person]) -> Iterator[Face]:
    """Yield the faces of some people, by person and then by date; undated ones come first.

    Faces whose photo is gone from the disk come, too. The library stays in one read transaction
    until the iterator is exhausted or closed.
    """
    born = {person.id: person.born for person in people}
    seen = sightings(library, list(born))
    for row in face_rows(library, person_ids=list(born)):
        assert row.person_id is not None
        yield to_face(row, born[row.person_id], seen.get(row.face_id, ()))


def photo_faces(library: Library, photo_id: int) -> tuple[list[Face], dict[int, Person]]:
    """Return the faces in a photo from left to right, and the people whose they are, by id."""
    rows = sorted(face_rows(library, photo_id=photo_id), key=lambda row: row.box[0])
    return _with_people(library, rows)


def chosen_faces(library: Library, face_ids: Sequence[int]) -> list[Face]:
    """Return some faces in the order of their ids as given; those that are gone are left out."""
    return _with_people(library, faces_by_id(library, face_ids))[0]


def _with_people(library: Library, rows: Sequence[FaceRow]) -> tuple[list[Face], dict[int, Person]]:
    known = people_by_id(library, {row.person_id for row in rows if row.person_id})
    people = {person_id: to_person(row) for person_id, row in known.items()}
    clips = [row.face_id for row in rows if row.kind == "clip"]
    seen = sightings(library, face_ids=clips) if clips else {}
    faces = [
        to_face(
            row,
            people[row.person_id].born if row.person_id in people else None,
            seen.get(row.face_id, ()),
        )
        for row in rows
    ]
    return faces, people


class Quality(Protocol):
    """What clarity depends on; see `nets.core.quality`."""

    @property
    def size(self) -> float:
        """In pixels of the photo."""

    @property
    def sharpness(self) -> float | None:
        """None where not measured."""

    @property
    def frontal(self) -> float | None:
        """None where not measured."""


def clarities(faces: Sequence[Quality]) -> NDArray[np.float64]:
    """Return how clearly faces show, shape (n,); see `nets.core.quality.clarity`."""
    from nets.core.quality import clarity

    columns = ("size", "sharpness", "frontal")
    size, sharpness, frontal = (
        np.array([getattr(face, column) for face in faces], np.float64) for column in columns
    )
    return np.asarray(clarity(size, sharpness, frontal), np.float64)


def clearest_of_stretches(faces: Sequence[F], most: int) -> list[F]:
    """Return at most so many faces, the clearest of equal stretches of a life.

    Parameters
    ----------
    faces : sequence
        By date.
    most : int
    """
    n = len(faces)
    if n <= most:
        return list(faces)
    clear = clarities(faces)
    edges = [round(i * n / most) for i in range(most + 1)]
    return [faces[a + int(clear[a:b].argmax())] for a, b in pairwise(edges)]


def moment_texts(face: Face) -> list[str]:
    """Return when a person is seen in a clip, as players show it: ``0:12-0:31``."""
    ends = ((_clock(one.start_ms), _clock(one.end_ms)) for one in face.moments)
    return list(dict.fromkeys(a if a == b else f"{a}-{b}" for a, b in ends))


def _clock(ms: int) -> str:
    minutes, seconds = divmod(ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
