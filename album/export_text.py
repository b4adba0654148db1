"""People and their faces as CSV and as JSON; the columns and keys are in ``docs/export.md``."""

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, Protocol, TextIO

import album
from album.people import Appearance, Person, face_record, moment_texts, person_record

FORMAT = 1
"""Of the JSON. Goes up when a key changes its meaning or goes; new keys may come without that."""

PERSON_COLUMNS = (
    *("id", "name", "gender", "gender_probability", "gender_source"),
    *("born", "born_low", "born_high", "born_date", "born_source"),
    *("photos", "faces", "first", "last", "passer_by", "hidden"),
)
FACE_COLUMNS = (
    *("person_id", "name", "face_id", "photo_id", "path", "path_base64", "date", "date_source"),
    *("date_precision", "age", "left", "top", "right", "bottom", "time_ms", "moments"),
    *("score", "confidence", "source", "emotion", "emotion_probability"),
)


class RowWriter(Protocol):
    """What `csv.writer` returns."""

    def writerow(self, row: Iterable[Any], /) -> Any:
        """Write one row."""
        ...


def write_people(writer: RowWriter, people: Sequence[Person]) -> None:
    """Write a header and a row for each person."""
    writer.writerow(PERSON_COLUMNS)
    for person in people:
        writer.writerow(_cells(person_record(person), PERSON_COLUMNS))


def write_faces(writer: RowWriter, people: Sequence[Person], faces: Iterable[Appearance]) -> None:
    """Write a header and a row for each face."""
    names = {person.id: person.name for person in people}
    writer.writerow(FACE_COLUMNS)
    for face in faces:
        record = face_record(face)
        corners = zip(("left", "top", "right", "bottom"), record["box"], strict=True)
        record["moments"] = "; ".join(moment_texts(face))
        record |= {"person_id": face.person_id, "name": names[face.person_id], **dict(corners)}
        writer.writerow(_cells(record, FACE_COLUMNS))


def write_json(file: TextIO, people: Sequence[Person], faces: Iterable[Appearance]) -> None:
    """Write one JSON document, a face to a line.

    Parameters
    ----------
    file : text file
    people : sequence of Person
        By id.
    faces : iterable of Appearance
        By the id of the person; all of `people`.
    """
    groups = ((key, list(members)) for key, members in groupby(faces, key=lambda f: f.person_id))
    key, members = next(groups, (None, []))
    head = {"format": FORMAT, "program": f"album-people {album.__version__}"}
    file.write(_json(head)[:-1] + ', "people": [')
    for i, person in enumerate(people):
        file.write(",\n" if i else "\n")
        mine: list[Appearance] = []
        if key == person.id:
            mine = members
            key, members = next(groups, (None, []))
        file.write(_json(person_record(person))[:-1] + ', "seen_in": [')
        file.write(",".join("\n  " + _json(face_record(face)) for face in mine) + "]}")
    file.write("\n]}\n")


def _json(record: Mapping[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False)


def _cells(record: Mapping[str, Any], columns: Sequence[str]) -> list[Any]:
    """Return the cells of a row: nothing for None, true and false in small letters."""
    values = (record.get(column) for column in columns)
    return [str(v).lower() if isinstance(v, bool) else "" if v is None else v for v in values]
