"""What is worked out together is read as of one moment, whatever another process commits.

Each edit here is committed by another connection at the seam between two reads.
"""

from types import SimpleNamespace

import numpy as np
import pytest

from album.edits.decisions import merge_people, move_faces, name_person, reject_faces, undo
from album.errors import Refused
from album.grouping import grouping, incremental, regroup, run
from album.grouping.candidates import prepare
from album.people import suggestions
from db.errors import LockedLibraryError, ReadOnlyLibraryError
from db.library import Library
from db.people.people import people, save_people
from db.people.verdicts import verdicts
from db.records import Grouping, PersonFacts
from db.settings import GROUPED_UNDER, get_setting
from tests.album.portraits import NETS, Album, looks
from tests.databases import sql

ANNA, BERT = 0, 1
ENGINE = SimpleNamespace(
    embedder=SimpleNamespace(name=NETS.embedder, contract=NETS.identity_contract),
    attributes=SimpleNamespace(name=NETS.attributes, contract=NETS.attributes_contract),
)


@pytest.fixture
def album(tmp_path):
    """Six photos of Anna, then six of Bert, grouped rightly."""
    made = Album(tmp_path)
    with made.library:
        made.path = tmp_path / "library.db"
        made.add(*([looks(ANNA, seed=i)] for i in range(6)))
        made.add(*([looks(BERT, seed=i)] for i in range(6)))
        made.anna, made.bert = made.who()[[0, 6]].tolist()
        yield made


def interrupt(monkeypatch, module, name, edit, *, times=1):
    """Have `edit` happen before each of the first calls of a function."""
    function, left = getattr(module, name), [None] * times

    def interrupted(*args, **options):
        if left:
            left.pop()
            edit()
        return function(*args, **options)

    monkeypatch.setattr(module, name, interrupted)


def elsewhere(album, function, *args, **options):
    """Return what does something by a connection of its own."""

    def edit():
        with Library.open(album.path) as other:
            function(other, *args, **options)

    return edit


def by_index(album):
    list(incremental.assign(album.library, NETS))


def by_paper(album):
    list(grouping.group(album.library, ENGINE, method="paper"))


def by_regroup(album):
    regroup.regroup(album.library)


WORKING = {
    by_index: (incremental, "linked"),
    by_paper: (grouping, "confidence"),
    by_regroup: (regroup, "linked"),
}
"""A function that is called after everything was read and before anything is stored."""
WAYS = pytest.mark.parametrize("group", [by_index, by_regroup, by_paper])
WITH_CONSTRAINTS = pytest.mark.parametrize("group", [by_index, by_regroup])


def test_a_snapshot_stays_as_it_was_and_cannot_be_written(album):
    with album.library.snapshot() as moment:
        before = people(moment, passers_by=True)
        elsewhere(album, name_person, album.anna, "Anna")()
        assert people(moment, passers_by=True) == before
        with moment.snapshot() as same:
            assert people(same, passers_by=True) == before
        with pytest.raises(ReadOnlyLibraryError):
            name_person(moment, album.bert, "Bert")
    assert people(album.library, passers_by=True) != before
    name_person(album.library, album.bert, "Bert")


@WITH_CONSTRAINTS
def test_a_rejection_that_is_taken_back_between_two_reads(album, group, monkeypatch):
    """What was said had the rejection, and the faces no longer: they contradict each other."""
    reject_faces(album.library, [1])
    album.add([looks(ANNA, seed=20)], group=False)
    interrupt(monkeypatch, incremental, "load_faces", elsewhere(album, undo))
    group(album)
    assert album.who()[[*range(6), 12]].tolist() == [album.anna] * 7
    assert not len(verdicts(album.library).rejected)


@WITH_CONSTRAINTS
def test_a_rejection_that_is_made_between_two_reads(album, group, monkeypatch):
    interrupt(monkeypatch, incremental, "load_faces", elsewhere(album, reject_faces, [1]))
    group(album)
    who = album.who().tolist()
    assert who[0] not in (0, album.anna)
    assert who[1:6] == [album.anna] * 5


@WITH_CONSTRAINTS
def test_a_merge_between_two_reads(album, group, monkeypatch):
    album.add([looks(BERT, seed=20)], group=False)
    edit = elsewhere(album, merge_people, [album.anna, album.bert])
    interrupt(monkeypatch, incremental, "load_faces", edit)
    group(album)
    assert album.who()[:12].tolist() == [album.anna] * 12
    assert album.bert not in album.people()


@WAYS
def test_an_edit_while_faces_are_grouped_is_kept(album, group, monkeypatch):
    cover = album.people()[album.anna].cover_face_id
    album.add([looks(ANNA, seed=20)], group=False)
    interrupt(monkeypatch, *WORKING[group], elsewhere(album, move_faces, [cover], album.bert))
    group(album)
    anna, bert = (np.flatnonzero(album.who() == one) + 1 for one in (album.anna, album.bert))
    assert sorted(bert.tolist()) == sorted([cover, *range(7, 13)])
    assert len(anna) == 6
    assert album.people()[album.anna].cover_face_id in anna


@WAYS
def test_who_never_stops_editing_gets_a_sentence(album, group, monkeypatch):
    names = iter(["Ana", "Anna", "Anne", "Annie"])

    def edit():
        elsewhere(album, name_person, album.anna, next(names))()

    interrupt(monkeypatch, *WORKING[group], edit, times=4)
    before = album.who().tolist()
    with pytest.raises((LockedLibraryError, Refused), match="again once nothing else changes"):
        group(album)
    assert album.who().tolist() == before
    assert next(names) == "Annie", "three attempts"


def test_another_grouping_in_between_is_noticed(album):
    """Faces that only change places leave as many rows as before."""
    stamp = verdicts(album.library).stamp
    swapped = Grouping(np.array([1, 7]), np.array([album.bert, album.anna]), np.ones(2, "f4"))
    facts = [PersonFacts(album.anna), PersonFacts(album.bert)]
    assert save_people(album.library, swapped, facts)
    back = Grouping(np.array([1]), np.array([album.anna]), np.ones(1, "f4"))
    assert not save_people(album.library, back, facts, stamp=stamp)
    assert album.who()[[0, 6]].tolist() == [album.bert, album.anna]


def test_a_new_face_that_is_gone_when_its_person_is_stored(album, monkeypatch):
    """Another process has read its photo again; it was nobody's, so no other row has changed."""
    album.add([looks(ANNA, seed=20)], [looks(ANNA, seed=21)], group=False)

    def edit():
        sql(album.path, "DELETE FROM face WHERE id = 14")

    interrupt(monkeypatch, incremental, "linked", edit)
    by_index(album)
    assert album.who().tolist() == [*[album.anna] * 6, *[album.bert] * 6, album.anna]


def test_what_is_said_while_distances_are_measured_needs_another_grouping(album, monkeypatch):
    """That the faces were grouped is stored with the grouping, not after all that follows."""
    monkeypatch.setattr(run, "remember_nets", lambda *_: None)
    monkeypatch.setattr(run, "nets_of", lambda _: NETS)

    def measured(library, *workspace):
        elsewhere(album, reject_faces, [1])()
        prepare(library, *workspace)

    with monkeypatch.context() as patch:
        patch.setattr(run, "prepare", measured)
        list(run.group_if_due(album.library, ENGINE, "default"))
    assert get_setting(album.library, GROUPED_UNDER) is None
    list(run.group_if_due(album.library, ENGINE, "default"))
    assert album.who()[0] not in (0, album.anna)
    assert get_setting(album.library, GROUPED_UNDER)


@pytest.mark.parametrize("seam", ["traits", "measured", "people_by_id"])
def test_people_who_are_merged_while_questions_are_looked_for(album, seam, monkeypatch):
    pair = [album.anna, album.bert]
    interrupt(monkeypatch, suggestions, seam, elsewhere(album, merge_people, pair))
    assert asked_about(album) == pair, "as of before"
    assert asked_about(album) == [album.anna]


def asked_about(album):
    found = suggestions.suggestions(album.library, kinds=["same", "split", "name"])
    return sorted({person.id for one in found for person in one.people})
