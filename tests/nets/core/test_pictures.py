"""Pixels as an array or as Pillow holds them: the same, and nothing else passes for them."""

import numpy as np
import pytest
from PIL import Image

from nets.core.pictures import as_array, as_pillow, size_of
from nets.detectors.mtcnn import Mtcnn

PIXELS = np.random.default_rng(1).integers(0, 256, (30, 50, 3), np.uint8)


def test_an_array_and_what_pillow_holds_are_the_same():
    held = Image.fromarray(PIXELS)
    assert size_of(PIXELS) == size_of(held) == (50, 30)
    np.testing.assert_array_equal(as_array(held), PIXELS)
    np.testing.assert_array_equal(np.asarray(as_pillow(PIXELS)), PIXELS)
    assert as_pillow(held) is held
    assert as_array(PIXELS) is PIXELS


@pytest.mark.parametrize(
    ("picture", "told"),
    [
        (PIXELS[:, :, 0], r"\(30, 50\)"),
        (PIXELS.astype(np.float32), "float32"),
        (Image.new("L", (5, 5)), "not L"),
        (Image.new("RGBA", (5, 5)), "not RGBA"),
    ],
)
def test_anything_else_is_refused_with_what_it_is(picture, told):
    for read in (as_array, as_pillow, Mtcnn().detect):
        with pytest.raises(ValueError, match=told):
            read(picture)
