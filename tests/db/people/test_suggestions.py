"""Candidates, listed questions and skipped ones are stored until others replace them."""

import pytest

from db.people.suggestions import (
    Question,
    listed_questions,
    load_candidates,
    save_candidates,
    save_questions,
    skip_question,
    skipped_questions,
)
from db.photos.progress import IndexProgress, drop_progress, load_progress, save_progress

pytestmark = pytest.mark.postgresql


def test_candidates_are_of_one_version(library):
    assert load_candidates(library, "1") is None
    for version, packed in (("1", b"\0\xff"), ("2", b"new")):
        save_candidates(library, version, packed)
        assert load_candidates(library, version) == packed
    assert load_candidates(library, "1") is None


def test_a_list_of_questions_replaces_the_last_one(library):
    listed = [
        Question("same", (3, 12), (1, 40)),
        Question("split", (3,), (1,), (7, 8)),
        *(Question("name", (person,), (person,)) for person in range(20, 30)),
    ]
    for some in (listed, listed[1:], []):
        save_questions(library, some)
        assert listed_questions(library) == some


def test_skipped_questions_stay(library):
    for person_id, face_id in ((3, 7), (3, 0), (3, 7)):
        skip_question(library, person_id, face_id)
    assert skipped_questions(library) == {(3, 0), (3, 7)}


def test_there_is_one_progress(library):
    assert load_progress(library) is None
    for done in (1, 2):
        progress = IndexProgress(pid=7, started=1.5, at=2.25, total=10, done=done)
        save_progress(library, progress)
        assert load_progress(library) == progress
    drop_progress(library)
    assert load_progress(library) is None
