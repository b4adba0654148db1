"""Faces as everything above the library shows them, and the JSON that all outputs share."""

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from album.people.faces import clearest_of_stretches
from album.people.records import FACE_KEYS, PERSON_KEYS
from tests.album.albums import Shelf, family
from tests.album.web.conftest import Client, web_shelf

SCHEMA = json.loads(
    (Path(__file__).parents[3] / "docs" / "album.schema.json").read_text(encoding="utf-8")
)


class Measured(NamedTuple):
    name: str
    size: float
    sharpness: float | None = 100.0
    frontal: float | None = 0.5


def test_the_clearest_of_each_stretch_are_chosen():
    faces = [Measured(str(i), 10.0 * size) for i, size in enumerate([3, 9, 1, 2, 7, 5])]
    assert [face.name for face in clearest_of_stretches(faces, 3)] == ["1", "3", "4"]
    assert clearest_of_stretches(faces, 9) == faces


def test_the_schema_names_the_keys_of_people_and_faces():
    person, face = SCHEMA["$defs"]["person"], SCHEMA["$defs"]["face"]
    assert tuple(person["properties"]) == PERSON_KEYS
    assert tuple(person["required"]) == PERSON_KEYS
    assert set(face["properties"]) == {*FACE_KEYS, "path_base64"}
    later = {"emotion", "emotion_probability"}  # documents of the first version lack these
    assert set(face["required"]) == set(FACE_KEYS) - later


def valid(kind, records):
    """Check records against the definition of a person or of a face; return how many they are."""
    jsonschema = pytest.importorskip("jsonschema")
    definition = {"$defs": SCHEMA["$defs"], "$ref": f"#/$defs/{kind}"}
    for record in records:
        jsonschema.validate(record, definition)
    return len(records)


def test_command_line_export_and_web_have_one_shape_for_people_and_faces(tmp_path):
    shelf = Shelf(tmp_path)
    shelf.index(family(tmp_path / "photos"))
    shown = shelf("show", 1, "--json").json
    listed = shelf("people", "--json").json["people"]
    assert shelf("export", tmp_path / "out").code == 0
    exported = json.loads((tmp_path / "out" / "album.json").read_text(encoding="utf-8"))["people"]
    asked = shelf("suggest", "--json", "--no-pictures", "--kind", "name").json["questions"]
    with Client(web_shelf(shelf.path, tmp_path / "cache")) as client:
        person = client.get("/api/v1/people/1").json()
        people = client.get("/api/v1/people").json()["people"]
        faces = client.get("/api/v1/people/1/faces").json()["faces"]
        photo = client.get(f"/api/v1/photos/{faces[0]['photo_id']}").json()
        questions = client.get("/api/v1/questions?names=true").json()["questions"]
    for group in (listed, people, exported, [person, shown]):
        assert valid("person", group)
    for group in (shown["seen_in"], exported[0]["seen_in"], faces, photo["faces"]):
        assert valid("face", group)
    assert valid("face", questions[0]["sides"][0]["faces"])
    assert person.items() >= listed[0].items()
    assert {one["face_id"]: one for one in shown["seen_in"]}.keys() == {
        one["face_id"] for one in faces
    }
    by_id = {one["face_id"]: one for one in faces}
    for one in shown["seen_in"]:
        assert by_id[one["face_id"]].items() >= one.items()
    assert len(asked) == len(questions) > 0
    for one, same in zip(asked, questions, strict=True):
        assert same.keys() >= one.keys() - {"number", "picture"}
        assert same["key"] == one["key"]
