"""`album regroup`: everything anew, except what the user has said."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from album.edits.decisions import (
    history,
    keep_apart,
    merge_people,
    move_faces,
    name_person,
    redo,
    reject_faces,
    split_person,
    undo,
)
from album.errors import Refused
from album.grouping import incremental
from album.grouping.incremental import LAST_WHOLE, load_situation
from album.grouping.regroup import regroup, stays
from album.models.contracts import GROUPED_WITH
from db.engine import schema
from db.journal.journal import merged_in_part
from db.settings import get_setting, set_setting
from tests.album.albums import ANNA as DRAWN_ANNA
from tests.album.albums import Drawn, Shelf, family, photo
from tests.album.decided import dump
from tests.album.portraits import NETS, Album, looks

ANNA, BERT, CLEO = 0, 1, 2
DATA = Path(os.environ.get("ALBUM_DATA", Path(__file__).parents[4] / "shared" / "data"))
FAMILY = DATA.parent / "cases" / "people" / "regroup-after-merge.db"


@pytest.fixture
def album(tmp_path):
    made = Album(tmp_path)
    with made.library:
        yield made


def several(who, count, **options):
    return [[looks(who, seed=i, **options)] for i in range(count)]


@pytest.fixture
def grown(album, monkeypatch):
    """Two people founded before what lies between them was there, and never grouped anew."""
    monkeypatch.setattr(incremental, "GROWTH", np.inf)
    near = several(ANNA, 3, like=BERT, share=0.05)
    far = several(ANNA, 3, like=BERT, share=0.85)
    album.add(*near, *far, *several(CLEO, 5))
    album.add(*several(ANNA, 12, like=BERT, share=0.45))
    return album


def snapshot(album):
    return album.who().tolist(), {
        (row.person_id, row.name, row.faces, row.cover_face_id) for row in album.people().values()
    }


def test_untouched_people_are_grouped_as_all_at_once_and_undo_restores_them(grown):
    before = snapshot(grown)
    one, two = before[0][0], before[0][3]
    tried = regroup(grown.library, dry_run=True)
    assert snapshot(grown) == before
    done = regroup(grown.library)
    assert (done.before, done.after, done.event_id > 0) == (3, 2, True)
    assert (tried.before, tried.after, tried.moved) == (done.before, done.after, done.moved)
    who = grown.who()
    assert len({*who[:6].tolist(), *who[11:].tolist()}) == 1
    assert who[0] in (one, two)
    assert get_setting(grown.library, LAST_WHOLE) == "identity 23"
    after = snapshot(grown)
    assert "changed person" in undo(grown.library).summary
    assert snapshot(grown) == before
    redo(grown.library)
    assert snapshot(grown) == after


def test_nothing_to_change_is_no_event(album):
    album.add(*several(ANNA, 4), *several(BERT, 3))
    done = regroup(album.library)
    assert (done.moved, done.person_ids, done.event_id) == (0, (), 0)


def test_two_named_people_stay_two_and_keep_their_cores(grown):
    one, two = grown.who()[[0, 3]].tolist()
    name_person(grown.library, one, "Anna")
    name_person(grown.library, two, "Bert")
    regroup(grown.library)
    who = grown.who().tolist()
    assert who[:6] == [one] * 3 + [two] * 3
    assert {one, two} >= set(who[11:])
    assert {row.name for row in grown.people().values()} == {"Anna", "Bert", None}


def test_a_named_person_is_not_absorbed_by_a_larger_one(grown):
    two = int(grown.who()[3])
    name_person(grown.library, two, "Bert")
    regroup(grown.library)
    assert grown.who()[3:6].tolist() == [two] * 3
    assert grown.people()[two].name == "Bert"


def test_different_people_stay_apart(grown):
    one, two = grown.who()[[0, 3]].tolist()
    keep_apart(grown.library, one, two)
    regroup(grown.library)
    assert grown.who()[:6].tolist() == [one] * 3 + [two] * 3


def test_placed_faces_stay_and_rejected_ones_do_not_come_back(album):
    album.add(*several(ANNA, 6), *several(BERT, 6))
    anna, bert = album.who()[[0, 6]].tolist()
    move_faces(album.library, [7], anna)
    reject_faces(album.library, [2])
    regroup(album.library)
    who = album.who().tolist()
    assert who[6] == anna
    assert who[1] not in (0, anna)
    assert [who[0], *who[2:6]] == [anna] * 5
    assert who[7:] == [bert] * 5


@pytest.mark.parametrize("sizes", [(4, 3), (3, 4), (4, 4)])
def test_what_was_merged_by_hand_stays_one(album, sizes):
    """Also the faces of the person who is kept, where they are fewer or of several groups."""
    album.add(*several(ANNA, sizes[0]), *several(BERT, sizes[1]), *several(CLEO, 3))
    anna, bert, cleo = album.who()[[0, sizes[0], -1]].tolist()
    name_person(album.library, anna, "Anna")
    for other in (bert, cleo):
        merge_people(album.library, [anna, other])
    regroup(album.library)
    assert set(album.who().tolist()) == {anna}


def test_a_merge_holds_for_every_group_that_the_kept_person_had(album):
    """The person into whom another is merged may be of several groups already."""
    album.add(*several(ANNA, 5), *several(BERT, 4), *several(CLEO, 2))
    anna, bert, cleo = album.who()[[0, 5, 9]].tolist()
    one = album.who() == bert
    with album.library.write() as conn:  # as faces that joined over the years, not by any word
        mine = schema.assignment.c.face_id.in_((np.flatnonzero(one) + 1).tolist())
        conn.execute(schema.assignment.update().where(mine).values(person_id=anna))
    merge_people(album.library, [anna, cleo])
    regroup(album.library)
    assert set(album.who().tolist()) == {anna}


def test_a_merge_is_undone_exactly_and_what_is_said_after_it_counts(album):
    album.add(*several(ANNA, 4), *several(BERT, 3), *several(CLEO, 3))
    anna, bert = album.who()[[0, 4]].tolist()
    before = dump(album.library)
    merge_people(album.library, [anna, bert])
    after = dump(album.library)
    undo(album.library)
    assert dump(album.library) == before
    redo(album.library)
    assert dump(album.library) == after
    new = split_person(album.library, anna, [1]).person_ids[-1]
    reject_faces(album.library, [2])
    move_faces(album.library, [3], int(album.who()[-1]))
    regroup(album.library)
    who = album.who().tolist()
    assert (who[0], who[2], who[3:7]) == (new, who[-1], [anna] * 4)
    assert who[1] not in (0, anna)


def test_a_merge_of_an_earlier_version_holds_too(album):
    """It placed the faces of those merged only; the journal tells of it."""
    album.add(*several(ANNA, 3), *several(BERT, 4), *several(CLEO, 3))
    anna, bert, cleo = album.who()[[0, 3, 7]].tolist()
    merge_people(album.library, [anna, bert])
    with album.library.write() as conn:
        theirs = schema.assignment.c.face_id <= 3
        conn.execute(schema.assignment.update().where(theirs).values(source="auto"))
        row = conn.execute(select(schema.event)).mappings().one()
        parts = {"payload": "after", "inverse": "before"}
        for column, image in parts.items():
            rows = row[column][image]["assignment"]["rows"]
            row[column][image]["assignment"]["rows"] = [one for one in rows if one[0] > 3]
        conn.execute(schema.event.update().values({name: row[name] for name in parts}))
    assert merged_in_part(album.library) == {anna}
    regroup(album.library)
    assert album.who()[:7].tolist() == [anna] * 7
    while history(album.library)[-1].undone is False:
        undo(album.library)
    assert merged_in_part(album.library) == set()
    merge_people(album.library, [anna, cleo])
    assert merged_in_part(album.library) == set()


def test_the_core_is_the_largest_group_of_a_persons_faces(album):
    album.add(*several(ANNA, 5), [looks(ANNA, like=BERT, share=0.5)])
    anna = int(album.who()[0])
    assert set(album.who().tolist()) == {anna}
    now = load_situation(album.library, NETS)
    assert not stays(now, NETS).any(), "nobody has said anything"
    name_person(album.library, anna, "Anna")
    assert stays(load_situation(album.library, NETS), NETS).tolist() == [True] * 5 + [False]


def test_a_library_that_was_never_grouped_or_is_empty(album):
    assert regroup(album.library).faces == 0
    set_setting(album.library, GROUPED_WITH, None)
    with pytest.raises(Refused, match="No faces have been grouped yet"):
        regroup(album.library)


@pytest.mark.sqlite
@pytest.mark.skipif(not FAMILY.is_file(), reason=f"needs {FAMILY}")
def test_a_child_who_was_merged_with_the_adult_keeps_all_photos(tmp_path):
    """Faces of FG-NET, 38 years apart: within the threshold at neither end."""
    shelf = Shelf(tmp_path)
    shutil.copyfile(FAMILY, shelf.path)
    assert shelf("name", 6, "Ben").code == 0
    assert shelf("merge", 6, 5).code == 0
    before = shelf("show", "Ben", "--json").json
    assert before["photos"] == 14
    assert shelf("regroup").code == 0
    assert shelf("show", "Ben", "--json").json == before


@pytest.fixture
def shelf(tmp_path):
    photos = family(tmp_path / "photos")
    made = Shelf(tmp_path)
    made.index(photos)
    return made


def test_the_command(shelf, tmp_path):
    tried = shelf("regroup", "--dry-run")
    assert tried.code == 0
    assert "11 faces" not in tried.out
    assert "16 faces: 3 people before, 3 then." in tried.out
    assert "Nobody's faces change." in tried.out
    said = json.loads(shelf("regroup", "--json").out)
    assert said["format"] == 1
    assert said["dry_run"] is False
    assert (said["faces"], said["moved"], said["event_id"]) == (16, 0, 0)


def test_the_command_without_a_library(tmp_path):
    ran = Shelf(tmp_path)("regroup")
    assert ran.code == 1
    assert "index some photos first" in ran.err


def test_adding_a_photo_moves_nobody_from_end_to_end(shelf, tmp_path):
    folder = tmp_path / "photos"
    before = {row["id"]: len(shelf.seen(row["id"])) for row in shelf.people("--all")}
    photo(folder / "new.jpg", Drawn(DRAWN_ANNA, 31, male=False), year=2011)
    report = shelf.index(folder)
    assert report["reassigned"] == 0
    after = {row["id"]: len(shelf.seen(row["id"])) for row in shelf.people("--all")}
    assert after.keys() == before.keys()
    assert sorted(after[who] - before[who] for who in after) == [0, 0, 1]


def test_removing_photos_and_bringing_them_back_changes_nobody(shelf, tmp_path):
    folder = tmp_path / "photos"
    before = {row["id"]: len(shelf.seen(row["id"])) for row in shelf.people("--all")}
    shutil.move(folder / "2004", tmp_path / "2004")
    shelf.index(folder)
    shutil.move(tmp_path / "2004", folder / "2004")
    shelf.index(folder)
    assert {row["id"]: len(shelf.seen(row["id"])) for row in shelf.people("--all")} == before
