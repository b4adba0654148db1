import numpy as np
import pytest
from PIL import Image as Pixels

from nets.core.api import Detections
from nets.core.quality import clarity, frontalness, quality, sharpness, size
from tests.nets.golden import images


def faces(boxes, landmarks=None):
    boxes = np.asarray(boxes, np.float32)
    if landmarks is None:
        landmarks = np.zeros((len(boxes), 5, 2))
    return Detections(boxes, np.asarray(landmarks, np.float32), np.ones(len(boxes), np.float32))


def looking(nose, turn=0.0):
    """Landmarks with the nose at a share of the way from one eye to the other."""
    points = np.array([[30, 40], [70, 40], [30 + 40 * nose, 60], [35, 80], [65, 80]])
    cos, sin = np.cos(turn), np.sin(turn)
    return points @ np.array([[cos, sin], [-sin, cos]])


def test_columns_are_size_sharpness_and_frontalness():
    at = faces([[0, 0, 40, 90], [5, 5, 25, 25]], [looking(0.5), looking(1.0)])
    chips = images(224)[:2]
    columns = size(at), sharpness(chips), frontalness(at)
    np.testing.assert_allclose(quality(chips, at), np.stack(columns, 1), rtol=1e-6)
    assert quality(chips, at).dtype == np.float32


def test_no_faces_give_no_rows():
    assert quality(np.zeros((0, 224, 224, 3), np.uint8), Detections.none()).shape == (0, 3)


def test_size_is_the_geometric_mean_of_the_sides():
    assert size(faces([[0, 0, 40, 90], [9, 9, 9, 30], [9, 9, 5, 5]])).tolist() == [60, 0, 0]


def test_blur_lowers_sharpness():
    rng = np.random.default_rng(0)
    sharp = rng.integers(0, 256, (224, 224, 3), dtype=np.uint8)
    versions = [sharp]
    for side in (100, 50, 25):
        small = Pixels.fromarray(sharp).resize((side, side), Pixels.Resampling.BILINEAR)
        versions.append(np.asarray(small.resize((224, 224), Pixels.Resampling.BILINEAR)))
    values = sharpness(np.stack(versions))
    assert (np.diff(values) < 0).all()
    assert sharpness(np.full((1, 224, 224, 3), 80, np.uint8)) == pytest.approx(0, abs=1e-6)


def test_frontalness_falls_as_the_nose_nears_an_eye():
    noses = [0.5, 0.6, 0.8, 1.0, 1.3]
    values = frontalness(faces(np.zeros((5, 4)), [looking(nose) for nose in noses]))
    np.testing.assert_allclose(values, [1, 0.8, 0.4, 0, 0], atol=1e-5)
    mirrored = frontalness(faces(np.zeros((5, 4)), [looking(1 - nose) for nose in noses]))
    np.testing.assert_allclose(values, mirrored, atol=1e-5)


def test_tilting_the_head_does_not_change_frontalness():
    tilted = faces(np.zeros((3, 4)), [looking(0.7, turn) for turn in (0, 0.6, -1.2)])
    np.testing.assert_allclose(frontalness(tilted), 0.6, atol=1e-4)


def test_eyes_in_one_point_are_not_frontal():
    assert frontalness(faces(np.zeros((1, 4)))).tolist() == [0]


def test_clarity_grows_with_size_sharpness_and_frontalness_up_to_a_bound():
    worse, better = clarity([80, 90, 90], [50, 40, 50], [0.5, 0.5, 0.4]), clarity(90, 50, 0.5)
    assert (worse < better).all()
    assert clarity(250, 200, 0.5) == clarity(900, 3000, 0.5)


def test_faces_that_were_never_measured_are_least_clear():
    unknown = clarity([100.0, 100.0], [None, np.nan], [0.5, 0.5])
    assert unknown.tolist() == [0.0, 0.0]
    assert clarity(100.0, 50.0, None) == 0.0
