"""Find files, compare them with what the library knows, identify their content.

Every path is absolute and a `str`; bytes of a name that are not UTF-8 are kept as surrogates
(PEP 383), so that the path opens the file whatever its name.
"""

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Protocol

from album.errors import (
    MediaError,
    MissingFolder,
    StrPath,
    Unreadable,
    UnreadableFolder,
    is_remote,
    reading,
)
from album.files import remote
from album.metadata.decoder_errors import system_words
from album.metadata.picture_digest import content_digest
from album.metadata.regular_files import is_missing, open_regular

JUNK = frozenset(
    name.casefold()
    for name in (
        "@eaDir",
        "@SynoEAStream",
        "@SynoResource",
        "@Recycle",
        "#recycle",
        "#snapshot",
        "$RECYCLE.BIN",
        "System Volume Information",
        "lost+found",
        "__MACOSX",
        "iPod Photo Cache",
        "Thumbs.db",
        "ehthumbs.db",
        "desktop.ini",
    )
)
"""Names of files and folders that systems and other programs keep for themselves."""
JUNK_SUFFIXES = (".lrdata", ".lrprev")
_APPLE_LIBRARY = (".photoslibrary", ".aplibrary", ".migratedphotolibrary")
_APPLE_ORIGINALS = frozenset(("originals", "masters"))


@dataclass(frozen=True, slots=True)
class Found:
    """One file on the disk or on a server.

    Attributes
    ----------
    path : str
        Absolute path.
    size : int
        Bytes.
    mtime_ns : int
        Time of the last change, nanoseconds since 1970 UTC; 0 where a server does not say.
    beside : tuple of str
        Of a file on a server: names in its folder that belong to it, sidecars and stills.
    """

    path: str
    size: int
    mtime_ns: int
    beside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Changes:
    """What a scan found, compared with what was known. Each list in the order of the scan."""

    new: list[Found]
    changed: list[Found]
    unchanged: list[Found]
    gone: list[str]


Report = Callable[[MediaError], None]


def is_skipped(name: str) -> bool:
    """Tell whether a walk skips a file or folder of this name and everything in it.

    Skipped are hidden names (with a leading dot), folders in which systems and other programs
    store thumbnails and trash, and Lightroom's previews.
    """
    low = name.casefold()
    return name.startswith(".") or low in JUNK or low.endswith(JUNK_SUFFIXES)


@dataclass(frozen=True, slots=True)
class Reachable:
    """What a walk has seen, and can therefore say of a missing file that it is gone.

    Attributes
    ----------
    roots : tuple of str
        Roots under which at least one file was found. The folder of an unplugged disk is there,
        and empty: an empty root says nothing.
    blind : tuple of str
        Folders and files that could not be looked at.
    """

    roots: tuple[str, ...]
    blind: tuple[str, ...] = ()

    def covers(self, path: str) -> bool:
        """Tell whether a file at this path would have been found."""
        return any(is_under(path, root) for root in self.roots) and not any(
            is_under(path, place) for place in self.blind
        )


@dataclass(frozen=True, slots=True)
class Walk:
    """Everything that one walk found.

    Attributes
    ----------
    files : list of Found
        In the order in which they were met; see `iter_files`.
    unreadable : list of MediaError
        Folders and files that could not be looked at.
    reachable : Reachable
        For `changes`.
    """

    files: list[Found]
    unreadable: list[MediaError]
    reachable: Reachable


def walk(roots: Iterable[StrPath]) -> Walk:
    """Walk files and folders to the end; see `iter_files`. Addresses of servers are walked, too."""
    tops = [absolute(root) for root in roots]
    unreadable: list[MediaError] = []
    files = list(iter_files((top for top in tops if not is_remote(top)), report=unreadable.append))
    for top in _outermost([top for top in tops if is_remote(top)]):
        found = remote.walk(top, unreadable.append, is_skipped)
        files += (Found(*one) for one in found)
    seen = tuple(top for top in tops if any(is_under(file.path, top) for file in files))
    return Walk(files, unreadable, Reachable(seen, tuple(error.path for error in unreadable)))


def iter_files(roots: Iterable[StrPath], *, report: Report) -> Iterator[Found]:
    """Find files one by one.

    Links are followed after everything else, and only to what was not reached under its own name,
    so that a loop ends and no file comes twice. Files are visited in the order of their names,
    folder by folder.

    Parameters
    ----------
    roots : iterable of str or PathLike
        Files and folders. A root that is named is walked even where its name is one to skip.
    report : callable
        Is given a `MediaError` for each folder or file that could not be looked at.

    Returns
    -------
    iterator of Found
        Regular files of any kind, each once.

    Raises
    ------
    MissingFolder
        When a root does not exist; before anything is walked.
    """
    tops = _outermost([absolute(root) for root in roots])
    for top in tops:
        if is_missing(top, follow=True):
            raise MissingFolder(top)
    return _Walker(report).run(tops)


class _Walker:
    """One scan: the places covered so far, and the links left for the end."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._covered: list[str] = []
        self._links: list[str] = []

    def run(self, tops: Sequence[str]) -> Iterator[Found]:
        self._covered = [os.path.realpath(top) for top in tops]
        for top in tops:
            yield from self._visit(top)
        while self._links:
            links, self._links = sorted(self._links), []
            for link in links:
                yield from self._follow(link)

    def _visit(self, path: str) -> Iterator[Found]:
        if os.path.isdir(path):  # noqa: PTH112 - unlike that of Path, it never raises
            yield from self._folder(path)
        else:
            found = self._file(path)
            if found:
                yield found

    def _folder(self, top: str) -> Iterator[Found]:
        pending = [top]
        while pending:
            folder = pending.pop()
            files, folders = self._list(folder)
            for path in files:
                found = self._file(path)
                if found:
                    yield found
            pending += reversed(folders)

    def _list(self, folder: str) -> tuple[list[str], list[str]]:
        """Return the files and folders of a folder, sorted; links are put aside."""
        files, folders = [], []
        inside_library = folder.casefold().endswith(_APPLE_LIBRARY)
        try:
            with reading(folder), os.scandir(folder) as entries:
                for entry in entries:
                    if is_skipped(entry.name):
                        continue
                    if entry.is_symlink():
                        self._links.append(entry.path)
                    elif entry.is_dir(follow_symlinks=False):
                        if not inside_library or entry.name.casefold() in _APPLE_ORIGINALS:
                            folders.append(entry.path)
                    else:
                        files.append(entry.path)
        except Unreadable as error:
            self._report(UnreadableFolder(folder, _system_reason(error)))
        except MediaError as error:
            self._report(error)
        return sorted(files), sorted(folders)

    def _file(self, path: str) -> Found | None:
        try:
            with reading(path):
                status = Path(path).stat()
        except MediaError as error:
            self._report(error)
            return None
        # A pipe or a device is no file; opening one could wait forever.
        if not stat.S_ISREG(status.st_mode):
            return None
        return Found(path, status.st_size, status.st_mtime_ns)

    def _follow(self, link: str) -> Iterator[Found]:
        target = os.path.realpath(link)
        if is_missing(target, follow=True):
            return
        if any(_reaches(top, target) for top in self._covered):
            return
        self._covered.append(target)
        yield from self._visit(link)


def _system_reason(error: BaseException) -> str:
    """Return the message of the system error behind an error; empty where there is none."""
    return system_words(error.__cause__) if isinstance(error.__cause__, OSError) else ""


def _outermost(paths: list[str]) -> list[str]:
    """Leave out what lies under another path and is reached from there."""
    unique = list(dict.fromkeys(paths))
    return [p for p in unique if not any(p != top and _reaches(top, p) for top in unique)]


def absolute(path: StrPath) -> str:
    """Return an absolute path without ``..``, links left as they are; an address as it is kept."""
    if is_remote(path):
        return remote.normalised(os.fspath(path))
    return os.path.normpath(Path(path).absolute())


def is_under(path: str, root: str) -> bool:
    """Tell whether `path` is `root` or lies somewhere below it; both absolute."""
    return path == root or path.startswith(root.rstrip(os.sep) + os.sep)


def _reaches(top: str, path: str) -> bool:
    """Tell whether a walk from `top` comes to `path`, links apart."""
    return is_under(path, top) and not any(
        is_skipped(name) for name in PurePath(path[len(top) :].lstrip(os.sep)).parts
    )


class Known(Protocol):
    """What the library knows of a file."""

    @property
    def size(self) -> int:
        """Bytes."""
        ...

    @property
    def mtime_ns(self) -> int:
        """Nanoseconds since 1970 UTC."""
        ...


def changes(found: Iterable[Found], known: Mapping[str, Known], *, reachable: Reachable) -> Changes:
    """Compare a walk with what the library knows. Touches no disk.

    A file counts as unchanged when size and time of the last change are what they were. A known
    file that was not found is gone only if the walk would have come by it.

    Parameters
    ----------
    found : iterable of Found
        The files of a walk.
    known : mapping of str to Known
        What the library knows, by absolute path, wherever it lies.
    reachable : Reachable
        Of the same walk.

    Returns
    -------
    Changes
        `gone` sorted by path, including those that the library knows to be gone already.
    """
    there = {file.path: file for file in found}
    result = Changes([], [], [], [])
    for path, file in there.items():
        before = known.get(path)
        if before is None:
            result.new.append(file)
        elif (before.size, before.mtime_ns) == (file.size, file.mtime_ns):
            result.unchanged.append(file)
        else:
            result.changed.append(file)
    result.gone.extend(sorted(p for p in known.keys() - there.keys() if reachable.covers(p)))
    return result


def display_path(path: str) -> StrPath:
    """Return a path as events carry it: a `Path`, or the URL as text."""
    return path if is_remote(path) else Path(path)


def sibling(path: str, other: str) -> str:
    """Return the path of a file in the same folder, by the name of `other`."""
    folder, slash, _ = path.rpartition("/") if is_remote(path) else path.rpartition(os.sep)
    return f"{folder}{slash}{PurePath(other).name}"


@contextmanager
def local_copy(found: Found) -> Iterator[str]:
    """Yield a path at which a file can be read, fetched from its server where need be.

    Raises
    ------
    AlbumError, OSError
        See `album.files.remote.fetched`.
    """
    if not is_remote(found.path):
        yield found.path
        return
    with remote.fetched(found.path, found.size, found.mtime_ns, found.beside) as place:
        yield place


def is_unchanged(found: Found) -> bool:
    """Tell whether a file can be read and has the size and time that a walk found."""
    if is_remote(found.path):
        return remote.exists(found.path, found.size)
    try:
        with open_regular(found.path) as file:
            status = os.fstat(file.fileno())
            file.read(1)
    except (MediaError, OSError):
        return False
    return (status.st_size, status.st_mtime_ns) == (found.size, found.mtime_ns)


def content_hash(path: StrPath) -> str:
    """Return the identity of a file's content: BLAKE2b, 160 bits, as 40 hexadecimal digits.

    Raises
    ------
    Vanished, Unreadable
        When the file cannot be read.
    StillChanging
        When it changed while it was read.
    """
    return content_digest(path)
