"""People of one clip, from tracks and vectors."""

import numpy as np
import pytest

from album.analysis.clips.people import Described, Seen, enough, find_people, moments

DIM = 8


def clip(*rows, frames_of_window=2):
    """Rows of track, window, identity; each seen in every frame of its window."""
    tracks, windows, who = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    seen = [
        (track, frames_of_window * window + i, window)
        for track, window in zip(tracks.tolist(), windows.tolist(), strict=True)
        for i in range(frames_of_window)
    ]
    n = len(rows)
    ages = np.full((n, 100), 0.01, np.float32)
    described = Described(
        *(tracks, windows, np.eye(DIM, dtype=np.float32)[who], ages),
        *(np.full(n, 0.9, np.float32), np.ones(n), np.ones(n, np.float32)),
    )
    return Seen(*np.array(seen, np.int64).T), described


def people(*rows, frames=60, **options):
    return find_people(*clip(*rows, **options), threshold=0.5, frames=frames)


def test_somebody_who_leaves_and_comes_back_is_one_person():
    rows = [(0, w, 1) for w in range(3)] + [(5, w, 1) for w in range(10, 13)]
    [person] = people(*rows)
    assert person.frames.tolist() == [*range(6), *range(20, 26)]
    assert person.rows.tolist() == list(range(len(rows)))
    assert person.male == pytest.approx(0.9)
    assert np.linalg.norm(person.vector) == pytest.approx(1)


def test_two_tracks_in_one_frame_are_two_people_even_if_they_look_alike():
    rows = [(track, w, 1) for w in range(6) for track in (0, 1)]
    assert [person.frames.tolist() for person in people(*rows)] == [list(range(12))] * 2


def test_two_tracks_in_one_window_but_no_frame_may_be_one_person():
    seen, described = clip(*[(track, w, 1) for w in range(6) for track in (0, 1)])
    once = Seen(*(column[seen.track == seen.frame % 2] for column in vars_of(seen)))
    assert len(find_people(once, described, threshold=0.5, frames=60)) == 1


def vars_of(seen):
    return seen.track, seen.frame, seen.window


def test_heads_that_cross_are_told_apart_by_identity():
    rows = [(0, w, 1 if w < 6 else 2) for w in range(12)]
    rows += [(1, w, 2 if w < 6 else 1) for w in range(12)]
    rows.sort(key=lambda row: row[1])
    found = people(*rows)
    assert [int(person.vector.argmax()) for person in found] == [1, 2]
    assert [len(person.frames) for person in found] == [24, 24]
    assert [rows[i][2] for i in found[0].rows] == [1] * 12
    assert sorted([*found[0].rows, *found[1].rows]) == list(range(24))


def test_who_is_seen_in_too_few_frames_is_dropped():
    assert people(*[(0, w, 1) for w in range(4)]) == []
    assert len(people(*[(0, w, 1) for w in range(5)])) == 1
    assert [enough(frames) for frames in (1, 3, 12, 29, 30, 1000)] == [1, 1, 4, 10, 10, 10]


def test_what_never_convinces_is_no_person():
    seen, described = clip(*[(0, w, 1) for w in range(9)])
    described.score[:] = 0.9
    assert find_people(seen, described, threshold=0.5, frames=60) == []


def test_a_clip_without_faces():
    nothing = np.zeros(0, np.int64)
    seen = Seen(nothing, nothing, nothing)
    assert find_people(seen, None, threshold=0.5, frames=9) == []


def test_moments_join_over_short_gaps():
    times = np.array([0, 200, 2100, 5000, 5200])
    assert list(moments(times)) == [(0, 2100, 3), (5000, 5200, 2)]
    assert list(moments(times[:0])) == []
