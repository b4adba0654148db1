"""Made-up clips of stills."""

from pathlib import Path

import numpy as np
import pytest

from nets.core.api import Detections
from nets.train import frames
from nets.train.features import Nets
from nets.train.sequences import draw_clip, sequence, surroundings, tilted, walk
from tests.nets.train.test_features import Detector

SIZE = 160


def still():
    """Return a picture with a bright dot on each landmark of a face, and the face."""
    random = np.random.default_rng(0)
    image = random.integers(40, 60, (SIZE, SIZE, 3), dtype=np.uint8)
    points = np.array([[[60, 60], [100, 60], [80, 80], [65, 100], [95, 100]]], np.float32)
    for x, y in points[0].astype(int):
        image[y - 2 : y + 3, x - 2 : x + 3] = 255
    box = np.array([[40, 35, 120, 125]], np.float32)
    return image, Detections(box, points, np.ones(1, np.float32))


def made(seed=0, length=20):
    return list(sequence(*still(), np.random.default_rng(seed), frames=length))


def test_the_frames_of_a_clip_differ_but_show_the_same_face():
    found = made()
    assert len(found) == 20
    assert len({image.tobytes() for image, _ in found}) == 20
    assert len({image.shape for image, _ in found}) == 1
    for image, face in found:
        height, width = image.shape[:2]
        middle = (face.boxes[0, :2] + face.boxes[0, 2:]) / 2
        assert (middle > 0).all()
        assert (middle < (width, height)).all()


def test_a_clip_is_the_same_each_time_and_another_for_another_seed():
    one, two, other = made(1), made(1), made(2)
    np.testing.assert_array_equal(one[7][0], two[7][0])
    np.testing.assert_array_equal(one[7][1].boxes, two[7][1].boxes)
    assert one[7][0].shape != other[7][0].shape or (one[7][0] != other[7][0]).any()


def test_neighbouring_frames_are_more_alike_than_distant_ones():
    values = walk(np.random.default_rng(0), 5000)
    assert np.abs(np.diff(values)).mean() < np.abs(values[50:] - values[:-50]).mean() / 1.5
    assert values.std() == pytest.approx(1, abs=0.15)


def test_clips_are_of_all_sorts():
    random = np.random.default_rng(0)
    clips = [draw_clip(random, 20) for _ in range(300)]
    assert min(c.detail for c in clips) < 0.3
    assert max(c.detail for c in clips) > 0.9
    covered = [c for c in clips if c.covered[1]]
    assert 60 < len(covered) < 150
    assert all(2 <= c.covered[1] - c.covered[0] <= 8 for c in covered)


@pytest.mark.parametrize("degrees", [-20, 15])
def test_landmarks_turn_with_the_picture(degrees):
    from PIL import Image

    image, face = still()
    pixels, turned = tilted(Image.fromarray(image), face, degrees)
    for x, y in np.rint(turned.landmarks[0]).astype(int):
        assert np.asarray(pixels)[y, x].min() > 200
    assert np.abs(turned.landmarks - face.landmarks).max() > 3


def test_a_large_face_is_cut_out_and_shrunk():
    image = np.zeros((900, 1200, 3), np.uint8)
    box = np.array([[500, 300, 800, 600]], np.float32)
    points = np.full((1, 5, 2), 450, np.float32)
    small, face = surroundings(image, Detections(box, points, np.ones(1, np.float32)))
    assert small.shape == (330, 330, 3)
    np.testing.assert_allclose(face.boxes, [[90, 90, 240, 240]], atol=1)
    assert face.landmarks[0, 0].tolist() == [65, 165]


class Net:
    """Says of each chip what follows from its mean."""

    def __init__(self, crop, dim):
        self.name, self.contract, self.crop, self.dim = crop, crop, crop, dim

    def run(self, chips):
        level = chips.mean(axis=(1, 2, 3)).astype(np.float32) / 255
        ages = np.full((len(chips), 100), 0.01, np.float32)
        return {"identity": np.repeat(level[:, None], self.dim, 1), "age": ages, "male": level}


NETS = Nets(Detector(), Net("box224", 1024), Net("aligned150", 128), Net("box224", 1024))


def read(path):
    return np.full((100, 100, 3), int(path.stem), np.uint8)


def extract(*names, length=4):
    paths = [Path(f"{name}.jpg") for name in names]
    return frames.extract(paths, read, NETS, choose="centre", frames=length)


def test_the_nets_are_asked_about_each_frame():
    said = extract(100, 0, 200)
    assert said.rows.tolist() == [0, 2]
    assert said.inputs().shape == (2, 4, 1253)
    assert (said.male[0] != said.male[1]).all()
    assert frames.joined([said, said.take(np.array([1]))]).rows.tolist() == [0, 2, 2]


def test_no_face_at_all_gives_no_clips():
    assert extract(0).inputs().shape == (0, 4, 1253)
    assert extract().male.shape == (0, 4)


def test_what_was_computed_is_kept(tmp_path):
    file = tmp_path / "some" / "part.npz"
    first = frames.kept(file, lambda: extract(9))
    again = frames.kept(file, lambda: pytest.fail("computed again"))
    np.testing.assert_array_equal(first.identity, again.identity)
    assert [path.name for path in file.parent.iterdir()] == ["part.npz"]
