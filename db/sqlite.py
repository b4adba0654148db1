"""Everything that is SQLite's own: opening the file, its settings, and writing it anew."""

import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, ExceptionContext, QueuePool, create_engine, event

from db import migrations
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
from db.schema import metadata

PAGE_SIZE = 8192
"""Bytes of a page in a new file; three identity vectors fit on one, on SQLite's 4096 only one."""
WRITES = "library_writes"
"""Execution option of connections whose transactions change something."""
PLAIN = "library_plain"
"""Execution option of connections that are neither for reading nor for writing the library."""


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
    effective = os.access in os.supports_effective_ids
    if not os.access(path, os.W_OK, effective_ids=effective):
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
