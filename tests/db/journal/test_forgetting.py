"""What is forgotten leaves the file, and what is remembered of it keeps it out."""

import sqlite3
from contextlib import closing

import numpy as np
import pytest
from sqlalchemy import select

from db.engine import schema
from db.errors import LockedLibraryError
from db.journal.forgetting import (
    Loss,
    clean,
    cleaning_due,
    forget_gone,
    forget_people,
    forget_photos,
    gone_loss,
    people_loss,
    photos_loss,
    recall,
    unknown_paths,
)
from db.library import Library
from db.people.faces import load_faces
from db.people.people import people
from db.people.suggestions import (
    Question,
    listed_questions,
    load_candidates,
    save_candidates,
    save_questions,
    skip_question,
    skipped_questions,
)
from db.photos.analyses import save_analyses
from db.photos.forgotten import forgotten_digests
from db.settings import GROUPED_UNDER, get_setting, set_setting
from tests.db.make import add, analysis, boxes, edit_person, faces, group, save_analysis, vectors

pytestmark = pytest.mark.postgresql


def found(library):
    return load_faces(library, identity="net", attributes="net")


def test_only_the_forgotten_face_of_a_photo_is_left_out(library):
    add(library, "/a", "/b")
    first, _ = group(library, [1], [2])
    assert people_loss(library, [first]) == Loss(people=1, faces=1)
    assert forget_people(library, [first]) == Loss(people=1, faces=1)
    moved = analysis("/a", boxes(3, 200, 400), contract="B", net="other")
    save_analyses(library, [moved, analysis("/b", contract="B", net="other")])
    table = load_faces(library, identity="other", attributes="other")
    assert table.boxes[:, 0].tolist() == [200, 0, 200, 400]
    assert np.isfinite(table.p_male).all()
    stored = vectors(3, seed=len("/a"))[[1, 2]].astype(np.float16)
    np.testing.assert_array_equal(table.vectors[[0, 3]], stored)


def test_a_face_that_is_stored_counts_before_one_that_was_forgotten(library):
    """Two boxes around one head: forgetting the one must not take the other away."""
    add(library, "/a", found=boxes(0, 30))
    first, second = group(library, [1], [2])
    forget_people(library, [first])
    save_analysis(library, analysis("/a", boxes(0, 28), contract="B"))
    assert found(library).boxes[:, 0].tolist() == [28]
    assert found(library).person_id.tolist() == [second]


def test_a_photo_of_which_every_face_was_forgotten_is_done(library):
    add(library, "/a")
    forget_people(library, group(library, [1, 2]))
    for _ in range(2):
        save_analysis(library, analysis("/a", contract="B"))
        assert not len(found(library))
    save_analysis(library, analysis("/a", boxes(), contract="C"))


def test_nothing_is_left_out_after_forgetting_completely(library):
    add(library, "/a")
    forget_people(library, group(library, [1, 2]), completely=True)
    save_analysis(library, analysis("/a", contract="B"))
    assert len(found(library)) == 2


def test_rows_of_an_analysis_are_taken_together():
    taken = analysis("a", boxes(0, 200, 400)).take(np.array([2, 0]))
    assert taken.faces.boxes[:, 0].tolist() == [400, 0]
    whole = faces(boxes(0, 200, 400))
    np.testing.assert_array_equal(taken.faces.landmarks, whole.landmarks[[2, 0]])
    np.testing.assert_array_equal(taken.identity[0].vectors, vectors(3, seed=1)[[2, 0]])
    assert taken.attributes[0].p_male.shape == (2,)
    assert (taken.photo.content_hash, taken.contract) == ("a", "A")


def test_photos_go_with_their_copies_and_folders_with_all_below(library):
    add(library, "/p/a", "/p/b", "/pp")
    assert unknown_paths(library, ["/p", "/p/a", "/q", "/p/"]) == ["/q"]
    assert photos_loss(library, ["/p"]) == Loss(faces=4, photos=2, files=2)
    assert forget_photos(library, ["/p"]) == Loss(faces=4, photos=2, files=2)
    assert forgotten_digests(library) == {"/p/a", "/p/b"}
    assert recall(library, ["/p/a", "unknown"]) == 1
    assert forgotten_digests(library) == {"/p/b"}
    assert len(found(library)) == 2
    assert gone_loss(library) == forget_gone(library) == Loss()


def test_a_photo_that_no_file_holds_any_more_is_gone(library):
    save_analysis(library, analysis("edited since"))
    assert gone_loss(library) == Loss(faces=2, photos=1)
    assert forget_gone(library) == Loss(faces=2, photos=1)
    assert not len(found(library))


def test_people_without_a_face_go_unless_something_was_said_of_them(library):
    add(library, "/a")
    kept, _ = group(library, [1], [2])
    edit_person(library, kept, name="Ana")
    forget_photos(library, ["/a"])
    assert [(one.name, one.photos) for one in people(library, passers_by=True)] == [("Ana", 0)]


def test_what_was_worked_out_from_the_faces_goes_too(library):
    add(library, "/a")
    first, _ = group(library, [1], [2])
    set_setting(library, GROUPED_UNDER, "something")
    save_candidates(library, "1", b"distances")
    save_questions(library, [Question("same", (first, 9), (1, 2))])
    for person_id, face_id in ((first, 0), (8, 1), (8, 2)):
        skip_question(library, person_id, face_id)
    forget_people(library, [first])
    assert load_candidates(library, "1") is None
    assert listed_questions(library) == []
    assert skipped_questions(library) == {(8, 2)}
    assert get_setting(library, GROUPED_UNDER) == "something"
    forget_photos(library, ["/a"])
    assert get_setting(library, GROUPED_UNDER) is None


@pytest.mark.sqlite
def test_what_was_deleted_before_is_wiped_out_too(path):
    """Deletions of other kinds leave their bytes in free places; the file is written anew."""
    trace = b"Xanthippe Qvrz" * 20
    with Library.open(path) as library:
        add(library, "/a")
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA secure_delete = OFF")
        raw.executemany("INSERT INTO setting VALUES (?, ?)", [(f"k{i}", trace) for i in range(99)])
        raw.commit()
        raw.execute("DELETE FROM setting WHERE key LIKE 'k%'")
        raw.commit()
    assert trace in path.read_bytes()
    with Library.open(path) as library:
        forget_people(library, group(library, [1]))
        assert cleaning_due(library)
        clean(library)
        assert not cleaning_due(library)
        kept = [one for one in path.parent.iterdir() if trace in one.read_bytes()]
    assert kept == []
    assert trace not in path.read_bytes()


def test_cleaning_stays_due_while_somebody_reads(path):
    with Library.open(path, wait_s=0.1) as library:
        add(library, "/a")
        with Library.open(path, read_only=True) as reader, reader.read() as conn:
            conn.execute(select(schema.person)).all()
            forget_people(library, [])
            with pytest.raises(LockedLibraryError):
                clean(library)
        assert cleaning_due(library)
        clean(library)
        assert not cleaning_due(library)
