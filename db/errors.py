"""What can go wrong with a library: each error is one sentence with the path and a remedy."""

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager


class LibraryError(Exception):
    """Something is wrong with the library; the message is one sentence for the user."""


class MissingLibraryError(LibraryError):
    """There is no library, or no folder to make it in."""


class NewerLibraryError(LibraryError):
    """The library was written by a newer version of this program."""


class CorruptLibraryError(LibraryError):
    """The file is damaged, or is not a library at all."""


class LockedLibraryError(LibraryError):
    """Another process has been writing for longer than this one was willing to wait."""


class ReadOnlyLibraryError(LibraryError):
    """The library was to be changed but can't be."""


class FullDiskError(LibraryError):
    """No space is left where the library lies."""


class UnreadableLibraryError(LibraryError):
    """The operating system refuses to open, read or write the file."""


CAN_BE_READ = ReadOnlyLibraryError, FullDiskError, UnreadableLibraryError
"""What may be wrong with a library that can't be opened for writing, but for reading."""


class UnfinishedLibraryError(LibraryError):
    """The library is an unfinished copy of another."""


class OtherCopyError(LibraryError):
    """The place that was to be copied to holds an unfinished copy of another library."""


class UnknownPersonError(LibraryError):
    """No person has this id or name."""


class AmbiguousPersonError(LibraryError):
    """Several people have this name."""


class UnknownFaceError(LibraryError):
    """No face has this id."""


class UnknownPhotoError(LibraryError):
    """No photo or clip has this id."""


class EmptyHistoryError(LibraryError):
    """There is nothing to undo, or nothing to do again."""


class UndoError(LibraryError):
    """A change can't be taken back, because of what was decided since."""


def printable(path: str) -> str:
    """Return `path` with the bytes that are not UTF-8 replaced, so that it can be printed."""
    return os.fsencode(path).decode("utf-8", "replace")


_SENTENCES: dict[int, tuple[type[LibraryError], str]] = {
    sqlite3.SQLITE_BUSY: (
        LockedLibraryError,
        "Another process is writing to the library {}; wait until it has finished and try again.",
    ),
    sqlite3.SQLITE_READONLY: (
        ReadOnlyLibraryError,
        "The library {} can't be changed; make the file and its folder writable.",
    ),
    sqlite3.SQLITE_FULL: (
        FullDiskError,
        "The disk that holds the library {} is full; free some space and start again: "
        "everything that was finished is kept.",
    ),
    sqlite3.SQLITE_CORRUPT: (
        CorruptLibraryError,
        "The library {} is damaged; put a backup in its place, or move it away and index again.",
    ),
    sqlite3.SQLITE_NOTADB: (
        CorruptLibraryError,
        "{} is not a library of this program; choose another path.",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        UnreadableLibraryError,
        "The library {} can't be opened; check the permissions of the file and its folder.",
    ),
    sqlite3.SQLITE_IOERR: (
        UnreadableLibraryError,
        "The disk that holds the library {} reports an error; check the disk and its free space.",
    ),
}
_SENTENCES[sqlite3.SQLITE_LOCKED] = _SENTENCES[sqlite3.SQLITE_BUSY]
_SENTENCES[sqlite3.SQLITE_PROTOCOL] = _SENTENCES[sqlite3.SQLITE_BUSY]
_SENTENCES[sqlite3.SQLITE_PERM] = _SENTENCES[sqlite3.SQLITE_CANTOPEN]


def damaged(path: str) -> CorruptLibraryError:
    """Return the error for a file that is a library but makes no sense."""
    return CorruptLibraryError(_SENTENCES[sqlite3.SQLITE_CORRUPT][1].format(printable(path)))


def locked(path: str) -> LockedLibraryError:
    """Return the error for a library that another process is at."""
    return LockedLibraryError(_SENTENCES[sqlite3.SQLITE_BUSY][1].format(printable(path)))


def _primary_code(error: BaseException) -> int | None:
    """Return the primary result code of SQLite behind an exception, if there is one."""
    code = getattr(error, "sqlite_errorcode", None)
    if code == sqlite3.SQLITE_IOERR_SHMSIZE:
        return sqlite3.SQLITE_FULL  # the file for shared memory can't grow
    if code is not None:
        return int(code) & 0xFF  # extended codes keep the primary one in the low byte
    if isinstance(error, OSError):
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        return sqlite3.SQLITE_FULL if full else sqlite3.SQLITE_CANTOPEN
    return None


def translate(path: str, error: BaseException) -> LibraryError | None:
    """Turn an error of SQLite or of the operating system into a sentence.

    Parameters
    ----------
    path : str
        Of the library, for the sentence.
    error : BaseException
        As raised by `sqlite3` or as an `OSError`.

    Returns
    -------
    LibraryError or None
        None for what is not the user's to mend, such as a violated constraint.
    """
    found = _SENTENCES.get(_primary_code(error) or 0)
    if found is None:
        return None
    kind, sentence = found
    return kind(sentence.format(printable(path)))


@contextmanager
def translated(path: str) -> Iterator[None]:
    """Raise the errors of SQLite and of the operating system as `LibraryError`."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        sentence = translate(path, error)
        if sentence is None:
            raise
        raise sentence from error
