"""Opening a library, and everything that can be wrong with it."""

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import insert, text

from db.engine import schema
from db.errors import (
    CorruptLibraryError,
    FullDiskError,
    LibraryError,
    LockedLibraryError,
    MissingLibraryError,
    ReadOnlyLibraryError,
    UnreadableLibraryError,
)
from db.library import Library
from db.photos.files import known_files, save_files
from db.settings import get_setting, set_setting
from tests.databases import name_of
from tests.db.make import add, seen

pytestmark = pytest.mark.postgresql

ROOT = Path(__file__).parents[2]


def python(code, *arguments, **options):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, **options)


@pytest.mark.sqlite
def test_a_new_library_is_private_and_set_up(path):
    with Library.open(path) as library:
        set_setting(library, "colour", "green")
        modes = {f.name: stat.S_IMODE(f.stat().st_mode) for f in path.parent.iterdir()}
        assert modes == dict.fromkeys(("library.db", "library.db-wal", "library.db-shm"), 0o600)
        with library.read() as conn:
            pragmas = ("journal_mode", "foreign_keys", "busy_timeout", "page_size")
            values = [conn.execute(text(f"PRAGMA {name}")).scalar() for name in pragmas]
        assert values == ["wal", 1, 10_000, 8192]
    assert [f.name for f in path.parent.iterdir()] == ["library.db"]
    with Library.open(path, create=False) as library:
        assert get_setting(library, "colour") == "green"
        set_setting(library, "colour", None)
        assert get_setting(library, "colour", "red") == "red"


def test_foreign_keys_hold_on_every_connection(library):
    with (
        library.read(),
        pytest.raises(Exception, match=r"(?i)foreign key"),
        library.write() as conn,
    ):
        conn.execute(insert(schema.rejection).values(face_id=9, person_id=9))


def test_an_error_in_a_transaction_leaves_nothing(library):
    with pytest.raises(RuntimeError), library.write() as conn:
        conn.execute(insert(schema.setting).values(key="half", value="done"))
        raise RuntimeError
    assert get_setting(library, "half") is None


@pytest.mark.sqlite
def test_a_url_and_a_name_that_is_not_utf8_are_paths(tmp_path):
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/\xff?%41#.db")
    with Library.open(f"sqlite:///{odd}") as library:
        set_setting(library, "a", "b")
    assert os.fsencode(odd) in [os.fsencode(p) for p in tmp_path.iterdir()]
    with (
        pytest.raises(ReadOnlyLibraryError, match="�") as error,
        Library.open(odd, read_only=True) as library,
    ):
        set_setting(library, "a", "c")
    str(error.value).encode()  # can be printed


@pytest.mark.parametrize("engine", ["mysql", "postgresql+asyncpg", "http"])
def test_another_engine_is_refused(engine):
    with pytest.raises(LibraryError, match=r"not supported; give .*postgresql\+psycopg") as error:
        Library.open(f"{engine}://user:secret@host/db")
    assert "secret" not in str(error.value)


@pytest.mark.sqlite
@pytest.mark.parametrize("read_only", [False, True])
def test_nothing_there(path, read_only):
    with pytest.raises(MissingLibraryError, match=r"no library at .*library.db; index"):
        Library.open(path, create=False, read_only=read_only)
    with pytest.raises(MissingLibraryError, match=r"no library at .*nowhere.*; index"):
        Library.open(path.parent / "nowhere" / "library.db", create=False, read_only=read_only)
    said = r"no library at .*nowhere" if read_only else r"folder .*nowhere .*does not exist"
    with pytest.raises(MissingLibraryError, match=said):
        Library.open(path.parent / "nowhere" / "library.db", read_only=read_only)
    with pytest.raises(UnreadableLibraryError, match="is a folder"):
        Library.open(path.parent, read_only=read_only)
    assert list(path.parent.iterdir()) == []


@pytest.mark.sqlite
def test_an_empty_file_becomes_a_library_unless_read_only(path):
    path.touch()
    with pytest.raises(CorruptLibraryError, match="is empty"):
        Library.open(path, read_only=True)
    with Library.open(path) as library:
        set_setting(library, "a", "b")


@pytest.mark.sqlite
def test_a_file_that_is_no_database(path):
    path.write_bytes(b"\xff\xd8\xff" + bytes(5000))
    with pytest.raises(CorruptLibraryError, match=r"library.db is not a library"):
        Library.open(path)
    assert path.read_bytes()[:3] == b"\xff\xd8\xff"


@pytest.mark.sqlite
def test_a_database_of_another_program(path):
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("CREATE TABLE photo (id)")
    before = path.read_bytes()
    with pytest.raises(CorruptLibraryError, match="another program"):
        Library.open(path, read_only=True)
    with pytest.raises(CorruptLibraryError, match="another program"):
        Library.open(path)
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("SELECT count(*) FROM sqlite_master").fetchone() == (1,)
    assert before  # it was not empty


@pytest.mark.sqlite
def test_a_library_without_versions_is_damaged(path):
    Library.open(path).close()
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("DROP TABLE schema_version")
    with pytest.raises(CorruptLibraryError, match="is damaged"):
        Library.open(path)


@pytest.mark.sqlite
def test_damaged_pages_are_found_when_they_are_read(path):
    with Library.open(path) as library:
        save_files(library, [seen(f"/photos/{i:06}.jpg") for i in range(2000)])
    data = bytearray(path.read_bytes())
    data[len(data) // 4 :] = bytes([170]) * (len(data) - len(data) // 4)
    path.write_bytes(data)
    with pytest.raises(CorruptLibraryError, match="is damaged"), Library.open(path) as library:
        known_files(library, ["/photos"])


@pytest.mark.sqlite
def test_a_full_disk_keeps_what_was_finished(library):
    save_files(library, [seen("/a.jpg")])
    with library.read() as conn:
        pages = conn.execute(text("PRAGMA page_count")).scalar_one()
    with library.read() as conn:
        conn.execute(text(f"PRAGMA max_page_count = {pages + 2}"))
    with pytest.raises(FullDiskError, match="free some space"):
        save_files(library, [seen(f"/more/{i:06}.jpg") for i in range(3000)])
    assert list(known_files(library, ["/"])) == ["/a.jpg"]
    with library.read() as conn:
        conn.execute(text("PRAGMA max_page_count = 100000"))
    save_files(library, [seen("/b.jpg")])
    assert list(known_files(library, ["/"])) == ["/a.jpg", "/b.jpg"]


def test_a_read_only_library_is_read_but_not_changed(path):
    with Library.open(path) as library:
        set_setting(library, "a", "b")
    with Library.open(path, read_only=True) as library:
        assert get_setting(library, "a") == "b"
        with pytest.raises(ReadOnlyLibraryError, match="opened read-only"):
            set_setting(library, "a", "c")
        with pytest.raises(ReadOnlyLibraryError, match="can't be changed"), library.read() as conn:
            conn.execute(insert(schema.setting).values(key="x", value="y"))


@contextmanager
def without_privileges():
    """Be nobody for a moment, since root may write everywhere."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.sqlite
@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="needs POSIX permissions")
def test_a_library_on_a_read_only_medium():
    folder = Path(tempfile.mkdtemp())
    try:
        path = folder / "library.db"
        with Library.open(path) as library:
            set_setting(library, "a", "b")
        path.chmod(0o444)
        folder.chmod(0o555)
        with without_privileges():
            with Library.open(path, read_only=True) as library:
                assert get_setting(library, "a") == "b"
            with pytest.raises(ReadOnlyLibraryError, match="writable"):
                Library.open(path)
            with pytest.raises(UnreadableLibraryError, match="permissions"):
                Library.open(folder / "new.db")
        assert [p.name for p in folder.iterdir()] == ["library.db"]
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)


HOLD = """
import sys, time
from sqlalchemy import insert
from db.engine import schema
from db.library import Library
with Library.open(sys.argv[1]) as library, library.write() as conn:
    conn.execute(insert(schema.setting).values(key="first", value="writer"))
    print("holding", flush=True)
    sys.stdin.read()
"""


def test_two_processes_writing(path):
    Library.open(path).close()
    holder = python(HOLD, name_of(path), stdin=subprocess.PIPE)
    try:
        assert holder.stdout.readline() == "holding\n"
        with Library.open(path, wait_s=0.1) as library:
            assert get_setting(library, "first") is None  # reading goes on
            with pytest.raises(LockedLibraryError, match=r"Another process .*; wait"):
                set_setting(library, "second", "writer")
        with Library.open(path, wait_s=60) as library:
            waiting = threading.Thread(target=set_setting, args=(library, "second", "writer"))
            waiting.start()
            waiting.join(0.3)
            assert waiting.is_alive()
            holder.communicate("")
            waiting.join()
            assert get_setting(library, "first") == get_setting(library, "second") == "writer"
    finally:
        holder.kill()
        holder.communicate()


OPEN = """
import sys
from db.library import Library
from db.settings import set_setting
sys.stdin.read(1)
with Library.open(sys.argv[1]) as library:
    set_setting(library, sys.argv[2], "here")
"""


def test_several_processes_make_one_library(path):
    makers = [python(OPEN, name_of(path), i, stdin=subprocess.PIPE) for i in range(4)]
    for maker in makers:
        maker.stdin.write("x")
        maker.stdin.flush()
    for maker in makers:
        maker.communicate()
    assert [maker.returncode for maker in makers] == [0] * 4
    with Library.open(path) as library:
        assert [get_setting(library, str(i)) for i in range(4)] == ["here"] * 4


@pytest.mark.sqlite
def test_waits_for_who_is_making_the_same_library(path):
    path.touch()
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        end = threading.Timer(0.3, other.execute, ["ROLLBACK"])
        end.start()
        Library.open(path, wait_s=60).close()
        end.join()


def test_threads_share_a_library(library):
    def work(name):
        add(library, *(f"/{name}/{i}.jpg" for i in range(5)))

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(known_files(library, ["/"])) == 20
    with library.read() as conn:
        assert conn.execute(text("SELECT count(*) FROM face")).scalar() == 40


def test_rows_and_errors_do_not_import_sqlalchemy():
    code = "import sys, db, db.records, db.rows, db.errors; print('sqlalchemy' in sys.modules)"
    assert python(code).communicate()[0] == "False\n"
    code = "import sys, db.people.people, db.photos.status; print('sqlalchemy.orm' in sys.modules)"
    assert python(code).communicate()[0] == "False\n"
