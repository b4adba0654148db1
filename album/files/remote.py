"""Walk and fetch photos on servers by URL (s3, sftp, smb and others) through fsspec.

The one place that knows fsspec, which comes with the extra `cluster`; most protocols want one more
package. A file is fetched into a folder of its own, under its own path and with what lies beside
it, so that everything else reads it as it reads any file; then the folder is deleted.
"""

import errno
import os
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from album.errors import (
    AlbumError,
    MediaError,
    MissingFolder,
    NeedsPackage,
    StillChanging,
    Unexpected,
    Unreadable,
    Vanished,
    is_possible,
    shown,
)
from album.files.kinds import CLIP_SUFFIXES, LIVE_STILL_SUFFIXES
from album.files.temporary import temporary_folder
from album.metadata.decoder_errors import is_mistake, system_words
from album.plain_text import plain_text

SIDECARS = (".xmp", ".json")
MAX_NEIGHBOURS = 12
"""Files beside a photo that are fetched with it."""
MAX_NEIGHBOUR_BYTES = 64 << 20
_FIRST = re.compile(r"[^.(]*")


def normalised(url: str) -> str:
    """Return the URL of a folder as the library stores it, without a slash at its end.

    Raises
    ------
    AlbumError
        It holds a password, which the library would keep and show, or several protocols.
    """
    parts = urlsplit(url)
    if parts.password:
        raise AlbumError(
            f"{parts.scheme}://{parts.hostname} has a password in its address, which the library "
            f"would keep; leave it to a key, the environment or fsspec's configuration."
        )
    if "::" in url:
        raise AlbumError(f"{url} names several protocols; name one.")
    return url.rstrip("/")


def _system(url: str) -> tuple[Any, str]:
    """Return the file system of a URL, and the path in it."""
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise NeedsPackage(url, "'album-people[cluster]'") from error
    try:
        system, path = url_to_fs(url)
    except ImportError as error:
        raise NeedsPackage(url, str(error)) from error
    except ValueError as error:
        raise AlbumError(f"{url} can't be read: {error}.") from error
    except Exception as error:
        raise _unreadable(url, error) from error
    return system, path


def _unreadable(url: str, error: Exception) -> Unreadable:
    return Unreadable(url, _reason(error))


def _reason(error: BaseException) -> str:
    """Return the message of an error; of an error of the system, in the words of the system."""
    if isinstance(error, OSError) and (words := system_words(error)):
        return words
    return plain_text(str(error)) or type(error).__name__


@contextmanager
def _reading(url: str) -> Iterator[None]:
    """Turn errors of a server into a `MediaError`; a full local disk stays an `OSError`."""
    try:
        yield
    except AlbumError:
        raise
    except FileNotFoundError as error:
        raise Vanished(url) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise _unreadable(url, error) from error
    except Exception as error:  # each protocol has errors of its own
        raise (Unexpected(url, error) if is_mistake(error) else _unreadable(url, error)) from error


Listed = tuple[str, int, int, tuple[str, ...]]
"""URL, size, time of the last change in nanoseconds, names beside."""


def walk(
    root: str, report: Callable[[MediaError], None], skip: Callable[[str], bool]
) -> Iterator[Listed]:
    """Find files below a URL one by one, folder by folder in the order of their names.

    Parameters
    ----------
    root : str
        As `normalised` returns it.
    report : callable
        Called with a `MediaError` for each folder or file that can't be read.
    skip : callable
        Tells whether to skip a file or folder, by its name.

    Raises
    ------
    MissingFolder
        There is nothing.
    AlbumError
        The server can't be reached, or a package is missing.
    """
    system, top = _system(root)
    with _reading(root):
        system.invalidate_cache()
        if not system.exists(top):
            raise MissingFolder(root)
        if system.isfile(top):
            yield _listed(system, root, system.info(top), ())
            return
    pending = [(root, top)]
    while pending:
        url, path = pending.pop()
        try:
            with _reading(url):
                entries = sorted(system.ls(path, detail=True), key=lambda one: one["name"])
        except MediaError as error:
            report(error)
            continue
        named = {PurePosixPath(one["name"]).name: one for one in entries}
        beside = Neighbours([name for name, one in named.items() if one["type"] == "file"])
        folders = []
        for name, one in named.items():
            if skip(name) or one["name"].rstrip("/") == path.rstrip("/"):
                continue
            here = f"{url}/{name}"
            if not is_possible(name):
                report(Unreadable(shown(here), "its name can't be part of an address"))
            elif one["type"] == "directory":
                folders.append((here, one["name"]))
            elif system._strip_protocol(here) != system._strip_protocol(one["name"]):
                report(Unreadable(here, "its name can't be part of an address"))
            else:
                yield _listed(system, here, one, beside.of(name))
        pending += reversed(folders)


def _listed(system: Any, url: str, facts: Mapping[str, Any], beside: tuple[str, ...]) -> Listed:
    return url, int(facts.get("size") or 0), _changed_ns(facts), beside


def _changed_ns(facts: Mapping[str, Any]) -> int:
    """Return the time of the last change in nanoseconds, 0 where the protocol has none."""
    for name in ("LastModified", "mtime", "last_modified", "modified", "updated", "created"):
        value = facts.get(name)
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(value)
            except ValueError:
                continue
        if isinstance(value, datetime):
            whole = value if value.tzinfo else value.replace(tzinfo=UTC)
            return round(whole.timestamp() * 1e6) * 1000
        if isinstance(value, int | float):
            return round(value * 1e6) * 1000
    return 0


class Neighbours:
    """Finds the sidecars and stills that belong to the files of one folder, by their names.

    Parameters
    ----------
    names : sequence of str
        All files of the folder.
    """

    def __init__(self, names: Sequence[str]) -> None:
        sidecars = [name for name in names if name.lower().endswith(SIDECARS)]
        self._sidecars = sorted((_key(name), name) for name in sidecars)
        self._keys = [key for key, _ in self._sidecars]
        self._stills: dict[str, list[str]] = {}
        for name in names:
            path = PurePosixPath(name)
            if path.suffix.lower() in LIVE_STILL_SUFFIXES:
                self._stills.setdefault(path.stem.casefold(), []).append(name)

    def of(self, name: str) -> tuple[str, ...]:
        """Return sidecars whose names begin as this one's or the reverse, and stills of a clip."""
        first, path = _key(name), PurePosixPath(name)
        found = []
        if path.suffix.lower() in CLIP_SUFFIXES:
            found += self._stills.get(path.stem.casefold(), [])
        # Google cuts names, and adds to them: either may be the longer one.
        for end in range(len(first), 0, -1):
            at = bisect_left(self._keys, first[:end])
            while at < len(self._keys) and len(found) < MAX_NEIGHBOURS:
                key, other = self._sidecars[at]
                if key != first[:end] and not (end == len(first) and key.startswith(first)):
                    break
                if other not in found and other != name:
                    found.append(other)
                at += 1
        return tuple(found)


def _key(name: str) -> str:
    return _FIRST.match(name.casefold()).group()  # type: ignore[union-attr]


@contextmanager
def fetched(url: str, size: int, mtime_ns: int, beside: Sequence[str]) -> Iterator[str]:
    """Fetch a file and its neighbours; yield the path, which is valid within the context.

    Raises
    ------
    Vanished, Unreadable
        It can't be fetched.
    StillChanging
        It is not as long as it was.
    NeedsPackage
        Nothing here speaks its protocol.
    OSError
        The disk here is full.
    """
    system, path = _system(url)
    with temporary_folder("remote") as folder:
        # Names of folders tell dates, too.
        here = Path(folder, *(part for part in PurePosixPath(path).parts if part not in "/.."))
        here.parent.mkdir(parents=True, exist_ok=True)
        with _reading(url):
            system.get_file(path, os.fspath(here))
        if here.stat().st_size != size:
            raise StillChanging(url)
        for name in beside:
            _fetch_neighbour(system, f"{path.rpartition('/')[0]}/{name}", here.parent / name)
        # Also where it is not known: else the clock of this machine would be taken for a date.
        os.utime(here, ns=(mtime_ns, mtime_ns))
        yield os.fspath(here)


def _fetch_neighbour(system: Any, path: str, here: Path) -> None:
    try:
        with _reading(path):
            if system.size(path) <= MAX_NEIGHBOUR_BYTES:
                system.get_file(path, os.fspath(here))
    except MediaError:
        here.unlink(missing_ok=True)  # as if it were not there


def exists(url: str, size: int) -> bool:
    """Tell whether a file is there and has this size."""
    try:
        system, path = _system(url)
        with _reading(url):
            return int(system.size(path)) == size
    except AlbumError:
        return False
