"""Everything that is SQLite's own: opening the file, its settings, and writing it anew."""

import os
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, Engine, ExceptionContext, QueuePool, create_engine, event
from sqlalchemy.exc import DisconnectionError

from db.engine import migrations
from db.engine.detached import Detached, can_detach, can_write, connect_detached, open_sqlite
from db.engine.schema import metadata
from db.errors import (
    MissingLibraryError,
    ReadOnlyLibraryError,
    UnreadableLibraryError,
    locked,
    printable,
    translate,
    translated,
)
from db.places import FilePlace

PAGE_SIZE = 8192
"""Bytes of a page in a new file; three identity vectors fit on one, on SQLite's 4096 only one."""
WRITES = "library_writes"
"""Execution option of connections whose transactions change something."""
PLAIN = "library_plain"
"""Execution option of connections that are neither for reading nor for writing the library."""


def _keep_log(raw: sqlite3.Connection, wait_s: float) -> None:
    """Switch to a write-ahead log, which stays so in the file."""
    until = time.monotonic() + wait_s
    while True:
        try:
            raw.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            # Where two processes make a file at once, SQLite does not wait for the other.
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > until:
                raise
        time.sleep(0.05)


def _pragmas(raw: sqlite3.Connection, *, read_only: bool, wait_s: float, cache_mb: int) -> None:
    raw.execute("PRAGMA foreign_keys = ON")
    raw.execute(f"PRAGMA cache_size = -{cache_mb << 10}")
    if not read_only:
        raw.execute(f"PRAGMA page_size = {PAGE_SIZE}")  # without effect on an existing file
        _keep_log(raw, wait_s)
        # With a write-ahead log a crash of the program loses nothing that was committed; a loss of
        # power can lose the last moments, which are then simply done again.
        raw.execute("PRAGMA synchronous = NORMAL")
        raw.execute("PRAGMA journal_size_limit = 67108864")


def _connect(path: str, *, read_only: bool, wait_s: float, cache_mb: int) -> sqlite3.Connection:
    raw: sqlite3.Connection = open_sqlite(
        path, "mode=ro" if read_only else "mode=rw", timeout=wait_s
    )
    try:
        _pragmas(raw, read_only=read_only, wait_s=wait_s, cache_mb=cache_mb)
        raw.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.OperationalError as error:
        raw.close()
        if not (read_only and can_detach(error)):
            raise
    except BaseException:
        raw.close()
        raise
    else:
        return raw
    detached = connect_detached(path, wait_s=wait_s)
    detached.execute(f"PRAGMA cache_size = -{cache_mb << 10}")
    return detached


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
    if not create:
        raise MissingLibraryError(
            f"There is no library at {printable(path)}; index some photos first, or give the path "
            "of another."
        )
    if not place.parent.is_dir():
        raise MissingLibraryError(
            f"The folder {printable(str(place.parent))} for the library does not exist; make it "
            "or choose another path."
        )
    _make_file(path)


def _check_writable(path: str) -> None:
    if not can_write(path):
        raise ReadOnlyLibraryError(
            f"The library {printable(path)} can't be changed; make the file and its folder "
            "writable."
        )


class SqliteStore:
    """A library in a file; see `db.library.Store`."""

    is_shared = False

    def __init__(self, place: FilePlace, *, read_only: bool, wait_s: float, cache_mb: int) -> None:
        self.path = place.path
        self._read_only = read_only
        self._wait_s = wait_s
        self._cache_mb = cache_mb
        self.engine = self._engine()

    def _connect(self) -> sqlite3.Connection:
        return _connect(
            self.path,
            read_only=self._read_only,
            wait_s=self._wait_s,
            cache_mb=self._cache_mb,
        )

    def _engine(self) -> Engine:
        engine = create_engine("sqlite://", creator=self._connect, poolclass=QueuePool)

        @event.listens_for(engine, "begin")
        def begin(conn: Connection) -> None:
            # A writer takes its lock at once: one that reads first and then wants to write can't
            # wait for another writer, because what it has read would be out of date.
            writes = conn.get_execution_options().get(WRITES, False)
            conn.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

        @event.listens_for(engine, "checkout")
        def refresh(raw: sqlite3.Connection, *_: object) -> None:
            if isinstance(raw, Detached) and not raw.is_current():
                raise DisconnectionError  # the pool makes a new connection

        @event.listens_for(engine, "commit")
        def check(conn: Connection) -> None:
            raw = conn.connection.driver_connection
            if isinstance(raw, Detached):
                raw.check()

        @event.listens_for(engine, "handle_error", retval=True)
        def explain(context: ExceptionContext) -> BaseException | None:
            return translate(self.path, context.original_exception)

        return engine

    def prepare(self, *, create: bool) -> None:
        """Make the library, or bring it up to date, or see that this is not needed."""
        path = self.path
        with translated(path):
            _check_place(path, create=create and not self._read_only)
            if not self._read_only:
                _check_writable(path)
            with closing(self._connect()) as raw:
                if self._read_only:
                    migrations.check_version(raw, path)
                else:
                    migrations.prepare(raw, path, self.engine.dialect)

    def rewrite(self) -> None:
        """Write the file anew without the places of deleted rows, and empty the log."""
        with translated(self.path), closing(self.engine.raw_connection()) as raw:
            driver = raw.driver_connection
            assert isinstance(driver, sqlite3.Connection)
            driver.execute("VACUUM")
            busy, *_ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise locked(self.path)

    def size(self, conn: Connection) -> int:
        """Return the bytes that the library takes, write-ahead log included."""
        files = (Path(self.path + suffix) for suffix in ("", "-wal", "-shm"))
        return sum(one.stat().st_size for one in files if one.exists())

    def numbering(self, conn: Connection) -> dict[str, int]:
        """Return the highest id that was ever given out, of tables that SQLite numbers."""
        return {
            row[0]: int(row[1])
            for row in conn.exec_driver_sql("SELECT name, seq FROM sqlite_sequence")
        }

    def set_numbering(self, conn: Connection, last: Mapping[str, int]) -> None:
        """Have new rows numbered from there on."""
        known = self.numbering(conn)
        for table, number in last.items():
            if table in known:
                conn.exec_driver_sql(
                    "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?", (number, table)
                )
            elif metadata.tables[table].dialect_options["sqlite"]["autoincrement"]:
                conn.exec_driver_sql("INSERT INTO sqlite_sequence VALUES (?, ?)", (table, number))

    def wipe_deleted(self, conn: Connection) -> None:
        """Have what is deleted in this transaction written over."""
        conn.exec_driver_sql("PRAGMA secure_delete = ON")
