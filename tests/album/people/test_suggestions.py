"""Which questions are asked, in which order, and what answers do."""

from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import select

from album.edits import decisions
from album.edits.answers import answer, find_question
from album.errors import Refused
from album.grouping.candidates import candidates, find_candidates, owners, sharing
from album.grouping.regroup import regroup as regroup_all
from album.models.contracts import nets_used
from album.people.ranking import lives_of, pair_scores, view_of
from album.people.suggestions import suggestions
from clustering.identity.questions import Pairs
from db.engine import schema
from db.library import Library
from db.people.faces import face_rows
from db.people.people import people
from db.people.questions import comparisons, placements, traits
from db.people.suggestions import save_candidates, save_questions
from db.photos.files import mark_gone
from tests.album.questions import indexed, take_apart
from tests.databases import copy
from tests.db.make import edit_person, group, regroup

pytestmark = pytest.mark.postgresql


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return indexed(tmp_path_factory.mktemp("album"), tmp_path_factory.mktemp("shelf"))


@pytest.fixture
def library(drawn, tmp_path):
    """Anna as three people of five, two and one faces; Bert as six and two; Cleo as one."""
    own = tmp_path / "library.db"
    copy(drawn, own)
    with Library.open(own) as opened:
        opened.place = own
        opened.parts, opened.faces = take_apart(opened)
        yield opened


def pairs_asked(library, **how):
    names = {person: name for name, person in library.parts.items()}
    found = suggestions(library, kinds=["same"], **how)
    return ["".join(sorted(names[person.id] for person in one.people)) for one in found]


def test_the_parts_of_one_person_are_asked_about_and_nobody_else(library):
    assert sorted(pairs_asked(library)) == ["ab", "ac", "bc", "de"]


def test_questions_come_in_the_order_of_what_they_settle(library):
    found = suggestions(library, kinds=["same"])
    settled = [one.faces_settled for one in found]
    assert settled == sorted(settled, reverse=True)
    sizes = [min(person.faces for person in one.people) for one in found]
    for one, size in zip(found, sizes, strict=True):
        assert one.faces_settled == pytest.approx(one.probability * size)
        assert 0 < one.probability < 1
    assert pairs_asked(library)[0] in ("ab", "de")


def test_who_has_a_name_counts_by_the_faces_that_would_get_it(library):
    decisions.name_person(library, library.parts["c"], "Anna")
    wanted = {library.parts[name] for name in "ac"}
    (one,) = [o for o in suggestions(library) if {p.id for p in o.people} == wanted]
    assert one.faces_settled == pytest.approx(one.probability * 5)


def test_reasons_are_words(library):
    one = suggestions(library, kinds=["same"])[0]
    text = "; ".join(one.why)
    assert "of the limit apart" in text
    assert "born about 1980 both" in text
    assert "2000–200" in text


@pytest.mark.parametrize("rule", ["different", "hidden", "two names", "genders", "births"])
def test_never_asked(library, rule):
    a, b = library.parts["a"], library.parts["b"]
    if rule == "different":
        decisions.keep_apart(library, b, a)
    elif rule == "hidden":
        decisions.hide_person(library, b)
    else:
        values = {
            "two names": [{"name": "Anna"}, {"name": "Berta"}],
            "genders": [{"gender": "f"}, {"gender": "m"}],
            "births": [{"born": "1980"}, {"born": "1984-05"}],
        }[rule]
        for person, said in zip((a, b), values, strict=True):
            edit_person(library, person, **said)
    left = {"hidden": ["ac", "de"]}.get(rule, ["ac", "bc", "de"])
    assert sorted(pairs_asked(library)) == left


def test_people_in_one_photo_are_not_asked_about_unless_it_is_exempt(library):
    now = placements(library)
    face = dict(zip(now.face_id.tolist(), now.photo_id.tolist(), strict=True))
    bert = next(f for f in library.faces["d"] if face[f] in {face[c] for c in library.faces["f"]})
    cleo = next(c for c in library.faces["f"] if face[c] == face[bert])
    one = {library.parts["d"]: [f for f in library.faces["d"] if f != bert]}
    regroup(library, one | {library.parts["e"]: [*library.faces["e"], cleo]})
    regroup(library, {library.parts["d"]: [bert]})
    assert "de" not in pairs_asked(library)
    decisions.exempt_photo(library, face[bert])
    with_it = suggestions(library, kinds=["same"])
    assert {library.parts["d"], library.parts["e"]} in [
        {p.id for p in one.people} for one in with_it
    ]


def test_a_photo_that_is_gone_still_shows_two_people(library):
    now = placements(library)
    photo = dict(zip(now.face_id.tolist(), now.photo_id.tolist(), strict=True))
    bert = next(f for f in library.faces["d"] if photo[f] in {photo[c] for c in library.faces["f"]})
    cleo = next(c for c in library.faces["f"] if photo[c] == photo[bert])
    (path,) = {row.path for row in face_rows(library, photo_id=photo[bert])}
    mark_gone(library, [path])
    left = [f for f in library.faces["d"] if f != bert]
    regroup(library, {library.parts["d"]: [*left, bert]})
    regroup(library, {library.parts["e"]: [*library.faces["e"], cleo]})
    assert "de" not in pairs_asked(library)


def test_who_a_face_was_rejected_from_is_not_asked_about(library):
    face = library.faces["c"][0]
    decisions.reject_faces(library, [face])
    regroup(library, {library.parts["a"]: library.faces["a"]}, born=1980.5)
    (new,) = group(library, [face])
    library.parts["c"] = new
    asked = pairs_asked(library)
    assert sorted(asked) == ["ab", "ac", "bc", "de"]
    decisions.move_faces(library, [face], library.parts["a"])
    decisions.reject_faces(library, [face])
    (library.parts["c"],) = group(library, [face])
    assert sorted(pairs_asked(library)) == ["ab", "bc", "de"]


def test_passers_by_are_asked_about_only_where_they_may_be_somebody_known(library):
    both = {library.parts[name]: library.faces[name] for name in "bc"}
    regroup(library, both, passer_by=True)
    assert sorted(pairs_asked(library)) == ["ab", "ac", "de"]


def test_skipped_questions_come_again_when_asked_for_and_last(library):
    first = pairs_asked(library)[0]
    decisions.skip_pair(library, *(library.parts[name] for name in first))
    assert first not in pairs_asked(library)
    again = pairs_asked(library, again=True)
    assert again[-1] == first
    assert sorted(again) == ["ab", "ac", "bc", "de"]


def test_yes_merges_and_can_be_undone(library):
    found = suggestions(library)
    asked = found[0]
    before = placements(library).person_id.tolist()
    done = answer(library, asked, "yes")
    assert done.change.kind == "merge"
    assert len(set(placements(library).person_id.tolist())) == len(set(before)) - 1
    decisions.undo(library)
    assert placements(library).person_id.tolist() == before
    assert [one.key for one in suggestions(library)] == [one.key for one in found]


def test_no_keeps_apart_and_can_be_undone(library):
    asked = suggestions(library)[0]
    answer(library, asked, "no")
    assert list(comparisons(library).values()) == ["different"]
    assert asked.key not in [one.key for one in suggestions(library)]
    decisions.undo(library)
    assert not comparisons(library)


def test_numbers_hold_after_the_first_answers(library):
    found = suggestions(library, kinds=["same"])
    save_questions(library, found)
    anna = {library.parts[name] for name in "abc"}
    numbers = [i for i, one in enumerate(found, 1) if {p.id for p in one.people} <= anna]
    for number in numbers[:2]:
        question, one = find_question(library, str(number)), found[number - 1]
        assert (question.key, question.anchors) == (one.key, one.anchors)
        answer(library, find_question(library, str(number)), "yes")
    assert len({row.person_id for row in people(library, hidden=True, passers_by=True)} & anna) == 1
    with pytest.raises(Refused, match="by now"):
        answer(library, find_question(library, str(numbers[2])), "yes")


def test_a_question_about_who_was_merged_is_about_who_they_are_now(library):
    a, b, c = (library.parts[name] for name in "abc")
    found = [one for one in suggestions(library) if {p.id for p in one.people} == {b, c}]
    save_questions(library, found)
    decisions.merge_people(library, [a, b])
    answer(library, find_question(library, "1"), "no")
    assert comparisons(library) == {(min(a, c), max(a, c)): "different"}


def test_questions_can_be_named_by_ids(library):
    a, b = library.parts["a"], library.parts["b"]
    answer(library, find_question(library, f"{a},{b}"), "skip")
    assert comparisons(library) == {(a, b): "skipped"}


@pytest.mark.parametrize("which", ["0", "7", "x", "1,2,3", "1,x", ""])
def test_unknown_questions_are_refused(library, which):
    with pytest.raises(Refused):
        find_question(library, which)


def test_other_answers_are_refused(library):
    with pytest.raises(Refused, match="maybe"):
        answer(library, suggestions(library)[0], "maybe")
    assert not comparisons(library)


@pytest.fixture
def mixed(library):
    """Anna as one person, with a face of Cleo's."""
    anna = [face for name in "abc" for face in library.faces[name]]
    regroup(library, {library.parts["a"]: [*anna, library.faces["f"][0]]})
    return library


def doubt(library):
    (one,) = suggestions(library, kinds=["split"], limit=1)
    return one


def test_a_face_that_stands_apart_is_asked_about(mixed):
    one = doubt(mixed)
    assert one.face_ids == (mixed.faces["f"][0],)
    assert one.people[0].id == mixed.parts["a"]
    assert one.probability < 0.1
    assert "1 face of 9" in one.why[0]


def test_no_makes_it_somebody_else(mixed):
    one = doubt(mixed)
    done = answer(mixed, one, "no")
    assert done.change.kind == "split"
    now = placements(mixed)
    (person,) = now.person_id[now.face_id == one.face_ids[0]]
    assert person != mixed.parts["a"]
    decisions.undo(mixed)
    assert doubt(mixed).key == one.key


@pytest.mark.parametrize("said", ["yes", "skip"])
def test_a_part_is_not_asked_about_twice(mixed, said):
    one = doubt(mixed)
    answer(mixed, one, said)
    assert one.key not in [other.key for other in suggestions(mixed)]
    if said == "skip":
        assert suggestions(mixed, again=True)[-1].key == one.key


def test_the_largest_without_a_name_are_asked_for_theirs(library):
    found = suggestions(library, kinds=["name"], limit=3)
    assert [one.faces_settled for one in found] == [6, 5, 4]
    answer(library, found[0], "Bert")
    assert suggestions(library, kinds=["name"])[0].people[0].id == found[1].people[0].id


def test_an_empty_library_asks_nothing(tmp_path):
    with Library.open(tmp_path / "empty.db") as library:
        assert suggestions(library, kinds=["same", "split", "name"]) == []


def test_a_library_that_cannot_be_written_asks_the_same(library):
    wanted = [one.key for one in suggestions(library)]
    with Library.open(library.place, create=False, read_only=True) as reader:
        assert [one.key for one in suggestions(reader)] == wanted


def test_what_was_measured_is_kept_and_pooled_after_a_merge(library, monkeypatch):
    suggestions(library)
    monkeypatch.setattr("album.grouping.candidates.QUICK_FACES", 0)
    monkeypatch.setattr("album.grouping.candidates.STALE_SHARE", 0.5)
    before = kept(library)
    decisions.merge_people(library, [library.parts["a"], library.parts["b"]])
    found = suggestions(library, kinds=["same"])
    assert kept(library) == before
    now = placements(library)
    fresh = find_candidates(library, nets_used(library), now)
    save_candidates(library, "none", b"")
    again = suggestions(library, kinds=["same"])
    assert [one.key for one in found] == [one.key for one in again]
    assert [one.probability for one in found] == pytest.approx(
        [o.probability for o in again], abs=0.01
    )
    assert len(fresh.count) == 5


def kept(library):
    """The row of the candidates that are stored."""
    with library.read() as conn:
        return conn.execute(select(schema.candidates)).one_or_none()


def test_candidates_are_measured_again_when_faces_moved(library):
    assert sorted(candidates(library, placements(library)).count) == [1, 2, 2, 4, 5, 6]
    regroup(library, {library.parts["a"]: [*library.faces["a"], library.faces["b"][0]]})
    found = candidates(library, placements(library))
    assert sorted(found.count) == [1, 1, 2, 4, 6, 6]


def test_another_calibration_means_measuring_again(library, monkeypatch):
    suggestions(library)
    before = kept(library)
    monkeypatch.setattr("album.grouping.candidates.calibration_files", lambda: ("another",))
    suggestions(library)
    assert kept(library).version != before.version


def test_a_regroup_measures_at_once(library):
    save_candidates(library, "none", b"")
    regroup_all(library)
    assert kept(library).version != "none"


def test_damage_to_what_is_kept_does_no_harm(library):
    suggestions(library)
    save_candidates(library, kept(library).version, kept(library).packed[:-40])
    assert sorted(pairs_asked(library)) == ["ab", "ac", "bc", "de"]


def test_owners_are_those_with_most_faces(library):
    now = placements(library)
    found = candidates(library, now)
    assert set(owners(found, now).tolist()) == set(library.parts.values())
    nobody = replace(now, person_id=np.zeros(len(now), np.int64))
    assert set(owners(found, nobody).tolist()) == {0}


def test_sharing_a_photo():
    pairs = Pairs(np.array([0, 0, 1]), np.array([1, 2, 2]), np.ones(3))
    groups = np.array([0, 0, 1, 1, 2, 2, 2])
    photos = np.array([5, 6, 6, 7, 8, 9, -1])
    assert sharing(pairs, groups, photos).tolist() == [True, False, False]
    assert not sharing(pairs, groups, np.full(7, -1)).any()


def test_a_child_at_two_ages_is_judged_by_its_years(library):
    view = view_of(placements(library), traits(library))
    pairs = Pairs(np.array([0]), np.array([1]), np.array([1.3]))
    lives = lives_of(view.traits)
    assert lives.born == pytest.approx(1980.5)
    assert lives.sigma == pytest.approx(2 / 1.2816)
    together, apart = (
        pair_scores(pairs, view.count, replace(lives, born=lives.born + years))
        for years in (0.0, np.arange(len(lives.born)) * 30)
    )
    unknown = pair_scores(pairs, view.count, replace(lives, born=lives.born * np.nan))
    assert 0 == apart < together < 1
    assert unknown != together


def test_a_birth_date_that_was_said_goes_before_the_estimate(library):
    edit_person(library, library.parts["a"], born="1984")
    view = view_of(placements(library), traits(library))
    at = view.traits.person_id.tolist().index(library.parts["a"])
    assert lives_of(view.traits).born[at] == pytest.approx(1984.5)
