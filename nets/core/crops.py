"""Face chips: how each net wants a face cut out of the photo."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pixels

from nets.core.api import Detections, Floats, Image
from nets.core.pictures import Picture, size_of

MARGIN = 0.1
"""Of the width and height of the box, added on each side for the MobileNet."""

TEMPLATE = np.array(
    [[48.5, 46.5], [102.5, 46.5], [75.5, 79.6], [51.7, 106.2], [98.8, 106.3]], np.float32
)
"""Where MTCNN's landmarks lie, x and y in pixels, in the 150-pixel chips that dlib cuts and the
ResNet-29 was trained on: the median over 300 faces of LFW that both aligned."""

USUAL_SIDE = 1.08
"""Side of an aligned chip in units of the box's geometric mean side; the median of MTCNN faces."""

WORST_RATIO = 2.0
"""An aligned chip this many times larger or smaller than usual comes from wrong landmarks."""

FER_SIDE = 1.08
"""Side of a chip of FER2013 in units of the geometric mean side of the box that MTCNN finds there,
the median of 85 chips."""
WIDER, TALLER = 0.5, 0.66
"""How much wider and taller than the box the net of gender wants to see."""


@dataclass(frozen=True, slots=True)
class Crop:
    """A way to cut faces out of an image.

    Attributes
    ----------
    name : str
        Its key in `CROPS`.
    version : int
        Rises with any change to the pixels it gives.
    size : int
        Width and height of the chips.
    cut : callable
        Takes the image, one box (4,) and its landmarks (5, 2); returns one chip.
    """

    name: str
    version: int
    size: int
    cut: Callable[[Picture, Floats, Floats], Image]

    def __call__(self, image: Picture, faces: Detections) -> Image:
        """Cut every face out of one image.

        Parameters
        ----------
        image : Picture
            Upright RGB; of what Pillow holds, only the faces are copied.
        faces : Detections
            In pixels of that image.

        Returns
        -------
        ndarray of uint8, shape (n, size, size, 3)
            RGB chips. What lies outside the image repeats its border.
        """
        chips = np.empty((len(faces), self.size, self.size, 3), np.uint8)
        for chip, box, landmarks in zip(chips, faces.boxes, faces.landmarks, strict=True):
            chip[:] = self.cut(image, box, landmarks)
        return chips


def _box224(image: Picture, box: Floats, landmarks: Floats) -> Image:
    """Cut the box with a margin, stretched to a square as in the authors' code."""
    left, top, right, bottom = _bounded(image, box)
    across, down = MARGIN * (right - left), MARGIN * (bottom - top)
    return _resized(image, (left - across, top - down, right + across, bottom + down), 224)


def _aligned150(image: Picture, box: Floats, landmarks: Floats) -> Image:
    """Turn, scale and move the face so that its landmarks come near the template."""
    bounded = _bounded(image, box)
    usual = USUAL_SIDE * _side(bounded)
    if np.isfinite(landmarks).all():
        turn, shift = similarity(TEMPLATE, landmarks)
        if usual / WORST_RATIO < 150 * abs(turn) < usual * WORST_RATIO:
            return _turned(image, turn, shift, 150)
    return _resized(image, _square(bounded, usual), 150)


def _face64(image: Picture, box: Floats, landmarks: Floats) -> Image:
    """Cut a square about the box, as large as the chips of FER2013 are about theirs."""
    return _fer(image, box, 64)


def _face112(image: Picture, box: Floats, landmarks: Floats) -> Image:
    """Cut the same in more pixels."""
    return _fer(image, box, 112)


def _fer(image: Picture, box: Floats, size: int) -> Image:
    bounded = _bounded(image, box)
    return _resized(image, _square(bounded, FER_SIDE * _side(bounded)), size)


def _wide64(image: Picture, box: Floats, landmarks: Floats) -> Image:
    """Cut the box made wider and taller, stretched to a square as published."""
    left, top, right, bottom = _bounded(image, box)
    across, down = WIDER * (right - left) / 2, TALLER * (bottom - top) / 2
    return _resized(image, (left - across, top - down, right + across, bottom + down), 64)


CROPS: dict[str, Crop] = {
    crop.name: crop
    for crop in (
        Crop("box224", 1, 224, _box224),
        Crop("aligned150", 1, 150, _aligned150),
        Crop("face64", 1, 64, _face64),
        Crop("face112", 1, 112, _face112),
        Crop("wide64", 1, 64, _wide64),
    )
}
"""The crops by name; a net's entry in the manifest names the one it wants."""


def similarity(source: Floats, target: Floats) -> tuple[complex, complex]:
    """Fit a turn, a scale and a shift between two sets of points by least squares.

    The solution of Umeyama (1991) for the plane, in complex numbers, where a turn with a scale is
    one multiplication; mirroring is impossible.

    Parameters
    ----------
    source, target : ndarray, shape (n, 2)
        x and y.

    Returns
    -------
    tuple of complex
        a and b of target = a * source + b, points being x + iy. a is 0 where all points of the
        source coincide.
    """
    z, w = _complex(source), _complex(target)
    centred = z - z.mean()
    spread = np.vdot(centred, centred).real
    turn = complex(np.vdot(centred, w - w.mean()) / spread) if spread else 0j
    return turn, complex(w.mean() - turn * z.mean())


def _complex(points: Floats) -> NDArray[np.complex128]:
    numbers: NDArray[np.complex128] = points[:, 0].astype(float) + 1j * points[:, 1]
    return numbers


Rectangle = tuple[float, float, float, float]


def _bounded(image: Picture, box: Floats) -> Rectangle:
    """Return the box, at least one pixel large and no further out than one image's width."""
    width, height = size_of(image)
    low, high = (-width, -height, -width, -height), (2 * width, 2 * height, 2 * width, 2 * height)
    left, top, right, bottom = np.clip(np.nan_to_num(box.astype(float)), low, high).tolist()
    return left, top, max(right, left + 1), max(bottom, top + 1)


def _side(box: Rectangle) -> float:
    left, top, right, bottom = box
    return float(np.sqrt((right - left) * (bottom - top)))


def _square(box: Rectangle, side: float) -> Rectangle:
    left, top, right, bottom = box
    x, y = (left + right) / 2, (top + bottom) / 2
    return x - side / 2, y - side / 2, x + side / 2, y + side / 2


def _resized(image: Picture, box: Rectangle, size: int) -> Image:
    """Resize a rectangle of the image; every pixel of a large face counts."""
    block = max(1, int(_side(box) / size / 2))
    pixels, (x, y) = _region(image, box, block)
    left, top, right, bottom = (edge / block for edge in box)
    inside = (left - x, top - y, right - x, bottom - y)
    return np.asarray(pixels.resize((size, size), Pixels.Resampling.BILINEAR, box=inside))


def _turned(image: Picture, turn: complex, shift: complex, size: int) -> Image:
    """Sample a turned square: chip coordinates z lie at turn * z + shift of the image."""
    corners = np.array([0, size, 1j * size, size + 1j * size]) * turn + shift
    box = (corners.real.min(), corners.imag.min(), corners.real.max(), corners.imag.max())
    # Sampling alone would skip pixels of a large face: average them in blocks first.
    block = max(1, int(abs(turn)))
    pixels, (x, y) = _region(image, box, block)
    a, b = turn / block, shift / block - complex(x, y)
    affine = (a.real, -a.imag, b.real, a.imag, a.real, b.imag)
    method, resampling = Pixels.Transform.AFFINE, Pixels.Resampling.BILINEAR
    return np.asarray(pixels.transform((size, size), method, affine, resampling))


def _region(image: Picture, box: Rectangle, block: int) -> tuple[Pixels.Image, tuple[int, int]]:
    """Return what covers a box, averaged in square blocks, and its top left corner in blocks.

    Borders are repeated after averaging, so that memory is bounded by the chip, not by the face.
    """
    (left, right, begin, end), (top, bottom, first, last) = (
        _span(low, high, length, block)
        for low, high, length in zip(box[:2], box[2:], size_of(image), strict=True)
    )
    small = _averaged(image, (begin, first, end, last), block)
    if (top, bottom, left, right) != (first, last, begin, end):
        rows = np.clip(np.arange(top, bottom), first, last - 1) - first
        columns = np.clip(np.arange(left, right), begin, end - 1) - begin
        small = Pixels.fromarray(np.asarray(small).take(rows, 0).take(columns, 1))
    return small, (left, top)


def _averaged(image: Picture, blocks: tuple[int, int, int, int], block: int) -> Pixels.Image:
    """Return some blocks of an image (left, top, right, bottom), each as one pixel."""
    left, top, right, bottom = (edge * block for edge in blocks)
    if isinstance(image, np.ndarray):
        part = np.ascontiguousarray(image[top:bottom, left:right])
        return Pixels.fromarray(part).reduce(block)
    inside = left, top, min(right, image.width), min(bottom, image.height)
    return image.crop(inside) if block == 1 else image.reduce(block, inside)


def _span(low: float, high: float, length: int, block: int) -> tuple[int, int, int, int]:
    """Return first and last + 1 of the blocks that cover an interval, and of those that exist."""
    start, stop = int(np.floor(low / block)), int(np.ceil(high / block))
    blocks = -(-length // block)
    first = min(max(start, 0), blocks - 1)
    return start, stop, first, max(min(stop, blocks), first + 1)
