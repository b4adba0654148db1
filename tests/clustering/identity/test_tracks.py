"""Following boxes through frames, and cutting tracks where the face becomes another."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from clustering.identity.tracks import Tracker, match, overlaps, split_by_identity, together
from clustering.linkage.constraints import RowError


def box(left, top=0, side=10):
    return [left, top, left + side, top + side]


def test_a_face_that_moves_a_little_keeps_its_track():
    tracker = Tracker()
    assert [tracker.step([box(x)]).tolist() for x in (0, 3, 6, 9)] == [[0]] * 4


def test_faces_keep_their_tracks_whatever_their_order():
    tracker = Tracker()
    assert tracker.step([box(0), box(50)]).tolist() == [0, 1]
    assert tracker.step([box(51), box(100), box(1)]).tolist() == [1, 2, 0]


def test_a_face_may_be_missed_for_two_frames_and_not_for_three():
    for missed, track in ((2, 0), (3, 1)):
        tracker = Tracker()
        tracker.step([box(0)])
        for _ in range(missed):
            assert not len(tracker.step([]))
        assert tracker.step([box(0)]).tolist() == [track]


def test_a_jump_and_a_cut_start_new_tracks():
    tracker = Tracker()
    tracker.step([box(0)])
    assert tracker.step([box(9)]).tolist() == [1]
    assert tracker.step([box(9)], cut=True).tolist() == [2]


def test_the_sum_of_overlaps_decides_not_the_single_best():
    # One box overlaps both old ones; the other only one of them.
    old, new = np.array([box(0), box(4)], float), np.array([box(2), box(6)], float)
    rows, columns = match(old, new, least=0.3)
    assert sorted(zip(rows.tolist(), columns.tolist(), strict=True)) == [(0, 0), (1, 1)]


boxes = (
    st.integers(0, 6)
    .flatmap(lambda n: arrays(np.float64, (n, 2), elements=st.integers(0, 30).map(float)))
    .map(lambda corners: np.hstack([corners, corners + 10]))
)


@given(st.lists(boxes, max_size=6))
def test_no_track_comes_twice_in_a_frame_and_none_comes_back(frames):
    tracker, last_seen = Tracker(), {}
    for number, found in enumerate(frames):
        tracks = tracker.step(found).tolist()
        assert len(set(tracks)) == len(tracks) == len(found)
        for track in tracks:
            assert number - last_seen.get(track, number) <= 3
            last_seen[track] = number


def test_overlap_of_empty_boxes_is_nothing():
    empty = np.zeros((1, 4))
    assert overlaps(empty, empty).tolist() == [[0.0]]
    assert overlaps(np.array([box(0)], float), np.array([box(5)], float))[0, 0] == pytest.approx(
        1 / 3
    )


def test_a_track_is_cut_where_the_face_becomes_another():
    a, b = np.eye(2)
    pieces = split_by_identity([0, 1, 0, 1, 0, 0], np.array([a, b, a, b, b, b]), 0.5)
    assert pieces.tolist() == [0, 1, 0, 1, 2, 2]
    assert split_by_identity([], np.zeros((0, 2)), 0.5).tolist() == []
    with pytest.raises(RowError):
        split_by_identity([0], np.zeros((2, 2)), 0.5)


def test_tracks_that_share_a_frame_are_told_once():
    pairs = together([3, 1, 1, 3, 2, 1], [0, 0, 1, 1, 2, 3])
    assert pairs.tolist() == [[1, 3]]
    assert together([], []).shape == (0, 2)
