"""The picture that goes with a question: the clearest faces of both sides, oldest first."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from album.errors import AlbumError
from album.people.faces import Face
from album.people.people import Person, whole_age
from album.people.suggestions import Side, Suggestion, about, sides, years
from album.thumbnails.cache import Thumbnails
from album.thumbnails.pictures import Row, Sheet, Shot, save_jpeg, sheet
from db.library import Library

if TYPE_CHECKING:
    from PIL import Image

SHOTS = 6
"""Faces in a row."""


def save_picture(
    image: "Image.Image", one: Suggestion, thumbnails: Thumbnails, folder: Path | None
) -> Path:
    """Write the picture of a question into a folder, or into the cache; return its path.

    Raises
    ------
    OSError
        It can't be written.
    """
    name = one.key.replace(",", "-").replace(":", "-face-")
    if folder is None:
        return thumbnails.put(f"question-{name}", image)
    path = folder.absolute() / f"{name}.jpg"
    save_jpeg(image, path)
    return path


def question_rows(library: Library, one: Suggestion) -> list[Row]:
    """Return the faces that a question is about, as rows of a sheet."""
    return [_row(one, side) for side in sides(library, one, SHOTS)]


def _row(one: Suggestion, side: Side) -> Row:
    person = side.person
    shots = tuple(_shot(person, face) for face in side.faces)
    if not side.doubtful:
        return Row(person.label, shots, note_text(person))
    if len(one.face_ids) == 1:
        return Row(f"Is this {person.label}?", shots, f"face {one.face_ids[0]}", marked=True)
    return Row(f"Also {person.label}?", shots, f"{len(one.face_ids)} faces", marked=True)


def note_text(person: Person) -> str:
    """Say in one line what is known of a person."""
    photos = "1 photo" if person.photos == 1 else f"{person.photos:,} photos"
    parts = [photos]
    if person.first:
        parts.append(years(person))
    if person.born is not None:
        parts.append(f"born {about(person)}")
    return "  ·  ".join(parts)


def _shot(person: Person, face: Face) -> Shot:
    return Shot(face.path if face.present else None, face.box, caption(person, face), face.time_ms)


def caption(person: Person, face: Face) -> str:
    """Return the date of a photo, and the age of the person where that is known."""
    if face.date is None or not face.date_trusted:
        return ""
    pattern = {"year": "%Y", "month": "%Y-%m"}.get(face.date_precision, "%Y-%m-%d")
    when = face.date.strftime(pattern)
    return when if face.age is None else f"{when}, {whole_age(face.age, person)}"


def draw_question(library: Library, one: Suggestion) -> Sheet:
    """Draw the picture of a question."""
    return sheet(question_rows(library, one))


def write_pictures(
    library: Library, listed: Iterable[Suggestion], folder: Path | None = None, *, jobs: int = 4
) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Write the pictures of questions, into the cache unless a folder is given.

    Yields
    ------
    path : Path
    missing : tuple of str
        A sentence for each photo that could not be shown.

    Raises
    ------
    AlbumError
        The folder is a file.
    OSError
        It can't be written.
    """
    if folder is not None and folder.exists() and not folder.is_dir():
        raise AlbumError(f"{folder} is a file; give a folder for the pictures.")
    thumbnails = Thumbnails.of_library(library.path)

    def write(work: tuple[Suggestion, list[Row]]) -> tuple[Path, tuple[str, ...]]:
        one, rows = work
        drawn = sheet(rows)
        return save_picture(drawn.image, one, thumbnails, folder), drawn.missing

    work = [(one, question_rows(library, one)) for one in listed]
    with ThreadPoolExecutor(max(1, jobs)) as pool:
        yield from pool.map(write, work)
