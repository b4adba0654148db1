"""What faces express: one row for a face, found by photo, told of those who were never asked."""

from dataclasses import replace

import numpy as np
import pytest

from db.engine.schema import observation
from db.people.faces import face_rows, load_faces
from db.photos.analyses import save_analyses
from db.photos.emotions import (
    any_emotions,
    count_unclassified,
    face_emotions,
    save_emotions,
    unclassified_faces,
)
from db.photos.files import mark_gone, save_files
from db.records import Emotions
from tests.db.make import add, analysis, boxes, group, seen

pytestmark = pytest.mark.postgresql

ANGRY, HAPPY = np.eye(7, dtype=np.float32)[[0, 3]]


def expressive(content, *rows, net="net"):
    return replace(analysis(content), emotions=(Emotions(net, np.stack(rows)),))


def rows_of(library):
    with library.read() as conn:
        found = conn.execute(observation.select().where(observation.c.emotions.is_not(None)))
        return sorted(row.face_id for row in found)


def test_emotions_come_with_the_analysis_and_with_the_faces(library):
    save_files(library, [seen("/a.jpg", "a")])
    assert not any_emotions(library)
    save_analyses(library, [expressive("a", ANGRY, HAPPY), analysis("b")])
    save_files(library, [seen("/b.jpg", "b")])
    assert any_emotions(library)
    table = load_faces(library, identity="net", attributes="net", emotions=True)
    assert table.emotions[:2].tolist() == [ANGRY.tolist(), HAPPY.tolist()]
    assert np.isnan(table.emotions[2:]).all()
    assert load_faces(library).emotions is None
    told_of = {row.face_id: row.emotions for row in face_rows(library, attributes="net")}
    assert told_of[2].tolist() == HAPPY.tolist()
    assert told_of[3] is None
    assert next(face_rows(library, attributes="net")).p_male == 0.75


def test_a_library_without_emotions_has_none(library):
    add(library, "/a.jpg")
    assert load_faces(library, emotions=True).emotions.shape == (2, 0)
    assert len(face_emotions(library, None).face_id) == 0


def test_the_net_that_looked_last_is_believed(library):
    save_files(library, [seen("/a.jpg", "a")])
    save_analyses(library, [expressive("a", ANGRY, HAPPY, net="old")])
    save_emotions(library, "new", np.array([1]), HAPPY[None])
    save_emotions(library, "old", np.array([1, 99]), np.stack([ANGRY, ANGRY]))
    assert rows_of(library) == [1, 2]
    save_emotions(library, "new", np.array([1, 2]), np.stack([HAPPY, ANGRY]))
    assert rows_of(library) == [1, 2]
    assert face_emotions(library, None).emotions.tolist() == [HAPPY.tolist(), ANGRY.tolist()]


def test_emotions_are_told_by_photo_and_person(library):
    a, b = save_analyses(library, [expressive("a", ANGRY, HAPPY), expressive("b", HAPPY, HAPPY)])
    save_files(library, [seen("/a.jpg", "a"), seen("/b.jpg", "b")])
    [who] = group(library, [1, 3])
    found = face_emotions(library, None)
    assert found.photo_id.tolist() == [a, a, b, b]
    assert found.person_id.tolist() == [who, 0, who, 0]
    assert face_emotions(library, [b]).face_id.tolist() == [3, 4]
    assert face_emotions(library, []).emotions.shape[0] == 0


def test_faces_never_asked_are_found_in_the_folders_asked_for(library):
    add(library, "/x/a.jpg", "/x/b.jpg", "/y/c.jpg")
    save_emotions(library, "net", np.array([1]), HAPPY[None])
    assert count_unclassified(library, "net") == 5
    assert count_unclassified(library, "other") == 6
    first, second = unclassified_faces(library, "net", ["/x", "/x/a.jpg"])
    assert (first.path, first.kind, first.face_id.tolist()) == ("/x/a.jpg", "image", [2])
    assert second.face_id.tolist() == [3, 4]
    assert second.boxes.tolist() == boxes(0, 200).tolist()
    assert second.landmarks[1].ravel().tolist() == list(range(10, 20))
    mark_gone(library, ["/x/b.jpg"])
    assert len(unclassified_faces(library, "net", ["/"])) == 2


def test_an_analysis_keeps_emotions_of_the_faces_it_finds_again(library):
    add(library, "/a.jpg")
    save_emotions(library, "net", np.array([1, 2]), np.stack([ANGRY, HAPPY]))
    save_analyses(library, [analysis("/a.jpg", boxes(0), contract="B")])
    assert rows_of(library) == [1]


def test_emotions_that_are_no_numbers_are_refused():
    with pytest.raises(ValueError, match="not finite"):
        Emotions("net", np.full((1, 7), np.nan, np.float32))
    with pytest.raises(ValueError, match="observations of"):
        expressive("a", ANGRY)
