"""People and their faces as CSV and as JSON; the columns and keys are in ``docs/export.md``."""

import csv
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, TextIO

import album
from album.people.faces import Face, moment_texts
from album.people.people import Person
from album.people.records import FACE_KEYS, PERSON_KEYS, face_record, person_record

FORMAT = 1
"""Of the JSON. Goes up when a key changes its meaning or goes; new keys may come without that."""

_CELLS = {"path": ("path", "path_base64"), "box": ("left", "top", "right", "bottom"), "present": ()}
"""Keys that are other columns in CSV; only faces in present photos are exported."""
FACE_COLUMNS = (
    "person_id",
    "name",
    *(column for key in FACE_KEYS for column in _CELLS.get(key, (key,))),
)

_FORMULA = tuple("=+-@\t\r\n＝＋－＠")
"""What spreadsheets take a cell for a formula by, in some countries also in full width."""
_FORMULA_INSIDE = re.compile("(?<=[;\t\r\n])(?=['\"]*[=+@＝＋－＠-])")
"""Where a cell begins for a spreadsheet that separates cells by something else than commas.

It then takes the quotes around the whole for part of a text, and ends a row at each end of line.
"""


def write_people(file: TextIO, people: Sequence[Person]) -> None:
    """Write a header and a row for each person as CSV."""
    write_csv(file, PERSON_KEYS, map(person_record, people))


def write_faces(file: TextIO, people: Sequence[Person], faces: Iterable[Face]) -> None:
    """Write a header and a row for each face as CSV."""
    names = {person.id: person.name for person in people}
    write_csv(file, FACE_COLUMNS, (_face_row(face, names[face.person_id or 0]) for face in faces))


def _face_row(face: Face, name: str | None) -> dict[str, Any]:
    record = face_record(face)
    corners = zip(_CELLS["box"], record["box"], strict=True)
    record["moments"] = "; ".join(moment_texts(face))
    return record | {"person_id": face.person_id, "name": name, **dict(corners)}


def write_csv(file: TextIO, columns: Sequence[str], records: Iterable[Mapping[str, Any]]) -> None:
    """Write a header and a row for each record: the only place that writes CSV.

    Names and paths come from strangers, and spreadsheets run what looks like a formula, so such a
    text gets an apostrophe before it, and one wherever another spreadsheet would begin a cell with
    a formula inside of it; numbers stay as they are.

    Parameters
    ----------
    file : text file
        Opened with ``newline=""``.
    columns : sequence of str
    records : iterable of mapping
        Nothing is written for None and for what is missing, true and false in small letters.
    """
    plain = csv.writer(file, lineterminator="\n")
    quoting = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
    plain.writerow(columns)
    for record in records:
        cells = [_cell(record.get(column)) for column in columns]
        # Before Python 3.13 `csv` leaves a carriage return bare, which others take for a new row.
        bare = any(isinstance(cell, str) and "\r" in cell for cell in cells)
        (quoting if bare else plain).writerow(cells)


def _cell(value: Any) -> Any:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case str():
            # One that has such an apostrophe by itself gets another: reading is then unambiguous.
            begins = value.lstrip("'").startswith(_FORMULA)
            return "'" * begins + _FORMULA_INSIDE.sub("'", value)
    return value


def write_json(file: TextIO, people: Sequence[Person], faces: Iterable[Face]) -> None:
    """Write one JSON document, a face to a line.

    Parameters
    ----------
    file : text file
    people : sequence of Person
        By id.
    faces : iterable of Face
        By the id of the person; all of `people`.
    """
    groups = ((key, list(members)) for key, members in groupby(faces, key=lambda f: f.person_id))
    key, members = next(groups, (None, []))
    head = {"format": FORMAT, "program": f"album-people {album.__version__}"}
    file.write(_json(head)[:-1] + ', "people": [')
    for i, person in enumerate(people):
        file.write(",\n" if i else "\n")
        mine: list[Face] = []
        if key == person.id:
            mine = members
            key, members = next(groups, (None, []))
        file.write(_json(person_record(person))[:-1] + ', "seen_in": [')
        file.write(",".join("\n  " + _json(face_record(face)) for face in mine) + "]}")
    file.write("\n]}\n")


def _json(record: Mapping[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False)
