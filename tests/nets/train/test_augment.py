import numpy as np

from nets.core.api import Detections
from nets.train.augment import Changes, changed, changed_pixels, mirrored, moved


def face(width=60, height=80):
    box = np.array([[10, 12, 10 + width, 12 + height]], np.float32)
    points = np.array([[[25, 40], [55, 41], [40, 60], [28, 75], [52, 76]]], np.float32)
    return Detections(box, points, np.ones(1, np.float32))


def picture():
    return np.random.default_rng(0).integers(0, 256, (100, 120, 3), dtype=np.uint8)


def test_mirroring_twice_changes_nothing_and_the_left_eye_stays_on_the_left():
    image, found = mirrored(picture(), face())
    assert found.landmarks[0, 0, 0] < found.landmarks[0, 1, 0]
    assert found.boxes[0].tolist() == [50, 12, 110, 92]
    again, back = mirrored(image, found)
    np.testing.assert_array_equal(again, picture())
    np.testing.assert_array_equal(back.boxes, face().boxes)
    np.testing.assert_array_equal(back.landmarks, face().landmarks)


def test_the_same_seed_changes_a_face_in_the_same_way():
    one, two = (changed(picture(), face(), np.random.default_rng(3), Changes()) for _ in range(2))
    np.testing.assert_array_equal(one[0], two[0])
    np.testing.assert_array_equal(one[1].boxes, two[1].boxes)
    other, _ = changed(picture(), face(), np.random.default_rng(4), Changes())
    assert (other != one[0]).any()


def test_boxes_are_moved_about_where_they_were():
    random, how = np.random.default_rng(0), Changes()
    boxes = np.concatenate([moved(face(), random, how).boxes for _ in range(500)])
    np.testing.assert_allclose(boxes.mean(axis=0), face().boxes[0], atol=1)
    assert (boxes.std(axis=0) > 1).all()


def test_nothing_is_changed_where_nothing_is_wanted():
    none = Changes(grey=0, small=0, blur=0, jpeg=0, light=0, shift=0, scale=0, landmarks=0)
    random = np.random.default_rng(0)
    np.testing.assert_array_equal(changed_pixels(picture(), random, none), picture())
    np.testing.assert_allclose(moved(face(), random, none).boxes, face().boxes)


def test_grey_pictures_are_grey():
    grey = Changes(grey=1, small=0, blur=0, jpeg=0, light=0, faded=0)
    pixels = changed_pixels(picture(), np.random.default_rng(0), grey)
    assert (pixels.max(axis=2) == pixels.min(axis=2)).all()


def test_old_prints_have_no_black_and_no_white_and_keep_red_longest():
    old = Changes(grey=0, small=0, blur=0, jpeg=0, light=0, faded=1, grain=0)
    random = np.random.default_rng(2)
    pixels = [changed_pixels(picture(), random, old) for _ in range(20)]
    assert min(one.min() for one in pixels) >= 0
    assert np.mean([one.max() - one.min() for one in pixels]) < 240
    red, green, blue = np.mean([one.mean(axis=(0, 1)) for one in pixels], axis=0)
    assert red > green > blue


def test_grain_is_grey_and_changes_no_level_on_average():
    grain = Changes(grey=0, small=0, blur=0, jpeg=0, light=0, faded=0, grain=1)
    flat = np.full((60, 60, 3), 128, np.uint8)
    pixels = changed_pixels(flat, np.random.default_rng(0), grain)
    assert (pixels.max(axis=2) == pixels.min(axis=2)).all()
    assert pixels.std() > 2
    assert abs(pixels.mean() - 128) < 1
