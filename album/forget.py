"""Deleting a library, and making sure that it is one."""

import glob
from dataclasses import dataclass
from pathlib import Path

from album.errors import AlbumError, shown
from album.paths import default_library
from db.errors import CorruptLibraryError, NewerLibraryError, ReadOnlyLibraryError
from db.library import Library
from db.migrations import APPLICATION_ID
from db.rows import Status
from db.status import status

_ID_AT = slice(68, 72)
"""Where SQLite keeps the application id: "The Database Header" in its file format."""


class NotALibrary(AlbumError):  # noqa: N818 - the name says what is wrong
    """The file that was to be deleted is none of ours."""

    code = "not-a-library"


@dataclass(frozen=True, slots=True)
class Doomed:
    """What there is to be deleted.

    Attributes
    ----------
    files : tuple of Path
        The library comes last, so that a deletion that was stopped can be started again.
    status : Status or None
        What the library holds; None where it can't be looked into.
    """

    files: tuple[Path, ...]
    status: Status | None


def doomed(path: Path) -> Doomed:
    """Find what belongs to a library: its logs and backups, and the file itself.

    Raises
    ------
    NotALibrary
        The file is not one of this program. A library that is damaged or of a newer version is.
    LibraryError
        There is no file, or it can't be read.
    """
    counts = None
    try:
        with Library.open(path, create=False, read_only=True) as library:
            counts = status(library)
    except (NewerLibraryError, ReadOnlyLibraryError):
        pass
    except CorruptLibraryError as error:
        if not _is_marked(path):
            raise NotALibrary(
                f"{shown(path)} is not a library of this program, so it stays; check the path."
            ) from error
    return Doomed((*_beside(path), path), counts)


def _is_marked(path: Path) -> bool:
    """Tell whether a file that makes no sense was made by this program."""
    with path.open("rb") as file:
        head = file.read(100)
    if not head:
        return path == default_library()
    return head[_ID_AT] == APPLICATION_ID.to_bytes(4, "big")


def _beside(path: Path) -> list[Path]:
    logs = [path.with_name(path.name + suffix) for suffix in ("-wal", "-shm", "-journal")]
    backups = path.parent.glob(glob.escape(path.name) + ".backup-v[0-9]*")
    return [one for one in (*logs, *sorted(backups)) if one.is_file()]


def forget(found: Doomed) -> None:
    """Delete the files.

    Raises
    ------
    OSError
        If one of them can't be deleted.
    """
    for path in found.files:
        path.unlink(missing_ok=True)
