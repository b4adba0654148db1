import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pixels

from nets.core.api import AGES, Detections
from nets.engine import load_engine
from nets.fake import PERSONS, draw_face

ENGINE = load_engine(profile="fake", min_face=20)


def background(rng, height=300, width=400):
    small = rng.integers(0, 180, (height // 20, width // 20, 1)) + rng.integers(
        0, 60, (height // 20, width // 20, 3)
    )
    return np.array(Pixels.fromarray(small.astype(np.uint8)).resize((width, height)))


def jpeg(image, quality):
    stream = io.BytesIO()
    Pixels.fromarray(image).save(stream, "JPEG", quality=quality)
    return np.asarray(Pixels.open(stream))


def describe(image):
    found = ENGINE.detect(image)
    return found, ENGINE.describe(ENGINE.crop(image, found))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    side=st.integers(48, 200),
    person=st.integers(0, PERSONS - 1),
    age=st.integers(1, 100),
    male=st.booleans(),
    quality=st.integers(60, 95),
)
def test_a_drawn_face_is_found_and_read_after_jpeg(seed, side, person, age, male, quality):
    rng = np.random.default_rng(seed)
    image = background(rng)
    left, top = rng.integers(0, 400 - side), rng.integers(0, 300 - side)
    box = (int(left), int(top), int(left) + side, int(top) + side)
    draw_face(image, box, person=person, age=age, male=male)
    found, said = describe(jpeg(image, quality))
    assert len(found) == 1
    np.testing.assert_allclose(found.boxes[0], box, atol=6)
    assert AGES[said.ages[0].argmax()] == age
    assert (said.male[0] > 0.5) == male
    plain = np.full((side + 20, side + 20, 3), 90, np.uint8)
    draw_face(plain, (10, 10, 10 + side, 10 + side), person=person)
    assert np.linalg.norm(said.vectors[0] - describe(plain)[1].vectors[0]) < 0.5


def test_two_persons_are_far_apart():
    image = np.full((200, 700, 3), 60, np.uint8)
    for i in range(8):
        draw_face(image, (10 + 80 * i, 20, 70 + 80 * i, 80), person=i)
        draw_face(image, (10 + 80 * i, 110, 74 + 80 * i, 174), person=i)
    found, said = describe(image)
    assert len(found) == 16
    person = (found.boxes[:, 0] // 80).astype(int)
    distances = np.linalg.norm(said.vectors[:, None] - said.vectors, axis=2)
    same = person[:, None] == person
    assert distances[same].max() < 0.5
    assert distances[~same].min() > 0.8
    np.testing.assert_allclose(np.linalg.norm(said.vectors, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(said.ages.sum(axis=1), 1, rtol=1e-5)


def test_the_same_pixels_always_give_the_same_answer():
    image = background(np.random.default_rng(3))
    draw_face(image, (40, 40, 140, 140), person=5, age=8, male=False)
    one, two = describe(image)[1], describe(image.copy())[1]
    np.testing.assert_array_equal(one.vectors, two.vectors)


def test_pictures_without_drawings_have_no_faces():
    rng = np.random.default_rng(1)
    magenta = np.zeros((100, 100, 3), np.uint8)
    magenta[20:80, 20:80] = (255, 0, 255)
    for image in (background(rng), magenta, np.zeros((1, 1, 3), np.uint8)):
        found, said = describe(image)
        assert len(found) == 0
        assert said.vectors.shape == (0, ENGINE.embedder.dim)
        assert said.ages.shape == (0, 100)


def test_faces_below_the_smallest_size_are_left_out():
    image = np.full((200, 200, 3), 60, np.uint8)
    draw_face(image, (10, 10, 50, 50), person=1)
    draw_face(image, (80, 80, 180, 180), person=2)
    found = load_engine(profile="fake", min_face=60).detect(image)
    np.testing.assert_allclose(found.boxes, [[80, 80, 180, 180]])


def test_a_region_that_is_no_drawing_gets_an_answer_of_its_own():
    image = background(np.random.default_rng(2))
    boxes = np.array([[10, 10, 90, 90], [100, 100, 190, 190]], np.float32)
    faces = Detections(boxes, np.zeros((2, 5, 2), np.float32), np.ones(2, np.float32))
    said = ENGINE.describe(ENGINE.crop(image, faces))
    assert np.linalg.norm(said.vectors[0] - said.vectors[1]) > 0.8


@pytest.mark.parametrize(
    ("box", "person", "age"),
    [
        ((0, 0, 20, 20), 1, 30),
        ((0, 0, 40, 50), 1, 30),
        ((-5, 0, 45, 50), 1, 30),
        ((60, 60, 110, 110), 1, 30),
        ((0, 0, 50, 50), PERSONS, 30),
        ((0, 0, 50, 50), -1, 30),
        ((0, 0, 50, 50), 1, 0),
        ((0, 0, 50, 50), 1, 101),
    ],
)
def test_what_cannot_be_drawn_is_refused(box, person, age):
    with pytest.raises(ValueError, match=r"box|range"):
        draw_face(np.zeros((100, 100, 3), np.uint8), box, person=person, age=age)
