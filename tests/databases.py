"""The engine that tests run on: SQLite, or with ALBUM_TEST_DATABASE=postgres a real PostgreSQL.

On PostgreSQL every library file that a test names becomes a schema of its own in one database, so
that the same tests say the same of both. What is about the file itself carries the mark `sqlite`.
"""

import hashlib
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

WANTED = os.environ.get("ALBUM_TEST_DATABASE", "sqlite")
PASSWORD = "pass word/@:?"
"""Of the user of the test server: with all that has to be encoded in a URL."""
SETTINGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200")


def program(name):
    """Return the path of a program of PostgreSQL, or None."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(found[-1]) if found else shutil.which(name)


def why_not():
    """Say why no server can be started here; None where one can."""
    try:
        import psycopg  # noqa: F401
    except ImportError:
        return "needs psycopg"
    if program("initdb") is None or program("pg_ctl") is None:
        return "needs the server of PostgreSQL (Debian: apt-get install postgresql)"
    if os.geteuid() == 0 and (shutil.which("runuser") is None or _user() is None):
        return "PostgreSQL does not run as root, and there is no user postgres"
    return None


def _user():
    import pwd

    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return None


def _free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Server:
    """A PostgreSQL server in a temporary folder, which ends with it."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="album-pg-"))
        self._as = []
        if os.geteuid() == 0:
            os.chown(self.folder, _user().pw_uid, _user().pw_gid)
            self._as = ["runuser", "-u", "postgres", "--"]
        self.port = _free_port()
        (self.folder / "password").write_text(PASSWORD)
        (self.folder / "password").chmod(0o644)
        self._run(
            *(program("initdb"), "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8"),
            *("--auth=scram-sha-256", "--username=album"),
            *(f"--pwfile={self.folder}/password", "-D", f"{self.folder}/data"),
        )
        self.start()

    def _run(self, *command):
        subprocess.run([*self._as, *command], check=True, stdout=subprocess.DEVNULL, cwd="/")

    def _control(self, *command):
        self._run(program("pg_ctl"), "-D", f"{self.folder}/data", "-w", "-s", *command)

    def start(self):
        settings = " ".join(f"-c {one}" for one in SETTINGS)
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 {settings}"
        self._control("-l", f"{self.folder}/log", "-o", options, "start")

    def stop(self, mode="immediate"):
        self._control("-m", mode, "stop")

    def close(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database="postgres", *, user="album", password=PASSWORD, schema=None):
        secret = "" if password is None else ":" + quote(password, safe="")
        where = f"127.0.0.1:{self.port}/{database}"
        path = "" if schema is None else "?options=" + quote(f"-csearch_path={schema}", safe="")
        return f"postgresql+psycopg://{user}{secret}@{where}{path}"

    def connect(self, database="postgres"):
        import psycopg

        parameters = {"host": "127.0.0.1", "port": self.port, "user": "album"}
        return psycopg.connect(**parameters, password=PASSWORD, dbname=database, autocommit=True)


class Schemas:
    """Gives every file a schema of its own."""

    def __init__(self, server):
        self._server = server
        self._raw = server.connect()
        self._known = set()

    def schema(self, path):
        where = os.path.realpath(path)
        name = "s" + hashlib.blake2b(os.fsencode(where), digest_size=12).hexdigest()
        if name not in self._known:
            self._raw.execute(f"CREATE SCHEMA IF NOT EXISTS {name}")
            self._known.add(name)
        return name

    def url(self, path):
        return self._server.url(schema=self.schema(path))

    def copy(self, source, target):
        """Copy rows on the server; its own keys and numbering included."""
        from db.engine.schema import metadata
        from db.library import Library

        Library.open(target).close()
        old, new = self.schema(source), self.schema(target)
        names = [table.name for table in metadata.sorted_tables]
        with self._raw.transaction():
            self._raw.execute("SET LOCAL session_replication_role = replica")
            self._raw.execute("TRUNCATE " + ", ".join(f"{new}.{name}" for name in names))
            for name in names:
                self._raw.execute(f"INSERT INTO {new}.{name} SELECT * FROM {old}.{name}")
            for name in ("contract", "photo", "file", "forgotten", "event"):
                self._raw.execute(
                    f"SELECT setval('{new}.{name}_id_seq', last_value, is_called) "
                    f"FROM {old}.{name}_id_seq"
                )

    def everything_in(self, path):
        from db.engine.schema import metadata

        names = [f"{self.schema(path)}.{table.name}" for table in metadata.sorted_tables]
        rows = [row for name in names for row in self._raw.execute(f"TABLE {name}")]
        values = [value for row in rows for value in row]
        return b"\n".join(v if isinstance(v, bytes) else str(v).encode() for v in values)

    def close(self):
        self._raw.close()


running = None
"""The `Schemas` of the tests, where they run on PostgreSQL."""


def on_postgres():
    return running is not None


def name_of(path):
    """Return what another process is to call the library that tests call `path`."""
    return str(path) if running is None else running.url(path)


def called(path):
    """Return what messages call a library."""
    from db.places import place_of

    return place_of(name_of(path)).shown


def copy(source, target):
    """Make a library the same as another."""
    if running is None:
        shutil.copyfile(source, target)
    else:
        running.copy(source, target)


def everything_in(path):
    """Return all that is stored of a library, backups and logs included, as bytes."""
    if running is None:
        found = sorted(Path(path).parent.glob(Path(path).name + "*"))
        return b"".join(one.read_bytes() for one in found)
    return running.everything_in(path)


def sql(path, statement, parameters=()):
    """Run a statement in a library, from outside of the program; return the rows, if any."""
    from db.library import Library

    with Library.open(path) as library, library.write() as conn:
        if library.path.startswith("postgresql"):
            statement = statement.replace("?", "%s")
        found = conn.exec_driver_sql(statement, tuple(parameters))
        return [tuple(row) for row in found] if found.returns_rows else []
