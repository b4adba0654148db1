"""Upright RGB pixels, as an array or as Pillow holds them: between the two, all are copied."""

import numpy as np
from PIL import Image as Pillow

from nets.core.api import Image

Picture = Image | Pillow.Image
"""An array of uint8, shape (height, width, 3), or what Pillow has decoded, mode RGB."""


def size_of(picture: Picture) -> tuple[int, int]:
    """Return width and height."""
    return picture.shape[1::-1] if isinstance(picture, np.ndarray) else picture.size


def as_array(picture: Picture) -> Image:
    """Return the pixels as an array.

    Raises
    ------
    ValueError
        If it is no RGB picture of bytes; the sentence says what it is instead.
    """
    _check(picture)
    return np.asarray(picture)


def as_pillow(picture: Picture) -> Pillow.Image:
    """Return the pixels as Pillow holds them.

    Raises
    ------
    ValueError
        If it is no RGB picture of bytes; the sentence says what it is instead.
    """
    _check(picture)
    return Pillow.fromarray(picture) if isinstance(picture, np.ndarray) else picture


def _check(picture: Picture) -> None:
    if not isinstance(picture, np.ndarray):
        if picture.mode != "RGB":
            raise ValueError(f"An RGB picture is needed, not {picture.mode}.")
    elif picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
        shape = f"{picture.dtype} {picture.shape}"
        raise ValueError(f"A uint8 image (height, width, 3) is needed, not {shape}.")
