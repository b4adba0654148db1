"""Smaller views of a picture, and what was found in one in the pixels of another."""

from typing import TYPE_CHECKING

import numpy as np

from nets.core.api import Detections, Image

if TYPE_CHECKING:
    from PIL.Image import Image as Pixels

VIEW = 1600
"""Longest side in pixels of the picture that faces are looked for in."""


def shrunk(picture: "Pixels", max_side: int) -> "Pixels":
    """Shrink a picture to a longest side."""
    if max(picture.size) <= max_side:
        return picture
    from PIL.Image import Resampling

    scale = max_side / max(picture.size)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    return picture.resize(size, Resampling.BOX, reducing_gap=2.0)


def shrink(pixels: Image, max_side: int) -> tuple[Image, tuple[float, float]]:
    """Shrink an array of pixels likewise; return it with the ratios of width and of height."""
    height, width = pixels.shape[:2]
    if max(height, width) <= max_side:
        return pixels, (1.0, 1.0)
    from PIL.Image import fromarray

    small = shrunk(fromarray(pixels), max_side)
    return np.asarray(small), (small.width / width, small.height / height)


def scaled(detections: Detections, x: float, y: float) -> Detections:
    """Return detections in the pixels of a picture that is x times as wide and y times as high."""
    factors = np.array([x, y], np.float32)
    return Detections(
        detections.boxes * np.tile(factors, 2), detections.landmarks * factors, detections.scores
    )
