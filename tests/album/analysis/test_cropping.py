"""Each face out of as few pixels as it takes: the same chips whoever else is in the photo."""

import numpy as np
import pytest
from PIL import Image

from album.analysis.cropping import CHIP_SIDE, crop
from album.media import decoding, headers
from nets.core.api import Detections
from nets.core.crops import CROPS
from nets.fake import LANDMARKS

CROP = "box224"
RNG = np.random.default_rng(7)


@pytest.fixture
def photo(tmp_path):
    coarse = RNG.integers(0, 256, (60, 80, 3), np.uint8)
    image = Image.fromarray(coarse).resize((3200, 2400), Image.Resampling.BICUBIC)
    image.save(tmp_path / "a.jpg", quality=92)
    return tmp_path / "a.jpg"


def faces(*boxes):
    rows = np.array(boxes, np.float32).reshape(-1, 4)
    corners, sides = rows[:, None, :2], (rows[:, 2:] - rows[:, :2])[:, None]
    return Detections(rows, corners + sides * LANDMARKS, np.ones(len(rows), np.float32))


def chips(photo, found, *, max_side=1600):
    header = headers.read_header(photo)
    return crop(
        photo, header, decoding.read_upright(photo, header, max_side=max_side), found, (CROP,)
    )


def read(photo, side):
    return decoding.read_upright(photo, headers.read_header(photo), max_side=side)


SMALL, LARGE, OTHER = (100, 200, 160, 260), (300, 400, 700, 800), (900, 300, 940, 340)


def test_faces_keep_their_order_and_have_the_chips_that_they_have_alone(photo):
    """The largest decode is that of the smallest face; the others must not care."""
    together = chips(photo, faces(SMALL, LARGE, OTHER)).chips[CROP]
    for place, box in enumerate((SMALL, LARGE)):
        alone = chips(photo, faces(box)).chips[CROP]
        np.testing.assert_array_equal(together[place], alone[0])


def test_a_small_face_comes_from_the_larger_decode_and_a_large_one_does_not(photo, monkeypatch):
    decoded = []
    real = decoding.read_upright

    def watched(*args, **kwargs):
        decoded.append(kwargs["max_side"])
        return real(*args, **kwargs)

    picture, header = read(photo, 1600), headers.read_header(photo)
    monkeypatch.setattr(decoding, "read_upright", watched)
    batch = crop(photo, header, picture, faces(SMALL, LARGE), (CROP,))
    assert decoded == [3200]
    full = real(photo, header)
    expected = CROPS[CROP](full, faces(np.array(SMALL) * 2))
    np.testing.assert_array_equal(batch.chips[CROP][0], expected[0])
    np.testing.assert_array_equal(batch.chips[CROP][1], CROPS[CROP](picture, faces(LARGE))[0])


def test_nothing_is_decoded_again_without_need(photo, monkeypatch):
    picture, header = read(photo, 1600), headers.read_header(photo)
    monkeypatch.setattr(decoding, "read_upright", None)
    assert len(crop(photo, header, picture, faces(), (CROP,))) == 0
    assert len(crop(photo, header, picture, faces(LARGE), (CROP,))) == 1
    assert len(crop(photo, header, picture, faces((0, 0, CHIP_SIDE, CHIP_SIDE)), (CROP,))) == 1


def test_a_photo_at_full_size_has_no_larger_decode(photo):
    whole = chips(photo, faces(SMALL), max_side=3200)
    assert len(whole) == 1
