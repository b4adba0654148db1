"""From a clip to its people, with the fake engine."""

import numpy as np
import pytest

from album.analysis.clips.collector import read_clip
from album.errors import Damaged, Unreadable
from album.media.clips.frames import Sampling
from nets.engine import load_engine
from nets.fake import FakeEmbedder
from tests.album.drawn_clips import Placed, still, turn, write

ENGINE = load_engine(profile="fake")


def look(path, *, threads=1, **sampling):
    return read_clip(path, ENGINE, Sampling(**sampling), view=1600, threads=threads)


def who(clip):
    """The numbers of the people, by their ages: each drawing has its own."""
    return [int(row.argmax()) + 1 for row in clip.said.ages]


def moving(seconds=3, *, first=0):
    """Two people, of 20 and of 40, who move; the first one leaves for a while."""
    for i in range(30 * seconds):
        faces = [Placed(2, 200, 150 - i % 30, 80, age=40)]
        if i % 90 < 30 or i % 90 >= 60:
            faces.append(Placed(1, 20 + i % 30, 20, 80, age=20))
        yield still(*faces)


def test_two_people_one_of_whom_leaves_and_comes_back(tmp_path):
    clip = look(write(tmp_path / "a.mp4", moving(9)))
    assert sorted(who(clip)) == [20, 40]
    row = who(clip).index(20)
    mine = [s for s in clip.sightings if s.row == row]
    assert [(s.start_ms, s.frames > 3) for s in mine[:1]] == [(0, True)]
    assert sum(s.frames for s in mine) == pytest.approx(36, abs=3)
    assert sum(s.frames for s in clip.sightings if s.row != row) == clip.frames == 54
    assert clip.duration_ms == pytest.approx(9000, abs=50)
    assert clip.problem == ""
    np.testing.assert_allclose(np.linalg.norm(clip.said.vectors, axis=1), 1, atol=1e-5)


def test_a_longer_absence_makes_two_moments(tmp_path):
    seen, empty = [still(Placed(1))] * 60, [still()] * 90
    clip = look(write(tmp_path / "a.mp4", seen + empty + seen))
    assert who(clip) == [30]
    assert [(s.start_ms, s.end_ms) for s in clip.sightings] == [(0, 1833), (5000, 6833)]


def test_the_result_does_not_depend_on_threads(tmp_path):
    path = write(tmp_path / "a.mp4", moving())
    one, four = look(path), look(path, threads=4)
    np.testing.assert_array_equal(one.said.vectors, four.said.vectors)
    np.testing.assert_array_equal(one.faces.boxes, four.faces.boxes)
    assert one.sightings == four.sightings


def test_the_face_stands_in_pixels_of_the_upright_clip(tmp_path):
    drawn = still(Placed(7, 1000, 100, 400, age=50), size=(2560, 1440))
    stored = np.ascontiguousarray(np.rot90(drawn))
    clip = look(turn(write(tmp_path / "a.mp4", [stored] * 12), 6))
    assert (clip.size, clip.stored_size, clip.orientation) == ((2560, 1440), (1440, 2560), 6)
    np.testing.assert_allclose(clip.faces.boxes, [[1000, 100, 1400, 500]], atol=8)
    assert clip.quality[0, 0] == pytest.approx(400, rel=0.03)
    assert who(clip) == [50]


def test_a_cut_to_somebody_else_at_the_same_place(tmp_path):
    shots = [still(Placed(1, age=20), shade=60)] * 60 + [still(Placed(2, age=40), shade=140)] * 60
    clip = look(write(tmp_path / "a.mp4", shots))
    assert who(clip) == [20, 40]
    assert clip.sightings[0].end_ms < 2000 <= clip.sightings[1].start_ms


def test_a_change_without_a_cut_is_found_by_identity(tmp_path):
    shots = [still(Placed(1, age=20))] * 60 + [still(Placed(2, age=40))] * 120
    assert who(look(write(tmp_path / "a.mp4", shots))) == [20, 40]


def test_a_budget_leaves_the_same_people(tmp_path):
    path = write(tmp_path / "a.mp4", (still(Placed(1, i % 100)) for i in range(1200)))
    clip = look(path, budget=36)
    assert (clip.frames, len(clip.faces)) == (36, 1)
    assert clip.sightings[-1].end_ms > 26_000


def test_a_short_clip_has_people_and_a_glimpse_does_not_count(tmp_path):
    frames = [still(Placed(1, age=20))] * 40 + [still(Placed(2, 200, age=40))] * 5
    assert who(look(write(tmp_path / "a.mp4", frames))) == [20]


def test_the_vector_is_the_mean_of_the_person(tmp_path):
    clip = look(write(tmp_path / "a.mp4", [still(Placed(9, i)) for i in range(90)]))
    [frame] = look(write(tmp_path / "b.mp4", [still(Placed(9))] * 2)).said.vectors
    assert ((clip.said.vectors[0] - frame) ** 2).sum() < 0.15
    assert clip.said.vectors.shape == (1, FakeEmbedder.dim)


def test_a_clip_without_faces(tmp_path):
    clip = look(write(tmp_path / "a.mp4", [still()] * 10))
    assert len(clip.faces) == len(clip.time_ms) == len(clip.sightings) == 0
    assert clip.quality.shape == (0, 3)


def test_a_clip_of_which_nothing_can_be_decoded(tmp_path):
    path = write(tmp_path / "a.mp4", [still(shade=i) for i in range(30)], codec="mjpeg")
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 4
    end = data.index(b"moov") - 4
    data[start:end] = bytes(end - start)
    path.write_bytes(data)
    with pytest.raises(Damaged):
        look(path)


def test_a_clip_that_is_not_wanted_any_more_is_not_read_to_its_end(tmp_path):
    path = write(tmp_path / "a.mp4", [still()] * 400)
    asked = iter([False, True])
    with pytest.raises(Unreadable, match="stopped"):
        read_clip(path, ENGINE, Sampling(), view=1600, stopped=lambda: next(asked))
    assert next(asked, None) is None
