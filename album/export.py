"""Writing people and faces for other programs: CSV, JSON, and a folder for each person.

Nothing is overwritten or removed that an earlier export did not make, or that was changed since;
what is right already is not touched, so that a second export does nothing.
"""

import csv
import errno
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import TextIO

from album.errors import shown
from album.export_manifest import (
    NAME,
    TEMPORARY,
    ExportError,
    Made,
    read_manifest,
    sha256,
    write_manifest,
)
from album.export_text import write_faces, write_json, write_people
from album.filenames import Taken, safe_name
from album.people import Appearance, Person, appearances, list_people
from db.library import Library

FORMATS = ("csv", "json", "folders")
LINKS = ("symbolic", "hard", "copy")
PEOPLE_CSV, FACES_CSV, JSON = "people.csv", "faces.csv", "album.json"
FOLDER = "people"
"""Holds the folders of the people."""


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What to export.

    Attributes
    ----------
    formats : tuple of str
        Some of `FORMATS`.
    link : str
        One of `LINKS`: how photos come into the folders of people.
    everyone : bool
        With passers-by and hidden people.
    """

    formats: tuple[str, ...] = FORMATS
    link: str = "symbolic"
    everyone: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that an export does, or would do.

    Attributes
    ----------
    action : {'write', 'link', 'copy', 'remove', 'missing', 'changed'}
        'missing': the photo is not there to be linked. 'changed': the file is out of date and
        stays, because somebody has changed it since it was made.
    path : str
        Below the folder of the export, with ``/`` between.
    source : str or None
        The photo.
    """

    action: str
    path: str
    source: str | None = None


@dataclass(frozen=True, slots=True)
class _Item:
    """Something to be made at a path, from a staged text or from a photo."""

    path: str
    made: Made
    origin: Path


@dataclass(slots=True)
class _Plan:
    out: Path
    before: dict[str, Made]
    after: dict[str, Made] = field(default_factory=dict)
    make: list[_Item] = field(default_factory=list)
    remove: list[str] = field(default_factory=list)
    notes: list[Step] = field(default_factory=list)


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
    faces = [face for face in appearances(library, people) if face.present]
    with TemporaryDirectory(prefix="album-export-") as stage:
        plan = _Plan(out, read_manifest(out))
        for item in _texts(Path(stage), people, faces, options.formats):
            _plan_text(plan, item)
        if "folders" in options.formats:
            _plan_folders(plan, people, faces, options.link)
        _plan_removals(plan, options.formats)
        yield from plan.notes
        yield from _told(plan) if dry_run else _carry_out(plan)


def _texts(
    stage: Path, people: Sequence[Person], faces: Sequence[Appearance], formats: tuple[str, ...]
) -> Iterator[_Item]:
    """Write the texts into a folder for the time being."""
    if "csv" in formats:
        with _new_text(stage / PEOPLE_CSV) as file:
            write_people(csv.writer(file, lineterminator="\n"), people)
        with _new_text(stage / FACES_CSV) as file:
            write_faces(csv.writer(file, lineterminator="\n"), people, faces)
    if "json" in formats:
        with _new_text(stage / JSON) as file:
            write_json(file, people, faces)
    for path in sorted(stage.iterdir()):
        yield _Item(path.name, Made("text", digests=(sha256(path),)), path)


def _new_text(path: Path) -> TextIO:
    return path.open("w", encoding="utf-8", newline="")


def _plan_text(plan: _Plan, item: _Item) -> None:
    target, before = plan.out / item.path, plan.before.get(item.path)
    plan.after[item.path] = item.made
    if before is not None and item.made.is_at(target):
        return
    if os.path.lexists(target) and not (before and before.is_at(target)):
        how = "was changed since it was exported" if before else "was not made by an export"
        raise ExportError(f"{shown(target)} {how}; move it away, or export into another folder.")
    plan.make.append(item)


def _plan_folders(
    plan: _Plan, people: Sequence[Person], faces: Iterable[Appearance], link: str
) -> None:
    photos: dict[int, dict[int, str]] = {person.id: {} for person in people}
    for face in faces:
        assert face.path is not None
        photos[face.person_id].setdefault(face.photo_id, face.path)
    names = _folder_names(plan, [person for person in people if photos[person.id]])
    for person_id, name in names.items():
        sources = [path for _, path in sorted(photos[person_id].items())]
        _plan_folder(plan, f"{FOLDER}/{name}", sources, link)


def _folder_names(plan: _Plan, people: Sequence[Person]) -> dict[int, str]:
    """Name the folders: Anna, a second Anna (person-12), and person-13 without a name."""
    root = plan.out / FOLDER
    if os.path.lexists(root) and not root.is_dir():
        raise ExportError(f"{shown(root)} is a file; move it away, or export into another folder.")
    files = [one.name for one in root.iterdir() if not one.is_dir()] if root.is_dir() else []
    taken, names = Taken(files), {}
    for person in sorted(people, key=lambda person: (person.name is not None, person.id)):
        label = safe_name(person.label, f"person-{person.id}")
        names[person.id] = taken.claim(label, safe_name(f"{label} (person-{person.id})"))
    return names


def _plan_folder(plan: _Plan, folder: str, sources: Sequence[str], link: str) -> None:
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
        wanted = _wanted(source, link)
        if wanted and name in others and wanted.is_at(place / name):
            continue  # somebody else has made the very same
        path = f"{folder}/{taken.claim(name)}"
        _plan_link(plan, path, source, wanted)


def _wanted(source: str, link: str) -> Made | None:
    """Return what is to be made of a photo; None where it is not there."""
    try:
        found = Path(source).stat()
    except OSError:
        return None
    return Made(link, source, found.st_size, found.st_mtime_ns)


def _plan_link(plan: _Plan, path: str, source: str, wanted: Made | None) -> None:
    before = plan.before.get(path)
    if wanted is None:
        plan.notes.append(Step("missing", path, source))
        if before is not None and before.source == source:
            plan.after[path] = before
        return
    plan.after[path] = wanted
    if before is None or before.kind != wanted.kind or not wanted.is_at(plan.out / path):
        plan.make.append(_Item(path, wanted, Path(source)))


def _plan_removals(plan: _Plan, formats: tuple[str, ...]) -> None:
    """Plan to remove what was made before and is not wanted any more; of `formats` only."""
    for path, made in plan.before.items():
        if path in plan.after:
            continue
        if _format(path) not in formats:
            plan.after[path] = made
        elif made.is_at(plan.out / path):
            plan.remove.append(path)
        elif os.path.lexists(plan.out / path):
            plan.notes.append(Step("changed", path))


def _format(path: str) -> str:
    return "folders" if "/" in path else "json" if path == JSON else "csv"


def _told(plan: _Plan) -> Iterator[Step]:
    for item in plan.make:
        yield _step(item)
    for path in plan.remove:
        yield Step("remove", path)


def _step(item: _Item) -> Step:
    if item.made.kind == "text":
        return Step("write", item.path)
    return Step("copy" if item.made.kind == "copy" else "link", item.path, item.made.source)


def _carry_out(plan: _Plan) -> Iterator[Step]:
    """Do what was planned; the manifest knows of it before and after."""
    if not plan.make and not plan.remove and plan.after == plan.before:
        return
    plan.out.mkdir(parents=True, exist_ok=True)
    for unfinished in plan.out.glob(f"{TEMPORARY}*"):
        if unfinished.name != NAME:
            unfinished.unlink()
    write_manifest(plan.out, _either(plan))
    for item in plan.make:
        _make(plan.out, item)
        yield _step(item)
    for path in plan.remove:
        (plan.out / path).unlink()
        with suppress(OSError):  # not empty
            (plan.out / path).parent.rmdir()
        yield Step("remove", path)
    write_manifest(plan.out, plan.after)


def _either(plan: _Plan) -> dict[str, Made]:
    """Return what may lie in the folder while the plan is carried out."""
    both = plan.before | plan.after
    for path in plan.before.keys() & plan.after.keys():
        if plan.after[path].kind == "text":
            both[path] = plan.before[path] | plan.after[path]
    return both


def _make(out: Path, item: _Item) -> None:
    """Make one file, complete or not at all."""
    target = out / item.path
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = out / f"{TEMPORARY}new"
    try:
        if item.made.kind == "symbolic":
            partial.symlink_to(item.made.source)
        elif item.made.kind == "hard":
            partial.hardlink_to(os.path.realpath(item.made.source))
        else:
            _copy(item, partial)
        partial.replace(target)
    except OSError as error:
        if error.filename is None:  # as when the disk is full
            error.filename = os.fspath(target)
        raise _explained(error, item, out) or error from error
    finally:
        partial.unlink(missing_ok=True)


def _copy(item: _Item, partial: Path) -> None:
    shutil.copyfile(item.origin, partial)
    if item.made.kind == "copy":
        os.utime(partial, ns=(item.made.mtime_ns, item.made.mtime_ns))


def _explained(error: OSError, item: _Item, out: Path) -> ExportError | None:
    """Return a sentence for a link that the disk does not do."""
    refused = (errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK)
    if item.made.kind not in ("symbolic", "hard"):
        return None
    if error.errno not in refused and getattr(error, "winerror", None) != 1314:
        return None
    other = "copy" if item.made.kind == "symbolic" else "symbolic or --link copy"
    return ExportError(
        f"{shown(item.made.source)} can't have a {item.made.kind} link in {shown(out)}; use "
        f"--link {other}."
    )
