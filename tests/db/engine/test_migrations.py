"""Libraries of every past version open, with a copy kept; newer ones are refused."""

import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from db.engine import migrations
from db.engine.migrations import Step
from db.errors import NewerLibraryError, ReadOnlyLibraryError
from db.library import Library
from db.people.faces import load_faces
from db.people.people import people
from db.photos.files import failures, known_files
from db.photos.status import status
from tests.db.make import assert_settings_moved

pytestmark = pytest.mark.sqlite

FIXTURES = Path(__file__).parents[1] / "fixtures"
VERSIONS = range(1, migrations.newest().version + 1)

NOW = migrations.newest().version
COLUMN = Step(NOW + 1, "photos have a mood", ("ALTER TABLE photo ADD COLUMN mood TEXT",))
TABLE = Step(
    NOW + 2, "tags", ("CREATE TABLE tag (id INTEGER PRIMARY KEY)", "INSERT INTO tag VALUES (7)")
)
BROKEN = Step(NOW + 2, "broken", ("CREATE TABLE half (id)", "INSERT INTO nowhere VALUES (1)"))
DANGLING = Step(NOW + 2, "dangling", ("UPDATE face SET photo_id = 999",))


@pytest.fixture(params=VERSIONS)
def version(request):
    return request.param


@pytest.fixture
def old(version, path):
    """A library as that version wrote it."""
    with closing(sqlite3.connect(path)) as raw:
        raw.executescript((FIXTURES / f"v{version}.sql").read_text("utf-8"))
    return path


def rows(path, sql):
    with closing(sqlite3.connect(path)) as raw:
        return raw.execute(sql).fetchall()


def shape(path):
    """Return all columns, indexes and references."""
    tables = [name for (name,) in rows(path, "SELECT name FROM sqlite_master WHERE type='table'")]
    queries = ("table_xinfo", "foreign_key_list", "index_list")
    described = {
        (table, query): sorted(row[1:] for row in rows(path, f"PRAGMA {query}({table})"))
        for table in tables
        for query in queries
    }
    indexes = sorted(rows(path, "SELECT name, tbl_name, sql FROM sqlite_master WHERE type='index'"))
    return described, indexes


def test_old_libraries_become_what_new_ones_are(old, tmp_path):
    Library.open(old).close()
    Library.open(tmp_path / "new.db").close()
    assert shape(old) == shape(tmp_path / "new.db")
    assert rows(old, "PRAGMA application_id") == [(migrations.APPLICATION_ID,)]


def test_old_libraries_keep_everything(old):
    with Library.open(old) as library:
        table = load_faces(library, identity="net", attributes="net")
        assert table.vectors.shape == (3, 16)
        assert table.p_male.tolist() == [0.75] * 3
        assert table.person_id.tolist() == [1, 2, 1]
        assert table.placed.tolist() == [True, False, False]
        assert [(p.name, p.photos) for p in people(library)] == [("Ana", 2), (None, 1)]
        files = known_files(library, ["/photos"], contract="A")
        done = {f.path for f in files.values() if f.done and not f.gone}
        assert done == {"/photos/\udcff.jpg", "/photos/b.jpg"}
        assert [f.reason for f in failures(library)] == ["It ends too early."]
        assert status(library).gone_files == 1


def test_what_settings_held_gets_tables(path):
    with closing(sqlite3.connect(path)) as raw:
        raw.executescript((FIXTURES / "v3.sql").read_text("utf-8"))
    with Library.open(path) as library:
        assert_settings_moved(library)
    assert rows(path, "SELECT key FROM setting") == [("attributes",)]


def test_steps_run_once_in_order_after_a_copy(old, version, monkeypatch):
    monkeypatch.setattr(migrations, "STEPS", (*migrations.STEPS, COLUMN))
    before = rows(old, "SELECT * FROM face ORDER BY id")
    Library.open(old).close()
    monkeypatch.setattr(migrations, "STEPS", (*migrations.STEPS, TABLE))
    Library.open(old).close()
    Library.open(old).close()
    assert rows(old, "SELECT id FROM tag") == [(7,)]
    assert rows(old, "SELECT mood FROM photo LIMIT 1") == [(None,)]
    assert rows(old, "SELECT version, name FROM schema_version") == [
        (step.version, step.name) for step in (migrations.FIRST, *migrations.STEPS)
    ]
    assert rows(old, "SELECT * FROM face ORDER BY id") == before
    copies = sorted(old.parent.glob("*backup*"))
    assert [c.name for c in copies] == [
        f"library.db.backup-v{version}",
        f"library.db.backup-v{NOW + 1}",
    ]
    assert [stat.S_IMODE(c.stat().st_mode) for c in copies] == [0o600] * 2
    assert rows(copies[0], "SELECT max(version) FROM schema_version") == [(version,)]
    assert rows(copies[0], "SELECT * FROM face ORDER BY id") == before


def test_a_copy_is_a_library_of_its_own(old, version, monkeypatch, tmp_path):
    monkeypatch.setattr(migrations, "STEPS", (*migrations.STEPS, COLUMN))
    Library.open(old).close()
    shutil.copy(f"{old}.backup-v{version}", tmp_path / "back.db")
    with Library.open(tmp_path / "back.db") as library:
        assert [p.name for p in people(library)] == ["Ana", None]


@pytest.mark.parametrize("broken", [BROKEN, DANGLING])
def test_a_step_that_fails_leaves_nothing_and_runs_again(old, monkeypatch, broken):
    steps = migrations.STEPS
    monkeypatch.setattr(migrations, "STEPS", (*steps, COLUMN, broken))
    before = rows(old, "SELECT * FROM face")
    for _ in range(2):
        with pytest.raises(sqlite3.Error):
            Library.open(old)
    assert rows(old, "SELECT max(version) FROM schema_version") == [(NOW + 1,)]
    assert rows(old, "SELECT name FROM sqlite_master WHERE name = 'half'") == []
    assert rows(old, "SELECT * FROM face") == before
    monkeypatch.setattr(migrations, "STEPS", (*steps, COLUMN, TABLE))
    Library.open(old).close()
    assert rows(old, "SELECT max(version) FROM schema_version") == [(NOW + 2,)]


def test_a_read_only_library_of_an_older_version(old, monkeypatch):
    monkeypatch.setattr(migrations, "STEPS", (*migrations.STEPS, COLUMN))
    with pytest.raises(ReadOnlyLibraryError, match="older format"):
        Library.open(old, read_only=True)
    assert not list(old.parent.glob("*backup*"))


@pytest.mark.parametrize("read_only", [False, True])
def test_a_newer_library_is_refused(path, read_only):
    Library.open(path).close()
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("INSERT INTO schema_version VALUES (99, 'tomorrow', '2099-01-01')")
    with pytest.raises(NewerLibraryError, match=r"library.db has format 99 .*update the program"):
        Library.open(path, read_only=read_only)
