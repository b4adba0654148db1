"""JSON of people and faces: one shape for export, command line and web.

The keys are the fields of `album.people.people.Person` and `album.people.faces.Face`, documented in
``docs/export.md`` and ``docs/album.schema.json``. The web adds keys to them, and takes none away.
"""

import os
from base64 import b64encode
from dataclasses import fields
from datetime import datetime
from typing import Any

from album.errors import shown
from album.people.faces import Face
from album.people.people import Person
from db.rows import Moment

PERSON_KEYS = tuple(field.name for field in fields(Person))
_NOT_IN_JSON = ("person_id", "kind", "date_trusted", "size", "sharpness", "frontal")
FACE_KEYS = tuple(field.name for field in fields(Face) if field.name not in _NOT_IN_JSON)
"""Without `path_base64`, which stands after `path` where that is not UTF-8."""

_DIGITS = {
    "gender_probability": 3,
    "born": 1,
    "born_low": 1,
    "born_high": 1,
    "age": 1,
    "box": 1,
    "score": 3,
    "confidence": 3,
    "emotion_probability": 3,
}
"""Digits after the point."""


def person_record(person: Person) -> dict[str, Any]:
    """Return a person as JSON has it."""
    return {key: _value(key, getattr(person, key)) for key in PERSON_KEYS}


def face_record(face: Face) -> dict[str, Any]:
    """Return a face as JSON has it."""
    record: dict[str, Any] = {}
    for key in FACE_KEYS:
        if key == "path":
            record |= path_record(face.path)
        else:
            record[key] = _value(key, getattr(face, key))
    return record


def emotion_record(emotion: str | None, probability: float | None) -> dict[str, Any]:
    """Return what a face expresses as JSON has it."""
    return {
        "emotion": emotion,
        "emotion_probability": _value("emotion_probability", probability),
    }


def path_record(path: str | None) -> dict[str, str | None]:
    """Return a path for JSON: as text, and also as bytes in base64 where it is not UTF-8."""
    if path is None:
        return {"path": None}
    text = shown(path)
    if text == path:
        return {"path": text}
    return {"path": text, "path_base64": b64encode(os.fsencode(path)).decode("ascii")}


def _value(key: str, value: Any) -> Any:
    match value:
        case float():
            return round(value, _DIGITS[key])
        case datetime():
            return value.isoformat(timespec="seconds")
        case Moment(start_ms=start, end_ms=end):
            return [start, end]
        case tuple():
            return [_value(key, part) for part in value]
    return value
