"""Writing people and faces for other programs and for people: tables, folders, pages, strips.

Nothing is overwritten or removed that an earlier export did not make, or that was changed since;
what is right already is not touched, so that a second export does nothing.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path, PurePath
from tempfile import TemporaryFile
from typing import TextIO

from album.errors import ExportError, shown
from album.export.manifest import Made, digest_of, read_manifest
from album.export.plan import (
    FOLDERS,
    JSON,
    PAGES,
    STRIPS,
    Item,
    Plan,
    Step,
    carry_out,
    plan_photo,
    plan_removals,
    plan_text,
    steps_of,
)
from album.export.tables import write_faces, write_json, write_people
from album.files.filenames import Taken, safe_name
from album.people.faces import Face, person_faces
from album.people.labels import file_label
from album.people.people import Person, list_people
from db.library import Library

__all__ = ["ALL_FORMATS", "FORMATS", "LINKS", "ExportError", "ExportOptions", "Step", "export"]

FORMATS = ("csv", "json", "folders")
"""What is written unless something else is asked for."""
ALL_FORMATS = (*FORMATS, "html", "strip")
LINKS = ("symbolic", "hard", "copy")
PEOPLE_CSV, FACES_CSV = "people.csv", "faces.csv"


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What to export.

    Attributes
    ----------
    formats : tuple of str
        Some of `ALL_FORMATS`.
    link : str
        One of `LINKS`: how photos come into the folders of people.
    everyone : bool
        With passers-by and hidden people, and strips of few pictures.
    """

    formats: tuple[str, ...] = FORMATS
    link: str = "symbolic"
    everyone: bool = False


def export(
    library: Library, out: Path, options: ExportOptions, *, dry_run: bool = False
) -> Iterator[Step]:
    """Export people with the faces in photos that are present on disk.

    Parameters
    ----------
    library : Library
    out : Path
        A folder; made if need be. What other programs put there stays as it is.
    options : ExportOptions
    dry_run : bool
        Only tell what would be done.

    Yields
    ------
    Step
        After it was done. None for what is right already.

    Raises
    ------
    ExportError
        A file is in the way, or the disk does not have such links. Nothing has been lost.
    OSError
        The folder can't be written.
    """
    if out.exists() and not out.is_dir():
        raise ExportError(f"{shown(out)} is a file; give a folder to export to.")
    out = out.absolute()
    found = list_people(library, everyone=options.everyone)
    people = sorted(found.shown, key=lambda person: person.id)
    faces = [face for face in person_faces(library, people) if face.present]
    with ExitStack() as stack:
        plan = Plan(out, read_manifest(out))
        for item in _texts(stack, people, faces, options.formats):
            plan_text(plan, item)
        if "folders" in options.formats:
            _plan_folders(plan, people, faces, options.link)
        _plan_drawings(library, plan, people, faces, options)
        plan_removals(plan, options.formats)
        yield from plan.notes
        yield from steps_of(plan) if dry_run else carry_out(plan)


def _texts(
    stack: ExitStack,
    people: Sequence[Person],
    faces: Sequence[Face],
    formats: tuple[str, ...],
) -> Iterator[Item]:
    """Write the texts to temporary files, which end with the stack."""
    if "json" in formats:
        yield _text(stack, JSON, lambda file: write_json(file, people, faces))
    if "csv" in formats:
        yield _text(stack, FACES_CSV, lambda file: write_faces(file, people, faces))
        yield _text(stack, PEOPLE_CSV, lambda file: write_people(file, people))


def _text(stack: ExitStack, name: str, write: Callable[[TextIO], object]) -> Item:
    # It has names in it, but no name of its own, so a crash leaves nothing of it.
    file = stack.enter_context(TemporaryFile())  # noqa: SIM115
    text = TextIOWrapper(file, encoding="utf-8", newline="")
    write(text)
    text.detach()  # flushes
    return Item(name, Made("text", digests=(digest_of(file),)), file)


def _plan_folders(plan: Plan, people: Sequence[Person], faces: Iterable[Face], link: str) -> None:
    photos: dict[int, dict[int, str]] = {person.id: {} for person in people}
    for face in faces:
        assert face.path is not None
        assert face.person_id is not None
        photos[face.person_id].setdefault(face.photo_id, face.path)
    names = _folder_names(plan, [person for person in people if photos[person.id]])
    for person_id, name in names.items():
        sources = [path for _, path in sorted(photos[person_id].items())]
        _plan_folder(plan, f"{FOLDERS}/{name}", sources, link)


def _folder_names(plan: Plan, people: Sequence[Person]) -> dict[int, str]:
    root = _folder(plan, FOLDERS)
    files = [one.name for one in root.iterdir() if not one.is_dir()] if root.is_dir() else []
    return _names(people, Taken(files))


def _folder(plan: Plan, name: str) -> Path:
    root = plan.out / name
    if os.path.lexists(root) and not root.is_dir():
        raise ExportError(f"{shown(root)} is a file; move it away, or export into another folder.")
    return root


def _names(people: Sequence[Person], taken: Taken, suffix: str = "") -> dict[int, str]:
    """Name what people get: Anna, a second Anna (person-12), and person-13 without a name."""
    names = {}
    for person in sorted(people, key=lambda person: (person.name is not None, person.id)):
        number = file_label(person.id)
        label = safe_name(person.file_label, number)
        second = safe_name(f"{label} ({number})")
        names[person.id] = taken.claim(f"{label}{suffix}", f"{second}{suffix}")
    return names


def _plan_folder(plan: Plan, folder: str, sources: Sequence[str], link: str) -> None:
    """Plan the links of one person, around what others have put into the folder."""
    place = plan.out / folder
    others = set()
    for one in place.iterdir() if place.is_dir() else ():
        made = plan.before.get(f"{folder}/{one.name}")
        if made is None or not made.is_at(one):
            others.add(one.name)
    taken = Taken(others)
    for source in sources:
        name = safe_name(PurePath(source).name, "photo")
        made = _made_from(source, link)
        if made and name in others and made.is_at(place / name):
            continue  # somebody else has made the very same
        plan_photo(plan, f"{folder}/{taken.claim(name)}", source, made)


def _made_from(source: str, link: str) -> Made | None:
    """Return what is to be made of a photo; None where it is not there."""
    try:
        found = Path(source).stat()
    except OSError:
        return None
    return Made(link, source, found.st_size, found.st_mtime_ns)


def _plan_drawings(
    library: Library,
    plan: Plan,
    people: Sequence[Person],
    faces: Iterable[Face],
    options: ExportOptions,
) -> None:
    """Plan pages and strips of those people who have a face on disk."""
    if not {"html", "strip"} & set(options.formats):
        return
    # Imported late: tables and folders need none of it.
    from album.export.drawings import plan_pages, plan_strips

    theirs: dict[int, list[Face]] = {person.id: [] for person in people}
    for face in faces:
        assert face.person_id is not None
        theirs[face.person_id].append(face)
    seen = [person for person in people if theirs[person.id]]
    if "html" in options.formats:
        _folder(plan, PAGES)
        names = _names(seen, Taken(["index.html"]), ".html")
        plan_pages(library, plan, [(one, names[one.id], theirs[one.id]) for one in seen])
    if "strip" in options.formats:
        _folder(plan, STRIPS)
        names = _names(seen, Taken(), ".jpg")
        drawn = [(one, names[one.id], theirs[one.id]) for one in seen]
        plan_strips(library, plan, drawn, always=options.everyone)
