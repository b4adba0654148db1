from pathlib import Path

import numpy as np
import pytest

from nets.core.api import Detections
from nets.train.features import Nets, extract, face_of, joined, kept


class Net:
    """Says of each chip what follows from its mean."""

    def __init__(self, crop):
        self.name, self.contract, self.crop = crop, crop, crop

    def run(self, chips):
        level = chips.mean(axis=(1, 2, 3)).astype(np.float32) / 255
        ages = np.full((len(chips), 100), 0.01, np.float32)
        maps = np.broadcast_to(level[:, None, None, None], (len(chips), 2, 3, 3))
        identity = np.repeat(level[:, None], 4, axis=1)
        return {"identity": identity, "age": ages, "male": level, "map": maps}


class Detector:
    """Finds two faces in every picture that is not black, the larger one off the centre."""

    name = contract = "two"

    def detect(self, image):
        if not image.any():
            return Detections.none()
        boxes = np.array([[40, 40, 60, 60], [0, 0, 35, 35]], np.float32)
        points = boxes[:, None, :2] + np.array([[5, 6], [15, 6], [10, 10], [6, 15], [14, 15]])
        return Detections(boxes, points.astype(np.float32), np.ones(2, np.float32))


NETS = Nets(Detector(), Net("box224"), Net("aligned150"), Net("box224"))


def read(path):
    return np.full((100, 100, 3), int(path.stem), np.uint8)


def paths(*levels):
    return [Path(f"{level}.jpg") for level in levels]


@pytest.mark.parametrize(("choose", "left"), [("centre", [40]), ("largest", [0]), ("all", [40, 0])])
def test_the_face_of_a_picture(choose, left):
    found = face_of(read(Path("9.jpg")), Detector(), choose=choose)
    assert found.boxes[:, 0].tolist() == left


def test_pictures_without_a_face_are_left_out():
    said = extract(paths(100, 0, 200), read, NETS, choose="centre", views=[1, 1, 1])
    assert said.rows.tolist() == [0, 2]
    assert said.male.tolist() == pytest.approx([100 / 255, 200 / 255], abs=1e-3)
    np.testing.assert_array_equal(said.maps.load()[:, 0, 0, 0], said.male)


def test_changed_faces_follow_the_face_as_it_is_and_are_the_same_each_time():
    one, two = (
        extract(paths(100, 7, 8), read, NETS, choose="centre", views=[3, 1, 2]) for _ in range(2)
    )
    assert one.rows.tolist() == [0, 0, 0, 1, 2, 2]
    assert one.view.tolist() == [0, 1, 2, 0, 0, 1]
    np.testing.assert_array_equal(one.male, two.male)


def test_what_was_computed_is_kept(tmp_path):
    file = tmp_path / "some" / "part.npz"
    first = kept(file, lambda: extract(paths(3, 4), read, NETS, choose="all", views=[1, 1]))
    again = kept(file, lambda: pytest.fail("computed again"))
    np.testing.assert_array_equal(first.identity, again.identity)
    np.testing.assert_array_equal(first.maps.load(), again.maps.load())
    both = joined([first, again])
    assert len(both.rows) == len(both.maps) == 8
    np.testing.assert_array_equal(both.take(np.arange(8) > 5).maps.load(), again.maps.load()[2:])


def test_no_picture_at_all_has_no_faces():
    assert len(extract([], read, NETS, choose="centre", views=[]).rows) == 0
