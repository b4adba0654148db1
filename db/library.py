"""Opening the library, and its transactions."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from sqlalchemy import Connection, Engine, select

from db.engine.migrations import APPLICATION_ID
from db.engine.schema import setting
from db.engine.sqlite import PLAIN, WRITES, SqliteStore
from db.errors import ReadOnlyLibraryError, UnfinishedLibraryError, printable
from db.places import FilePlace, Place, place_of

UNFINISHED = "copy.unfinished"
"""Setting of a library that is being copied into, from its start to its end: what is copied."""
_ID_AT = slice(68, 72)
"""Where SQLite keeps the application id: "The Database Header" in its file format."""
WAIT_S = 10.0
"""How long to wait for another process that is writing, by default."""
CACHE_MB = 32


class Store(Protocol):
    """What differs between engines, apart from SQL itself (`db.engine.sql`)."""

    path: str
    engine: Engine
    is_shared: bool

    def prepare(self, *, create: bool) -> None:
        """Make the library, or bring it up to date, or see that this is not needed."""
        ...

    def rewrite(self) -> None:
        """Store everything anew without the places of deleted rows."""
        ...

    def size(self, conn: Connection) -> int:
        """Return the bytes that the library takes."""
        ...

    def wipe_deleted(self, conn: Connection) -> None:
        """Have what is deleted in this transaction written over, where the engine can."""
        ...

    def numbering(self, conn: Connection) -> dict[str, int]:
        """Return the highest id that was ever given out, of tables that the engine numbers."""
        ...

    def set_numbering(self, conn: Connection, last: Mapping[str, int]) -> None:
        """Have new rows numbered from there on."""
        ...


def _store(place: Place, *, read_only: bool, wait_s: float, cache_mb: int) -> Store:
    if isinstance(place, FilePlace):
        return SqliteStore(place, read_only=read_only, wait_s=wait_s, cache_mb=cache_mb)
    # Imported late: whose library is a file has no use for it.
    from db.engine.postgresql import PostgresqlStore

    return PostgresqlStore(place, read_only=read_only, wait_s=wait_s)


def drop_library(url: str) -> None:
    """Delete all tables of a library on a server, of whatever version it is.

    Raises
    ------
    LibraryError
        The server can't be reached, or the tables are those of another program.
    """
    from db.engine.postgresql import PostgresqlStore

    place = place_of(url)
    assert not isinstance(place, FilePlace)
    PostgresqlStore(place, read_only=False, wait_s=WAIT_S).drop()


def has_mark(path: Path) -> bool:
    """Tell whether a file, even a damaged one, was made as a library by this program."""
    with path.open("rb") as file:
        return file.read(100)[_ID_AT] == APPLICATION_ID.to_bytes(4, "big")


class Library:
    """An open library; made by `Library.open`, closed by leaving its context.

    Threads may share it: each transaction has a connection of its own. Every error that a user can
    do something about is raised as a `LibraryError`, from any function of this room.

    Attributes
    ----------
    path : str
        Absolute path of the file, or the URL of the database without its password.
    read_only : bool
    is_shared : bool
        Whether several processes may index it at once.
    """

    def __init__(self, store: Store, *, read_only: bool) -> None:
        self.path = store.path
        self.read_only = read_only
        self.is_shared = store.is_shared
        self._store = store
        self._engine = store.engine

    @classmethod
    def open(
        cls,
        path_or_url: str | os.PathLike[str],
        *,
        create: bool = True,
        read_only: bool = False,
        wait_s: float = WAIT_S,
        cache_mb: int = CACHE_MB,
        unfinished: bool = False,
    ) -> Self:
        """Open a library, making it or bringing it up to date if need be.

        Parameters
        ----------
        path_or_url : str or path-like
            Of the file; its folder must exist. ``sqlite:///PATH`` means the same. Or
            ``postgresql+psycopg://USER:PASSWORD@HOST:PORT/DATABASE``; the database must exist.
        create : bool
            Make a new library where there is none. A read-only one is never made.
        read_only : bool
            Change nothing, not even the format. Works on read-only media, too.
        wait_s : float
            Seconds to wait for another process that is writing.
        cache_mb : int
            Megabytes of a file that each connection keeps in memory at most.
        unfinished : bool
            Open also what is an unfinished copy of another library (`db.copying`).

        Raises
        ------
        LibraryError
            One of the subclasses in `db.errors`.
        """
        place = place_of(path_or_url)
        store = _store(place, read_only=read_only, wait_s=wait_s, cache_mb=cache_mb)
        library = cls(store, read_only=read_only)
        try:
            store.prepare(create=create)
            if not unfinished:
                library._refuse_unfinished()
        except BaseException:
            library.close()
            raise
        return library

    def _refuse_unfinished(self) -> None:
        with self.read() as conn:
            of = conn.scalar(select(setting.c.value).where(setting.c.key == UNFINISHED))
        if of is not None:
            raise UnfinishedLibraryError(
                f"{printable(self.path)} is an unfinished copy of {of}; copy that again to finish "
                "it."
            )

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
    def snapshot(self) -> Iterator["Library"]:
        """Give the library as it is at one moment, for several reads that have to fit together.

        Whatever takes a `Library` to read from it takes the snapshot, too. It is read-only, belongs
        to one thread, and ends with the context.
        """
        with self.read() as conn:
            yield Snapshot(self._store, conn)

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
            conn.execution_options(**{WRITES: True})
            with conn.begin():
                yield conn

    def plain(self) -> Connection:
        """Return a connection of one's own, to be closed, that begins no transaction for writing.

        For claims (`db.photos.claims`), which are no part of what is stored.
        """
        conn = self._engine.connect()
        return conn.execution_options(**{PLAIN: True})

    def wipe_deleted(self, conn: Connection) -> None:
        """Have what is deleted in this transaction written over, where the engine can."""
        self._store.wipe_deleted(conn)

    def numbering(self, conn: Connection) -> dict[str, int]:
        """Return the highest id that was ever given out, of tables that the engine numbers."""
        return self._store.numbering(conn)

    def set_numbering(self, conn: Connection, last: Mapping[str, int]) -> None:
        """Have new rows of these tables numbered from there on, as far as the engine numbers."""
        self._store.set_numbering(conn, last)

    def size(self, conn: Connection) -> int:
        """Return the bytes that the library takes."""
        return self._store.size(conn)

    def rewrite(self) -> None:
        """Store everything anew without the places of deleted rows.

        Raises
        ------
        LockedLibraryError
            Another process reads or writes.
        FullDiskError
            The library needs its own size once more meanwhile.
        """
        self._store.rewrite()


class Snapshot(Library):
    """A library as it was at one moment; made by `Library.snapshot`."""

    def __init__(self, store: Store, conn: Connection) -> None:
        super().__init__(store, read_only=True)
        self._conn = conn

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give the one connection that all reads share."""
        yield self._conn

    def close(self) -> None:
        """Do nothing: the connections are those of the library."""
