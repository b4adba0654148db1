"""Forgetting people and photos without a trace, and deleting a whole library."""

import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from album.errors import AlbumError, ForgottenBefore, NotInLibrary, StrPath, TracesLeft, shown
from album.files.temporary import sweep
from album.metadata.picture_digest import Digests, digests
from album.paths import default_library, empty_cache
from album.people.people import Person, to_person
from db.errors import (
    CorruptLibraryError,
    FullDiskError,
    LibraryError,
    LockedLibraryError,
    NewerLibraryError,
    ReadOnlyLibraryError,
)
from db.journal import forgetting
from db.journal.forgetting import Loss
from db.library import Library, drop_library, has_mark
from db.people.people import find_person
from db.photos.forgotten import forgotten_digests
from db.photos.status import status
from db.places import is_url, place_of
from db.rows import Status


class NotALibrary(AlbumError):  # noqa: N818 - the name says what is wrong
    """The file that was to be deleted is none of ours."""

    code = "not-a-library"


@dataclass(frozen=True, slots=True)
class Doomed:
    """What deleting a library deletes.

    Attributes
    ----------
    files : tuple of Path
        The library comes last, so that a deletion that was stopped can be started again. None
        where it lies on a server.
    status : Status or None
        What the library holds; None where it can't be looked into.
    url : str
        Of a library on a server; may hold a password.
    """

    files: tuple[Path, ...]
    status: Status | None
    url: str = field(default="", repr=False)

    @property
    def server(self) -> str:
        """The library on a server, as it may be printed; empty for a file."""
        return place_of(self.url).shown if self.url else ""


def doomed(library: StrPath) -> Doomed:
    """Find what belongs to a library: its logs and backups, and the file itself.

    Raises
    ------
    NotALibrary
        The file is not one of this program. A library that is damaged or of a newer version is.
    LibraryError
        There is no file, or it can't be read.
    """
    counts = None
    path = Path(library)
    try:
        with Library.open(library, create=False, read_only=True) as opened:
            counts = status(opened)
    except (NewerLibraryError, ReadOnlyLibraryError):
        pass
    except CorruptLibraryError as error:
        if is_url(library):
            raise NotALibrary(f"{error} Nothing was deleted.") from error
        if not _is_marked(path):
            raise NotALibrary(
                f"{shown(path)} is not a library of this program, so it stays; check the path."
            ) from error
    if is_url(library):
        return Doomed((), counts, os.fspath(library))
    return Doomed((*_beside(path), path), counts)


def _is_marked(path: Path) -> bool:
    """Tell whether a file that makes no sense was made by this program."""
    if not path.stat().st_size:
        return path == default_library()
    return has_mark(path)


def _beside(path: Path) -> list[Path]:
    logs = [path.with_name(path.name + suffix) for suffix in ("-wal", "-shm", "-journal")]
    return [*(one for one in logs if one.is_file()), *backups(path)]


def backups(library: StrPath) -> list[Path]:
    """Return the copies that were made of a library before its format changed."""
    if is_url(library):
        return []
    path = Path(library)
    found = path.parent.glob(glob.escape(path.name) + ".backup-v[0-9]*")
    return [one for one in sorted(found) if one.is_file()]


def forget_library(found: Doomed) -> None:
    """Delete the files or tables of a library, and the pictures that were made from it.

    Raises
    ------
    OSError
        If one of them can't be deleted.
    """
    sweep()
    empty_cache(found.url or found.files[-1])
    if found.url:
        drop_library(found.url)
    for path in found.files:
        path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was forgotten.

    Attributes
    ----------
    people, faces, photos, files : int
    backups : tuple of Path
        Copies of the library from before a change of format, which were deleted as well.
    """

    people: int
    faces: int
    photos: int
    files: int
    backups: tuple[Path, ...]


def chosen_people(library: Library, people: Sequence[int | str]) -> list[Person]:
    """Return people by id or name, each once.

    Raises
    ------
    UnknownPersonError, AmbiguousPersonError
    """
    found = (to_person(find_person(library, one)) for one in people)
    return list({person.id: person for person in found}.values())


def forget_people(
    library: Library, people: Sequence[int | str], *, completely: bool = False
) -> Forgotten:
    """Delete people: their faces with vectors and ages, their names, and the decisions about them.

    This can't be undone. No trace stays in the file, and backups of the library are deleted.

    Parameters
    ----------
    library : Library
    people : sequence of (int or str)
        Ids or names; when one of them is not known, nothing is deleted.
    completely : bool
        Remember nothing. Otherwise the places of the faces in their photos are remembered, so that
        they are not stored again when the photos are analysed again.

    Raises
    ------
    UnknownPersonError, AmbiguousPersonError
    LockedLibraryError
        Nothing was deleted.
    TracesLeft
    """
    ids = [person.id for person in chosen_people(library, people)]
    return _swept(library, forgetting.forget_people(library, ids, completely=completely))


def chosen_photos(
    library: Library, paths: Sequence[StrPath], *, completely: bool = False
) -> tuple[list[str], list[Digests]]:
    """Sort out which photos are to be forgotten.

    Parameters
    ----------
    library : Library
    paths : sequence of path-like
        Files, or folders with all that is below.
    completely : bool

    Returns
    -------
    list of str
        Absolute paths that are in the library.
    list of Digests
        With `completely`: of those that are only remembered as forgotten.

    Raises
    ------
    NotInLibrary, ForgottenBefore
    """
    absolute = list(dict.fromkeys(os.path.normpath(Path(path).absolute()) for path in paths))
    unknown = forgetting.unknown_paths(library, absolute)
    remembered = forgotten_digests(library) if unknown else frozenset()
    again: list[Digests] = []
    for path in unknown:
        found = digests(path) if remembered and Path(path).is_file() else None
        if found is None or remembered.isdisjoint((found.content, found.picture)):
            raise NotInLibrary(path)
        if not completely:
            raise ForgottenBefore(path)
        again.append(found)
    return [path for path in absolute if path not in unknown], again


def forget_photos(
    library: Library, paths: Sequence[StrPath], *, completely: bool = False
) -> Forgotten:
    """Delete photos: their faces, dates and paths. The files themselves stay where they are.

    A copy of a photo is the same photo, wherever it lies. This can't be undone; see
    `forget_people`.

    Parameters
    ----------
    library : Library
    paths : sequence of path-like
        Files, or folders with all that is below.
    completely : bool
        Remember nothing. Otherwise digests of content and picture are remembered, so that the
        photo is passed over from then on.

    Raises
    ------
    NotInLibrary, ForgottenBefore
        Nothing was deleted.
    LockedLibraryError
        Likewise.
    TracesLeft
    """
    known, again = chosen_photos(library, paths, completely=completely)
    loss = forgetting.forget_photos(library, known, completely=completely)
    if again:
        forgetting.recall(library, {one for each in again for one in (each.content, each.picture)})
    return _swept(library, loss)


def purge(library: Library) -> Forgotten:
    """Delete what is known of photos that are not on the disk any more.

    Paths that have gone are deleted even where the photo lies elsewhere, too. People whom the user
    has named stay. Nothing is remembered: what comes back is indexed again.

    Raises
    ------
    LockedLibraryError
        Nothing was deleted.
    TracesLeft
    """
    return _swept(library, forgetting.forget_gone(library))


def _swept(library: Library, loss: Loss) -> Forgotten:
    """Delete what else holds traces: backups, pictures, files of a crash, freed places."""
    gone = tuple(backups(library.path))
    sweep()
    try:
        for backup in gone:
            backup.unlink(missing_ok=True)
        empty_cache(library.path)
        forgetting.clean(library)
    except (LibraryError, OSError) as error:
        raise TracesLeft(_why(error)) from error
    return Forgotten(loss.people, loss.faces, loss.photos, loss.files, gone)


def _why(error: Exception) -> str:
    if isinstance(error, LockedLibraryError):
        return "another process has it open"
    if isinstance(error, FullDiskError):
        return "the disk is full"
    return str(getattr(error, "strerror", None) or error)
