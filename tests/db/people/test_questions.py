"""Who is in which photo, and what was answered."""

from datetime import datetime

import numpy as np
import pytest
from sqlalchemy import insert

from db.engine.schema import comparison, exemption
from db.people.questions import comparisons, placements, traits
from db.photos.files import mark_gone
from tests.db.make import add, edit_person, group, place_faces

pytestmark = pytest.mark.postgresql


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
    assert placements(library).face_id.tolist() == [1, 2, 3, 5, 6]
    assert placements(library).on_disk().face_id.tolist() == [1, 2, 3]


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


def test_traits(library):
    assert len(traits(library).person_id) == 0
    add(library, "/a/1.jpg", "/a/2.jpg")
    ids = group(library, [1], [2], [3], passer_by=True)
    edit_person(library, ids[0], name="Anna", gender="f")
    edit_person(library, ids[1], hidden=True, born="1984-05")
    found = traits(library)
    assert found.person_id.tolist() == ids
    assert found.named.tolist() == [True, False, False]
    assert found.hidden.tolist() == [False, True, False]
    assert found.passer_by.tolist() == [False, True, True]
    assert found.gender.tolist() == ["f", "", ""]
    assert found.years == pytest.approx(np.full((3, 5), np.nan), nan_ok=True)
    assert found.take([2, 1]).born.tolist() == ["", "1984-05"]


def test_years_of_people(library):
    add(library, "/a/1.jpg", taken_at=datetime(2004, 7, 2, 12, 30), date_source="exif-original")
    group(library, [1, 2], born=1980.5, born_low=1979.0, born_high=1983.0)
    (years,) = traits(library).years
    assert years == pytest.approx([1980.5, 1979, 1983, 2004.5, 2004.5], abs=0.01)


def test_comparisons(library):
    add(library, "/a/1.jpg")
    a, b = group(library, [1], [2])
    with library.write() as conn:
        conn.execute(insert(comparison).values(person_a=a, person_b=b, verdict="skipped"))
    assert comparisons(library) == {(a, b): "skipped"}
