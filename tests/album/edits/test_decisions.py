"""What decisions do, what they refuse, and what follows from them."""

import pytest

from album.edits.decisions import (
    exempt_photo,
    hide_person,
    history,
    keep_apart,
    merge_people,
    move_faces,
    name_person,
    redo,
    reject_faces,
    set_person,
    skip_pair,
    split_auto,
    split_person,
    undo,
)
from album.edits.refresh import GROUPED_UNDER
from album.errors import Refused
from album.models.contracts import GROUPED_WITH, nets_used
from db.errors import UnknownFaceError, UnknownPersonError, UnknownPhotoError
from db.library import Library
from db.people.people import find_person, people
from db.settings import get_setting, set_setting
from tests.album.decided import PHOTOS, derived_is_right, dump, fill, settle, whose

pytestmark = pytest.mark.postgresql


@pytest.fixture
def library(tmp_path):
    with Library.open(tmp_path / "library.db") as opened:
        yield opened


@pytest.fixture
def who(library):
    return fill(library)


def faces(library, person_id):
    return [face for face, whom in whose(library).items() if whom == person_id]


@pytest.fixture(autouse=True)
def everything_derived_is_right(library):
    yield
    derived_is_right(library, dump(library))


def refused(library, match, function, *args, **options):
    before, events = dump(library), len(history(library))
    with pytest.raises((Refused, UnknownFaceError, UnknownPersonError), match=match) as caught:
        function(library, *args, **options)
    assert str(caught.value).endswith((".", ")."))
    assert dump(library) == before
    assert len(history(library)) == events


def test_a_name_is_tidied_and_can_be_taken_back(library, who):
    made = name_person(library, who["A"], "  Ana\u0308   Bell ")
    assert made.summary == f"Named Person {who['A']} An\xe4 Bell."
    assert find_person(library, "ana bell").person_id == who["A"]
    assert "Renamed" in name_person(library, who["A"], "Ana").summary
    assert "back" in name_person(library, who["A"], " ").summary
    assert find_person(library, who["A"]).name is None
    assert name_person(library, who["A"], None).event_id == 0


def test_names_are_given_once_unless_the_user_insists(library, who):
    name_person(library, who["A"], "Ana")
    refused(library, "is called ANA already", name_person, who["B"], "ANA")
    name_person(library, who["B"], "ANA", force=True)
    name_person(library, who["C"], "Aná")  # another name; commands then ask for an id
    assert [find_person(library, name).person_id for name in ("Ana", "ANA", "Aná")] == [
        who[letter] for letter in "ABC"
    ]
    for name in ("new", "NEW", "12", "a\x1bb", "x" * 201):
        refused(library, "choose another", name_person, who["D"], name)
    refused(library, "Nobody has the id 99", name_person, 99, "Ana")


def test_merging(library, who):
    name_person(library, who["E"], "Eve")
    set_person(library, who["D"], born="1984", gender="f")
    made = merge_people(library, [who["D"], who["E"]])
    assert made.person_ids == (who["E"], who["D"])
    assert made.summary == f"Merged Person {who['D']} into Eve."
    row = find_person(library, "Eve")
    assert (row.person_id, row.photos, row.faces) == (who["E"], 4, 4)
    assert (row.born_override, row.gender_override) == ("1984", "f")
    sources = {row["source"] for row in dump(library)["assignment"].values()}
    assert sources == {"auto", "user"}
    refused(library, "Nobody has the id", merge_people, [who["D"], who["A"]])


def test_merging_people_who_share_photos(library, who):
    refused(library, r"/p/1.jpg, /p/2.jpg and /p/4.jpg", merge_people,
            [who["A"], who["B"]])  # fmt: skip
    merge_people(library, [who["A"], who["B"]], force=True)
    assert set(dump(library)["exemption"]) == {(1,), (2,), (4,)}
    assert find_person(library, who["A"]).photos == 7
    assert find_person(library, who["A"]).faces == 10
    refused(library, "is twice in /p/4.jpg", exempt_photo, 4, False)


def test_merging_what_was_said_to_be_different(library, who):
    refused(library, "with themselves", merge_people, [who["A"], who["A"]])
    refused(library, "with themselves", merge_people, [])
    for letter, name in (("D", "Dora"), ("E", "Eve")):
        name_person(library, who[letter], name)
    refused(library, "different names, Dora and Eve", merge_people, [who["D"], who["E"]])
    name_person(library, who["E"], None)
    keep_apart(library, who["E"], who["D"])
    refused(library, "said that Dora and Person 5 are different", merge_people,
            [who["D"], who["E"]])  # fmt: skip
    keep_apart(library, who["E"], who["A"])
    skip_pair(library, who["E"], who["B"])
    merge_people(library, [who["D"], who["E"]], force=True)
    found = {key: row["verdict"] for key, row in dump(library)["comparison"].items()}
    assert found == {(1, 4): "different", (2, 4): "skipped"}


def test_rejected_faces_of_those_merged(library, who):
    (first, *_) = faces(library, who["E"])
    a, *_ = faces(library, who["A"])
    reject_faces(library, [first])
    move_faces(library, [first], who["D"])
    move_faces(library, [a], None)
    refused(library, f"face {first} is not Person {who['E']}'s", merge_people,
            [who["D"], who["E"]])  # fmt: skip
    merge_people(library, [who["D"], who["E"]], force=True)
    assert dump(library)["rejection"] == {}
    assert whose(library)[first] == who["D"]


def test_faces_that_are_not_of_those_merged_are_not_of_the_one_either(library, who):
    first, *_ = faces(library, who["E"])
    reject_faces(library, [first])
    move_faces(library, [first], who["A"])
    merge_people(library, [who["D"], who["E"]])
    assert set(dump(library)["rejection"]) == {(first, who["D"])}


def test_splitting(library, who):
    mine = faces(library, who["A"])
    made = split_person(library, who["A"], mine[:2])
    new = made.person_ids[-1]
    assert faces(library, new) == mine[:2]
    assert faces(library, who["A"]) == mine[2:]
    assert dump(library)["comparison"][who["A"], new]["verdict"] == "different"
    refused(library, "No face of Person 1 would be left", split_person, who["A"], mine[2:])
    refused(library, f"Face {mine[0]} is not Person 1's", split_person, who["A"], mine[:3])
    refused(library, "no face with the id 999", split_person, who["A"], [999])
    refused(library, "No face was given", split_person, who["A"], [])
    refused(library, "Nobody has the id 99", split_person, 99, [1])


def test_splitting_into_subclusters(library, who):
    merge_people(library, [who["A"], who["E"]])
    before = faces(library, who["A"])
    made = split_auto(library, who["A"])
    kept, new = made.person_ids
    assert sorted(faces(library, kept) + faces(library, new)) == before
    letters = [letter for people_in in PHOTOS.values() for letter in people_in]
    assert {letters[face - 1] for face in faces(library, new)} == {"E"}
    refused(library, "do not fall into groups", split_auto, new)
    set_setting(library, GROUPED_WITH, None)
    assert nets_used(library) is None
    refused(library, "can't be compared yet", split_auto, kept)


def test_moving(library, who):
    e, *_ = faces(library, who["E"])
    made = move_faces(library, [e], who["A"])
    assert made.person_ids == (who["E"], who["A"])
    assert whose(library)[e] == who["A"]
    b, *_ = faces(library, who["B"])
    refused(library, "person 1 would be twice in /p/1.jpg"[1:], move_faces, [b], who["A"])
    move_faces(library, [b], who["A"], force=True)
    assert set(dump(library)["exemption"]) == {(1,)}
    made = move_faces(library, [b], None)
    assert whose(library)[b] == made.person_ids[-1] == 6
    refused(library, "No face was given", move_faces, [], who["A"])
    refused(library, "Nobody has the id 99", move_faces, [b], 99)
    refused(library, "no face with the id 999", move_faces, [999], who["A"])


def test_a_person_without_a_face_left_goes_unless_something_was_said(library, who):
    for face in faces(library, who["E"]):
        move_faces(library, [face], None)
    assert (who["E"],) not in dump(library)["person"]
    name_person(library, who["D"], "Dora")
    move_faces(library, faces(library, who["D"]), None)
    row = find_person(library, "Dora")
    assert (row.faces, row.p_male, row.born, row.cover_face_id) == (0, None, None, None)


def test_rejecting_is_remembered_and_honoured(library, who):
    set_setting(library, GROUPED_UNDER, "so")
    name_person(library, who["A"], "Ana")
    assert get_setting(library, GROUPED_UNDER) == "so"
    face, *_ = faces(library, who["A"])
    made = reject_faces(library, [face])
    assert made.summary == f"Noted that face {face} is not of Ana."
    assert whose(library)[face] == 0
    assert set(dump(library)["rejection"]) == {(face, who["A"])}
    assert get_setting(library, GROUPED_UNDER) is None  # so that the next index decides
    refused(library, "is nobody's", reject_faces, [face])
    refused(library, "No face was given", reject_faces, [])
    move_faces(library, [face], who["A"])  # the newer word
    assert dump(library)["rejection"] == {}


def test_hiding(library, who):
    hide_person(library, who["A"])
    assert who["A"] not in {row.person_id for row in people(library, passers_by=True)}
    hide_person(library, who["A"], False)
    assert hide_person(library, who["A"], False).event_id == 0
    assert [row.kind for row in history(library)] == ["unhide", "hide"]


def test_setting(library, who):
    face = faces(library, who["A"])[-1]
    set_person(library, who["A"], born="1984-05-17", gender="m", cover=face)
    row = find_person(library, who["A"])
    assert (row.born_override, row.gender_override, row.cover_face_id) == ("1984-05-17", "m", face)
    set_person(library, who["A"], born=None, cover=None)
    row = find_person(library, who["A"])
    assert (row.born_override, row.gender_override) == (None, "m")
    assert not dump(library)["person"][who["A"],]["cover_chosen"]
    for born in ("84", "1984-13", "1984-5", "1984-02-30", "x", "", "1984-05-17-1", "１９８４"):
        refused(library, "is no birth date", set_person, who["A"], born=born)
    for born in ("1750", "2999-01"):
        refused(library, "can have been born", set_person, who["A"], born=born)
    refused(library, "gender is f or m", set_person, who["A"], gender="x")
    refused(library, "Nothing was given", set_person, who["A"])
    other, *_ = faces(library, who["E"])
    refused(library, f"Face {other} is not", set_person, who["A"], cover=other)
    refused(library, "no face with the id 999", set_person, who["A"], cover=999)


def test_a_chosen_cover_that_moves_away_is_no_cover(library, who):
    face, *_ = faces(library, who["A"])
    set_person(library, who["A"], cover=face)
    reject_faces(library, [face])
    row = dump(library)["person"][who["A"],]
    assert not row["cover_chosen"]
    assert row["cover_face_id"] in faces(library, who["A"])
    undo(library)
    assert find_person(library, who["A"]).cover_face_id == face


def test_comparing(library, who):
    keep_apart(library, who["B"], who["A"])
    assert skip_pair(library, who["A"], who["B"]).event_id == 0  # an answer stays
    assert keep_apart(library, who["A"], who["B"]).event_id == 0
    refused(library, "with themselves", keep_apart, who["A"], who["A"])
    refused(library, "Nobody has the id 99", skip_pair, who["A"], 99)


def test_exempting_a_photo(library, who):
    assert exempt_photo(library, 1).summary == "Allowed a person to be twice in /p/1.jpg."
    assert exempt_photo(library, 1).event_id == 0
    exempt_photo(library, 1, False)
    assert dump(library)["exemption"] == {}
    with pytest.raises(UnknownPhotoError):
        exempt_photo(library, 99)


def test_undo_after_an_index_derives_anew(library, who):
    e, *_ = faces(library, who["E"])
    made = move_faces(library, [e], who["B"])
    with library.write() as conn:
        conn.exec_driver_sql(f"DELETE FROM face WHERE id = {faces(library, who['B'])[0]}")
    undone = undo(library)
    assert (undone.kind, undone.summary) == ("undo", f"Undone: {made.summary}")
    assert whose(library)[e] == who["E"]
    assert find_person(library, who["B"]).faces == 3  # and all that is derived is right


def settle_all(library):
    settle(library, [row.person_id for row in people(library, hidden=True, passers_by=True)])


def test_what_stays_out_of_an_undo_is_said(library, who):
    face, *_ = faces(library, who["A"])
    reject_faces(library, [face])
    undo(library)
    with library.write() as conn:
        conn.exec_driver_sql(f"DELETE FROM face WHERE id = {face}")
    redone = redo(library)
    assert redone.summary.startswith("Done again: Noted that face")
    undone = undo(library)
    assert undone.summary.endswith("so that 1 face stayed out of it.")
    settle_all(library)
