"""A hash of what a picture looks like: alike pictures differ in few of its 64 bits.

The sign of the lowest frequencies of a cosine transform, each against their median (Zauner,
"Implementation and benchmarking of perceptual image hash functions", 2010, the DCT hash).
"""

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE = 32
LOW = 8


@lru_cache(maxsize=1)
def _cosines() -> NDArray[np.float64]:
    """Return the first rows of the cosine transform, shape (8, 32)."""
    k, x = np.arange(LOW)[:, None], np.arange(SIDE)[None]
    return np.asarray(np.cos(np.pi * (2 * x + 1) * k / (2 * SIDE)))


def perceptual_hash(image: "Image") -> int:
    """Return the hash of an upright RGB image of Pillow as a signed number.

    Signed since databases have no unsigned numbers of 64 bits.
    """
    return _hash(_small(image))


def turned_hashes(image: "Image") -> tuple[int, ...]:
    """Return the hashes of an upright RGB image turned by each EXIF orientation, 1 to 8.

    The first is `perceptual_hash`. By the others a picture is known that was turned and re-saved.
    """
    small = _small(image)
    across, down = small[:, ::-1], small[::-1]
    turned = (small, across, small[::-1, ::-1], down, small.T, down.T, across[::-1].T, across.T)
    return tuple(map(_hash, turned))


def _small(image: "Image") -> NDArray[np.float64]:
    from PIL.Image import Resampling

    small = image.resize((SIDE, SIDE), Resampling.BOX, reducing_gap=2.0).convert("L")
    return np.asarray(small, np.float64)


def _hash(small: NDArray[np.float64]) -> int:
    low = _cosines() @ small @ _cosines().T
    bits = (low > np.median(low.ravel()[1:])).ravel()
    return int(np.packbits(bits).view(">i8")[0])


def bits_apart(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return in how many bits hashes differ, element by element."""
    return np.bitwise_count(np.bitwise_xor(a, b))
