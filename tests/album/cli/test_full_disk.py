"""On a full disk questions are answered, and what can't be written leaves nothing behind."""

import errno
import http.client
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from album.cli.app import _is_interrupt
from album.cli.remedies import sentence
from album.edits.decisions import name_person
from album.errors import NoLinks
from album.export.manifest import Made
from album.export.plan import Item, _make
from db.library import Library
from tests import databases
from tests.album.albums import Shelf, album, family
from tests.album.questions import draw, take_apart
from tests.album.web.test_serve import serving
from tests.disks import disk

pytestmark = pytest.mark.postgresql

__all__ = ["disk"]


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    shelf = Shelf(tmp_path_factory.mktemp("original"))
    shelf.index(draw(shelf.path.parent / "photos"))
    with Library.open(shelf.path) as library:
        name_person(library, take_apart(library)[0]["a"], "Anna")
    return shelf


@pytest.fixture
def full(original, disk, monkeypatch):
    """A library that is alone on its disk, which is full, as are the caches."""
    shelf = Shelf(disk.folder)
    databases.copy(original.path, shelf.path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(disk.folder / "cache"))
    disk.fill()
    return shelf


QUESTIONS = [
    ("people", "--all"),
    ("people", "--json"),
    ("show", "Anna"),
    ("find", "--person", "Anna", "--json"),
    ("status",),
    ("history",),
    ("dates", "list"),
    ("suggest",),
    ("suggest", "--no-pictures", "--json"),
    ("purge", "--dry-run"),
]


@pytest.mark.sqlite
@pytest.mark.parametrize("words", QUESTIONS, ids=lambda words: " ".join(map(str, words)))
def test_questions_are_answered(original, full, words):
    expected, ran = original(*words), full(*words)
    assert ran.code == expected.code == 0, ran.err
    assert ran.out.strip()
    if words[0] not in ("status", "suggest"):  # which name the library and its cache
        assert ran.out == expected.out


@pytest.mark.sqlite
def test_changes_are_refused_in_a_sentence(full):
    ran = full("name", 2, "Bert")
    assert ran.code == 1
    assert ran.err == (
        f"album: The disk that holds the library {full.path} is full; free some space and start "
        "again: everything that was finished is kept.\n"
    )


@pytest.mark.sqlite
def test_pages_and_pictures_are_served(full, disk, tmp_path):
    disk.free()
    full.path.unlink()
    full.index(family(tmp_path / "photos"))
    disk.fill()
    with serving(full.path) as port:
        for path, kind in (("/people", "text/html"), ("/faces/1/96.jpg", "image/jpeg")):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            connection.request("GET", path)
            answer = connection.getresponse()
            assert (answer.status, answer.headers["content-type"].split(";")[0]) == (200, kind)
            assert answer.read()
            connection.close()


def left_in(folder):
    return sorted(
        path.name
        for path in folder.rglob("*")
        if path.is_file() and re.match(r"\.album-(?!export\.json)", path.name)
    )


@pytest.mark.parametrize(
    "words",
    [
        ("--link", "copy"),
        ("--format", "html"),
        pytest.param(("--format", "strip", "--all"), marks=pytest.mark.long),
        ("--format", "csv", "--format", "json"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("room", [0, 8192, 50_000])
def test_an_export_to_a_full_disk(original, disk, words, room):
    out = disk.folder / "out"
    disk.fill(leave=room)
    ran = original("export", out, *words)
    if ran.code:
        assert ran.code == 1
        found = re.fullmatch(r"album: (\S+): The disk is full; free some space and .*\n", ran.err)
        assert found and found[1].startswith(str(disk.folder)), ran.err
    else:
        assert room, "all of it was written to a full disk"
    assert left_in(disk.folder) == []
    disk.free()
    assert original("export", out, *words).code == 0
    assert left_in(disk.folder) == []
    assert "up to date" in original("export", out, *words).out


def test_copies_to_a_full_disk_by_analyze(original, disk):
    out = disk.folder / "out"
    words = "analyze", original.path.parent / "photos", out, "--profile", "fake", "--jobs", 1
    disk.fill(leave=50_000)
    ran = album(*words)
    assert ran.code == 3
    assert "could not be written (No space left on device)" in ran.out + ran.err
    assert left_in(disk.folder) == []
    disk.free()
    assert album(*words).code == 0
    assert left_in(disk.folder) == []


@pytest.mark.parametrize("embed", [False, True])
def test_tags_on_a_full_disk(tmp_path, disk, embed):
    shelf = Shelf(tmp_path)
    photos = family(disk.folder / "photos")
    shelf.index(photos)
    shelf("name", 1, "Anna")
    before = {path: path.read_bytes() for path in photos.rglob("*.jpg")}
    disk.fill()
    how = ("--embed",) if embed else ()
    ran = shelf("export", "--xmp", *how)
    assert ran.code == 3
    assert "did not get its tags (No space left on device); nothing in it has changed." in ran.err
    assert {path: path.read_bytes() for path in photos.rglob("*.jpg")} == before
    assert left_in(disk.folder) == []
    disk.free()
    assert shelf("export", "--xmp", *how).code == 0
    assert left_in(disk.folder) == []


def test_nothing_is_embedded_that_can_not_be_recorded(tmp_path, disk, monkeypatch):
    shelf = Shelf(tmp_path)
    shelf.index(family(tmp_path / "photos"))
    shelf("name", 1, "Anna")
    monkeypatch.setenv("XDG_DATA_HOME", str(disk.folder / "state"))
    disk.fill()
    words = ["export", "--xmp", "--embed", "--library", databases.name_of(shelf.path)]
    ran = subprocess.run(
        [sys.executable, "-m", "album", *words], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 3
    assert "did not get its tags (No space left on device)" in ran.stderr
    assert left_in(tmp_path) == []


LINKS = ("symbolic", "hard")
REFUSED = [
    *(errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOSYS),
    *(errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL),
]


@pytest.mark.parametrize("kind", LINKS)
@pytest.mark.parametrize("number", REFUSED, ids=errno.errorcode.get)
def test_a_disk_without_links(tmp_path, monkeypatch, kind, number):
    def refuse(self, *_):
        raise OSError(number, os.strerror(number), os.fspath(self))

    check_refused(tmp_path, monkeypatch, kind, refuse)


@pytest.mark.parametrize("kind", LINKS)
@pytest.mark.parametrize("number", [1, 1142, 1314])
def test_windows_without_links(tmp_path, monkeypatch, kind, number):
    def refuse(self, *_):
        error = OSError(errno.EACCES, "refused", os.fspath(self))
        error.winerror = number
        raise error

    check_refused(tmp_path, monkeypatch, kind, refuse)


def check_refused(folder, monkeypatch, kind, refuse):
    monkeypatch.setattr(Path, "symlink_to", refuse)
    monkeypatch.setattr(Path, "hardlink_to", refuse)
    photo = folder / "a.jpg"
    photo.touch()
    instead = "copy" if kind == "symbolic" else "symbolic or --link copy"
    with pytest.raises(NoLinks) as raised:
        _make(folder, Item("people/a.jpg", Made(kind, str(photo))))
    assert sentence(raised.value) == (
        f"{photo} can't have a {kind} link in {folder}; use --link {instead}."
    )
    assert left_in(folder) == []


def test_other_errors_name_the_file(tmp_path):
    """Not what a link can't be, and not the temporary file either."""
    (tmp_path / "people").touch()
    with pytest.raises(OSError) as raised:
        _make(tmp_path, Item("people/a.jpg", Made("symbolic", "/a.jpg")))
    assert raised.value.__cause__ is None
    assert raised.value.filename == str(tmp_path / "people")


def test_causes_that_form_a_circle_are_no_interrupt():
    one, other = OSError(), ValueError()
    one.__cause__, other.__cause__ = other, one
    assert not _is_interrupt(one)
    other.__cause__ = KeyboardInterrupt()
    assert _is_interrupt(one)
