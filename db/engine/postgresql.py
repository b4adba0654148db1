"""Everything that is PostgreSQL's own: connecting, transactions, the tables of a new library.

Writers take turns, as they do with SQLite: each takes a lock on one table at once (`_WRITE`), so
that what a transaction has read is still so when it writes. Readers see one state throughout and
wait for nobody.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    ExceptionContext,
    create_engine,
    event,
    exc,
    make_url,
    text,
)

from db.engine import migrations
from db.engine.columns import now
from db.engine.postgresql_errors import connecting, translate
from db.engine.schema import metadata
from db.engine.sqlite import PLAIN, WRITES
from db.errors import (
    CorruptLibraryError,
    LibraryError,
    MissingLibraryError,
    ReadOnlyLibraryError,
)
from db.places import ServerPlace

_MARK = "library of album-people"
"""Comment on the table of versions, which tells our tables from those of another program."""
_READ = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
_WRITE = "LOCK TABLE schema_version IN EXCLUSIVE MODE"
"""Conflicts with itself and with no reader."""
_MAKING = 0x416C426D
"""Key of the lock while tables are made, when there is none to be locked yet."""
_PATIENCE = {
    "application_name": "album-people",
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}
"""So that a server that has vanished is noticed. What the URL says goes before."""
_NOTICE: dict[str, Any] = {
    "tcp_keepalives_idle": 30,
    "tcp_keepalives_interval": 10,
    "tcp_keepalives_count": 3,
}
"""So that the server notices a client that has vanished, and frees what it had claimed."""
MAKE_CLAIMS = "CREATE UNLOGGED TABLE claim (key BYTEA NOT NULL PRIMARY KEY)"
"""Of `db.photos.claims`: never copied or counted, and empty after a crash of the server."""


class PostgresqlStore:
    """A library on a server; see `db.library.Store`."""

    is_shared = True

    def __init__(self, place: ServerPlace, *, read_only: bool, wait_s: float) -> None:
        self._place = place
        self.path = place.shown
        self._read_only = read_only
        self._wait_ms = max(1, round(wait_s * 1000))
        self.engine = self._engine()

    def _parameters(self) -> dict[str, Any]:
        try:
            url = make_url(self._place.url)
            args, parameters = url.get_dialect()().create_connect_args(url)
        except (exc.ArgumentError, ValueError):
            # Without what it came from, which may quote the URL and the password in it.
            raise LibraryError(
                f"{self.path} is no URL of a PostgreSQL library; write "
                "postgresql+psycopg://USER@HOST:PORT/DATABASE, with what is special in a password "
                "as %XX."
            ) from None
        assert not args
        return _PATIENCE | dict(parameters)

    def _connect(self, parameters: dict[str, Any]) -> Any:
        import psycopg

        settings = {"datestyle": "ISO", "client_encoding": "'UTF8'", **_NOTICE}
        settings["lock_timeout"] = self._wait_ms
        try:
            raw = psycopg.connect(**parameters, autocommit=True)
        except (psycopg.Error, UnicodeError) as error:
            raise connecting(self._place, error) from error
        try:
            raw.execute(";".join(f"SET {name} = {value}" for name, value in settings.items()))
        except psycopg.Error as error:
            raw.close()
            raise connecting(self._place, error) from error
        raw.autocommit = False
        return raw

    def _engine(self) -> Engine:
        try:
            import psycopg  # noqa: F401
        except ImportError as error:
            raise LibraryError(
                f"The library {self.path} needs psycopg; install it with "
                "pip install 'album-people[postgres]'."
            ) from error
        parameters = self._parameters()
        engine = create_engine(
            "postgresql+psycopg://",
            creator=lambda: self._connect(parameters),
            pool_pre_ping=True,
            max_overflow=-1,
        )

        @event.listens_for(engine, "begin")
        def begin(conn: Connection) -> None:
            options = conn.get_execution_options()
            if not options.get(PLAIN, False):
                conn.exec_driver_sql(_WRITE if options.get(WRITES, False) else _READ)

        @event.listens_for(engine, "handle_error", retval=True)
        def explain(context: ExceptionContext) -> BaseException | None:
            return translate(self._place, context.original_exception)

        return engine

    @contextmanager
    def _plain(self) -> Iterator[Connection]:
        with self.engine.connect() as conn:
            conn.execution_options(**{PLAIN: True})
            with conn.begin():
                yield conn

    def prepare(self, *, create: bool) -> None:
        """Make the tables, or bring them up to date, or see that this is not needed."""
        with self._plain() as conn:
            version = self._version(conn)
            if version is None and not (create and not self._read_only):
                raise MissingLibraryError(
                    f"There is no library at {self.path}; index some photos first, or give another."
                )
            if version == migrations.newest().version:
                return
            if self._read_only:
                raise ReadOnlyLibraryError(
                    f"The library {self.path} has an older format, and a read-only library can't "
                    "be brought up to date; open it once for writing."
                )
            self._bring_up_to_date(conn)

    def _version(self, conn: Connection) -> int | None:
        """Return the version of the library; None where there is none."""
        if not self._tables(conn):
            return None
        recorded = text("SELECT coalesce(max(version), 0) FROM schema_version")
        version = int(conn.scalar(recorded) or 0)
        migrations.check_known(version, self.path)
        return version

    def _tables(self, conn: Connection) -> list[str]:
        """Return the names of the tables; refuses those of another program."""
        query = text(
            "SELECT relname, obj_description(oid, 'pg_class') FROM pg_class WHERE relkind "
            "IN ('r', 'p') AND relnamespace = current_schema()::regnamespace"
        )
        marks = {row[0]: row[1] for row in conn.execute(query)}
        if marks and marks.get("schema_version") != _MARK:
            raise CorruptLibraryError(
                f"{self.path} holds tables of another program; give a database of its own."
            )
        return sorted(marks)

    def _bring_up_to_date(self, conn: Connection) -> None:
        conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MAKING})
        version = self._version(conn)  # another process may have been faster
        if version is None:
            self._create(conn)
            return
        for step in migrations.STEPS:
            if step.version > version:
                for statement in step.postgresql:
                    conn.exec_driver_sql(statement)
                _record(conn, step)

    def _create(self, conn: Connection) -> None:
        encoding = conn.scalar(text("SHOW server_encoding"))
        if encoding != "UTF8":
            raise LibraryError(
                f"The database {self.path} is encoded in {encoding}; make one in UTF8, from "
                "template0 (see docs/postgresql.md)."
            )
        for statement in migrations.schema_sql(self.engine.dialect):
            conn.exec_driver_sql(statement)
        conn.exec_driver_sql(MAKE_CLAIMS)
        conn.exec_driver_sql(f"COMMENT ON TABLE schema_version IS '{_MARK}'")
        _record(conn, migrations.newest())

    def rewrite(self) -> None:
        """Write the tables anew without the places of deleted rows."""
        with self.engine.connect() as conn:
            conn.execution_options(isolation_level="AUTOCOMMIT", **{PLAIN: True})
            for table in metadata.tables:
                conn.exec_driver_sql(f'VACUUM (FULL) "{table}"')

    def size(self, conn: Connection) -> int:
        """Return the bytes that the tables and their indexes take."""
        total = text(
            "SELECT sum(pg_total_relation_size(name::regclass)) "
            "FROM unnest(CAST(:names AS text[])) name"
        )
        return int(conn.scalar(total, {"names": list(metadata.tables)}) or 0)

    def drop(self) -> None:
        """Delete the tables, whatever version they are of."""
        with self._plain() as conn:
            for table in self._tables(conn):
                conn.exec_driver_sql(f'DROP TABLE IF EXISTS "{table}" CASCADE')
        self.engine.dispose()

    def numbering(self, conn: Connection) -> dict[str, int]:
        """Return the highest id that was ever given out, of tables that have a sequence."""
        last = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM "
        return {
            name: int(conn.scalar(text(last + sequence)) or 0)
            for name, sequence in self._sequences(conn).items()
        }

    def set_numbering(self, conn: Connection, last: Mapping[str, int]) -> None:
        """Have new rows numbered from there on, or from the last row on where nothing is said."""
        for name, sequence in self._sequences(conn).items():
            highest = conn.scalar(text(f'SELECT coalesce(max(id), 0) FROM "{name}"')) or 0
            number = max(int(highest), last.get(name, 0))
            if number:
                conn.execute(text("SELECT setval(:name, :to)"), {"name": sequence, "to": number})

    def _sequences(self, conn: Connection) -> dict[str, str]:
        query = text("SELECT pg_get_serial_sequence(:table, 'id')")
        numbered = (name for name, table in metadata.tables.items() if "id" in table.c)
        found = {name: conn.scalar(query, {"table": name}) for name in numbered}
        return {name: str(sequence) for name, sequence in found.items() if sequence}

    def wipe_deleted(self, conn: Connection) -> None:
        """Nothing: deleted rows are gone from the tables once these were written anew."""


def _record(conn: Connection, step: migrations.Step) -> None:
    conn.execute(
        text("INSERT INTO schema_version (version, name, applied_at) VALUES (:v, :n, :at)"),
        {"v": step.version, "n": step.name, "at": now().replace(tzinfo=None)},
    )
