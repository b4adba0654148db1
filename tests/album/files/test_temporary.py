"""Temporary files: none outlives the next command, whatever ended the last one."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from album.files import temporary
from tests.album.albums import Shelf, family
from tests.databases import name_of
from tests.disks import disk

__all__ = ["disk"]

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are those of Unix")


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(temporary, "_journal", temporary._Journal())
    return tmp_path / "state"


@pytest.fixture
def shelf(tmp_path):
    shelf = Shelf(tmp_path)
    shelf.index(family(tmp_path / "photos"))
    shelf("name", 1, "Anna")
    return shelf


def python(code, *words, **how):
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, words)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **how,
    )


def left_in(*folders):
    found = [path for folder in folders for path in folder.rglob(".album-*-*")]
    return sorted(path.name.split("-")[1] for path in found)


DIE = """
import os, signal, sys
from pathlib import Path
from album.cli import main
replace, left = Path.replace, int(sys.argv[1])
def die(self, target):
    global left
    if self.name.startswith(".album-"):
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
    return replace(self, target)
Path.replace = die
main(sys.argv[2:])
"""
"""Runs a command until it is about to move its nth temporary file to its place."""


def killed(shelf, *words, at=1):
    process = python(DIE, at, *words, "--library", name_of(shelf.path))
    out, err = process.communicate()
    assert process.returncode == -signal.SIGKILL, (out, err)


def commands(tmp_path):
    return {
        "sidecars": ("export", "--xmp"),
        "embed": ("export", "--xmp", "--embed"),
        "tables": ("export", tmp_path / "out"),
        "copies": ("export", tmp_path / "out", "--link", "copy"),
        "pages": ("export", tmp_path / "out", "--format", "html"),
        "strips": ("export", tmp_path / "out", "--format", "strip", "--all"),
        "analyze": ("analyze", tmp_path / "photos", tmp_path / "drawn", "--profile", "fake"),
        "pictures": ("suggest", "--kind", "name", "--pictures", tmp_path / "out"),
    }


@pytest.mark.parametrize("next_command", [("people",), ("forget", "1", "--yes")], ids=" ".join)
@pytest.mark.parametrize("what", commands(Path()))
def test_the_next_command_deletes_what_a_killed_one_has_left(
    shelf, tmp_path, state, what, next_command
):
    killed(shelf, *commands(tmp_path)[what], at=1 if what == "pictures" else 3)
    assert left_in(tmp_path), "the test is none: nothing was left"
    ran = shelf(*next_command)
    assert ran.code == 0, ran.err
    assert left_in(tmp_path) == []
    assert list(temporary.journal_folder().iterdir()) == []


@pytest.mark.skipif(not shutil.which("exiftool"), reason="exiftool is not installed")
def test_exiftool_leaves_nothing_either(tmp_path, monkeypatch):
    """It is killed with us, or goes on without us: its file is ours."""
    heif = pytest.importorskip("pillow_heif")
    from PIL import Image

    from tests.album.albums import ANNA, Drawn, picture

    (tmp_path / "photos").mkdir()
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    image = picture(Drawn(ANNA)).resize((640, 640), Image.Resampling.NEAREST)
    heif.from_pillow(image).save(tmp_path / "photos" / "a.heic", quality=95)
    shelf = Shelf(tmp_path)
    shelf.index(tmp_path / "photos")
    shelf("name", 1, "Anna")
    killed(shelf, "export", "--xmp", "--embed")
    assert shelf("people").code == 0
    assert left_in(tmp_path) == []
    assert list(scratch.iterdir()) == []


def test_nothing_of_the_user_is_deleted(tmp_path, state):
    """Whatever a journal says."""
    folder = temporary.journal_folder()
    folder.mkdir(parents=True)
    photo = tmp_path / "a.jpg"
    near = [tmp_path / ".album-tags-mine", tmp_path / ".album-tags-0123456789abcdef.jpg"]
    ours = tmp_path / ".album-tags-0123456789abcdef"
    unlisted = tmp_path / ".album-tags-fedcba9876543210"
    for path in (photo, *near, ours, unlisted):
        path.touch()
    lines = [json.dumps(str(path)) for path in (photo, *near)]
    lines += ["", "[]", '"cut o', json.dumps(".album-tags-0123456789abcdef"), json.dumps(str(ours))]
    (folder / "dead").write_text("\n".join(lines))
    temporary.sweep()
    assert not ours.exists()
    assert all(path.exists() for path in (photo, *near, unlisted))
    assert list(folder.iterdir()) == []


def test_a_disk_that_is_away_is_cleaned_when_it_is_back(tmp_path):
    folder = temporary.journal_folder()
    folder.mkdir(parents=True)
    there = tmp_path / ".album-tags-0123456789abcdef"
    away = tmp_path / "away" / ".album-tags-fedcba9876543210"
    there.touch()
    (folder / "dead").write_text("".join(json.dumps(str(path)) + "\n" for path in (there, away)))
    temporary.sweep()
    assert not there.exists()
    assert json.loads((folder / "dead").read_text()) == str(away)
    away.parent.mkdir()
    away.touch()
    temporary.sweep()
    assert not away.exists()
    assert list(folder.iterdir()) == []


HOLD = """
import sys
from album.files.temporary import temporary
with temporary(sys.argv[1], "tags") as path:
    path.touch()
    print("holding", flush=True)
    sys.stdin.read()
"""


def test_files_of_a_process_at_work_stay(tmp_path):
    holder = python(HOLD, tmp_path)
    try:
        assert holder.stdout.readline() == "holding\n"
        temporary.sweep()
        assert left_in(tmp_path) == ["tags"]
    finally:
        holder.communicate("")
    assert left_in(tmp_path) == []
    assert list(temporary.journal_folder().iterdir()) == []


def test_a_path_in_no_encoding(tmp_path):
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xe9"))
    try:
        odd.mkdir()
    except OSError:
        pytest.skip("names are UTF-8 here")
    holder = python(HOLD, odd)
    assert holder.stdout.readline() == "holding\n"
    holder.kill()
    holder.communicate()
    assert left_in(tmp_path) == ["tags"]
    temporary.sweep()
    assert left_in(tmp_path) == []


def test_threads_share_a_journal(tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    def work(number):
        with temporary.several_temporary(tmp_path, "test", 3) as paths:
            paths[0].write_text(str(number))
            return len(paths)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(200))) == 200 * [3]
    assert left_in(tmp_path) == []
    [journal] = temporary.journal_folder().iterdir()
    assert journal.read_bytes() == b""


def test_what_was_never_made_on_a_read_only_disk_is_not_remembered(disk, state):
    there = disk.folder / ".album-tags-0123456789abcdef"
    there.touch()
    disk.make_read_only()
    try:
        with temporary.temporary(disk.folder, "tags") as path, pytest.raises(OSError):
            path.touch()
        [journal] = temporary.journal_folder().iterdir()
        assert journal.read_bytes() == b""
        lines = [json.dumps(str(one)) for one in (there, path)]
        killed_before = temporary.journal_folder() / "0123456789abcdef"
        killed_before.write_text("\n".join(lines) + "\n")
        temporary.sweep()
        assert killed_before.read_text() == lines[0] + "\n"
    finally:
        disk.make_writable()
    temporary.sweep()
    assert not there.exists()
    assert not killed_before.exists()
