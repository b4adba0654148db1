"""Other nets read the photos again, and everybody keeps name, faces and id."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from album.edits.decisions import name_person
from album.indexing.index import IndexOptions, index
from db.library import Library
from db.people.faces import face_rows, load_faces
from db.people.people import people
from db.photos.files import not_described
from nets.engine import load_engine
from nets.fake import FakeAttributes, FakeDetector, FakeEmbedder
from tests.album.albums import ANNA, BERT, CLEO, Drawn, family, photo

OPTIONS = IndexOptions(jobs=0)


class Turned(FakeEmbedder):
    """The same people at other places: compared with vectors of the first kind they are noise."""

    contract = "turned"

    def embed(self, batch):
        return -super().embed(batch)[:, ::-1]


class Wider(FakeDetector):
    """Draws boxes that are larger than the faces, and further up, so that nobody is to be read."""

    def __init__(self):
        super().__init__()
        self.contract = "wider"

    def detect(self, image, *, zoom=1.0):
        found = super().detect(image, zoom=zoom)
        side = (found.boxes[:, 2:] - found.boxes[:, :2]).max(axis=1)[:, None]
        return replace(found, boxes=found.boxes + side * np.array([[-0.2, -0.4, 0.2, 0.1]], "f4"))


@pytest.fixture
def first():
    return load_engine(profile="fake", min_face=20)


@pytest.fixture
def second(first):
    return replace(first, embedder=Turned(), detector=FakeDetector(min_face=25))


@pytest.fixture
def photos(tmp_path):
    return family(tmp_path / "photos")


@pytest.fixture
def library(tmp_path):
    with Library.open(tmp_path / "library.db") as opened:
        yield opened


def run(library, engine, *folders):
    return list(index(library, engine, folders, OPTIONS))


def faces(library):
    """By photo and place from left to right: the face and whose it is."""
    rows = sorted(face_rows(library), key=lambda row: (row.photo_id, row.box[0]))
    return [(row.photo_id, row.face_id, row.person_id) for row in rows]


def name_everybody(library):
    for row in people(library, passers_by=True):
        name_person(library, row.person_id, f"Name of {row.person_id}")


def names(library):
    return {row.person_id: (row.name, row.faces) for row in people(library, passers_by=True)}


def test_everybody_keeps_name_faces_and_id(library, photos, first, second):
    run(library, first, photos)
    name_everybody(library)
    before, named = faces(library), names(library)
    run(library, second, photos)
    assert faces(library) == before
    assert names(library) == named
    table = load_faces(library, identity=second.embedder.contract)
    assert len(table) == len(before)


def test_without_any_name_people_stay_too(library, photos, first, second):
    run(library, first, photos)
    before = faces(library)
    run(library, second, photos)
    assert faces(library) == before


def test_new_photos_come_first_and_join_those_who_were_there(library, photos, first, second):
    run(library, first, photos)
    before = {who for *_, who in faces(library)}
    photo(photos / "zoe.jpg", Drawn(ANNA, 31), Drawn(CLEO, 27), year=2012)
    events = run(library, second, photos)
    read = [event.path.name for event in events if type(event).__name__ == "PhotoDone"]
    assert read[0] == "zoe.jpg"
    assert {who for *_, who in faces(library)} == before


def test_a_run_that_is_stopped_half_way_loses_nobody(library, photos, first, second, monkeypatch):
    run(library, first, photos)
    name_everybody(library)
    before, named = faces(library), names(library)
    monkeypatch.setattr("album.indexing.reading.BATCH", 4)
    events = index(library, second, [photos], OPTIONS)
    for _ in range(6):
        next(events)
    events.close()
    lacking = not_described(library, second.embedder.contract)
    assert 0 < len(lacking) < 11
    assert faces(library) == before
    # Grouped in this state, as after a disk was unplugged: nobody moves either.
    from album.grouping.incremental import assign
    from album.models.contracts import nets_of

    list(assign(library, nets_of(second)))
    assert faces(library) == before
    assert names(library) == named
    run(library, second, photos)
    assert not not_described(library, second.embedder.contract)
    assert faces(library) == before


def test_photos_in_other_folders_are_read_again_too(library, photos, tmp_path, first, second):
    more = tmp_path / "more"
    run(library, first, photos)
    before = faces(library)
    photo(more / "new.jpg", Drawn(BERT, 42), year=2012)
    (scanned, *_) = run(library, second, more)
    assert (scanned.found, scanned.todo, scanned.unchanged) == (12, 12, 0)
    now = faces(library)
    assert now[:-1] == before
    assert now[-1][2] in {who for *_, who in before}
    (scanned, *_) = run(library, second, more)
    assert (scanned.found, scanned.todo) == (1, 0)


def test_ages_by_another_head_reach_photos_in_other_folders(library, photos, tmp_path, first):
    class Other(FakeAttributes):
        contract = "other ages"

    second = replace(first, attributes=Other())
    run(library, first, photos)
    before, named = faces(library), names(library)
    (tmp_path / "more").mkdir()
    (scanned, *_) = run(library, second, tmp_path / "more")
    assert scanned.todo == 11
    assert not not_described(library, second.embedder.contract, second.attributes.contract)
    assert faces(library) == before
    assert names(library) == named
    years = [row.born for row in people(library, passers_by=True)]
    assert all(years)
    (scanned, *_) = run(library, second, tmp_path / "more")
    assert scanned.todo == 0


def test_photos_on_a_disk_that_is_away_wait(library, photos, tmp_path, first, second):
    run(library, first, photos)
    before = faces(library)
    shutil.move(photos, tmp_path / "away")
    photo(tmp_path / "more" / "new.jpg", Drawn(BERT, 42), year=2012)
    (scanned, *_) = run(library, second, tmp_path / "more")
    assert scanned.todo == 1
    assert faces(library)[:-1] == before
    shutil.move(tmp_path / "away", photos)
    run(library, second, tmp_path / "more")
    assert faces(library)[:-1] == before
    assert not not_described(library, second.embedder.contract)


@pytest.mark.parametrize("named", [True, False])
def test_another_detector_alone_keeps_everybody(library, photos, first, named):
    run(library, first, photos)
    if named:
        name_everybody(library)
    before = faces(library)
    run(library, replace(first, detector=Wider()), photos)
    assert faces(library) == before


def test_a_named_face_that_is_not_found_again_stays(library, photos, first):
    run(library, first, photos)
    name_everybody(library)
    before = faces(library)
    run(library, replace(first, detector=FakeDetector(min_face=500)), photos)
    assert faces(library) == before
