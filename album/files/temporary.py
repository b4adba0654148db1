"""Temporary files that never outlive a crash: each is recorded before it is made.

A file that takes the place of another is first written under a hidden name in the same folder. A
process that is killed in between can't delete it, so every process keeps a journal of the
temporary files that it has; the next command deletes those of processes that are no longer alive.
A process holds a lock on its journal, and the system gives that up however the process ends.

Only what a journal lists, under a name that `_new_name` can have given, is ever deleted.
"""

import atexit
import errno
import json
import os
import re
import secrets
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from album.errors import StrPath
from album.metadata.regular_files import is_missing
from album.paths import APPLICATION

_OURS = re.compile(r"\.album-[a-z]+-[0-9a-f]{16}")


def journal_folder() -> Path:
    """Return the folder of the journals, beside the default library."""
    # Imported late: `album --help` has no use for it.
    from platformdirs import user_data_path

    return user_data_path(APPLICATION, appauthor=False) / "unfinished"


def _new_name(purpose: str) -> str:
    return f".album-{purpose}-{secrets.token_hex(8)}"


@contextmanager
def temporary(folder: StrPath, purpose: str, *, must_record: bool = False) -> Iterator[Path]:
    """Yield a path in `folder` where nothing is yet; what is there at the end is deleted.

    Parameters
    ----------
    folder : path-like
    purpose : str
        Lower-case letters; part of the name of the file.
    must_record : bool
        Refuse to go on where the file can't be recorded: for what lies among the user's photos.

    Raises
    ------
    OSError
        The file can't be recorded, and has to be.
    """
    with several_temporary(folder, purpose, 1, must_record=must_record) as (path,):
        yield path


@contextmanager
def several_temporary(
    folder: StrPath, purpose: str, count: int, *, must_record: bool = False
) -> Iterator[list[Path]]:
    """Yield `count` paths; see `temporary`."""
    paths = [Path(folder).absolute() / _new_name(purpose) for _ in range(count)]
    try:
        _journal.add(paths)
    except OSError:
        if must_record:
            raise
    try:
        yield paths
    finally:
        # A file that can't be deleted stays in the journal.
        _journal.remove([path for path in paths if _deleted(path)])


@contextmanager
def temporary_folder(purpose: str) -> Iterator[Path]:
    """Yield a new folder among the system's temporary files; it is deleted at the end.

    Raises
    ------
    OSError
        The folder can't be made.
    """
    with temporary(tempfile.gettempdir(), purpose) as folder:
        folder.mkdir(mode=0o700)
        yield folder


def delete_strays(folder: Path, purpose: str) -> None:
    """Delete temporary files in a folder that may never have been recorded.

    Only for a folder in which nobody else is at work with this purpose.
    """
    for path in folder.glob(f".album-{purpose}-*"):
        if _OURS.fullmatch(path.name):
            _deleted(path)


def _deleted(path: Path) -> bool:
    """Delete a file or folder; tell whether nothing is left of it."""
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError:
        # A read-only disk refuses even what is not there, and the journal would grow for ever.
        return is_missing(path)
    return True


class _Journal:
    """The temporary files of this process, one JSON string a line."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._paths: set[Path] = set()
        self._file: BinaryIO | None = None
        self._process = 0

    def add(self, paths: Sequence[Path]) -> None:
        with self._lock:
            if self._process != os.getpid():  # a fork has no part in the journal of its parent
                self._paths, self._file, self._process = set(), None, os.getpid()
            self._file = file = self._file or _new_journal()
            end = file.tell()
            lines = _lines(paths)
            try:
                written = file.write(lines)
            except OSError:
                written = 0
            if written != len(lines):
                file.truncate(end)
                file.seek(end)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), os.fspath(file.name))
            self._paths.update(paths)

    def remove(self, paths: Iterable[Path]) -> None:
        with self._lock:
            self._paths.difference_update(paths)
            if not self._paths and self._file is not None:
                self._file.truncate(0)
                self._file.seek(0)


_journal = _Journal()


def _lines(paths: Iterable[Path]) -> bytes:
    return "".join(json.dumps(os.fspath(path)) + "\n" for path in paths).encode("ascii")


def _new_journal() -> BinaryIO:
    folder = journal_folder()
    # The parent is the private folder of the default library, too, whose mode `parents` ignores.
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    while True:
        path = folder / secrets.token_hex(8)
        file = path.open("xb", buffering=0)
        # `sweep` in another process may have met the journal before it was locked.
        if _locked(file, otherwise=True) and path.exists():
            break
        file.close()
    atexit.register(_discard, file, path, os.getpid())
    return file


def _discard(file: BinaryIO, path: Path, process: int) -> None:
    if os.getpid() != process:  # a fork, which has inherited this
        return
    with suppress(OSError):
        empty = file.tell() == 0
        file.close()
        if empty:
            path.unlink()


def _locked(file: BinaryIO, *, otherwise: bool) -> bool:
    """Lock a journal unless another process has; `otherwise` where there are no locks."""
    if sys.platform == "win32":  # where nobody can rename or delete an open file
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return otherwise
    return True


def sweep() -> None:
    """Delete the temporary files of processes that ended before they could do so themselves.

    What can't be deleted, because its disk is not connected for example, stays recorded and is
    tried again the next time.
    """
    with suppress(OSError):
        for journal in sorted(journal_folder().iterdir()):
            with suppress(OSError):
                _sweep(journal)


def _sweep(journal: Path) -> None:
    if sys.platform == "win32":
        journal.rename(journal)  # fails while its process is alive
    with journal.open("r+b", buffering=0) as file:
        if not _locked(file, otherwise=False):
            return
        if left := [path for path in _listed(file.read()) if not _gone(path)]:
            file.seek(0)
            file.write(_lines(left))
            file.truncate()
            return
        if sys.platform != "win32":
            journal.unlink()  # while it is locked, so that no other process reads it
    if sys.platform == "win32":
        journal.unlink()


def _listed(content: bytes) -> Iterator[Path]:
    for line in content.splitlines():
        with suppress(ValueError, TypeError):  # cut off; its file was never made
            path = Path(json.loads(line))
            if _OURS.fullmatch(path.name) and path.is_absolute():
                yield path


def _gone(path: Path) -> bool:
    # Without its folder, a file may only be out of reach, on a disk that is not connected.
    return path.parent.is_dir() and _deleted(path)
