"""Opening the library, and its transactions."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from sqlalchemy import Connection, Engine, ExceptionContext, QueuePool, create_engine, event

from db import migrations
from db.errors import (
    LibraryError,
    MissingLibraryError,
    ReadOnlyLibraryError,
    UnreadableLibraryError,
    locked,
    printable,
    translate,
    translated,
)

WAIT_S = 10.0
"""How long to wait for another process that is writing, by default."""
CACHE_MB = 32
PAGE_SIZE = 8192
"""Bytes of a page in a new file; three identity vectors fit on one, on SQLite's 4096 only one."""
_WRITES = "library_writes"


def _pragmas(raw: sqlite3.Connection, *, read_only: bool, cache_mb: int) -> None:
    raw.execute("PRAGMA foreign_keys = ON")
    raw.execute(f"PRAGMA cache_size = -{cache_mb << 10}")
    if not read_only:
        raw.execute(f"PRAGMA page_size = {PAGE_SIZE}")  # without effect on an existing file
        raw.execute("PRAGMA journal_mode = WAL")
        # With a write-ahead log a crash of the program loses nothing that was committed; a loss of
        # power can lose the last moments, which are then simply done again.
        raw.execute("PRAGMA synchronous = NORMAL")
        raw.execute("PRAGMA journal_size_limit = 67108864")


def _open_sqlite(path: str, parameters: str, wait_s: float) -> sqlite3.Connection:
    # Percent-encoding carries any bytes of a file name, and isolation_level=None leaves BEGIN to
    # us: Python's own would not cover statements that change the schema.
    uri = f"file:{quote(os.fsencode(path))}?{parameters}"
    return sqlite3.connect(
        uri, uri=True, timeout=wait_s, isolation_level=None, check_same_thread=False
    )


def _log_is_empty(path: str) -> bool:
    log = Path(f"{path}-wal")
    return not log.exists() or log.stat().st_size == 0


def _connect(path: str, *, read_only: bool, wait_s: float, cache_mb: int) -> sqlite3.Connection:
    raw = _open_sqlite(path, "mode=ro" if read_only else "mode=rw", wait_s)
    try:
        _pragmas(raw, read_only=read_only, cache_mb=cache_mb)
        raw.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.OperationalError as error:
        raw.close()
        unopened = error.sqlite_errorcode & 0xFF in (
            sqlite3.SQLITE_CANTOPEN,
            sqlite3.SQLITE_READONLY,
        )
        if not (read_only and unopened and _log_is_empty(path)):
            raise
        # A write-ahead log needs files beside the library, which read-only media can't have. With
        # nothing in the log and nobody able to write, the file alone is the whole truth.
        return _open_sqlite(path, "mode=ro&immutable=1", wait_s)
    except BaseException:
        raw.close()
        raise
    return raw


def _engine(path: str, connect: Callable[[], sqlite3.Connection]) -> Engine:
    engine = create_engine("sqlite://", creator=connect, poolclass=QueuePool)

    @event.listens_for(engine, "begin")
    def begin(conn: Connection) -> None:
        # A writer takes its lock at once: one that reads first and then wants to write can't wait
        # for another writer, because what it has read would be out of date.
        writes = conn.get_execution_options().get(_WRITES, False)
        conn.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    @event.listens_for(engine, "handle_error", retval=True)
    def explain(context: ExceptionContext) -> BaseException | None:
        return translate(path, context.original_exception)

    return engine


def _make_file(path: str) -> None:
    """Make an empty file that only its owner may read; SQLite gives its log the same mode."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return  # made by another process in this very moment


def _check_place(path: str, *, create: bool) -> None:
    """Refuse what can't be opened, and make the file of a new library."""
    place = Path(path)
    if place.is_dir():
        raise UnreadableLibraryError(
            f"{printable(path)} is a folder; give the path of a file for the library."
        )
    if place.exists():
        return
    if not place.parent.is_dir():
        raise MissingLibraryError(
            f"The folder {printable(str(place.parent))} for the library does not exist; make it "
            "or choose another path."
        )
    if not create:
        raise MissingLibraryError(
            f"There is no library at {printable(path)}; index some photos first, or give the path "
            "of another."
        )
    _make_file(path)


def _check_writable(path: str) -> None:
    effective = os.access in os.supports_effective_ids
    if not os.access(path, os.W_OK, effective_ids=effective):
        raise ReadOnlyLibraryError(
            f"The library {printable(path)} can't be changed; make the file and its folder "
            "writable."
        )


def _path_of(path_or_url: str | os.PathLike[str]) -> str:
    text = os.fspath(path_or_url)
    if text.startswith("sqlite:///"):
        text = text.removeprefix("sqlite:///")
    if "://" in text:
        raise LibraryError(
            f"The library {text.split('://')[0]}://… is on an engine that is not supported yet; "
            "give the path of a file."
        )
    return str(Path(text).absolute())


class Library:
    """An open library; made by `Library.open`, closed by leaving its context.

    Threads may share it: each transaction has a connection of its own. Every error that a user can
    do something about is raised as a `LibraryError`, from any function of this room.

    Attributes
    ----------
    path : str
        Absolute path of the file.
    read_only : bool
    """

    def __init__(self, path: str, engine: Engine, *, read_only: bool) -> None:
        self.path = path
        self.read_only = read_only
        self._engine = engine

    @classmethod
    def open(
        cls,
        path_or_url: str | os.PathLike[str],
        *,
        create: bool = True,
        read_only: bool = False,
        wait_s: float = WAIT_S,
        cache_mb: int = CACHE_MB,
    ) -> Self:
        """Open a library, making it or bringing it up to date if need be.

        Parameters
        ----------
        path_or_url : str or path-like
            Of the file; its folder must exist. ``sqlite:///PATH`` means the same.
        create : bool
            Make a new library where there is no file. A read-only one is never made.
        read_only : bool
            Change nothing, not even the format. Works on read-only media, too.
        wait_s : float
            Seconds to wait for another process that is writing.
        cache_mb : int
            Megabytes of the file that each connection keeps in memory at most.

        Raises
        ------
        LibraryError
            One of the subclasses in `db.errors`.
        """
        path = _path_of(path_or_url)

        def connect() -> sqlite3.Connection:
            return _connect(path, read_only=read_only, wait_s=wait_s, cache_mb=cache_mb)

        with translated(path):
            _check_place(path, create=create and not read_only)
            if not read_only:
                _check_writable(path)
            engine = _engine(path, connect)
            with closing(connect()) as raw:
                if read_only:
                    migrations.check_version(raw, path)
                else:
                    migrations.prepare(raw, path, engine.dialect)
        return cls(path, engine, read_only=read_only)

    def close(self) -> None:
        """Close all connections; SQLite then folds its log into the file."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that sees one state of the library throughout."""
        with self._engine.connect() as conn, conn.begin():
            yield conn

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection whose changes are stored together, or not at all after an error.

        Raises
        ------
        LockedLibraryError
            Another process has been writing for too long.
        ReadOnlyLibraryError
            The library was opened read-only.
        """
        if self.read_only:
            raise ReadOnlyLibraryError(
                f"The library {printable(self.path)} was opened read-only; open it for writing."
            )
        with self._engine.connect() as conn:
            conn.execution_options(**{_WRITES: True})
            with conn.begin():
                yield conn

    def rewrite(self) -> None:
        """Write the file anew without the places of deleted rows, and empty the log.

        Raises
        ------
        LockedLibraryError
            Another process reads or writes.
        FullDiskError
            The file needs its own size once more meanwhile.
        """
        with translated(self.path), closing(self._engine.raw_connection()) as raw:
            driver = raw.driver_connection
            assert isinstance(driver, sqlite3.Connection)
            driver.execute("VACUUM")
            busy, *_ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise locked(self.path)
