"""Which pages an export makes, and what decides whether one has to be made again."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import astuple
from pathlib import Path

from album.export.pages.people import WITH_FACES, Entry, people_page
from album.export.pages.person import MOST, Life, person_page
from album.export.pages.rendering import style
from album.people.faces import Face, clearest_of_stretches
from album.people.people import Person
from album.thumbnails.face_tiles import FaceTiles, Tile

INDEX = "index.html"
VERSION = 1
"""Goes up when pages of the same people shall look different."""
SMALL = 168
"""Side of the faces on the page of all people, in pixels."""


def choose(person: Person, faces: Sequence[Face], cover: int | None) -> Life:
    """Choose the faces of a person's page: all, or the clearest of equal stretches of time.

    Parameters
    ----------
    person : Person
    faces : sequence of Face
        All on disk, by date; at least one.
    cover : int or None
        The face that the library shows for the person.
    """
    shown = tuple(clearest_of_stretches(faces, MOST))
    beside = next((face for face in faces if face.face_id == cover), None)
    beside = beside or max(faces, key=lambda face: face.clarity)
    return Life(person, shown, len(faces) - len(shown), beside)


def tile_of(face: Face) -> Tile:
    """Return the picture of a face."""
    assert face.path is not None
    return Tile(face.photo_id, face.path, face.box, face.time_ms)


def missing(life: Life, tiles: FaceTiles) -> list[str]:
    """Return the photos that are not there, and of whose faces no picture is left."""
    paths = (
        face.path
        for face in (life.cover, *life.faces)
        if face.path is not None and not tiles.is_there(tile_of(face))
    )
    return list(dict.fromkeys(paths))


def person_recipe(life: Life, away: Iterable[str]) -> str:
    """Return a digest of all that decides what the page of a person looks like."""
    faces = [astuple(face) for face in (life.cover, *life.faces)]
    return _digest("person", astuple(life.person), faces, life.left_out, sorted(away))


def people_recipe(lives: Sequence[Life], files: Sequence[str]) -> str:
    """Return a digest of all that decides what the page of all people looks like."""
    shown = [(astuple(life.person), astuple(life.cover)) for life in lives]
    return _digest("people", shown, list(files))


def _digest(*values: object) -> str:
    whole = json.dumps([VERSION, style(), *values], default=str)
    return hashlib.sha256(whole.encode()).hexdigest()


def write_person(life: Life, tiles: FaceTiles, target: Path) -> list[str]:
    """Write the page of a person; return the photos that could not be read."""
    jpegs = [tiles.jpeg(tile_of(face)) for face in life.faces]
    cover = tiles.jpeg(tile_of(life.cover))
    _write(target, person_page(life, jpegs, cover))
    shown = zip((*life.faces, life.cover), (*jpegs, cover), strict=True)
    return list(dict.fromkeys(face.path for face, jpeg in shown if jpeg is None and face.path))


def write_people(
    lives: Sequence[Life], files: Sequence[str], tiles: FaceTiles, target: Path
) -> list[str]:
    """Write the page of all people; the other pages have reported what could not be read."""
    jpegs = [tiles.thumbnail(tile_of(life.cover), SMALL) for life in lives[:WITH_FACES]]
    entries = [Entry(life.person, file) for life, file in zip(lives, files, strict=True)]
    _write(target, people_page(entries, jpegs))
    return [life.cover.path or "" for life, jpeg in zip(lives, jpegs, strict=False) if jpeg is None]


def _write(target: Path, text: Iterable[str]) -> None:
    with target.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(text)
