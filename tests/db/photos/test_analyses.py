"""What an analysis found is stored together, and faces survive the next analysis."""

import os
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sqlalchemy import func, select, text

from db.engine import schema
from db.journal.edits import set_dates
from db.journal.journal import changing
from db.library import Library
from db.people.faces import face_rows, load_faces
from db.photos.analyses import save_analyses
from db.photos.dates import UserDate
from db.photos.files import save_files
from db.photos.matching import match_boxes, overlaps
from db.photos.photos import photo_row, todo
from db.records import Analysis, Attributes, Faces, Identity, PhotoFacts
from tests.databases import name_of, on_postgres
from tests.db.make import (
    add,
    analysis,
    boxes,
    edit_person,
    faces,
    group,
    place_faces,
    reject_face,
    save_analysis,
    seen,
    vectors,
)

pytestmark = pytest.mark.postgresql


def counts(library, *tables):
    with library.read() as conn:
        return [
            conn.scalar(select(func.count()).select_from(schema.metadata.tables[table]))
            for table in tables
        ]


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
facts = st.builds(
    PhotoFacts,
    st.just("content"),
    st.integers(1, 2**31 - 1),
    st.integers(1, 2**31 - 1),
    st.sampled_from(["image", "clip"]),
    st.integers(1, 8),
    st.integers(1, 2**31 - 1),
    st.integers(1, 2**31 - 1),
    st.none() | st.integers(0, 2**40),
    st.none() | st.datetimes(),
    st.none() | st.integers(-900, 900),
    texts,
    texts,
    st.none() | texts,
    st.none() | texts,
)


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(facts)
def test_photos_come_back_as_they_were_stored(library, photo):
    with library.write() as conn:
        conn.execute(text("DELETE FROM photo"))
    stored = save_analysis(library, Analysis(photo, faces(boxes()), "A"))
    assert photo_row(library, stored).facts == photo


finite = st.floats(-(2**14), 2**14, width=32)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(0, 6).flatmap(lambda n: arrays(np.float32, (n, 27), elements=finite)))
def test_faces_come_back_as_they_were_stored(library, table):
    with library.write() as conn:
        conn.execute(text("DELETE FROM photo"))
    box, quality = table[:, :4], table[:, 4:8].T
    landmarks, vector, ages = table[:, 9:19].reshape(-1, 5, 2), table[:, 19:24], table[:, 24:]
    save_files(library, [seen("/a.jpg", "content")])
    result = Analysis(
        PhotoFacts("content", 5, 5),
        Faces("detector", box, landmarks, *quality),
        "A",
        (Identity("v", vector),),
        (Attributes("a", ages, table[:, 8]),),
    )
    save_analysis(library, result)
    found = load_faces(library, identity="v", attributes="a")
    np.testing.assert_array_equal(found.boxes, box)
    np.testing.assert_array_equal(
        np.stack([found.score, found.size, found.sharpness, found.frontal]), quality
    )
    np.testing.assert_array_equal(found.vectors.ravel(), vector.astype(np.float16).ravel())
    np.testing.assert_array_equal(found.ages.ravel(), ages.astype(np.float16).ravel())
    np.testing.assert_array_equal(found.p_male, table[:, 8])
    with library.read() as conn:
        stored = conn.execute(select(schema.face.c.landmarks).order_by(schema.face.c.id)).scalars()
        np.testing.assert_array_equal(
            np.frombuffer(b"".join(stored), np.float32), landmarks.ravel()
        )


def test_what_does_not_fit_is_refused_by_row(library):
    bad = vectors(3)
    bad[1, 4] = np.nan
    with pytest.raises(ValueError, match=r"vectors is not finite in the rows \[1\]"):
        Identity("net", bad)
    with pytest.raises(ValueError, match="ages has the shape"):
        Attributes("net", np.zeros(3, np.float32), np.zeros(3, np.float32))
    with pytest.raises(ValueError, match="p_male has the shape"):
        Attributes("net", np.zeros((3, 100), np.float32), np.zeros(2, np.float32))
    with pytest.raises(ValueError, match="observations of"):
        Analysis(PhotoFacts("x", 1, 1), faces(boxes(0)), "A", (Identity("net", vectors(2)),))
    with pytest.raises(ValueError, match="naive"):
        PhotoFacts("x", 1, 1, taken_at=datetime.fromisoformat("2020-01-01T00:00+01:00"))
    with pytest.raises(ValueError, match="same content"):
        save_analyses(library, [analysis("x"), analysis("x")])
    assert save_analyses(library, []) == []
    assert counts(library, "photo", "contract") == [0, 0]


def test_a_batch_keeps_photos_apart(library):
    results = [analysis(name, boxes(*range(0, 300 * n, 300))) for n, name in enumerate("abcd")]
    save_files(library, [seen(f"/{name}.jpg", name) for name in "dcba"])
    ids = save_analyses(library, results)
    assert [photo_row(library, photo_id).facts.content_hash for photo_id in ids] == list("abcd")
    table = load_faces(library, identity="net")
    assert table.photo_id.tolist() == [ids[1]] + [ids[2]] * 2 + [ids[3]] * 3
    stored = [r.identity[0].vectors.astype(np.float16) for r in results]
    np.testing.assert_array_equal(table.vectors, np.concatenate(stored))


def test_another_net_leaves_faces_as_they_are(library):
    add(library, "/a.jpg", net="old")
    group(library, [1], [2])
    assert len(todo(library, "B")) == 1
    save_analysis(library, analysis("/a.jpg", contract="B", net="new"))
    assert todo(library, "A") == todo(library, "B") == []
    for net in ("old", "new"):
        assert load_faces(library, identity=net).face_id.tolist() == [1, 2]
    assert load_faces(library).person_id.tolist() == [1, 2]


def test_faces_are_found_again_by_overlap(library):
    add(library, "/a.jpg")
    group(library, [1], [2])
    moved = analysis("/a.jpg", boxes(500, 215, 10), contract="B", detector="other")
    save_analysis(library, moved)
    table = load_faces(library, identity="net")
    assert table.face_id.tolist() == [1, 2, 3]
    assert table.boxes[:, 0].tolist() == [10, 215, 500]
    assert table.person_id.tolist() == [1, 2, 0]
    np.testing.assert_array_equal(
        table.vectors, moved.identity[0].vectors.astype(np.float16)[[2, 1, 0]]
    )
    assert len(todo(library, "A")) == 1  # face 3 has never been seen under A
    assert todo(library, "B") == []


def test_of_lost_faces_those_stay_of_which_the_user_has_spoken(library):
    add(library, "/a.jpg", found=boxes(0, 200, 400, 600, 800, 1000))
    ana, other, _ = group(library, [1, 2], [3, 4], [5, 6])
    place_faces(library, [1], ana)
    edit_person(library, other, cover_face_id=3)  # which says something about both of its faces
    reject_face(library, 5, other)
    save_analysis(library, analysis("/a.jpg", boxes(), contract="B", detector="other"))
    assert load_faces(library).face_id.tolist() == [1, 3, 4, 5]
    assert counts(library, "face", "observation", "assignment") == [4, 8, 4]
    save_analysis(library, analysis("/a.jpg", boxes(2000), contract="B", detector="other"))
    assert load_faces(library).face_id.tolist() == [1, 3, 4, 5, 7]  # no id comes twice


def test_faces_of_a_clip_are_found_again_in_their_frame(library):
    save_files(library, [seen("/a.mov", "clip", kind="clip")])
    frames = np.array([0, 200, 400])

    def clip(contract, times):
        found = faces(boxes(0, 0, 0), time_ms=times)
        return Analysis(PhotoFacts("clip", 9, 9, "clip"), found, contract)

    save_analysis(library, clip("A", frames))
    save_analysis(library, clip("B", frames[::-1].copy()))
    table = load_faces(library)
    assert table.face_id.tolist() == [1, 2, 3]
    assert table.time_ms.tolist() == [0, 200, 400]
    assert [row.time_ms for row in face_rows(library)] == [0, 200, 400]


def test_a_date_set_by_hand_stays(library):
    (photo_id,) = add(library, "/a.jpg", date_source="mtime", taken_at=datetime(2020, 1, 1))
    with changing(library, "date") as edit:
        set_dates(edit, {photo_id: UserDate(datetime(1984, 5, 6), "day")})
    claim = {"source": "exif", "when": "2001-01-01T00:00:00", "offset": None, "refusal": ""}
    claims = [{**claim, "text": "2001", "precision": "second"}]
    exif = {"date_source": "exif", "taken_at": datetime(2001, 1, 1), "camera_make": "Canon"}
    save_analysis(library, analysis("/a.jpg", contract="B", date_claims=claims, **exif))
    found = photo_row(library, photo_id).facts
    assert (found.taken_at, found.date_source) == (datetime(1984, 5, 6), "user")
    assert (found.date_precision, found.camera_make) == ("day", "Canon")
    with changing(library, "date") as edit:
        set_dates(edit, {photo_id: None})
    assert photo_row(library, photo_id).facts.taken_at == datetime(2001, 1, 1)
    assert photo_row(library, 99) is None


def overlap(a, b):
    """The definition, box by box."""
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    area = sum((c[2] - c[0]) * (c[3] - c[1]) for c in (a, b)) - width * height
    return width * height / area if area > 0 else 0.0


box = st.tuples(*[st.integers(0, 20)] * 4).map(lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3]))


@settings(deadline=None)
@given(st.lists(box, max_size=5), st.lists(box, max_size=5))
def test_matching_is_one_to_one_and_best_first(old, new):
    first, second = (np.array(b, float).reshape(-1, 4) for b in (old, new))
    shared = np.array([[overlap(a, b) for b in new] for a in old]).reshape(len(old), len(new))
    np.testing.assert_allclose(overlaps(first, second), shared)
    found = match_boxes(first, second)
    used = found[found >= 0].tolist()
    assert len(used) == len(set(used))
    pairs = {(row, column) for column, row in enumerate(found.tolist()) if row >= 0}
    for row, column in zip(*np.nonzero(shared >= 0.5), strict=True):
        better = [shared[r, c] for r, c in pairs if r == row or c == column]
        assert max(better, default=0) >= shared[row, column]
    for r, c in pairs:
        assert shared[r, c] >= 0.5 or (middle_in(old[r], new[c]) and middle_in(new[c], old[r]))


def middle_in(a, b):
    """Whether box b holds the middle of box a."""
    x, y = (a[0] + a[2]) / 2, (a[1] + a[3]) / 2
    return b[0] < x < b[2] and b[1] < y < b[3]


def test_a_tighter_box_is_of_the_same_face_and_the_neighbours_is_not():
    head, beside = (100, 100, 200, 220), (170, 100, 270, 220)
    old = np.array([head, beside], float)
    face = np.array([(125, 150, 180, 210), (195, 150, 250, 210)], float)
    assert overlaps(old, face).max() < 0.5
    assert match_boxes(old, face).tolist() == [0, 1]
    assert match_boxes(old[:1], old[1:]).tolist() == [-1]


WRITE = """
import itertools, os, signal, sys
from sqlalchemy import event
from db.photos.analyses import save_analyses
from db.photos.files import save_files
from db.library import Library
from tests.databases import name_of, on_postgres
from tests.db.make import analysis, boxes, seen

path, last = sys.argv[1], int(sys.argv[2])
with Library.open(path) as library:
    if last:
        statements = itertools.count(1)

        @event.listens_for(library._engine, "after_cursor_execute")
        def kill(*_):
            if next(statements) == last:
                os.kill(os.getpid(), signal.SIGKILL)

    for i in itertools.count():
        batch = [f"{i}-{j}" for j in range(4)]
        save_files(library, [seen(f"/{name}.jpg", name) for name in batch])
        save_analyses(library, [analysis(name, boxes(0, 200, 400)) for name in batch])
        print(i, flush=True)
"""


def start(path, last):
    return subprocess.Popen(
        [sys.executable, "-c", WRITE, name_of(path), str(last)],
        cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE,
    )


def check_whole(path, finished):
    """Every batch that was reported is there, and no photo has only a part of what it should."""
    with Library.open(path) as library:
        with library.read() as conn:
            if not on_postgres():  # which has no such commands
                assert conn.execute(text("PRAGMA integrity_check")).scalar() == "ok"
                assert conn.execute(text("PRAGMA foreign_key_check")).all() == []
        photos, observed, done = counts(library, "photo", "observation", "analysis")
        assert photos == done >= 4 * finished
        assert observed == 6 * photos
        assert len(load_faces(library, identity="net", attributes="net")) == 3 * photos
        left = {item.content_hash for item in todo(library, "A")}
        assert len(left) in (0, 4)
        assert not left & {f"{i}-{j}" for i in range(finished) for j in range(4)}


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_kill_9_after_any_statement_leaves_nothing_half(path):
    killed = [(start(path.with_name(f"{last}.db"), last), last) for last in range(5, 30, 6)]
    for process, last in killed:
        reported = process.communicate()[0].split()
        assert process.returncode == -signal.SIGKILL
        check_whole(path.with_name(f"{last}.db"), len(reported))


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_kill_9_at_any_moment_leaves_nothing_half(path):
    for _ in range(2):
        process = start(path, 0)
        for _ in range(5):
            last = process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
        rest = process.communicate()[0].split()
        check_whole(path, int((rest or [last])[-1]) + 1)
