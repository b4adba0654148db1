"""People keep their ids and what the user said; the rest follows from the grouping."""

from datetime import datetime

import numpy as np
import pytest
from sqlalchemy import select

from db.engine import schema
from db.engine.migrations import newest
from db.errors import AmbiguousPersonError, UnknownPersonError
from db.people.faces import face_rows, load_faces
from db.people.people import find_person, next_person_ids, people, save_people
from db.people.verdicts import rejections
from db.photos.files import mark_gone, save_files
from db.photos.status import status
from db.records import Grouping, PersonFacts
from db.rows import ContractCount
from tests.db.make import add, boxes, edit_person, group, place_faces, regroup, reject_face, seen

pytestmark = pytest.mark.postgresql


def whose(library):
    return load_faces(library).person_id.tolist()


def test_faces_by_contract(library):
    add(library, "/a.jpg", net="one")
    add(library, "/b.jpg", net="two")
    table = load_faces(library, identity="one", attributes="two")
    assert table.face_id.tolist() == [1, 2]
    assert np.isnan(table.ages).all() and np.isnan(table.p_male).all()
    table = load_faces(library, attributes="two")
    assert table.vectors is None
    assert np.isnan(table.ages).all(axis=1).tolist() == [True, True, False, False]
    np.testing.assert_array_equal(table.p_male, np.float32([np.nan, np.nan, 0.75, 0.75]))
    assert len(load_faces(library, identity="unknown")) == 0
    assert len(load_faces(library, identity="unknown").boxes) == 0


def test_loading_in_batches_is_loading_at_once(library, monkeypatch):
    add(library, *(f"/{i:02}.jpg" for i in range(30)))
    whole = load_faces(library, identity="net", attributes="net")
    monkeypatch.setattr("db.people.faces._BATCH", 7)
    parts = load_faces(library, identity="net", attributes="net")
    for name in type(whole).__slots__:
        np.testing.assert_array_equal(getattr(whole, name), getattr(parts, name))


def test_dates_as_columns(library):
    add(library, "/a.jpg", taken_at=datetime(2001, 2, 3, 4, 5, 6, 789), date_source="exif")
    add(library, "/b.jpg")
    table = load_faces(library)
    assert table.taken.dtype == "datetime64[s]"
    assert table.taken[0] == np.datetime64("2001-02-03T04:05:06")
    assert np.isnat(table.taken).tolist() == [False, False, True, True]
    assert table.date_source.tolist() == ["exif"] * 2 + ["none"] * 2


def test_the_table_of_people(library):
    add(library, "/a.jpg", taken_at=datetime(2001, 1, 1), date_source="exif")
    add(library, "/b.jpg", taken_at=datetime(2005, 1, 1), date_source="exif")
    add(library, "/c.jpg", taken_at=datetime(2020, 1, 1), date_source="mtime")
    facts = {"p_male": 0.25, "born": 1980.5, "born_low": 1978.0, "born_high": 1983.0}
    one, two = group(library, [6], [1, 2, 3, 5], **facts)
    first, second = people(library)
    assert (first.person_id, first.photos, first.faces) == (two, 3, 4)
    assert (first.first_at, first.last_at) == (datetime(2001, 1, 1), datetime(2005, 1, 1))
    assert (second.person_id, second.photos, second.first_at) == (one, 1, None)
    assert (first.p_male, first.born, first.born_low, first.born_high) == tuple(facts.values())
    assert first.created_at.tzinfo is not None
    mark_gone(library, ["/b.jpg"])
    regroup(library, {one: [6], two: [1, 2, 5]})
    assert [(p.photos, p.faces) for p in people(library)] == [(2, 3), (1, 1)]


def test_hidden_people_and_passers_by_are_shown_when_asked_for(library):
    add(library, "/a.jpg", found=boxes(0, 200, 400, 600))
    ids = group(library, [1], [2], passer_by=True)
    regroup(library, {ids[0]: [1], ids[1]: [2]}, passer_by=True)
    plain, hidden = group(library, [3], [4])
    edit_person(library, ids[1], name="Known")
    edit_person(library, hidden, hidden=True)
    assert [p.person_id for p in people(library)] == [ids[1], plain]
    assert len(people(library, hidden=True)) == 3
    assert len(people(library, passers_by=True)) == 3
    assert len(people(library, hidden=True, passers_by=True)) == 4


def test_what_the_user_said_survives_a_new_grouping(library):
    add(library, "/a.jpg", "/b.jpg")
    ana, ben = group(library, [1, 3], [2, 4], p_male=0.1)
    edit_person(library, ana, name="Ana", born="1984-05", gender="f", hidden=True, cover_face_id=3)
    place_faces(library, [1], ana)
    place_faces(library, [2], ben, source="imported")
    regroup(library, {ana: [2, 4], ben: [1, 3]}, p_male=0.9, cover_face_id=4)
    assert whose(library) == [ana, ben, ben, ana]
    assert load_faces(library).placed.tolist() == [True, True, False, False]
    row = find_person(library, ana)
    assert (row.name, row.born_override, row.gender_override) == ("Ana", "1984-05", "f")
    assert (row.hidden, row.cover_face_id, row.p_male) == (True, 3, 0.9)
    assert find_person(library, ben).cover_face_id == 4


def test_not_this_person_is_remembered(library):
    add(library, "/a.jpg")
    (ana,) = group(library, [1])
    reject_face(library, 1, ana)
    assert whose(library) == [0, 0]
    regroup(library, {ana: [1, 2]})
    assert whose(library) == [0, ana]
    pairs = rejections(library)
    assert (pairs.face_id.tolist(), pairs.person_id.tolist()) == ([1], [ana])
    place_faces(library, [1], ana)
    assert len(rejections(library)) == 0
    assert whose(library) == [ana, ana]


def test_ids_are_never_used_again(library):
    add(library, "/a.jpg")
    one, two = group(library, [1], [2])
    edit_person(library, one, name="Ana")
    regroup(library, {0: [1, 2]})
    assert [p.person_id for p in people(library)] == [one]  # named, so she stays without a face
    assert people(library)[0].faces == 0
    assert next_person_ids(library, 2).tolist() == [two + 1, two + 2]
    with pytest.raises(ValueError, match="not reserved"):
        regroup(library, {99: [1]})


def test_a_grouping_that_makes_no_sense_changes_nothing(library):
    add(library, "/a.jpg")
    (ana,) = group(library, [1, 2])
    column = np.array([1, 2])
    ones = np.ones(2, np.float32)
    with pytest.raises(ValueError, match="no facts"):
        save_people(library, Grouping(column, column + 6, ones), [])
    with pytest.raises(ValueError, match="twice"):
        save_people(library, Grouping(column, column * 0, ones), [PersonFacts(ana)] * 2)
    with pytest.raises(ValueError, match="twice"):
        Grouping(column * 0, column, ones)
    with pytest.raises(ValueError, match="length"):
        Grouping(column, column, ones[:1])
    assert whose(library) == [ana, ana]


def test_faces_that_were_not_grouped_stay_where_they_are(library):
    add(library, "/a.jpg", "/b.jpg")
    ana, ben = group(library, [1, 3], [2, 4])
    regroup(library, {ben: [3]})
    assert whose(library) == [ana, ben, ben, ben]
    assert [(p.person_id, p.faces) for p in people(library)] == [(ben, 3), (ana, 1)]


def test_an_id_of_nobody_is_not_a_word_of_a_name(library):
    add(library, "/a.jpg", found=boxes(0, 200))
    louis, other = group(library, [1], [2])
    edit_person(library, louis, name="Louis 14")
    edit_person(library, other, name="15")
    with pytest.raises(UnknownPersonError):
        find_person(library, "14")
    assert find_person(library, "louis").person_id == louis
    assert find_person(library, "15").person_id == other


def test_people_are_found_by_id_or_name(library):
    add(library, "/a.jpg", found=boxes(0, 200, 400, 600))
    ana, big, seven, two = group(library, [1], [2], [3], [4])
    edit_person(library, ana, name="Zoë")
    edit_person(library, big, name="ZOË B")
    edit_person(library, seven, name="7")
    edit_person(library, two, name="zoë b")
    assert find_person(library, ana).name == "Zoë"
    assert find_person(library, str(ana)).name == "Zoë"
    assert find_person(library, "zoe\u0308").person_id == ana
    assert find_person(library, "ZOË B").person_id == big
    assert find_person(library, "7").person_id == seven
    with pytest.raises(AmbiguousPersonError, match=f"ids {big}, {two}"):
        find_person(library, "Zoë b")
    for nobody in (99, "99", "-1", "9" * 30, "Nobody", ""):
        with pytest.raises(UnknownPersonError, match="Nobody has the id or name"):
            find_person(library, nobody)


def test_people_are_found_by_a_word_of_their_name(library):
    add(library, "/a.jpg")
    one, two = group(library, [1], [2])
    edit_person(library, one, name="Ana Müller")
    edit_person(library, two, name="Ben Müller")
    assert find_person(library, "ana").person_id == one
    assert find_person(library, "muller ben").person_id == two
    with pytest.raises(AmbiguousPersonError, match=f"ids {one}, {two}"):
        find_person(library, "Müller")
    for nobody in ("An", "Ana Ben", " "):
        with pytest.raises(UnknownPersonError):
            find_person(library, nobody)


def test_rows_for_export(library):
    add(library, "/b.jpg", taken_at=datetime(2001, 1, 1))
    add(library, "/a.jpg", taken_at=datetime(2000, 1, 1))
    save_files(library, [seen("/copy.jpg", "/b.jpg")])
    ana, ben = group(library, [1, 3], [2])
    edit_person(library, ana, name="Ana")
    mark_gone(library, ["/b.jpg"])
    rows = list(face_rows(library, attributes="net"))
    assert [row.face_id for row in rows] == [4, 3, 1, 2]
    assert [row.person_name for row in rows] == [None, "Ana", "Ana", None]
    assert [row.path for row in rows] == ["/a.jpg", "/a.jpg", "/copy.jpg", "/copy.jpg"]
    assert rows[1].ages.shape == (100,)
    assert (rows[1].p_male, rows[1].source, rows[1].confidence) == (0.75, "auto", 0.5)
    assert rows[1].box == (0.0, 10.0, 100.0, 110.0)
    (row,) = face_rows(library, person_ids=[ben])
    assert (row.face_id, row.ages, row.p_male, row.present) == (2, None, None, True)
    mark_gone(library, ["/copy.jpg"])
    assert [row.face_id for row in face_rows(library, present_only=True)] == [4, 3]
    (row,) = face_rows(library, person_ids=[ben])
    assert (row.path, row.present) == ("/b.jpg", False)
    assert [row.face_id for row in face_rows(library, photo_id=2)] == [4, 3]
    assert next(face_rows(library))  # an iterator that is given up frees its connection


def test_status(library):
    empty = status(library)
    assert (empty.photos, empty.contracts, empty.schema_version) == (0, (), newest().version)
    add(library, "/a.jpg", "/b.jpg")
    save_files(library, [seen("/t.txt", kind="other")])
    mark_gone(library, ["/b.jpg"])
    ana, _ = group(library, [1], [2])
    edit_person(library, ana, name="Ana")
    found = status(library)
    assert (found.photos, found.clips, found.faces) == (2, 0, 4)
    assert (found.present_files, found.gone_files) == (1, 1)
    assert (found.people, found.named, found.passers_by, found.failures) == (2, 1, 0, 0)
    assert set(found.contracts) == {
        ContractCount("analysis", "A", 2),
        ContractCount("detector", "detector", 4),
        ContractCount("identity", "net", 4),
        ContractCount("attributes", "net", 4),
    }
    assert found.path == library.path
    assert found.size > 8192


def test_vectors_of_different_length_under_one_contract_are_damage(library):
    from db.errors import CorruptLibraryError

    add(library, "/a.jpg")
    with library.write() as conn:
        first = select(schema.face.c.id).limit(1).scalar_subquery()
        vectors = schema.observation.update().where(schema.observation.c.face_id == first)
        conn.execute(vectors.values(vector=bytes(6)))
    with pytest.raises(CorruptLibraryError, match="is damaged"):
        load_faces(library, identity="net")
