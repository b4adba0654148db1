import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pixels

from nets.core.api import Detections
from nets.core.crops import CROPS, TEMPLATE, similarity

LANDMARKS = np.array([[0.3, 0.35], [0.7, 0.35], [0.5, 0.55], [0.35, 0.75], [0.65, 0.75]])


BOXES = [
    (-40, -30, 60, 70),
    (250, 150, 420, 330),
    (-500, -500, -400, -400),
    (900, 900, 1000, 1000),
    (50, 50, 50, 50),
    (80, 90, 20, 10),
    (-1e9, -1e9, 1e9, 1e9),
    (np.nan, 0, 10, np.inf),
]


def faces(*boxes, landmarks=None):
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    sides = (boxes[:, 2:] - boxes[:, :2])[:, None]
    points = boxes[:, None, :2] + sides * LANDMARKS if landmarks is None else landmarks
    return Detections(boxes, points.astype(np.float32), np.ones(len(boxes), np.float32))


def waves(height, width, scale=1.0):
    y, x = np.mgrid[:height, :width] / scale
    planes = [np.sin(x / 17), np.cos(y / 13), np.sin((x + y) / 23)]
    return (127.5 + 127.5 * np.stack(planes, -1)).astype(np.uint8)


@pytest.mark.parametrize("name", CROPS)
def test_chips_have_the_size_and_type_they_are_said_to_have(name):
    crop = CROPS[name]
    chips = crop(waves(200, 300), faces((50, 40, 120, 130), (10, 10, 60, 70)))
    assert chips.shape == (2, crop.size, crop.size, 3)
    assert chips.dtype == np.uint8
    assert crop.name == name


@pytest.mark.parametrize("name", CROPS)
def test_no_face_gives_no_chip(name):
    crop = CROPS[name]
    assert crop(waves(50, 50), Detections.none()).shape == (0, crop.size, crop.size, 3)


@pytest.mark.parametrize("name", CROPS)
@pytest.mark.parametrize("box", BOXES)
def test_any_box_gives_a_chip(name, box):
    chips = CROPS[name](waves(200, 300), faces(box, landmarks=np.zeros((1, 5, 2))))
    assert chips.shape[0] == 1


@pytest.mark.parametrize("name", CROPS)
@pytest.mark.parametrize(
    "box", [*BOXES, (20, 30, 90, 110), (5, 3, 1300, 901), (700, 300, 1150, 720)]
)
def test_a_picture_of_pillow_gives_the_chips_of_its_pixels(name, box):
    pixels = np.random.default_rng(3).integers(0, 256, (901, 1403, 3), np.uint8)
    found = faces(box)
    chips = CROPS[name](Pixels.fromarray(pixels), found)
    np.testing.assert_array_equal(chips, CROPS[name](pixels, found))


@pytest.mark.parametrize(
    "landmarks",
    [np.zeros((5, 2)), np.full((5, 2), np.nan), np.full((5, 2), np.inf), TEMPLATE * 1000],
)
def test_senseless_landmarks_fall_back_on_the_box(landmarks):
    image = waves(300, 300)
    box = (100, 100, 200, 200)
    [chip] = CROPS["aligned150"](image, faces(box, landmarks=landmarks[None]))
    [upright] = CROPS["aligned150"](image, faces(box))
    assert abs(chip.astype(int) - upright).mean() < 40
    assert abs(chip[75, 75].astype(int) - image[150, 150]).max() < 5


def test_what_lies_outside_repeats_the_border():
    image = np.zeros((100, 100, 3), np.uint8)
    image[:, :1] = 200
    [chip] = CROPS["box224"](image, faces((-60, 20, 60, 80)))
    assert (chip[:, :80] == 200).all()
    assert (chip[:, -60:] == 0).all()


def test_box224_is_the_box_with_a_tenth_of_margin_on_each_side():
    x = np.arange(300, dtype=np.uint8)[None, :, None] // 2
    image = np.broadcast_to(x, (300, 300, 3))
    [chip] = CROPS["box224"](image, faces((100, 100, 200, 150)))
    expected = (90 + 120 * (np.arange(224) + 0.5) / 224) / 2
    np.testing.assert_allclose(chip[100, 5:70, 0], expected[5:70], atol=1)


@pytest.mark.parametrize("name", CROPS)
def test_a_larger_picture_of_the_same_face_gives_the_same_chip(name):
    small, large = waves(200, 200), waves(1600, 1600, 8.0)
    at = faces((50, 60, 130, 150))
    larger = faces((400, 480, 1040, 1200))
    difference = CROPS[name](large, larger).astype(int) - CROPS[name](small, at)
    assert abs(difference).mean() < 6


@pytest.mark.parametrize("name", CROPS)
def test_detail_finer_than_the_chip_is_averaged_and_not_skipped(name):
    board = np.indices((2000, 2000)).sum(axis=0) % 2 * 255
    image = np.repeat(board[..., None], 3, axis=2).astype(np.uint8)
    chips = CROPS[name](image, faces((300, 300, 1500, 1500)))
    assert chips.std() < 10
    assert abs(chips.mean() - 127.5) < 3


@pytest.mark.parametrize("degrees", [0, 30, -60, 170])
@pytest.mark.parametrize("scale", [0.4, 1.0, 3.7])
def test_aligned_landmarks_lie_where_the_net_wants_them(degrees, scale):
    turn = scale * np.exp(1j * np.deg2rad(degrees))
    points = (TEMPLATE - 75).astype(float) @ [1, 1j] * turn + 500 + 480j
    landmarks = np.stack([points.real, points.imag], 1)
    y, x = np.mgrid[:1000, :1000] + 0.5
    for i, (px, py) in enumerate(landmarks):
        spot = np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * (4 * scale) ** 2))
        image = np.repeat((spot * 255).astype(np.uint8)[..., None], 3, axis=2)
        reach = 75 / 1.08 * scale
        box = (500 - reach, 480 - reach, 500 + reach, 480 + reach)
        [chip] = CROPS["aligned150"](image, faces(box, landmarks=landmarks[None]))
        weight = chip[..., 0].astype(float)
        rows, columns = np.mgrid[:150, :150] + 0.5
        found = np.array([(columns * weight).sum(), (rows * weight).sum()]) / weight.sum()
        np.testing.assert_allclose(found, TEMPLATE[i], atol=0.6)


number = st.floats(-100, 100).map(lambda v: round(v, 3))


@given(number, number, st.floats(0.1, 10), st.floats(-3, 3))
def test_similarity_finds_the_transform_that_was_applied(x, y, scale, angle):
    turn = scale * np.exp(1j * angle)
    points = TEMPLATE.astype(float) @ [1, 1j] * turn + complex(x, y)
    found, shift = similarity(TEMPLATE, np.stack([points.real, points.imag], 1))
    assert found == pytest.approx(turn, rel=1e-6)
    assert shift == pytest.approx(complex(x, y), rel=1e-6, abs=1e-4)


def test_similarity_never_mirrors():
    mirrored = TEMPLATE * [-1, 1]
    turn, shift = similarity(TEMPLATE, mirrored)
    fitted = TEMPLATE.astype(float) @ [1, 1j] * turn + shift
    assert abs(fitted - mirrored @ [1, 1j]).max() > 20


def test_the_image_is_left_as_it_was():
    image = waves(200, 200)
    image.setflags(write=False)
    before = Pixels.fromarray(image).tobytes()
    for crop in CROPS.values():
        crop(image, faces((-20, 40, 90, 130)))
    assert Pixels.fromarray(image).tobytes() == before
