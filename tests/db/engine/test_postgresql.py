"""Libraries on a PostgreSQL server: opening them, and what is said when that goes wrong."""

import itertools
import threading
from pathlib import Path

import pytest
from sqlalchemy import insert, text

from db.engine import migrations, schema
from db.engine.columns import now
from db.engine.migrations import Step
from db.errors import (
    CorruptLibraryError,
    LibraryError,
    LockedLibraryError,
    MissingLibraryError,
    NewerLibraryError,
    ReadOnlyLibraryError,
    UnreadableLibraryError,
)
from db.library import Library
from db.people.people import people
from db.photos.files import known_files, save_files
from db.places import place_of
from db.settings import get_setting, set_setting
from tests.databases import PASSWORD, Server
from tests.db.make import add, assert_settings_moved, seen

pytestmark = pytest.mark.postgresql

FIXTURES = Path(__file__).parents[1] / "fixtures"
NAMES = itertools.count()


@pytest.fixture
def database(server):
    """The name of an empty database."""
    name = f"empty{next(NAMES)}"
    with server.connect() as raw:
        raw.execute(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0")
    return name


@pytest.fixture
def url(server, database):
    return server.url(database)


def test_a_library_is_made_once_and_found_again(url):
    with pytest.raises(MissingLibraryError, match=r"no library at postgresql\+psycopg://album@"):
        Library.open(url, create=False)
    with pytest.raises(MissingLibraryError):
        Library.open(url, read_only=True)
    with Library.open(url) as library:
        set_setting(library, "colour", "green")
        assert "pass" not in library.path
    with Library.open(url, create=False, read_only=True) as library:
        assert get_setting(library, "colour") == "green"
        with pytest.raises(ReadOnlyLibraryError, match="opened read-only"):
            set_setting(library, "colour", "red")
        with library.read() as conn:
            assert conn.execute(text("SELECT version, name FROM schema_version")).all() == [
                (migrations.newest().version, migrations.newest().name)
            ]


def test_two_threads_make_one_library(url):
    threads = [threading.Thread(target=lambda: Library.open(url).close()) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Library.open(url, create=False) as library, library.read() as conn:
        assert conn.scalar(text("SELECT count(*) FROM schema_version")) == 1


def test_texts_with_nul_and_unknown_numbers_are_stored_as_sqlite_would(url):
    with Library.open(url) as library:
        save_files(library, [seen("/a.jpg", "a")])
        add(library, "/b.jpg", camera_make="Canon\0\0", date_source="a name of any length at all")
        with library.write() as conn:
            conn.execute(insert(schema.person).values(id=7, born=float("nan"), created_at=now()))
        with library.read() as conn:
            assert conn.scalar(text("SELECT born IS NULL FROM person")) is True
            assert conn.scalar(text("SELECT camera_make FROM photo")) == "Canon"


def shape(server, database):
    """Return all columns, indexes and constraints."""
    queries = (
        "SELECT table_name, column_name, data_type, collation_name, is_nullable, column_default "
        "FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2",
        "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1",
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2",
    )
    with server.connect(database) as raw:
        return [raw.execute(query).fetchall() for query in queries]


def test_an_old_library_becomes_what_a_new_one_is(server, database, url):
    with server.connect(database) as raw:
        raw.execute((FIXTURES / "v3.postgresql.sql").read_text("utf-8"))
    new = f"new{database}"
    with server.connect() as raw:
        raw.execute(f"CREATE DATABASE {new} ENCODING 'UTF8' TEMPLATE template0")
    with Library.open(url) as library:
        assert_settings_moved(library)
        assert [one.name for one in people(library)] == ["Ana"]
    Library.open(server.url(new)).close()
    assert shape(server, database) == shape(server, new)


def test_steps_that_are_to_come_are_applied_once(url, monkeypatch):
    Library.open(url).close()
    newest = migrations.newest().version
    step = Step(newest + 1, "mood", (), ("ALTER TABLE photo ADD COLUMN mood TEXT",))
    broken = Step(newest + 2, "broken", (), ("CREATE TABLE half (id INT)", "INSERT INTO none"))
    monkeypatch.setattr(migrations, "STEPS", (*migrations.STEPS, step))
    with pytest.raises(ReadOnlyLibraryError, match="older format"):
        Library.open(url, read_only=True)
    for _ in range(2):
        Library.open(url).close()
    monkeypatch.setattr(migrations, "STEPS", (*migrations.STEPS, broken))
    with pytest.raises(Exception, match="syntax error"):
        Library.open(url)
    monkeypatch.setattr(migrations, "STEPS", migrations.STEPS[:-1])
    with Library.open(url) as library, library.read() as conn:
        versions = conn.scalars(text("SELECT version FROM schema_version ORDER BY version")).all()
        assert versions == [newest, newest + 1]
        assert conn.scalar(text("SELECT to_regclass('half')")) is None
    monkeypatch.undo()
    with pytest.raises(NewerLibraryError, match="update the program"):
        Library.open(url)


def test_tables_of_another_program_are_left_alone(server, database, url):
    with server.connect(database) as raw:
        raw.execute("CREATE TABLE photo (id INT)")
    with pytest.raises(CorruptLibraryError, match="another program; give a database of its own"):
        Library.open(url)


def test_a_database_of_another_encoding(server):
    with server.connect() as raw:
        raw.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    with pytest.raises(LibraryError, match=r"encoded in LATIN1; make one in UTF8, from"):
        Library.open(server.url("latin"))


def says(url, *parts, kind=UnreadableLibraryError):
    with pytest.raises(kind) as error:
        Library.open(url)
    said = str(error.value)
    assert all(part in said for part in parts), said
    assert "\n" not in said
    for secret in (PASSWORD, "pass%20word", "hunter2"):
        chain = [error.value, error.value.__cause__, error.value.__context__]
        assert not any(secret in str(one) + repr(one) for one in chain)


def test_wrong_credentials_and_places(server, url):
    host = f"127.0.0.1:{server.port}"
    says(server.url(password="hunter2"), host, "user or the password", "pgpass")
    says(server.url(user="nobody", password="hunter2"), host, "user or the password")
    says(server.url(password=None), host, "user or the password")
    says(server.url("nothing"), host, "no such database", "createdb", kind=MissingLibraryError)
    says("postgresql://u:hunter2@127.0.0.1:1/x", "127.0.0.1:1", "can't be reached", "see that it")
    says("postgresql://u:hunter2@no.such.host.invalid/x", "no.such.host.invalid:5432", "reached")
    says("postgresql://u:hunter2@/x?host=/nowhere&password=hunter2", "/nowhere", "reached")
    says("postgresql://u:hunter2@host:port/x", "no URL of a PostgreSQL", kind=LibraryError)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgres://u:p@h:1/d", "postgresql+psycopg://u@h:1/d"),
        ("postgresql://u:p@ss/w:o#rd@h/d", "postgresql+psycopg://u@h/d"),
        ("postgresql+psycopg:///d?password=p&host=h", "postgresql+psycopg:///d?host=h"),
        ("postgresql+psycopg://h", "postgresql+psycopg://h"),
    ],
)
def test_a_library_is_called_without_its_password(url, shown):
    assert place_of(url).shown == shown
    assert repr(place_of(url)) == f"ServerPlace({shown!r})"


def test_who_may_not_write(server, database, url):
    Library.open(url).close()
    with server.connect(database) as raw:
        raw.execute("DROP ROLE IF EXISTS reader")
        raw.execute("CREATE ROLE reader LOGIN PASSWORD 'look'")
        raw.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
    with Library.open(server.url(database, user="reader", password="look")) as library:
        assert get_setting(library, "a") is None
        with pytest.raises(ReadOnlyLibraryError, match=r"127.0.0.1.* have the rights granted"):
            set_setting(library, "a", "b")
    with server.connect(database) as raw:
        raw.execute("DROP OWNED BY reader")


def test_a_server_that_goes_away_and_comes_back():
    from tests import databases

    if reason := databases.why_not():
        pytest.skip(reason)
    server = Server()
    try:
        with Library.open(server.url()) as library:
            add(library, "/a.jpg")
            with (
                pytest.raises(UnreadableLibraryError, match=rf"127.0.0.1:{server.port} was lost"),
                library.write() as conn,
            ):
                conn.execute(insert(schema.setting).values(key="half", value="done"))
                server.stop()
                conn.execute(insert(schema.setting).values(key="other", value="half"))
            with pytest.raises(UnreadableLibraryError, match="can't be reached"):
                get_setting(library, "half")
            server.start()
            assert get_setting(library, "half") is None
            assert list(known_files(library, ["/"])) == ["/a.jpg"]
            add(library, "/b.jpg")
    finally:
        server.close()


def test_writers_take_turns_and_readers_wait_for_nobody(url):
    with Library.open(url) as library, Library.open(url, wait_s=0.1) as other:
        with library.write() as conn:
            conn.execute(insert(schema.setting).values(key="first", value="writer"))
            assert get_setting(other, "first") is None
            with pytest.raises(LockedLibraryError, match="Another process is writing"):
                set_setting(other, "second", "writer")
        set_setting(other, "second", "writer")
        with other.read() as conn:
            before = conn.scalar(text("SELECT count(*) FROM setting"))
            set_setting(library, "third", "writer")
            assert conn.scalar(text("SELECT count(*) FROM setting")) == before == 2
