import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from album.errors import MissingFolder, StillChanging, Unreadable, Vanished, shown
from album.files.scan import Found, Reachable, changes, content_hash, iter_files, walk
from album.metadata.digests import one_pass


def make(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def names(root: Path, *tops: Path) -> list[str]:
    found = walk(tops or [root])
    assert found.unreadable == []
    return [os.path.relpath(file.path, root) for file in found.files]


def test_walks_in_the_order_of_names_whatever_they_hold(tmp_path):
    make(tmp_path, "b/2.jpg", "b/1.jpg", "a/x/deep.png", "a/9.txt", "z.jpg", "B.jpg")
    assert names(tmp_path) == ["B.jpg", "z.jpg", "a/9.txt", "a/x/deep.png", "b/1.jpg", "b/2.jpg"]


def test_reports_size_and_time(tmp_path):
    make(tmp_path, "a.jpg")
    os.utime(tmp_path / "a.jpg", ns=(5, 1_234_567_890_123_456_789))
    assert walk([tmp_path]).files == [Found(str(tmp_path / "a.jpg"), 5, 1_234_567_890_123_456_789)]


def test_skips_hidden_things_and_what_other_programs_keep(tmp_path):
    make(
        tmp_path,
        *(".hidden.jpg", ".album/x.jpg", "@eaDir/a.jpg/SYNOPHOTO_THUMB_M.jpg", "Thumbs.db"),
        *(".picasaoriginals/a.jpg", "$RECYCLE.BIN/b.jpg", "#recycle/c.jpg", "__MACOSX/._a.jpg"),
        *("Cat Previews.lrdata/1.lrprev", "a.jpg", "eaDir/b.jpg", "Thumbs/c.jpg"),
        *("Mac.photoslibrary/originals/0/d.jpg", "Mac.photoslibrary/resources/derivatives/e.jpg"),
    )
    assert names(tmp_path) == [
        *("a.jpg", "Mac.photoslibrary/originals/0/d.jpg", "Thumbs/c.jpg", "eaDir/b.jpg"),
    ]


def test_a_named_root_is_walked_whatever_its_name(tmp_path):
    make(tmp_path, ".hidden/a.jpg", ".hidden/.b.jpg", ".c.jpg")
    roots = (tmp_path / ".hidden", tmp_path / ".c.jpg")
    assert names(tmp_path, *roots) == [".hidden/a.jpg", ".c.jpg"]


def test_overlapping_roots_give_each_file_once(tmp_path):
    make(tmp_path, "a/1.jpg", "a/b/2.jpg", "c/3.jpg")
    roots = (tmp_path / "a" / "b", tmp_path / "a", tmp_path / "a" / "1.jpg", tmp_path / "c/../c")
    assert names(tmp_path, *roots) == ["a/1.jpg", "a/b/2.jpg", "c/3.jpg"]


def test_a_root_that_is_the_beginning_of_another_name(tmp_path):
    make(tmp_path, "foto/1.jpg", "foto2/2.jpg")
    assert names(tmp_path, tmp_path / "foto", tmp_path / "foto2") == ["foto/1.jpg", "foto2/2.jpg"]


def test_relative_roots_become_absolute(tmp_path, monkeypatch):
    make(tmp_path, "a/1.jpg")
    monkeypatch.chdir(tmp_path)
    assert [file.path for file in walk(["a"]).files] == [str(tmp_path / "a/1.jpg")]


def test_link_loops_end(tmp_path):
    make(tmp_path, "a/1.jpg", "b/2.jpg")
    (tmp_path / "a/up").symlink_to(tmp_path)
    (tmp_path / "b/other").symlink_to(tmp_path / "a")
    (tmp_path / "self").symlink_to("self")
    (tmp_path / "broken.jpg").symlink_to("nowhere.jpg")
    assert names(tmp_path) == ["a/1.jpg", "b/2.jpg"]


def test_links_out_of_the_roots_are_followed_once(tmp_path):
    make(tmp_path, "outside/1.jpg", "outside/sub/2.jpg", "lone.jpg", "root/0.jpg")
    root = tmp_path / "root"
    (root / "first").symlink_to(tmp_path / "outside")
    (root / "second").symlink_to(tmp_path / "outside")
    (root / "lone.jpg").symlink_to(tmp_path / "lone.jpg")
    (tmp_path / "outside/back").symlink_to(root)
    assert names(root) == ["0.jpg", "first/1.jpg", "first/sub/2.jpg", "lone.jpg"]


def test_links_into_a_hidden_store_are_photos(tmp_path):
    # git-annex keeps every file under .git and leaves links in its place.
    make(tmp_path, ".git/annex/objects/SHA256-1.jpg")
    (tmp_path / "a.jpg").symlink_to(".git/annex/objects/SHA256-1.jpg")
    assert names(tmp_path) == ["a.jpg"]


def test_names_that_are_not_utf8(tmp_path):
    raw = os.fsencode(tmp_path) + b"/caf\xe9.jpg"
    try:
        Path(os.fsdecode(raw)).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    (found,) = walk([tmp_path]).files
    assert os.fsencode(found.path) == raw
    assert content_hash(found.path) == hashlib.blake2b(b"x", digest_size=20).hexdigest()
    assert shown(found.path).endswith("/caf\\xe9.jpg")
    shown(found.path).encode()


def test_pipes_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "a.jpg")
    assert names(tmp_path) == []


def test_missing_root_is_said_before_anything_is_walked(tmp_path):
    make(tmp_path, "a/1.jpg")
    with pytest.raises(MissingFolder, match="nowhere does not exist") as caught:
        iter_files([tmp_path / "a", tmp_path / "nowhere"], report=pytest.fail)
    assert caught.value.exit_code == 2


def refuse(monkeypatch, folder: Path) -> None:
    real = os.scandir

    def scandir(path):
        if os.fspath(path) == os.fspath(folder):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)


def test_a_folder_that_cannot_be_read_is_reported_and_the_walk_goes_on(tmp_path, monkeypatch):
    make(tmp_path, "a/1.jpg", "locked/2.jpg", "z/3.jpg")
    refuse(monkeypatch, tmp_path / "locked")
    found = walk([tmp_path])
    assert [Path(file.path).name for file in found.files] == ["1.jpg", "3.jpg"]
    (error,) = found.unreadable
    assert isinstance(error, Unreadable)
    assert str(error).startswith(
        f"{tmp_path}/locked is a folder that cannot be read (Permission denied)"
    )
    known = {str(tmp_path / n): Found("", 1, 1) for n in ("locked/2.jpg", "a/old.jpg")}
    result = changes(found.files, known, reachable=found.reachable)
    assert result.gone == [str(tmp_path / "a/old.jpg")]


def test_a_file_that_vanishes_during_the_walk_is_reported(tmp_path):
    make(tmp_path, "1.jpg", "2.jpg", "3.jpg")
    errors: list[Exception] = []
    walking = iter_files([tmp_path], report=errors.append)
    assert next(walking).path.endswith("1.jpg")
    (tmp_path / "2.jpg").unlink()
    assert [Path(file.path).name for file in walking] == ["3.jpg"]
    assert [type(error) for error in errors] == [Vanished]


@dataclass
class Row:
    size: int
    mtime_ns: int


def test_changes_tell_new_changed_unchanged_and_gone():
    found = [Found("/p/same", 1, 1), Found("/p/grown", 2, 1), Found("/p/new", 1, 1)]
    found += [Found("/p/touched", 1, 2)]
    known = {f"/p/{n}": Row(1, 1) for n in ("same", "grown", "touched", "lost")}
    known["/elsewhere/x"] = Row(1, 1)
    known["/p2/x"] = Row(1, 1)
    result = changes(found, known, reachable=Reachable(("/p",)))
    assert [file.path for file in result.new] == ["/p/new"]
    assert [file.path for file in result.changed] == ["/p/grown", "/p/touched"]
    assert [file.path for file in result.unchanged] == ["/p/same"]
    assert result.gone == ["/p/lost"]


def test_an_unplugged_disk_does_not_mark_everything_gone(tmp_path):
    make(tmp_path, "home/1.jpg")
    (tmp_path / "mnt").mkdir()
    found = walk([tmp_path / "home", tmp_path / "mnt"])
    known = {str(tmp_path / n): Row(1, 1) for n in ("home/old.jpg", "mnt/a.jpg", "mnt/b.jpg")}
    result = changes(found.files, known, reachable=found.reachable)
    assert result.gone == [str(tmp_path / "home/old.jpg")]


def test_hash_is_of_the_content_alone(tmp_path):
    make(tmp_path, "a")
    (tmp_path / "b").write_text("a")
    assert content_hash(tmp_path / "a") == content_hash(tmp_path / "b")
    (tmp_path / "b").write_text("b")
    assert content_hash(tmp_path / "a") != content_hash(tmp_path / "b")
    assert len(content_hash(tmp_path / "a")) == 40


def test_hash_of_what_is_not_there_or_no_file(tmp_path):
    with pytest.raises(Vanished):
        content_hash(tmp_path / "x")
    with pytest.raises(Unreadable):
        content_hash(tmp_path)


def test_hash_of_a_file_that_is_still_being_written(tmp_path, monkeypatch):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"first")
    real = one_pass.OnePass.finish

    def slow(source):
        result = real(source)
        with path.open("ab") as more:
            more.write(b"second")
        return result

    monkeypatch.setattr(one_pass.OnePass, "finish", slow)
    with pytest.raises(StillChanging, match="run again"):
        content_hash(path)
