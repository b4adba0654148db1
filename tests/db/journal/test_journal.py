"""Every change can be taken back, also after an index in between."""

import json

import pytest
from sqlalchemy import delete, select

from db.engine import schema
from db.errors import EmptyHistoryError, UndoError, UnknownFaceError, UnknownPersonError
from db.journal import edits, images
from db.journal.journal import changing, events_about, forget_events, history, reverting
from db.people.people import find_person, people
from tests.album.decided import dump
from tests.databases import sql
from tests.db.make import add, group, place_faces, regroup, reject_face

pytestmark = pytest.mark.postgresql


@pytest.fixture
def pair(library):
    add(library, "/a.jpg", "/b.jpg", "/c.jpg")  # faces 1 to 6, two in each
    return group(library, [1, 3, 5], [2, 4, 6], p_male=0.25)


def undo(library):
    with reverting(library) as (edit, done):
        pass
    return edit.change, done


def redo(library):
    with reverting(library, again=True) as (_, done):
        pass
    return done


def change(library, kind="test", summary="Done."):
    class Changing:
        def __enter__(self):
            self.manager = changing(library, kind)
            edit = self.manager.__enter__()
            edit.summary = summary
            return edit

        def __exit__(self, *error):
            return self.manager.__exit__(*error)

    return Changing()


def test_undo_and_redo_restore_every_row(library, pair):
    ana, ben = pair
    states = [dump(library)]
    with change(library, "name") as edit:
        edits.set_person(edit, ana, name="Ana", hidden=True, born_override="1984-05")
    states.append(dump(library))
    with change(library, "merge") as edit:
        edits.compare(edit, ana, ben, "different")
        edits.reject(edit, [1], ben)
        edits.place(edit, [2, 4, 6], ana)
        edits.exempt(edit, [1, 2, 3])
        edits.remove_person(edit, ben)
    states.append(dump(library))
    assert states[2]["comparison"] == {}  # gone with the person
    with change(library, "move") as edit:
        new = edits.new_person(edit)
        edits.place(edit, [5], new)
        edits.free(edit, [6])
    states.append(dump(library))
    for _ in range(2):
        for state in states[-2::-1]:
            undo(library)
            assert dump(library) == state
        for state in states[1:]:
            redo(library)
            assert dump(library) == state
    assert [row.kind for row in history(library)] == ["move", "merge", "name"]
    assert len(history(library, limit=1)) == 1


def test_nothing_to_undo_or_redo(library, pair):
    with pytest.raises(EmptyHistoryError, match="nothing to undo"):
        undo(library)
    with pytest.raises(EmptyHistoryError, match="nothing to do again"):
        redo(library)
    with change(library) as edit:
        edits.set_person(edit, pair[0], name=None)  # no change at all
    assert (edit.change.event_id, history(library)) == (0, [])


def test_a_new_change_ends_what_could_be_done_again(library, pair):
    for name in ("Ana", "Anna"):
        with change(library) as edit:
            edits.set_person(edit, pair[0], name=name)
    undo(library)
    assert [row.undone for row in history(library)] == [True, False]
    with change(library) as edit:
        edits.set_person(edit, pair[0], name="Annie")
    assert [row.undone for row in history(library)] == [False, False]
    with pytest.raises(EmptyHistoryError):
        redo(library)
    undo(library)
    assert find_person(library, pair[0]).name == "Ana"


def test_a_failure_leaves_neither_change_nor_event(library, pair):
    before = dump(library)
    with pytest.raises(ZeroDivisionError), change(library) as edit:
        edits.set_person(edit, pair[0], name="Ana")
        _ = 1 / 0
    with pytest.raises(UnknownPersonError, match="id 99"), change(library) as edit:
        edits.person_of(edit, 99)
    with pytest.raises(UnknownFaceError, match="id 77"), change(library) as edit:
        edits.placed(edit, faces=[1, 77])
    assert dump(library) == before
    assert history(library) == []


def test_what_the_index_derived_since_stays(library, pair):
    ana, ben = pair
    with change(library) as edit:
        edits.set_person(edit, ana, name="Ana")
    regroup(library, {ana: [1, 3, 4], ben: [2, 5, 6]}, p_male=0.75)
    undo(library)
    row = find_person(library, ana)
    assert (row.name, row.p_male) == (None, 0.75)
    redo(library)
    row = find_person(library, ana)
    assert (row.name, row.p_male, row.faces) == ("Ana", 0.75, 3)


def test_faces_that_the_index_moved_come_back_and_those_placed_by_hand_do_not(library, pair):
    ana, ben = pair
    with change(library) as edit:
        edits.free(edit, [1, 3])
        edits.reject(edit, [1, 3], ana)
    regroup(library, {ben: [2, 4, 6, 1]})
    place_faces(library, [3], ben, event=False)
    _, done = undo(library)
    assert dump(library)["assignment"][1,]["person_id"] == ana
    assert dump(library)["assignment"][3,]["person_id"] == ben
    assert done.left_out == 1
    assert {ana, ben} <= done.stale


def test_faces_found_since_make_way(library, pair):
    ana, _ = pair
    with change(library) as edit:
        edits.free(edit, [1])
        edits.reject(edit, [1], ana)
    regroup(library, {ana: [2, 3, 5]})  # face 2 is in the photo of face 1
    _, done = undo(library)
    after = dump(library)["assignment"]
    assert after[1,]["person_id"] == ana
    assert (2,) not in after
    assert done.left_out == 1


def test_a_person_twice_by_the_users_own_word_is_refused(library, pair):
    ana, _ = pair
    place_faces(library, [1], ana, event=False)
    with change(library) as edit:
        edits.free(edit, [1])
    place_faces(library, [2], ana, event=False)
    before = dump(library)
    with pytest.raises(UndoError, match="faces 1 and 2 of one photo"):
        undo(library)
    assert dump(library) == before
    assert [row.undone for row in history(library)] == [False]


def test_faces_and_people_that_are_gone_are_left_out(library, pair):
    ana, ben = pair
    with change(library) as edit:
        edits.free(edit, [1])
        edits.reject(edit, [1, 2], ana)
        edits.set_person(edit, ana, cover_face_id=3, cover_chosen=True)
    undo(library)
    with library.write() as conn:
        conn.execute(delete(schema.face).where(schema.face.c.id.in_([2, 3])))
        conn.execute(delete(schema.person).where(schema.person.c.id == ben))
    redo(library)
    state = dump(library)
    assert set(state["rejection"]) == {(1, ana)}
    assert (state["person"][ana,]["cover_face_id"], state["person"][ana,]["cover_chosen"]) == (
        None,
        False,
    )
    with change(library) as edit:
        edits.place(edit, [5], ana)
    with library.write() as conn:
        conn.execute(delete(schema.face).where(schema.face.c.id == 5))
    _, done = undo(library)
    assert done.left_out == 1


def test_a_person_made_by_a_change_stays_if_the_user_has_said_more_since(library, pair):
    with change(library) as edit:
        new = edits.new_person(edit)
        edits.place(edit, [1], new)
    place_faces(library, [3], new, event=False)
    undo(library)
    assert {row.person_id for row in people(library)} >= {new}
    assert dump(library)["assignment"][3,]["person_id"] == new
    redo(library)
    assert dump(library)["assignment"][1,]["person_id"] == new


def test_faces_of_a_person_who_is_gone_become_nobodys(library, pair):
    with change(library) as edit:
        new = edits.new_person(edit)
        edits.place(edit, [1], new)
    regroup(library, {new: [3]})
    undo(library)
    assert (3,) not in dump(library)["assignment"]
    assert (new,) not in dump(library)["person"]


def test_images_survive_json(library, pair):
    reject_face(library, 1, pair[0])
    with library.read() as conn:
        found = images.rows_about(conn, "people", pair)
        faces = images.rows_about(conn, "faces", [1, 2])
    for one in (found, faces, {**images.empty(), "rejection": {(4, 5): None}}):
        assert images.from_json(json.loads(json.dumps(images.to_json(one)))) == one


def test_columns_of_older_and_newer_formats(library, pair):
    written = {"assignment": {"columns": ["face_id", "colour"], "rows": [[1, "red"]], "absent": []}}
    assert images.from_json(written)["assignment"] == {(1,): {"face_id": 1}}


def test_events_can_be_forgotten_with_all_names_of_those_merged(library, pair, path):
    ana, ben = pair
    add(library, "/d.jpg")  # faces 7 and 8
    (cleo,) = group(library, [7])
    for person_id, name in ((ben, "Secret"), (ana, "Ana"), (cleo, "Cleo")):
        with change(library, "name", f"Named {name}.") as edit:
            edits.set_person(edit, person_id, name=name)
            edit.person_ids = [person_id]
    with change(library, "merge") as edit:
        edit.touch("people", [ana, ben])
        edits.place(edit, [2, 4, 6], ana)
        edits.remove_person(edit, ben)
    with change(library, "free") as edit:
        edits.free(edit, [8, 7])
    with library.write() as conn:
        ids, everybody = events_about(conn, [ana])
        assert (len(ids), everybody) == (3, {ana, ben})
        assert forget_events(conn, [ana]) == 3
        assert events_about(conn, [], [7])[0] == [5]
    assert [row.summary for row in history(library)] == ["Done.", "Named Cleo."]
    rows = sql(path, "SELECT payload, inverse FROM event")
    assert "Secret" not in str(rows)
    undo(library)
    undo(library)
    assert find_person(library, cleo).name is None


def test_summaries_are_those_of_the_change(library, pair):
    with change(library, "name", "Named person 1 Ana.") as edit:
        edits.set_person(edit, pair[0], name="Ana")
        edit.person_ids = [pair[0]]
    made = edit.change
    assert (made.kind, made.summary, made.person_ids) == ("name", "Named person 1 Ana.", (1,))
    again, _ = undo(library)
    assert (again.event_id, again.kind, again.summary) == (made.event_id, "undo", made.summary)
    (row,) = history(library)
    assert (row.undone, row.person_ids, row.at.tzinfo is None) == (True, (1,), False)
    with library.read() as conn:
        assert conn.scalar(select(schema.event.c.id)) == made.event_id


def test_a_row_is_known_as_it_was_when_first_in_reach(library, pair):
    ana, ben = pair
    before = dump(library)
    with change(library) as edit:
        edits.compare(edit, ana, ben, "skipped")
        edit.touch("people", [ben])
        edits.reject(edit, [1], ana)
        edit.touch("faces", [1])
        edits.compare(edit, ben, ana, None)
        edits.accept(edit, [1], ana)
        edits.compare(edit, ben, ana, "different")
    undo(library)
    assert dump(library) == before
