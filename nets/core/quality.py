"""How much a face shows: its size, its sharpness and how far it is turned away."""

import numpy as np
from numpy.typing import ArrayLike

from nets.core.api import Detections, Floats, Image

CROP = "box224"
"""The name in `nets.core.crops.CROPS` of the chips that `quality` wants."""

GREY = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of red, green and blue in the luma of ITU-R BT.601."""


def quality(chips: Image, faces: Detections) -> Floats:
    """Measure how much faces show.

    Parameters
    ----------
    chips : ndarray of uint8, shape (n, 224, 224, 3)
        RGB chips of the crop `CROP`.
    faces : Detections
        The same n faces.

    Returns
    -------
    ndarray of float32, shape (n, 3)
        Size, sharpness and frontalness, see `size`, `sharpness` and `frontalness`.
    """
    columns = size(faces), sharpness(chips), frontalness(faces)
    return np.stack(columns, axis=1).astype(np.float32)


def clarity(size: ArrayLike, sharpness: ArrayLike | None, frontal: ArrayLike | None) -> Floats:
    """Return how clearly faces show: large, sharp and turned to the camera.

    The one measure by which faces are compared to be shown: covers, strips, pages and questions.
    Beyond 250 pixels and a sharpness of 200, more detail is no gain.

    Parameters
    ----------
    size, sharpness, frontal : array-like of float, shape (n,)
        As `quality` measures them; None and NaN where not measured.

    Returns
    -------
    ndarray of float, shape (n,)
        At least 0; 0 where something was not measured.
    """
    side, sharp, turned = (_floats(one) for one in (size, sharpness, frontal))
    return np.nan_to_num(np.minimum(side, 250) * np.minimum(sharp, 200) ** 0.25 * (0.3 + turned))


def _floats(values: ArrayLike | None) -> Floats:
    return values if isinstance(values, np.ndarray) else np.asarray(values, np.float64)


def size(faces: Detections) -> Floats:
    """Return the geometric mean of width and height of each box, in pixels of the image."""
    sides = np.maximum(faces.boxes[:, 2:] - faces.boxes[:, :2], 0)
    lengths: Floats = np.sqrt(sides[:, 0] * sides[:, 1])
    return lengths


def sharpness(chips: Image) -> Floats:
    """Return the variance of the Laplacian of each chip (Pech-Pacheco et al. 2000).

    It is taken at one fixed size of the face, 112 x 112 pixels, so that it says how much detail the
    *face* shows: a small face that was enlarged counts as blurred. In 279 faces of press photos the
    median was 118 and nine in ten had more than 30; below 15 nobody could be told. A flat chip has
    0.

    Parameters
    ----------
    chips : ndarray of uint8, shape (n, 224, 224, 3)
        RGB.

    Returns
    -------
    ndarray of float32, shape (n,)
        In squared grey levels, 0 to 255 being the range of grey.
    """
    values = [_detail(chip) for chip in chips]
    return np.array(values, np.float32)


def _detail(chip: Image) -> float:
    # Sums of whole numbers first: a third of the time of turning every pixel grey.
    rows = chip[::2].astype(np.uint16) + chip[1::2]
    grey = (rows[:, ::2] + rows[:, 1::2]).astype(np.float32) @ (GREY / 4)
    around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    return float(np.var(around - 4 * grey[1:-1, 1:-1]))


def frontalness(faces: Detections) -> Floats:
    """Return 1 for a face that looks at the camera, down to 0 for a profile.

    The foot of the nose on the line through the eyes lies half-way between them in a frontal face
    and reaches an eye in a half profile: the distance from the middle, in units of half the
    distance of the eyes, is taken from 1.

    Returns
    -------
    ndarray of float32, shape (n,)
        0 also where the eyes coincide.
    """
    left, right, nose = (faces.landmarks[:, i].astype(np.float64) for i in range(3))
    axis = right - left
    length = (axis**2).sum(axis=1)
    along = ((nose - left) * axis).sum(axis=1) / np.maximum(length, 1e-9)
    frontal = np.clip(1 - 2 * np.abs(along - 0.5), 0, 1) * (length > 1e-9)
    values: Floats = frontal.astype(np.float32)
    return values
