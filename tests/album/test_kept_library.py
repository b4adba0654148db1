"""A library of an older format, full of decisions, loses none of them, whatever becomes of it.

What it holds and how that is checked is in `tests.album.kept`.
"""

import re
import shutil
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest

from album.edits.decisions import redo, undo
from album.events import IndexReport
from album.indexing.index import IndexOptions, index
from album.models.engines import Choice, build
from db.engine import migrations
from db.errors import EmptyHistoryError
from db.journal.journal import history
from db.library import Library
from db.photos.status import status
from nets.engine import Engine
from nets.fake import FakeAttributes, FakeDetector
from tests.album.albums import Shelf
from tests.album.indexing.test_model_change import Turned, Wider
from tests.album.kept import (
    HOME,
    LIBRARY,
    PHOTOS,
    SAID,
    Expected,
    assert_names_stay_in_files,
    assert_nothing_lost,
    expected_in,
    place_library,
    place_photos,
)

pytestmark = pytest.mark.sqlite


@cache
def first() -> Engine:
    """Return the nets that the library was made with."""
    return build(Choice(profile="fake"))


class OtherAges(FakeAttributes):
    contract = "other ages"


NETS = {
    "the same": {},
    "detector": {"detector": FakeDetector(min_face=20)},
    "larger boxes": {"detector": Wider()},
    "nobody found": {"detector": FakeDetector(min_face=500)},
    "embedder": {"embedder": Turned()},
    "both": {"detector": Wider(), "embedder": Turned()},
    "head": {"attributes": OtherAges()},
}


def _nets(*names: str) -> pytest.MarkDecorator:
    """Return the test with each of these nets; but for "both" they are long together."""
    cases = [
        name if name == "both" else pytest.param(name, marks=pytest.mark.long) for name in names
    ]
    return pytest.mark.parametrize("name", cases)


EVERY_NET = _nets(*NETS)
SOME_NETS = _nets("the same", "nobody found", "both")


def engine_of(name: str) -> Engine:
    return replace(first(), **NETS[name])


@dataclass(frozen=True)
class Kept:
    """A copy of the library with its photos."""

    shelf: Shelf
    expected: Expected

    def read(self, engine: Engine | None = None, **options) -> IndexReport:
        report = IndexReport()
        how = IndexOptions(jobs=0, **options)
        with Library.open(self.shelf.path) as library:
            for event in index(library, engine or first(), [self.expected.photos], how):
                report.add(event)
        return report

    def run(self, command: str, *words: object) -> str:
        ran = self.shelf(command, *words)
        assert ran.code == 0, ran.err
        return ran.out

    def assert_nothing_lost(self) -> None:
        with Library.open(self.shelf.path) as library:
            assert_nothing_lost(library, self.expected)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch) -> Kept:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    photos = place_photos(tmp_path / "photos")
    place_library(tmp_path / "library.db", photos)
    return Kept(Shelf(tmp_path), expected_in(photos))


def test_the_fixture_is_small_and_of_no_machine():
    assert LIBRARY.stat().st_size < 300_000
    assert PHOTOS.stat().st_size < 200_000
    sql = LIBRARY.read_text("utf-8")
    held = [bytes.fromhex(blob) for blob in re.findall("X'((?:[0-9A-F]{2})+)'", sql)]
    paths = [path for path in held if path.startswith(b"/")]
    assert len(paths) > 40
    assert all(path.startswith(f"{HOME}/".encode()) for path in paths)
    assert not re.search(r"/(tmp|root|work|Users)/", sql + SAID.read_text("utf-8"))


def test_every_check_has_something_to_check(kept):
    said = kept.expected.said
    assert all(said.values())
    assert sum(one["name"] is not None for one in said["people"]) >= 6
    assert {one["by"] for one in said["faces"]} == {"user", "imported", "auto"}
    assert {one["said"] for one in said["comparisons"]} == {"different", "skipped"}


def test_the_checks_see_what_is_lost(kept):
    said, anna = kept.expected.said, {"photo": "2001/anna.jpg", "box": [24, 24, 96, 96]}
    cover = {"photo": "2001/bert.jpg", "box": [24, 24, 96, 96]}
    lines = {
        "people": [
            {**said["people"][0], "name": "Another"},
            {**said["people"][1], "cover": cover},
            {**said["people"][0], "id": 999},
        ],
        "faces": [
            {**anna, "person": 2, "by": "user"},
            {**anna, "person": 1, "by": "imported"},
            {**anna, "box": [0, 0, 30, 30], "person": 1, "by": "auto"},
        ],
        "rejections": [{**said["rejections"][0], "person": 2}, {**anna, "person": 2}],
        "comparisons": [{"people": [1, 2], "said": "different"}],
        "twice_allowed": [anna["photo"]],
        "dates": [{**said["dates"][0], "date": "1950-01-01T00:00:00"}],
        "forgotten_photos": [anna["photo"]],
        "forgotten_faces": [anna, {**anna, "box": [0, 0, 20, 20]}],
        "skipped_questions": [{"person": 1, "face": None}, {"person": 1, "face": anna}],
        "hints": [{"person": 1, "name": "Zoë", "photos": 1}],
        "gone": [anna["photo"], "never.jpg"],
        "failed": [anna["photo"]],
        "history": [{"kind": "name", "summary": "Named somebody.", "undone": False}],
    }
    assert lines.keys() == said.keys() - {"tags", "after_undo"}
    with Library.open(kept.shelf.path) as library:
        for part, line in [(part, line) for part, more in lines.items() for line in more]:
            other = replace(kept.expected, said={**said, part: [*said[part], line]})
            with pytest.raises(AssertionError):
                assert_nothing_lost(library, other)


def test_the_checks_see_names_that_left_a_file(kept):
    (kept.expected.photos / "2001/anna.jpg.xmp").unlink()
    with pytest.raises(AssertionError, match="anna"):
        assert_names_stay_in_files(kept.expected)
    kept.run("export", "--xmp")
    assert_names_stay_in_files(kept.expected)
    kept.run("export", "--xmp", "--remove")
    with pytest.raises(AssertionError):
        assert_names_stay_in_files(kept.expected)


def test_a_library_brought_up_to_date_holds_what_it_held(kept):
    kept.assert_nothing_lost()
    assert_names_stay_in_files(kept.expected)
    with Library.open(kept.shelf.path) as library:
        assert status(library).schema_version == migrations.newest().version


@pytest.mark.parametrize("retry", [False, True])
def test_the_same_photos_are_not_read_again(kept, retry):
    report = kept.read(retry=retry)
    assert (report.photos, report.clips, report.reassigned, report.forgotten) == (0, 0, 0, 1)
    assert not retry or len(report.failures) == 1
    kept.assert_nothing_lost()


@EVERY_NET
def test_other_nets_read_all_photos_and_nothing_is_lost(kept, name):
    report = kept.read(engine_of(name))
    with Library.open(kept.shelf.path) as library:
        counts = status(library)
    here = counts.photos + counts.clips - len(kept.expected.said["gone"])
    assert report.photos + report.clips == (0 if name == "the same" else here)
    kept.assert_nothing_lost()
    again = kept.read(engine_of(name), retry=True)
    assert (again.photos, again.clips) == (0, 0)
    kept.assert_nothing_lost()
    kept.read()
    kept.assert_nothing_lost()


@SOME_NETS
def test_changes_are_undone_and_done_again(kept, name):
    kept.read(engine_of(name))
    with Library.open(kept.shelf.path) as library:
        undo(library)
        assert_nothing_lost(library, kept.expected.undone)
        redo(library)
        assert_nothing_lost(library, kept.expected)
        changes = sum(not row.undone for row in history(library))
        for _ in range(changes):
            undo(library)
        with pytest.raises(EmptyHistoryError):
            undo(library)
        for _ in range(changes):
            redo(library)
        assert_nothing_lost(library, kept.expected)


@SOME_NETS
def test_an_export_takes_no_name_out_of_any_file(kept, name):
    kept.read(engine_of(name))
    kept.run("export", "--xmp")
    assert_names_stay_in_files(kept.expected)
    kept.run("export", "--xmp", "--embed")
    assert_names_stay_in_files(kept.expected)
    report = kept.read(engine_of(name))
    assert (report.photos, report.clips) == (0, 0)
    kept.assert_nothing_lost()


def test_all_faces_are_grouped_anew(kept):
    kept.run("regroup")
    kept.assert_nothing_lost()


def test_tags_and_dates_are_read_again(kept):
    kept.run("import-tags")
    kept.run("dates", "refresh", kept.expected.photos)
    kept.read(read_tags=True)
    kept.assert_nothing_lost()


def test_photos_that_are_moved_lose_nothing(kept, tmp_path):
    photos = kept.expected.photos
    shutil.move(photos, tmp_path / "aside")
    photos.mkdir()
    shutil.move(tmp_path / "aside", photos / "moved")
    report = kept.read()
    assert (report.photos, report.clips) == (0, 0)
    here = replace(kept.expected, photos=photos / "moved").without("history").without("gone")
    for name in kept.expected.said["gone"]:
        here = here.without("faces", photo=name)
    moved = Kept(kept.shelf, here)
    moved.assert_nothing_lost()
    moved.run("export", "--xmp")
    assert_names_stay_in_files(here)
