"""Where labels lie, and that they can be read."""

import numpy as np
import pytest

from album.export.annotated.drawing import Label, best_spot, draw_labels, enlargement
from nets.core.boxes import intersections


def boxes(*rows):
    return np.array(rows, np.float32).reshape(-1, 4)


@pytest.mark.parametrize("size", [(40, 40), (640, 10), (3000, 2000)])
def test_small_pictures_are_enlarged_by_whole_numbers(size):
    scale = enlargement(size)
    assert scale == {40: 8, 640: 1, 3000: 1}[max(size)]


def test_a_label_lies_below_its_face_where_there_is_room():
    face = boxes((400, 100, 500, 220))
    left, top, right, bottom = best_spot(face[0], (80, 30), (1000, 800), face)
    assert (left, right) == (410, 490)
    assert 220 < top < bottom < 260


def test_a_label_stays_in_the_picture_and_off_every_face_of_a_row():
    row = boxes(*((60 * i, 300, 60 * i + 56, 398) for i in range(10)))
    placed = row
    for face in row:
        spot = best_spot(face, (70, 30), (600, 400), placed)
        assert min(spot) >= 0
        assert spot[2] <= 600
        assert spot[3] <= 400
        assert intersections(boxes(spot), row).sum() == 0
        placed = np.concatenate([placed, boxes(spot)])


def test_a_face_that_fills_the_picture_still_has_its_label():
    face = boxes((0, 0, 300, 300))
    left, top, right, bottom = best_spot(face[0], (100, 40), (300, 300), face)
    assert left >= 0
    assert bottom <= 300
    assert (right - left, bottom - top) == (100, 40)


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_box_and_letters_stand_out_on_any_background(shade):
    pixels = np.full((700, 700, 3), shade, np.uint8)
    image = np.asarray(draw_labels(pixels, [Label((200, 200, 400, 420), ("34 female",))]))
    edge = image[190:430, 190:410].reshape(-1, 3).astype(int)
    assert np.ptp(edge.sum(axis=1)) > 300
    below = image[421:520, 150:450].reshape(-1, 3).astype(int).sum(axis=1)
    assert (below < 60).any()
    assert (below > 700).any()


@pytest.mark.parametrize("name", ["", "M" * 300, "Ольга Ĳsbrand 山田"])
def test_names_of_any_length_and_script_are_drawn(name):
    pixels = np.full((100, 160, 3), 90, np.uint8)
    image = draw_labels(pixels, [Label((-20, -10, 200, 300), (name, "5 male"))])
    assert image.size == (640, 400)
