"""People stay: new faces join them or found new ones, and nobody else moves."""

import numpy as np
import pytest

from album.edits.decisions import (
    exempt_photo,
    hide_person,
    keep_apart,
    move_faces,
    name_person,
    reject_faces,
    set_person,
)
from album.events import Grouped
from album.grouping import incremental, linking
from album.grouping.incremental import LAST_WHOLE, assign, is_due, load_situation
from album.models.contracts import NetsUsed
from db.errors import LockedLibraryError
from db.photos.files import mark_gone
from db.settings import get_setting
from tests.album.portraits import NETS, Album, looks, photo
from tests.db.make import place_faces

ANNA, BERT, CLEO, DORA = 0, 1, 2, 3


@pytest.fixture
def album(tmp_path):
    made = Album(tmp_path)
    with made.library:
        yield made


def several(who, count, **options):
    return [[looks(who, seed=i, **options)] for i in range(count)]


def test_a_new_face_joins_or_founds_and_nobody_else_moves(album):
    (first, *_), (second, *_) = album.add(*several(ANNA, 3), *several(BERT, 3))[::3]
    before = album.who()
    (joined,), (stranger,) = album.add([looks(ANNA, seed=9)], [looks(CLEO)])
    assert joined == first != second
    assert stranger not in before
    assert album.who()[:6].tolist() == before.tolist()
    assert album.people()[first].faces == 4


def test_new_faces_of_one_stranger_found_one_person(album):
    album.add(*several(ANNA, 3))
    found = album.add(*several(BERT, 2))
    assert found[0] == found[1]
    assert len(album.people()) == 2


def test_a_photo_has_a_person_once_unless_it_is_exempt(album):
    ((anna,), *_) = album.add(*several(ANNA, 3))
    twins = [looks(ANNA, seed=7), looks(ANNA, seed=8)]
    ((one, two),) = album.add(twins)
    assert anna in (one, two)
    assert one != two
    exempt_photo(album.library, int(album.table.photo_id[-1]))
    reject_faces(album.library, album.table.face_id[album.who() != anna].tolist())
    album.group()
    assert album.who().tolist() == [anna] * 5


def test_a_face_without_a_vector_keeps_its_person_out_of_its_photo(album):
    ((anna,), *_) = album.add(*several(ANNA, 4))
    # The photo is read anew by a detector that finds a face elsewhere, and Anna's no more.
    name_person(album.library, anna, "Anna")
    album.nets = NetsUsed("fake", "other", "fake", "attributes")
    again = [photo(i, faces, contract="other") for i, faces in enumerate(several(ANNA, 3))]
    album.store([*again, photo(3, [looks(ANNA, seed=9)], contract="other", shift=500)])
    album.group()
    who = album.who()
    assert who[:4].tolist() == [anna] * 4
    assert who[4] not in (0, anna)


def test_a_rejected_face_goes_elsewhere_and_does_not_come_back(album):
    ((anna,), *_) = album.add(*several(ANNA, 4))
    reject_faces(album.library, [2])
    for _ in range(2):
        album.group()
        assert album.who()[1] not in (0, anna)
    assert album.who()[[0, 2, 3]].tolist() == [anna] * 3


def test_what_was_placed_by_the_user_or_an_import_stays(album):
    ((anna,), *_, (bert,)) = album.add(*several(ANNA, 3), *several(BERT, 3))
    move_faces(album.library, [1], bert)
    place_faces(album.library, [4], anna, source="imported")
    album.add(*several(CLEO, 30), *[[looks(ANNA, seed=i)] for i in range(20, 40)])
    who = album.who()
    assert who[0] == bert
    assert who[3] == anna


def test_nobody_joins_a_person_who_was_not_born_yet(album):
    ((anna,), *_) = album.add(*several(ANNA, 3), year=2010, age=25)
    set_person(album.library, anna, born="1984-05")  # photos are of March
    for year, age, joins in (
        (1990, 6, True),
        (1990, 40, False),
        (1984, 1, False),
        (1980, 1, False),
    ):
        ((who,),) = album.add([looks(ANNA, seed=year + age, noise=0.1)], year=year, age=age)
        assert (who == anna) == joins


def test_a_known_birth_date_counts_more_than_what_faces_look_like():
    from album.grouping.features import Dated, Faces
    from album.grouping.linking import UserRules, link
    from album.models.calibration import IdentityCalibration

    vectors = np.array([looks(ANNA, seed=i, noise=0.3) for i in range(3)])
    ages = np.zeros((3, 100), np.float32)
    ages[[0, 1], 49] = ages[2, 9] = 1  # Anna looks fifty in 2010, and the new face looks ten
    faces = Faces(vectors, ages, np.arange(3))
    dated = Dated(np.full(3, 2010.5), np.full(3, 14000.0), np.full(3, 0.05))
    use = IdentityCalibration(0.3, birth_weight=0.6, birth_width=12, birth_unknown=0.2)
    person = np.array([7, 7, 0])
    assert link(faces, dated, use, person).tolist() == [7, 7, -1]
    born = np.full((3, 2), np.nan)
    born[:2] = 2000, 2001
    assert link(faces, dated, use, person, UserRules(born=born)).tolist() == [7, 7, 7]


def test_with_few_new_faces_only_people_within_reach_are_looked_at(album, monkeypatch):
    album.add(*[[looks(i % 30, seed=i)] for i in range(90)])
    join, sizes = linking.join_weak_last, []

    def spy(rows, *args, **options):
        sizes.append(len(rows))
        return join(rows, *args, **options)

    monkeypatch.setattr(linking, "join_weak_last", spy)
    ((who,),) = album.add([looks(4, seed=99)])
    assert sizes == [4], "the new face and the three of its person"
    assert who == album.who()[4]


def grow(album, *, then):
    """Two look-alikes founded by chance before what lies between them was there."""
    near = [[looks(ANNA, like=BERT, share=0.05, seed=i)] for i in range(3)]
    far = [[looks(ANNA, like=BERT, share=0.85, seed=i)] for i in range(3)]
    album.add(*near, *far, *several(CLEO, 40))
    one, two = album.who()[[0, 3]].tolist()
    assert one != two
    then(one, two)
    between = [[looks(ANNA, like=BERT, share=0.45, seed=i)] for i in range(12)]
    found = album.add(*between)
    return one, two, {person for (person,) in found}


def test_people_nobody_touched_are_grouped_anew_when_much_has_come(album):
    one, two, found = grow(album, then=lambda a, b: None)
    who = album.who()
    assert len(set(who[[0, 1, 2, 3, 4, 5]].tolist()) | found) == 1, "they were one person"
    assert found <= {one, two}, "who keeps the id of one of them"
    assert len(album.people()) == 2


@pytest.mark.parametrize(
    "touch",
    [
        lambda lib, a, b: name_person(lib, a, "Anna") and name_person(lib, b, "Bert"),
        keep_apart,
        lambda lib, a, b: [hide_person(lib, who) for who in (a, b)],
        lambda lib, a, b: [set_person(lib, who, gender="f") for who in (a, b)],
        lambda lib, a, b: [set_person(lib, who, born="1980") for who in (a, b)],
        lambda lib, a, b: [place_faces(lib, [face], who) for face, who in ((1, a), (4, b))],
    ],
)
def test_people_whom_the_user_touched_are_never_grouped_anew(album, touch):
    one, two, found = grow(album, then=lambda a, b: touch(album.library, a, b))
    assert album.who()[:6].tolist() == [one] * 3 + [two] * 3
    assert found & {one, two}
    assert {one, two} <= set(album.people())


def test_a_few_photos_never_group_others_anew(album, monkeypatch):
    monkeypatch.setattr(incremental, "GROWTH", 0.0)
    album.add(*several(ANNA, 9))
    before = get_setting(album.library, LAST_WHOLE)
    for start in range(20):
        album.add(*[[looks(BERT, seed=start * 4 + i)] for i in range(incremental.RUN_PHOTOS - 1)])
    assert get_setting(album.library, LAST_WHOLE) == before == "identity 9"
    album.add(*several(CLEO, incremental.RUN_PHOTOS))
    assert get_setting(album.library, LAST_WHOLE) == f"identity {len(album.who())}"


def test_faces_that_the_user_took_away_are_not_new(album):
    album.add(*several(ANNA, 20))
    anna = int(album.who()[0])
    reject_faces(album.library, album.table.face_id[:9].tolist())
    now = load_situation(album.library, NETS)
    assert not is_due(now, "identity", None)
    assert not is_due(now, "identity", "identity 11")
    album.group()
    assert set(album.who()[9:].tolist()) == {anna}


def test_when_it_is_due(album, monkeypatch):
    album.add(*several(ANNA, 200))
    album.add(*several(BERT, 8), group=False)
    now = load_situation(album.library, NETS)
    assert not is_due(now, "identity", "identity 200"), "4 % of all are new"
    assert is_due(now, "identity", "identity 190")
    assert not is_due(now, "identity", None), "of an older library all that is known was grouped"
    assert is_due(now, "other", "identity 200"), "by other vectors everything is new"
    with monkeypatch.context() as patch:
        patch.setattr(incremental, "DESCRIBED", 1.1)
        assert not is_due(now, "other", "identity 200"), "most faces have none yet"


def test_one_portion_after_another_is_as_good_as_all_at_once(album, tmp_path):
    rng = np.random.default_rng(3)
    faces = [[looks(int(who), noise=0.9, seed=i)] for i, who in enumerate(rng.integers(0, 12, 200))]
    (tmp_path / "whole").mkdir()
    whole = Album(tmp_path / "whole")
    with whole.library:
        whole.add(*faces)
        wanted = whole.who()
    for at in range(0, 200, 20):
        album.add(*faces[at : at + 20])
    pairs = np.unique(np.column_stack([album.who(), wanted]), axis=0)
    assert len(pairs) == len(np.unique(wanted)) == len(np.unique(album.who()))


def test_gone_photos_are_not_counted_and_their_people_remain(album):
    ((anna,), *_) = album.add(*several(ANNA, 3))
    mark_gone(album.library, [f"/p/{number:06}.jpg" for number in range(3)])
    assert album.group() == []
    assert album.people()[anna].faces == 0


def test_the_events_tell_how_many_faces_moved(album):
    *_, last = (None, *album.group())
    assert last is None
    album.add(*several(ANNA, 2), group=False)
    *_, last = album.group()
    assert last == Grouped(0, 1, 2, 0)


def test_what_the_user_says_meanwhile_is_heard(album, monkeypatch):
    ((anna,), *_) = album.add(*several(ANNA, 3))
    album.add([looks(ANNA, seed=8)], group=False)
    link, said = incremental.linked, []

    def slow(*args):
        if not said:
            said.append(name_person(album.library, anna, "Anna"))
        return link(*args)

    monkeypatch.setattr(incremental, "linked", slow)
    album.group()
    assert said
    assert album.who().tolist() == [anna] * 4
    assert album.people()[anna].name == "Anna"


def test_one_who_changes_people_without_end_is_told_of(album, monkeypatch):
    ((anna,), *_) = album.add(*several(ANNA, 3))
    album.add([looks(ANNA, seed=8)], group=False)
    link, names = incremental.linked, iter("ABCDEFGH")

    def slow(*args):
        name_person(album.library, anna, next(names))
        return link(*args)

    monkeypatch.setattr(incremental, "linked", slow)
    with pytest.raises(LockedLibraryError, match="run the same command again"):
        list(assign(album.library, NETS))
    assert album.who()[-1] == 0, "nothing is stored"
