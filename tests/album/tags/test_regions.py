import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from album.tags.regions import (
    centred,
    cornered,
    from_centred,
    from_cornered,
    from_upright,
    same_place,
    to_upright,
    turned,
)

TURNS = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.T,
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).T,
    8: lambda a: np.rot90(a, 1),
}
"""What each EXIF orientation does to the stored pixels."""


@pytest.mark.parametrize("orientation", range(1, 9))
def test_boxes_turn_as_pixels_do(orientation):
    stored = np.zeros((60, 100))
    stored[10:25, 20:70] = 1
    upright = TURNS[orientation](stored)
    rows, columns = np.nonzero(upright)
    pixels = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    size = upright.shape[1], upright.shape[0]
    box = from_upright(pixels, size, orientation)
    assert box == pytest.approx((0.2, 10 / 60, 0.7, 25 / 60))
    assert to_upright(box, size, orientation) == pytest.approx(pixels)


unit = st.floats(1e-6, 1)


@given(unit, unit, unit, unit, st.integers(1, 8))
def test_there_and_back(x, y, w, h, orientation):
    box = from_cornered(x, y, w, h)
    if box is None or min(cornered(box)[2:]) < 1e-6:
        return
    assert from_centred(*centred(box)) == pytest.approx(box)
    assert from_cornered(*cornered(box)) == pytest.approx(box)
    upright = to_upright(box, (4000, 3000), orientation)
    assert from_upright(upright, (4000, 3000), orientation) == pytest.approx(box)
    assert turned(turned(box, 6), 8) == pytest.approx(box)


def test_what_sticks_out_is_cut_off():
    assert from_upright((-10, -5, 50, 120), (100, 100), 1) == (0, 0, 0.5, 1)


@pytest.mark.parametrize(
    "bad", [(0, 0, 0, 1), (0, 0, -1, 1), (float("nan"), 0, 1, 1), (2, 2, 1, 1)]
)
def test_senseless_boxes_are_none(bad):
    assert from_cornered(*bad) is None


def test_boxes_of_different_sizes_are_of_one_face():
    assert same_place((0.1, 0.1, 0.5, 0.5), (0.2, 0.2, 0.4, 0.4))
    assert not same_place((0.1, 0.1, 0.3, 0.3), (0.3, 0.1, 0.5, 0.3))
