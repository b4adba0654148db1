"""Libraries that do not fit into memory are grouped into the same people, and leave no file."""

import errno
import pickle
from types import SimpleNamespace

import numpy as np
import pytest

from album.edits.decisions import name_person
from album.errors import Refused
from album.events import ImportReport, TagsImported
from album.grouping import candidates as candidate_groups
from album.grouping import memory as room
from album.grouping.candidates import candidates
from album.grouping.memory import Workspace, open_workspace, physical_memory
from album.grouping.regroup import regroup
from album.indexing import index as indexing
from album.indexing.index import IndexOptions, index
from album.indexing.sources import Threads
from clustering.linkage import graph, storage
from clustering.linkage.storage import MEMORY, OnDisk
from clustering.linkage.tiles import search_tile
from db.library import Library
from db.people.questions import placements
from nets.engine import load_engine
from tests.album.albums import Shelf, family
from tests.album.portraits import Album, looks


@pytest.fixture
def scarce(monkeypatch):
    """No room in memory for anything, and a list of what was put into files."""
    made = []

    class Watched(OnDisk):
        def empty(self, shape, dtype):
            made.append(shape)
            return super().empty(shape, dtype)

    monkeypatch.setattr(room, "OnDisk", Watched)
    monkeypatch.setattr(room, "LEAST", 1)
    monkeypatch.setattr(room, "physical_memory", lambda: 2)
    return made


def filled(folder, steps=3):
    """A library that grew, with a named person, and what it then says."""
    folder.mkdir()
    album = Album(folder)
    rng = np.random.default_rng(5)
    for step in range(steps):
        photos = []
        for number in range(25):
            who = rng.choice(12, rng.integers(1, 4), replace=False)
            photos.append([looks(w, seed=(step, number), noise=0.5) for w in who])
        album.add(*photos, year=2000 + 6 * step, age=int(rng.integers(5, 50)))
        if step == 0:
            name_person(album.library, int(album.who()[0]), "Anna")
    return album


def said(album):
    found = candidates(album.library, placements(album.library).on_disk(), keep=False)
    asked = [getattr(found, name).tolist() for name in ("face_id", "group", "a", "b", "half_faces")]
    people = [(p.person_id, p.faces, p.cover_face_id, p.born) for p in album.people().values()]
    return album.who().tolist(), people, asked, found.distance.tolist()


@pytest.mark.sqlite
def test_same_people_where_nothing_fits(tmp_path, scarce, monkeypatch):
    small = filled(tmp_path / "small")
    regroup(small.library)
    assert len(scarce) > 20
    assert sorted(path.name for path in (tmp_path / "small").iterdir() if "-" not in path.name) == [
        "library.db"
    ]
    after = said(small)
    monkeypatch.undo()
    large = filled(tmp_path / "large")
    regroup(large.library)
    assert said(large) == after
    for album in (small, large):
        album.library.close()


def test_same_people_where_pairs_are_searched_elsewhere(tmp_path, monkeypatch):
    monkeypatch.setattr(graph, "SURVEY_FROM", 10)
    monkeypatch.setattr(room, "LEAST_CHUNK", 2)
    album = filled(tmp_path / "album", steps=1)
    searched = []

    def elsewhere(tiles):
        for i, j in tiles.tiles:
            searched.append((i, j))
            left, right = (pickle.loads(pickle.dumps(tiles.chunk(at))) for at in (i, j))
            yield search_tile(left, right, tiles.terms)

    before = album.who()
    with album.library, open_workspace(album.library.path, tile_search=elsewhere) as workspace:
        regroup(album.library, workspace=workspace)
        np.testing.assert_array_equal(album.who() == before, True)
    assert len(searched) > 20


def test_what_fits_stays_in_memory(tmp_path):
    workspace = Workspace(tmp_path, 1 << 40)
    assert not isinstance(workspace.empty((1000, 100), np.float32), np.memmap)
    assert workspace.storage is MEMORY
    assert workspace.resources(1000, 100).chunk is None
    assert 1 << 27 < physical_memory() < 1 << 50
    assert room.share_of(4) == room.share_of(1) // 4


@pytest.mark.sqlite
def test_a_full_disk_is_told_with_the_folder(tmp_path, scarce, monkeypatch):
    with filled(tmp_path / "album", steps=1).library as library:

        def full(*_):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(storage, "reserve", full)
        with pytest.raises(Refused, match=r"album.* has no room for them"):
            regroup(library)
        with pytest.raises(PermissionError), open_workspace(library.path):
            raise PermissionError("something else")
    assert not list((tmp_path / "album").glob("album-*"))


def test_the_command_takes_a_bound_on_memory(tmp_path):
    album = filled(tmp_path / "album", steps=1)
    album.library.close()
    shelf = Shelf(tmp_path / "album")
    assert "before" in shelf("regroup", "--memory", "0.5", "--dry-run").out
    assert shelf("regroup", "--memory", "0", "--dry-run").code == 2


def test_an_index_takes_a_bound_on_memory(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "album.grouping.run.open_workspace",
        lambda *given, **how: asked.append(given[1:]) or open_workspace(*given, **how),
    )
    shelf = Shelf(tmp_path)
    shelf.index(family(tmp_path / "photos"), "--memory", "0.5")
    assert asked[0] == (1 << 29,)


@pytest.mark.parametrize("method", ["default", "paper"])
def test_questions_are_prepared_within_the_memory_and_by_the_workers_of_the_index(
    tmp_path, monkeypatch, method
):
    monkeypatch.setattr(graph, "SURVEY_FROM", 1)
    monkeypatch.setattr(room, "LEAST_CHUNK", 2)
    workspaces, searched = [], []
    real = candidate_groups.find_candidates

    def find_candidates(library, nets, now, workspace=None):
        workspaces.append(workspace)
        before = len(searched)
        found = real(library, nets, now, workspace)
        workspaces[-1] = (workspace, len(searched) - before)
        return found

    def elsewhere(tiles):
        for i, j in tiles.tiles:
            searched.append((i, j))
            yield search_tile(tiles.chunk(i), tiles.chunk(j), tiles.terms)

    monkeypatch.setattr(candidate_groups, "find_candidates", find_candidates)
    engine = load_engine(profile="fake")
    how = IndexOptions(jobs=1, method=method, memory=300 << 20)
    with Library.open(tmp_path / "library.db") as library:
        photos = family(tmp_path / "photos")
        list(index(library, engine, [photos], how, Threads(tile_search=elsewhere)))
    [(workspace, tiles)] = workspaces
    assert (workspace.memory, workspace.tile_search) == (300 << 20, elsewhere)
    assert tiles > 0


def test_grouping_after_tags_has_the_memory_and_the_workers_of_the_index(tmp_path, monkeypatch):
    asked = []

    def group_if_due(*_, **how):
        asked.append(how)
        yield from ()

    def elsewhere(_):
        yield from ()

    def import_tags(*_):
        change = SimpleNamespace(event_id=1)
        yield TagsImported(ImportReport(), change)

    monkeypatch.setattr(indexing, "group_if_due", group_if_due)
    monkeypatch.setattr("album.tags.importing.run.import_tags", import_tags)
    how = IndexOptions(jobs=1, read_tags=True, memory=300 << 20)
    with Library.open(tmp_path / "library.db") as library:
        photos = family(tmp_path / "photos")
        engine = load_engine(profile="fake")
        list(index(library, engine, [photos], how, Threads(tile_search=elsewhere)))
    assert asked == [{"tile_search": elsewhere, "memory": 300 << 20}] * 2
