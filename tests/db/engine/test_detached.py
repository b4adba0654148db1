"""A library on a full or read-only disk can be read, and never wrongly."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from db.engine.detached import Detached
from db.errors import (
    FullDiskError,
    LockedLibraryError,
    ReadOnlyLibraryError,
    UnreadableLibraryError,
)
from db.library import Library
from db.settings import get_setting, set_setting
from tests.disks import disk

__all__ = ["disk"]
pytestmark = pytest.mark.sqlite
ROOT = Path(__file__).parents[3]

WRITE_AND_DIE = """
import os, sys
from db.library import Library
from db.settings import set_setting
library = Library.open(sys.argv[1])
reading = library.read()  # nothing that comes later can be moved out of the log
reading.__enter__().exec_driver_sql("SELECT 1 FROM setting").all()
for i in range(100):
    set_setting(library, f"key {i}", 2000 * "x")
set_setting(library, "a", "new")
os._exit(0)
"""


@pytest.fixture
def path(disk):
    path = disk.folder / "library.db"
    with Library.open(path) as library:
        set_setting(library, "a", "old")
    return path


def leave_changes_in_the_log(path):
    """Have a process end in the middle, with more in the log than has room in the file."""
    subprocess.run([sys.executable, "-c", WRITE_AND_DIE, path], cwd=ROOT, check=True)
    assert Path(f"{path}-wal").stat().st_size > 200_000


def raw_connection(library):
    with library.read() as conn:
        return conn.connection.driver_connection


def test_a_full_disk(path, disk):
    disk.fill()
    for _ in range(2):
        with Library.open(path, read_only=True) as library:
            assert get_setting(library, "a") == "old"
            assert not raw_connection(library).copied
    with pytest.raises(FullDiskError, match="free some space"):
        Library.open(path)


def test_a_full_disk_with_changes_in_the_log(path, disk):
    leave_changes_in_the_log(path)
    Path(f"{path}-shm").unlink()
    disk.fill()
    for _ in range(2):
        with Library.open(path, read_only=True) as library:
            assert get_setting(library, "a") == "new"
            assert get_setting(library, "key 99")
            assert raw_connection(library).copied
    disk.free()
    with Library.open(path) as library:
        assert get_setting(library, "a") == "new", "nothing is lost"


def test_threads_read_one_copy(path, disk):
    leave_changes_in_the_log(path)
    Path(f"{path}-shm").unlink()
    disk.fill()
    with Library.open(path, read_only=True) as library:
        seen = []

        def look():
            with library.read() as conn, library.read() as other:
                for one in (conn, other):
                    seen.append(one.exec_driver_sql("SELECT count(*) FROM setting").scalar())

        threads = [threading.Thread(target=look) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert seen == 8 * [101]


@pytest.mark.parametrize("in_the_log", [False, True])
def test_what_is_written_once_there_is_room_is_seen(path, disk, in_the_log):
    if in_the_log:
        leave_changes_in_the_log(path)
        Path(f"{path}-shm").unlink()
    disk.fill()
    with Library.open(path, read_only=True) as reader:
        assert isinstance(raw_connection(reader), Detached)
        disk.free()
        with Library.open(path) as writer:
            set_setting(writer, "a", "newer")
            assert get_setting(reader, "a") == "newer"
            assert not isinstance(raw_connection(reader), Detached)
            set_setting(writer, "a", "newest")
            assert get_setting(reader, "a") == "newest"
        assert get_setting(reader, "a") == "newest"


def test_what_was_read_while_the_file_changed_is_refused(path, disk):
    disk.fill()
    with Library.open(path, read_only=True) as reader:
        changed = pytest.raises(LockedLibraryError, match="run the same command again")
        with changed, reader.read() as conn:
            conn.exec_driver_sql("SELECT 1 FROM setting").all()
            disk.free()
            with Library.open(path) as writer:
                set_setting(writer, "a", "newer")
        assert get_setting(reader, "a") == "newer"


def test_a_writer_at_work_on_a_full_disk(path, disk):
    with Library.open(path) as writer:
        set_setting(writer, "a", "from the log")
        disk.fill()
        with Library.open(path, read_only=True) as reader:
            assert not isinstance(raw_connection(reader), Detached)
            assert get_setting(reader, "a") == "from the log"


HOLD = """
import sqlite3, sys
raw = sqlite3.connect(sys.argv[1], isolation_level=None)
raw.execute("PRAGMA locking_mode = EXCLUSIVE")
raw.execute("UPDATE setting SET value = 'half' WHERE key = 'a'")
print("holding", flush=True)
sys.stdin.read()
"""


def test_never_while_another_process_has_it(path, disk):
    """A writer that needs no shared memory can't be seen by files, only by its lock."""
    command = [sys.executable, "-c", HOLD, path]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "holding\n"
        disk.fill()
        with pytest.raises(LockedLibraryError):
            Library.open(path, read_only=True, wait_s=0.1)
    finally:
        holder.communicate("")


def test_a_read_only_disk(path, disk):
    disk.make_read_only()
    with Library.open(path, read_only=True) as library:
        assert get_setting(library, "a") == "old"
    with pytest.raises(ReadOnlyLibraryError):
        Library.open(path)
    disk.make_writable()


@pytest.mark.parametrize("shared_memory", [True, False])
def test_a_read_only_disk_with_changes_in_the_log(path, disk, shared_memory):
    leave_changes_in_the_log(path)
    if not shared_memory:
        Path(f"{path}-shm").unlink()
    disk.make_read_only()
    if shared_memory:
        with Library.open(path, read_only=True) as library:
            assert get_setting(library, "a") == "new"
    else:
        with pytest.raises(UnreadableLibraryError, match=r"library\.db-wal that can't be read"):
            Library.open(path, read_only=True)
    disk.make_writable()
