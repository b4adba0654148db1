"""Reading a library in whose folder SQLite can't make the files that it needs.

Next to a library with a write-ahead log SQLite keeps an index of the log in a file for shared
memory (``-shm``), which it can't make on a full disk or in a folder that is read-only. Two ways are
left, and neither hears of changes that others make later:

- Where nobody has the library open and the log is empty, the file alone is all there is. It is read
  as a file that never changes (``immutable=1``), without locks.
- Where the log holds changes that don't fit into the file, both are copied into memory.

So each connection knows in which state it found the files. It is used only as long as they are
still in that state (`Detached.is_current`), and what was read from a file that has changed
meanwhile is refused (`Detached.check`).
"""

import hashlib
import os
import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from db.errors import LockedLibraryError, UnreadableLibraryError, printable

_State = tuple[int, int, int] | None
_COPYING = threading.Lock()


class Detached(sqlite3.Connection):
    """A connection that takes no part in the locks and the log of a library.

    Attributes
    ----------
    library : str
        Path of the file.
    copied : bool
        Whether this is a copy in memory.
    found : tuple
        State of the file and of its log when they were found.
    """

    library: str
    copied: bool
    found: tuple[_State, _State]

    def is_current(self) -> bool:
        """Tell whether what this connection reads is all that the library holds."""
        file, log = _states(self.library)
        # Moving the log into the file changes the file, and nothing of what the two hold.
        return log == self.found[1] and (self.copied or file == self.found[0])

    def check(self) -> None:
        """See that all that has been read was of one state.

        Raises
        ------
        LockedLibraryError
            The file has been written to since.
        """
        if not self.copied and _states(self.library)[0] != self.found[0]:
            raise LockedLibraryError(
                f"The library {printable(self.library)} was changed by another process while it "
                "was read; run the same command again."
            )


def open_sqlite(path: str, parameters: str, **how: Any) -> Any:
    """Open a file with parameters of SQLite's URIs; transactions are left to the caller."""
    # Percent-encoding carries any bytes of a file name, and isolation_level=None leaves BEGIN to
    # us: Python's own would not cover statements that change the schema.
    uri = f"file:{quote(os.fsencode(path))}?{parameters}"
    return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, **how)


def can_write(path: str) -> bool:
    """Tell whether the system lets this process write to a file."""
    effective = os.access in os.supports_effective_ids
    return os.access(path, os.W_OK, effective_ids=effective)


def can_detach(error: sqlite3.Error) -> bool:
    """Tell whether a library could not be opened because of the files beside it."""
    shared = sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_SHMOPEN, sqlite3.SQLITE_IOERR_SHMMAP
    refused = sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_FULL
    return error.sqlite_errorcode in shared or _primary(error) in refused


def connect_detached(path: str, *, wait_s: float) -> Detached:
    """Open a library for reading, without any file beside it.

    Parameters
    ----------
    path : str
    wait_s : float
        Seconds to wait for other processes.

    Raises
    ------
    sqlite3.Error
        Another process has the library open, or the file makes no sense.
    UnreadableLibraryError
        There are changes in the log, and no way to read them.
    """
    with _COPYING:  # so that one copy serves all threads
        if (copy := _copy(path, _states(path))) is not None:
            return copy
        # Without leave to write there is no lock. A writer would have made the files beside the
        # library by now, and one that comes later is noticed by the states.
        if can_write(path):
            try:
                alone = _alone(path, wait_s)
            except sqlite3.OperationalError as error:
                if not can_detach(error):
                    raise  # another process has it open, most likely
            else:
                with closing(alone):
                    with suppress(sqlite3.OperationalError):  # no room for the file to grow
                        alone.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                    if (copy := _copy(path, _states(path), alone)) is not None:
                        return copy
        return _immutable(path)


def _alone(path: str, wait_s: float) -> sqlite3.Connection:
    """Open a library for this process alone, which needs no shared memory."""
    raw: sqlite3.Connection = open_sqlite(path, "mode=rw", timeout=wait_s)
    try:
        raw.execute("PRAGMA locking_mode = EXCLUSIVE")
        raw.execute("SELECT count(*) FROM sqlite_master")
    except BaseException:
        raw.close()
        raise
    return raw


def _copy(
    path: str, found: tuple[_State, _State], source: sqlite3.Connection | None = None
) -> Detached | None:
    """Return a connection to the copy of a state in memory; None where there is none.

    With a `source` it is made, unless there is nothing in the log.
    """
    if found[1] is None:
        return None
    name = hashlib.blake2b(repr((path, found[1])).encode(), digest_size=16).hexdigest()
    copy = _detached(f"album-{name}", "mode=memory&cache=shared", path, found, copied=True)
    if source is not None and not _holds_anything(copy):
        source.backup(copy)
    if not _holds_anything(copy):  # nobody has it open any more
        copy.close()
        return None
    copy.execute("PRAGMA query_only = ON")
    return copy


def _holds_anything(raw: sqlite3.Connection) -> bool:
    return bool(raw.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])


def _immutable(path: str) -> Detached:
    found = _states(path)
    if found[1] is not None:
        raise UnreadableLibraryError(
            f"The library {printable(path)} has changes in {printable(path)}-wal that can't be "
            "read where nothing can be written; make the folder writable, or copy both files to "
            "another."
        )
    return _detached(path, "mode=ro&immutable=1", path, found, copied=False)


def _detached(
    name: str, parameters: str, path: str, found: tuple[_State, _State], *, copied: bool
) -> Detached:
    raw: Detached = open_sqlite(name, parameters, factory=Detached)
    raw.library, raw.found, raw.copied = path, found, copied
    raw.execute("PRAGMA temp_store = MEMORY")  # the disk of temporary files may be full as well
    return raw


def _states(path: str) -> tuple[_State, _State]:
    return _state(path), _state(f"{path}-wal")


def _state(path: str) -> _State:
    """Return what changes with each write; None for a file that is empty or not there."""
    try:
        found = Path(path).stat()
    except FileNotFoundError:
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns) if found.st_size else None


def _primary(error: sqlite3.Error) -> int:
    return error.sqlite_errorcode & 0xFF
