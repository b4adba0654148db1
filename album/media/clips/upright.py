"""How the frames of a clip become upright: the display matrix, and pixels that are not square."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

_BY_MATRIX = {
    (1, 0, 0, 1): 1,
    (-1, 0, 0, 1): 2,
    (-1, 0, 0, -1): 3,
    (1, 0, 0, -1): 4,
    (0, 1, 1, 0): 5,
    (0, 1, -1, 0): 6,
    (0, -1, -1, 0): 7,
    (0, -1, 1, 0): 8,
}
"""EXIF orientation by the signs of a, b, c, d of the display matrix (ISO/IEC 14496-12, 8.3.2):
a point x, y of the stored picture is shown at a x + c y, b x + d y."""

_TURNS: Mapping[int, Callable[[Image], Image]] = {
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.transpose(1, 0, 2),
    6: lambda image: np.rot90(image, -1),
    7: lambda image: image[::-1, ::-1].transpose(1, 0, 2),
    8: np.rot90,
}


def orientation(frame: Any) -> int:
    """Return the EXIF orientation, 1 to 8, that a frame's display matrix amounts to.

    Parameters
    ----------
    frame : av.VideoFrame

    Returns
    -------
    int
        1 also for a matrix that turns by anything but a quarter.
    """
    data = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return 1
    matrix = np.frombuffer(bytes(data), np.int32)
    if matrix.size != 9:
        return 1
    signs = np.sign(matrix[[0, 1, 3, 4]])
    a, b, c, d = signs.tolist()
    return _BY_MATRIX.get((a, b, c, d), 1)


def turned(image: Image, turn: int) -> Image:
    """Apply an EXIF orientation to an image of shape (height, width, 3); contiguous."""
    return np.ascontiguousarray(_TURNS[turn](image)) if turn in _TURNS else image


def shown_size(size: tuple[int, int], pixel_ratio: float) -> tuple[int, int]:
    """Return width and height of a picture with square pixels, before it is turned.

    Television and early camcorders have pixels that are wider or narrower than they are high.

    Parameters
    ----------
    size : tuple of int
        Width and height as stored.
    pixel_ratio : float
        Width by height of one pixel; taken for 1 where it makes no sense.
    """
    if not 0.25 <= pixel_ratio <= 4:
        return size
    return max(1, round(size[0] * pixel_ratio)), size[1]
