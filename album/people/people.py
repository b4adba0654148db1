"""What is said of people and of their faces, as records for tables, JSON and CSV.

The Python twin of `album people` and `album show`. Light on purpose: the table of people comes from
what the last grouping derived, without any net and without any face.
"""

import os
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from album.dates.calendar import age_at, year_bounds
from album.dates.sources import is_trusted
from album.errors import shown
from album.people.labels import file_label, person_label
from db.library import Library
from db.people.faces import face_rows
from db.people.people import people as person_rows
from db.photos.sightings import sightings
from db.rows import FaceRow, Moment, PersonRow, clearness

GENDERS = {"f": "female", "m": "male"}


@dataclass(frozen=True, slots=True)
class Person:
    """A person as the program shows it.

    Attributes
    ----------
    id : int
        Never changes, and is never given to anybody else.
    name : str or None
    gender : {'female', 'male'} or None
    gender_probability : float or None
        0.5 to 1; None where the user said so, or nothing is known.
    gender_source, born_source : {'user', 'estimated'} or None
    born, born_low, born_high : float or None
        Fractional years; the truth is between the last two with a probability of 80 %. What the
        user said is the middle and the ends of the year, month or day.
    born_date : str or None
        What the user said: an ISO date, month or year.
    photos, faces : int
        Present on disk.
    first, last : datetime or None
        Of the photos; naive local time.
    passer_by, hidden : bool
    """

    id: int
    name: str | None
    gender: str | None
    gender_probability: float | None
    gender_source: str | None
    born: float | None
    born_low: float | None
    born_high: float | None
    born_date: str | None
    born_source: str | None
    photos: int
    faces: int
    first: datetime | None
    last: datetime | None
    passer_by: bool
    hidden: bool

    @property
    def label(self) -> str:
        """The name, or "Person 12"."""
        return person_label(self.id, self.name)

    @property
    def file_label(self) -> str:
        """The name, or ``person-12``."""
        return file_label(self.id, self.name)


@dataclass(frozen=True, slots=True)
class People:
    """The people to show, those with most photos first, and what was left out.

    Attributes
    ----------
    shown : tuple of Person
    passers_by, hidden : int
        How many were left out because they were seen too little, or because the user hid them.
    only_passers_by : bool
        Nobody but passers-by was found, so they are shown unasked.
    """

    shown: tuple[Person, ...]
    passers_by: int = 0
    hidden: int = 0
    only_passers_by: bool = False


@dataclass(frozen=True, slots=True)
class Appearance:
    """A face of a person in a photo.

    Attributes
    ----------
    person_id, face_id, photo_id : int
    path : str or None
        Of a file that holds the photo; bytes that are not UTF-8 are surrogates.
    present : bool
        Whether that file was there when its folder was last indexed.
    date : datetime or None
        Naive local time.
    date_source, date_precision : str
    date_trusted : bool
        Whether the date is good enough to tell an age by.
    age : float or None
        Years at that time by the birth year of the person, never negative; None without a date
        that is trusted.
    box : tuple of float
        Left, top, right, bottom in pixels of the upright photo.
    time_ms : int or None
        When the face is seen best in a clip.
    moments : tuple of Moment
        When the person is seen in a clip; empty for a photo.
    score : float
        Probability of being a face.
    confidence : float or None
        0 to 1: how well the face fits the person.
    source : str or None
        Who says whose face it is: 'auto', 'user' or 'imported'.
    clearness : float
        How well the face can be seen.
    emotion : str or None
        The likeliest of `nets.core.api.EMOTIONS`; None where nobody has looked.
    emotion_probability : float or None
    """

    person_id: int
    face_id: int
    photo_id: int
    path: str | None
    present: bool
    date: datetime | None
    date_source: str
    date_precision: str
    date_trusted: bool
    age: float | None
    box: tuple[float, float, float, float]
    time_ms: int | None
    score: float
    confidence: float | None
    source: str | None
    moments: tuple[Moment, ...] = ()
    clearness: float = 0.0
    emotion: str | None = None
    emotion_probability: float | None = None


def list_people(library: Library, *, everyone: bool = False) -> People:
    """Return the people of a library, those with most photos first.

    Parameters
    ----------
    library : Library
    everyone : bool
        With passers-by and with those whom the user has hidden. Without any photo on disk, a person
        is only shown so, or by name.
    """
    rows = person_rows(library, hidden=True, passers_by=True)
    everybody = [to_person(row) for row in rows if row.photos or row.name or everyone]
    if everyone:
        return People(tuple(everybody))
    visible = [person for person in everybody if not person.hidden]
    known = [person for person in visible if not person.passer_by]
    hidden = len(everybody) - len(visible)
    if not known and visible:
        return People(tuple(visible), hidden=hidden, only_passers_by=True)
    return People(tuple(known), len(visible) - len(known), hidden)


def to_person(row: PersonRow) -> Person:
    """Translate a row of the library; what the user said goes before what was derived."""
    gender, probability, gender_source = _gender(row)
    born, low, high, born_source = _born(row)
    return Person(
        *(row.person_id, row.name, gender, probability, gender_source),
        *(born, low, high, row.born_override, born_source),
        *(row.photos, row.faces, row.first_at, row.last_at),
        passer_by=row.passer_by and row.name is None,
        hidden=row.hidden,
    )


def _gender(row: PersonRow) -> tuple[str | None, float | None, str | None]:
    if row.gender_override:
        return GENDERS[row.gender_override], None, "user"
    if row.p_male is None:
        return None, None, None
    gender = "male" if row.p_male >= 0.5 else "female"
    return gender, max(row.p_male, 1 - row.p_male), "estimated"


def _born(row: PersonRow) -> tuple[float | None, float | None, float | None, str | None]:
    if row.born_override:
        low, high = year_bounds(row.born_override)
        return (low + high) / 2, low, high, "user"
    return row.born, row.born_low, row.born_high, None if row.born is None else "estimated"


def appearances(library: Library, people: Sequence[Person]) -> Iterator[Appearance]:
    """Yield the faces of some people, by person and then by date; those without one come first.

    Faces whose photo is gone from the disk come, too. The library stays in one read transaction
    until the iterator is exhausted or closed.
    """
    born = {person.id: person.born for person in people}
    seen = sightings(library, list(born))
    for row in face_rows(library, person_ids=list(born)):
        assert row.person_id is not None
        yield _appearance(row, row.person_id, born[row.person_id], seen.get(row.face_id, ()))


def _appearance(
    row: FaceRow, person_id: int, born: float | None, moments: tuple[Moment, ...]
) -> Appearance:
    # Imported late: the table of people needs none of it.
    from album.people.expressions import likeliest

    trusted = row.taken_at is not None and is_trusted(row.date_source, row.date_precision)
    age = age_at(row.taken_at, born) if trusted else None
    emotion, probability = likeliest(None if row.emotions is None else [row.emotions.tolist()])
    return Appearance(
        *(person_id, row.face_id, row.photo_id, row.path, row.present),
        *(row.taken_at, row.date_source, row.date_precision, trusted, age),
        *(row.box, row.time_ms, row.score, row.confidence, row.source),
        moments=moments,
        clearness=clearness(row.size, row.sharpness),
        emotion=emotion,
        emotion_probability=probability,
    )


def whole_age(age: float, person: Person) -> int:
    """Return an age as it is told: whole years lived where the birthday is known, else rounded."""
    exact = person.born_date is not None and len(person.born_date) > len("1984-05")
    return int(age if exact else age + 0.5)


def person_record(person: Person) -> dict[str, Any]:
    """Return a person as JSON has it; the keys are documented in ``docs/export.md``."""
    return {
        "id": person.id,
        "name": person.name,
        "gender": person.gender,
        "gender_probability": _rounded(person.gender_probability, 3),
        "gender_source": person.gender_source,
        "born": _rounded(person.born, 1),
        "born_low": _rounded(person.born_low, 1),
        "born_high": _rounded(person.born_high, 1),
        "born_date": person.born_date,
        "born_source": person.born_source,
        "photos": person.photos,
        "faces": person.faces,
        "first": _iso(person.first),
        "last": _iso(person.last),
        "passer_by": person.passer_by,
        "hidden": person.hidden,
    }


def face_record(face: Appearance) -> dict[str, Any]:
    """Return a face as JSON has it; the keys are documented in ``docs/export.md``."""
    return {
        "face_id": face.face_id,
        "photo_id": face.photo_id,
        **path_record(face.path),
        "present": face.present,
        "date": _iso(face.date),
        "date_source": face.date_source,
        "date_precision": face.date_precision,
        "age": _rounded(face.age, 1),
        "box": [round(value, 1) for value in face.box],
        "time_ms": face.time_ms,
        "moments": [[one.start_ms, one.end_ms] for one in face.moments],
        "score": _rounded(face.score, 3),
        "confidence": _rounded(face.confidence, 3),
        "source": face.source,
        **emotion_record(face.emotion, face.emotion_probability),
    }


def moment_texts(face: Appearance) -> list[str]:
    """Return when a person is seen in a clip, as players show it: ``0:12-0:31``."""
    ends = ((_clock(one.start_ms), _clock(one.end_ms)) for one in face.moments)
    return list(dict.fromkeys(a if a == b else f"{a}-{b}" for a, b in ends))


def _clock(ms: int) -> str:
    minutes, seconds = divmod(ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def emotion_record(emotion: str | None, probability: float | None) -> dict[str, Any]:
    """Return what a face expresses as JSON has it."""
    return {"emotion": emotion, "emotion_probability": _rounded(probability, 3)}


def path_record(path: str | None) -> dict[str, str | None]:
    """Return a path for JSON: as text, and also as bytes in base64 where it is not UTF-8."""
    if path is None:
        return {"path": None}
    text = shown(path)
    if text == path:
        return {"path": text}
    return {"path": text, "path_base64": b64encode(os.fsencode(path)).decode("ascii")}


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _iso(when: datetime | None) -> str | None:
    return None if when is None else when.isoformat(timespec="seconds")
