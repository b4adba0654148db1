"""What the user has said, read in bulk; and that a change of it is noticed."""

import numpy as np
import pytest
from sqlalchemy import insert

from db.engine import schema
from db.library import Library
from db.people.people import people, save_people
from db.people.verdicts import verdicts
from db.records import Grouping, PersonFacts
from tests.db.make import add, boxes, edit_person, group, place_faces, regroup, reject_face

pytestmark = pytest.mark.postgresql


@pytest.fixture
def three(tmp_path):
    """Three people of one photo each, with one face each: faces and people 1 to 3."""
    with Library.open(tmp_path / "library.db") as library:
        add(library, "one", "two", "three", found=boxes(0))
        group(library, [1], [2], [3])
        yield library


def say(library, table, **values):
    with library.write() as conn:
        conn.execute(insert(table).values(**values))


def test_nothing_was_said(three):
    said = verdicts(three)
    assert said.touched.tolist() == []
    assert said.born == {}
    assert said.exempt.tolist() == []
    assert said.different.tolist() == []
    assert len(said.rejected) == 0
    assert said.assigned.face_id.tolist() == [1, 2, 3]
    assert said.assigned.person_id.tolist() == [1, 2, 3]
    assert not said.assigned.placed.any()


@pytest.mark.parametrize(
    "speak",
    [
        lambda lib: edit_person(lib, 2, name="Bert"),
        lambda lib: edit_person(lib, 2, hidden=True),
        lambda lib: edit_person(lib, 2, born="1984"),
        lambda lib: edit_person(lib, 2, gender="f"),
        lambda lib: edit_person(lib, 2, cover_face_id=2),
        lambda lib: place_faces(lib, [2], 2),
        lambda lib: place_faces(lib, [2], 2, source="imported"),
        lambda lib: reject_face(lib, 1, 2),
    ],
)
def test_who_was_touched(three, speak):
    before = verdicts(three)
    speak(three)
    said = verdicts(three)
    assert said.touched.tolist() == [2]
    assert before.touched.tolist() == []


def test_pairs_and_photos(three):
    say(three, schema.exemption, photo_id=3)
    say(three, schema.comparison, person_a=1, person_b=3, verdict="different")
    say(three, schema.comparison, person_a=1, person_b=2, verdict="skipped")
    reject_face(three, 1, 2)
    edit_person(three, 2, born="1984-05")
    said = verdicts(three)
    assert said.exempt.tolist() == [3]
    assert said.different.tolist() == [[1, 3]]
    assert said.touched.tolist() == [1, 2, 3]
    assert (said.rejected.face_id.tolist(), said.rejected.person_id.tolist()) == ([1], [2])
    assert said.born == {2: "1984-05"}


def test_a_skipped_pair_is_nothing_said(three):
    say(three, schema.comparison, person_a=1, person_b=2, verdict="skipped")
    assert verdicts(three).touched.tolist() == []


def test_a_grouping_of_before_a_change_is_not_stored(three):
    stamp = verdicts(three).stamp
    place_faces(three, [3], 1)
    now = verdicts(three).stamp
    row = {"kind": "move", "payload": {}, "inverse": {}, "at": people(three)[0].created_at}
    say(three, schema.event, **row)
    ones = np.ones(3)
    grouping = Grouping(np.arange(1, 4), ones.astype(np.int64), ones.astype(np.float32))
    facts = [PersonFacts(1)]
    assert not save_people(three, grouping, facts, stamp=stamp)
    assert not save_people(three, grouping, facts, stamp=now)
    assert verdicts(three).assigned.person_id.tolist() == [1, 2, 1]
    assert save_people(three, grouping, facts, stamp=verdicts(three).stamp)
    assert verdicts(three).assigned.person_id.tolist() == [1, 1, 1]


def test_who_was_compared_stays_without_a_face(three):
    say(three, schema.comparison, person_a=1, person_b=3, verdict="different")
    regroup(three, {2: [1, 2, 3]})
    assert {row.person_id for row in people(three, passers_by=True)} == {1, 2, 3}
    regroup(three, {1: [1, 2, 3]})
    assert {row.person_id for row in people(three, passers_by=True)} == {1, 3}
