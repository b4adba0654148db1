"""Who is in which photo, and what was answered."""

import numpy as np
from sqlalchemy import insert

from db.decisions import place_faces
from db.files import mark_gone
from db.questions import placements, verdicts
from db.schema import comparison, exemption
from tests.db.make import add, group


def test_placements_are_by_face_and_of_photos_on_disk(library):
    add(library, "/a/1.jpg", "/a/2.jpg", "/b/3.jpg")
    one, other = group(library, [1, 3, 6], [2, 5])
    place_faces(library, [5], other)
    found = placements(library)
    assert found.face_id.tolist() == [1, 2, 3, 5, 6]
    assert found.person_id.tolist() == [one, other, one, other, one]
    assert found.photo_id.tolist() == [1, 1, 2, 3, 3]
    assert found.placed.tolist() == [False, False, False, True, False]
    mark_gone(library, ["/b/3.jpg"])
    assert placements(library).face_id.tolist() == [1, 2, 3]


def test_photos_that_may_have_a_person_twice_count_as_none(library):
    add(library, "/a/1.jpg", "/a/2.jpg")
    group(library, [1, 3], [2])
    with library.write() as conn:
        conn.execute(insert(exemption).values(photo_id=1))
    assert placements(library).photo_id.tolist() == [-1, -1, 2]


def test_an_empty_library_has_no_placements(library):
    found = placements(library)
    assert len(found) == 0
    assert found.person_id.dtype == np.int64


def test_verdicts(library):
    add(library, "/a/1.jpg")
    a, b = group(library, [1], [2])
    with library.write() as conn:
        conn.execute(insert(comparison).values(person_a=a, person_b=b, verdict="skipped"))
    assert verdicts(library) == {(a, b): "skipped"}
