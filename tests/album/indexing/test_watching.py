"""Watching folders: what is ready, what has to be walked, and real files that really come."""

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from PIL import Image

from album.events import Grouped, PhotoDone, Scanned
from album.indexing.watching import Looking, Patience, Waiting, folders_of, watch
from tests.album.albums import ANNA, BERT, Drawn, Shelf, photo, picture
from tests.disks import new_disk

ROOT = Path(__file__).parents[3]


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def test_changes_wait_until_nothing_comes_and_files_are_complete(tmp_path):
    clock = Clock()
    waiting = Waiting(Patience(quiet_s=2, steady_s=2, longest_s=30), clock)
    file = tmp_path / "a.jpg"
    file.write_bytes(b"x")
    waiting.add([str(file), str(tmp_path / ".hidden"), str(tmp_path / "@eaDir" / "b.jpg")])
    clock.now += 1
    assert waiting.take() == ()
    clock.now += 2
    assert waiting.take() == ()  # it was written just now by the clock of the disk
    os.utime(file, (time.time() - 10,) * 2)
    assert waiting.take() == (str(file),)
    assert waiting.take() == ()


def test_a_file_that_never_rests_is_read_in_the_end(tmp_path):
    clock = Clock()
    waiting = Waiting(Patience(quiet_s=2, steady_s=2, longest_s=30), clock)
    file = tmp_path / "a.jpg"
    file.write_bytes(b"x")
    for _ in range(31):
        waiting.add([str(file)])
        clock.now += 1
    assert waiting.take() == (str(file),)


def test_what_is_walked_is_the_least_that_tells(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "1.jpg").write_bytes(b"")
    (tmp_path / "empty").mkdir()

    def walked(*paths):
        return folders_of([str(tmp_path / path) for path in paths], [tmp_path])

    assert walked("a/b/1.jpg", "a/b/2.jpg") == [tmp_path / "a" / "b"]
    assert walked("a/b/1.jpg", "a/x.jpg") == [tmp_path / "a"]
    assert walked("gone/1.jpg") == [tmp_path]
    assert walked("empty/1.jpg") == [tmp_path]
    assert folders_of(["/elsewhere/1.jpg"], [tmp_path]) == []


def test_the_first_index_is_whole_and_later_ones_are_not(tmp_path):
    asked = []

    def index(places):
        asked.append(list(places))
        yield Scanned(1, 1, 0, 0)
        yield PhotoDone(tmp_path / "a.jpg", 2)
        yield Grouped(1, 0, 2)

    def nothing(places):
        yield Scanned(5, 0, 5, 0)

    old = tmp_path / "new" / "a.jpg"
    old.parent.mkdir()
    old.write_bytes(b"x")
    os.utime(old, (1, 1))
    changes = [set(), {(1, str(old))}, set(), set()]
    patience = Patience(quiet_s=0, steady_s=1)
    batches = list(watch([tmp_path], index, lambda _: changes, patience=patience))
    assert asked == [[tmp_path], [tmp_path / "new"]]
    assert [one.paths for one in batches] == [(), (str(old),)]
    assert batches[1].report.faces == 2
    assert len(list(watch([tmp_path], nothing, lambda _: changes, patience=patience))) == 1


def test_what_comes_while_all_is_indexed_is_not_missed(tmp_path):
    """Watching has begun before the first index."""
    begun = []

    def changes(_):
        begun.append("watching")
        yield set()

    def index(places):
        begun.append("index")
        yield from ()

    list(watch([tmp_path], index, changes))
    assert begun == ["watching", "index"]


def test_it_ends_when_it_is_told_to(tmp_path):
    stop = threading.Event()
    stop.set()
    assert len(list(watch([tmp_path], lambda _: iter(()), lambda _: [set()], stop=stop))) == 1


def test_what_is_not_known_waits_until_nothing_comes():
    clock = Clock()
    waiting = Waiting(Patience(quiet_s=2, longest_s=30), clock)
    assert not waiting.take_unknown()
    for _ in range(30):
        waiting.add_unknown()
        clock.now += 1
        assert waiting.take_unknown() == (clock.now == 130)  # it has come for too long
    clock.now += 9
    assert not waiting.take_unknown()
    waiting.add_unknown()
    clock.now += 2
    assert waiting.take_unknown()
    assert not waiting.take_unknown()


class Album:
    """An index that finds a photo in each place, and what tells of changes, by turns."""

    def __init__(self, *turns):
        self.turns, self.said = list(turns), []

    def index(self, places):
        self.said.append(("index", *places))
        yield PhotoDone(places[0] / "a.jpg", 1)

    def start(self, roots):
        self.said.append(("watching", *roots))
        for step in self.turns.pop(0):
            yield (step() or set()) if callable(step) else step

    def run(self, *roots):
        return list(watch(roots, self.index, self.start, patience=Patience(quiet_s=0, steady_s=0)))


def test_all_is_indexed_once_watching_has_begun_anew_after_it_broke_off(tmp_path):
    said = Album([set(), None], [set(), set()])
    batches = said.run(tmp_path)
    assert said.said == [("watching", tmp_path), ("index", tmp_path)] * 2
    assert [(one.first, one.paths) for one in batches] == [(True, ()), (False, ())]


def test_a_root_that_is_another_folder_is_watched_anew(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()

    def take_away():
        one.rename(tmp_path / "away")

    said = Album([set(), take_away], [set(), one.mkdir], [set(), set()])
    said.run(one, other)
    both, alone = (one, other), (other,)
    assert said.said == [
        ("watching", *both), ("index", *both),
        ("watching", *alone), ("index", *alone),
        ("watching", *both), ("index", *both),
    ]  # fmt: skip


def test_a_root_that_was_deleted_and_made_anew_may_have_the_same_number(tmp_path):
    said = Album([set(), {(3, str(tmp_path))}], [set()])
    said.run(tmp_path)
    assert said.said == [("watching", tmp_path), ("index", tmp_path)] * 2


def test_one_root_that_is_gone_keeps_nothing_of_the_others_waiting(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    old = other / "a.jpg"
    old.write_bytes(b"x")
    os.utime(old, (1, 1))
    told = {(3, str(one / "b.jpg")), (1, str(old))}
    said = Album([set(), one.rmdir], [set(), told])
    said.run(one, other)
    assert said.said[-1] == ("index", other)


def test_looking_again_finds_what_has_changed(tmp_path):
    for name in ("same.jpg", "changed.jpg", "gone.jpg"):
        (tmp_path / name).write_bytes(b"x")
    looking = Looking([tmp_path], pause_s=0)
    time.sleep(0.1)
    assert looking.changed() == set()
    (tmp_path / "changed.jpg").write_bytes(b"xy")
    (tmp_path / "gone.jpg").unlink()
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "new.jpg").touch()
    time.sleep(0.1)
    expected = {"changed.jpg", "gone.jpg", "new/new.jpg"}
    assert looking.changed() == {str(tmp_path / name) for name in expected}
    tmp_path.rename(tmp_path.with_name("away"))
    time.sleep(0.1)
    assert looking.changed() == set()
    tmp_path.with_name("away").rename(tmp_path)
    assert Looking([tmp_path], pause_s=60).changed() == set()


class Watcher:
    """`album watch` in a process of its own, and what it says, line by line."""

    def __init__(self, shelf, folder, *words):
        command = [sys.executable, "-m", "album", "--library", str(shelf.path), "watch"]
        command += [str(folder), "--profile", "fake", "--jobs", "1", "--json", *words]
        environment = os.environ | {"ALBUM_WATCH_QUIET_S": "0.4"}
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(json.loads(line))

    def next(self):
        return self.lines.get(timeout=60)

    def end(self, number=signal.SIGINT):
        self.process.send_signal(number)
        code = self.process.wait(timeout=60)
        self.process.stdout.close()
        self.process.stderr.close()
        return code


@pytest.fixture
def started(tmp_path):
    running = []

    def start(*words, folder=tmp_path / "photos"):
        watcher = Watcher(Shelf(tmp_path), folder, *words)
        running.append(watcher)
        return watcher

    yield start
    for watcher in running:
        if watcher.process.poll() is None:
            watcher.process.kill()
            watcher.process.communicate()


@pytest.mark.parametrize("words", [(), ("--poll",)])
def test_new_moved_deleted_and_broken_files(tmp_path, started, words):
    folder = tmp_path / "photos"
    photo(folder / "a.jpg", Drawn(ANNA), year=2004)
    watcher = started(*words)
    first = watcher.next()
    assert (first["first"], first["photos"], first["faces"]) == (True, 1, 1)

    photo(folder / "new" / "b.jpg", Drawn(ANNA), Drawn(BERT), year=2006)
    assert watcher.next()["photos"] == 1

    (folder / "c.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    said = watcher.next()
    assert [Path(one["path"]).name for one in said["failures"]] == ["c.jpg"]

    (folder / "c.jpg").unlink()
    said = watcher.next()
    assert said["gone"] == 1
    assert watcher.end() == 0
    status = Shelf(tmp_path)("status", "--json").json
    assert (status["photos"], status["failures"]) == (2, 0)


def test_a_file_that_is_written_slowly_is_read_once_it_is_whole(tmp_path, started):
    folder = tmp_path / "photos"
    photo(folder / "a.jpg", Drawn(ANNA), year=2004)
    whole = photo(tmp_path / "b.jpg", Drawn(BERT), year=2006).read_bytes()
    watcher = started()
    watcher.next()
    with (folder / "b.jpg").open("wb") as file:
        for start in range(0, len(whole), len(whole) // 6 + 1):
            file.write(whole[start : start + len(whole) // 6 + 1])
            file.flush()
            time.sleep(0.1)
    said = watcher.next()
    assert (said["photos"], said["failures"]) == (1, [])


def test_it_goes_on_where_a_kill_has_ended_it(tmp_path, started):
    folder = tmp_path / "photos"
    photo(folder / "a.jpg", Drawn(ANNA), year=2004)
    watcher = started()
    watcher.next()
    watcher.end(signal.SIGKILL)
    picture(Drawn(BERT)).save(folder / "b.jpg")
    again = started()
    said = again.next()
    assert (said["first"], said["photos"], said["unchanged"]) == (True, 1, 1)
    assert again.end(signal.SIGTERM) == 0


needs_any_name = pytest.mark.skipif(
    sys.platform != "linux", reason="names elsewhere are always UTF-8"
)


@needs_any_name
@pytest.mark.parametrize("words", [(), ("--poll",)])
def test_names_that_are_not_utf_8(tmp_path, started, words):
    folder = tmp_path / "photos"
    photo(folder / "a.jpg", Drawn(ANNA), year=2004)
    watcher = started(*words)
    watcher.next()
    photo(folder / os.fsdecode(b"\xff.jpg"), Drawn(ANNA), year=2006)
    said = watcher.next()
    assert (said["first"], said["photos"], said["unchanged"]) == (False, 1, 1)
    photo(folder / os.fsdecode(b"\xfe") / "b.jpg", Drawn(BERT), year=2006)
    assert watcher.next()["photos"] == 1
    photo(folder / "c.jpg", Drawn(BERT), year=2008)
    assert watcher.next()["photos"] == 1
    (folder / os.fsdecode(b"\xff.jpg")).unlink()
    assert watcher.next()["gone"] == 1
    assert watcher.end() == 0


@needs_any_name
def test_a_root_that_is_not_utf_8(tmp_path, started):
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    photo(folder / "a.jpg", Drawn(ANNA), year=2004)
    watcher = started(folder=folder)
    assert watcher.next()["photos"] == 1
    photo(folder / "new" / "b.jpg", Drawn(BERT), year=2006)
    assert watcher.next()["photos"] == 1
    (folder / "a.jpg").unlink()
    assert watcher.next()["gone"] == 1
    assert watcher.end() == 0


@pytest.mark.parametrize("words", [(), ("--poll",)])
def test_a_root_that_goes_and_comes_back(tmp_path, started, words):
    folder = tmp_path / "photos"
    photo(folder / "a.jpg", Drawn(ANNA), year=2004)
    watcher = started(*words)
    watcher.next()
    shutil.rmtree(folder)
    photo(folder / "other.jpg", Drawn(BERT), year=2006)
    assert watcher.next()["photos"] == 1
    folder.rename(tmp_path / "away")
    time.sleep(2)
    photo(folder / "b.jpg", Drawn(BERT), year=2008)
    assert watcher.next()["photos"] == 1
    photo(folder / "c.jpg", Drawn(ANNA), year=2008)
    assert watcher.next()["photos"] == 1
    assert watcher.end() == 0


def test_what_other_programs_do_to_a_photo_is_told(tmp_path, started):
    path = photo(tmp_path / "photos" / "a.jpg", Drawn(ANNA), year=2004)
    watcher = started()
    watcher.next()
    with Image.open(path) as image:
        image.load()
    image.save(path, quality=80)
    told = watcher.next()
    assert (told["photos"], told["replaced"]) == (0, [str(path)])
    assert watcher.end() == 0


def test_a_disk_that_is_plugged_in_later(tmp_path, started):
    """Its folder is there before, and another one."""
    (tmp_path / "card").mkdir()
    watcher = started(folder=tmp_path / "card")
    watcher.next()
    (tmp_path / "card").rmdir()
    card = new_disk(tmp_path / "card", "4m")
    try:
        photo(card.folder / "a.jpg", Drawn(ANNA), year=2004)
        assert watcher.next()["photos"] == 1
        photo(card.folder / "b.jpg", Drawn(BERT), year=2006)
        assert watcher.next()["photos"] == 1
        assert watcher.end() == 0
    finally:
        card.close()


def test_relative_roots_are_watched_by_looking_again(tmp_path, started):
    folder = tmp_path / "photos"
    photo(folder / "a.jpg", Drawn(ANNA), year=2004)
    watcher = started("--poll", folder=os.path.relpath(folder, ROOT))
    watcher.next()
    photo(folder / "b.jpg", Drawn(BERT), year=2006)
    assert watcher.next()["photos"] == 1
    assert watcher.end() == 0


def test_a_missing_folder(tmp_path):
    ran = Shelf(tmp_path)("watch", tmp_path / "nowhere")
    assert ran.code == 2
    assert "does not exist" in ran.err
