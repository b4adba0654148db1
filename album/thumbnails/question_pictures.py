"""The picture that goes with a question: the clearest faces of both sides, oldest first."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from album.dates.calendar import age_at
from album.dates.sources import is_trusted
from album.errors import AlbumError
from album.people.people import Person
from album.people.reasons import about, years
from album.people.suggestions import Suggestion
from album.thumbnails.cache import Thumbnails
from album.thumbnails.pictures import Row, Sheet, Shot, save_jpeg, sheet, spread
from db.library import Library
from db.people.faces import face_rows
from db.rows import FaceRow, clearness

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
    faces = {person.id: list[FaceRow]() for person in one.people}
    for face in face_rows(library, person_ids=list(faces)):
        assert face.person_id is not None
        faces[face.person_id].append(face)
    if one.kind == "split":
        return _parts(one, faces[one.people[0].id])
    return [_row(person, faces[person.id]) for person in one.people]


def _parts(one: Suggestion, faces: list[FaceRow]) -> list[Row]:
    person, doubtful = one.people[0], set(one.faces)
    rest = [face for face in faces if face.face_id not in doubtful]
    apart = [face for face in faces if face.face_id in doubtful]
    title = f"Also {person.label}?" if len(apart) > 1 else f"Is this {person.label}?"
    note = f"{len(apart)} faces" if len(apart) > 1 else f"face {one.faces[0]}"
    return [
        _row(person, rest),
        Row(title, _shots(person, apart), note, marked=True),
    ]


def _row(person: Person, faces: list[FaceRow]) -> Row:
    return Row(person.label, _shots(person, faces), note_text(person))


def note_text(person: Person) -> str:
    """Say in one line what is known of a person."""
    photos = "1 photo" if person.photos == 1 else f"{person.photos:,} photos"
    parts = [photos]
    if person.first:
        parts.append(years(person))
    if person.born is not None:
        parts.append(f"born {about(person)}")
    return "  ·  ".join(parts)


def _shots(person: Person, faces: list[FaceRow]) -> tuple[Shot, ...]:
    """Choose faces to show: of photos on disk where there are any, of all times of a life."""
    chosen = [face for face in faces if face.present] or faces
    return spread(
        [(clearness(face.size, face.sharpness), _shot(person, face)) for face in chosen], SHOTS
    )


def _shot(person: Person, face: FaceRow) -> Shot:
    path = face.path if face.present else None
    return Shot(path, face.box, caption(person, face), face.time_ms)


def caption(person: Person, face: FaceRow) -> str:
    """Return the date of a photo, with the age that the person had where that can be told."""
    if face.taken_at is None or not is_trusted(face.date_source, face.date_precision):
        return ""
    pattern = {"year": "%Y", "month": "%Y-%m"}.get(face.date_precision, "%Y-%m-%d")
    when = face.taken_at.strftime(pattern)
    age = age_at(face.taken_at, person.born)
    return when if age is None else f"{when}, {int(age)}"


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
