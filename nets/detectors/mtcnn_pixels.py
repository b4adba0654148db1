"""The pixels that MTCNN looks at: the image at many sizes, and chips cut from the size that fits.

Each version is made by Pillow from the next larger one that is there already.
"""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nets.core.api import Floats, Image

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

WINDOW = 12
"""Side in pixels of the window of P-Net."""


def scales(height: int, width: int, *, min_face: float, factor: float) -> list[float]:
    """Return the scales at which P-Net sees faces of at least `min_face` pixels.

    Parameters
    ----------
    height, width : int
        Size of the image in pixels.
    min_face : float
        Side of the smallest face in pixels; it fills P-Net's window at the first scale.
    factor : float
        Ratio of one scale to the one before, below 1.

    Returns
    -------
    list of float
        Falling; as long as the image is no smaller than the window. Empty if it is too small.
    """
    found = []
    scale = WINDOW / min_face
    side = min(height, width) * scale
    while side >= WINDOW:
        found.append(scale)
        scale, side = scale * factor, side * factor
    return found


class Pixels:
    """One image at falling sizes.

    Parameters
    ----------
    image : PIL.Image.Image
        Upright RGB.
    """

    def __init__(self, image: "Picture") -> None:
        self.width, self.height = image.size
        self._halves: list[Picture] = [image]

    def half(self, times: int) -> "Picture":
        """Return the image halved so many times, each pixel the mean of four."""
        while len(self._halves) <= times:
            self._halves.append(self._halves[-1].reduce(2))
        return self._halves[times]

    def levels(self, wanted: list[float]) -> Iterator[Image]:
        """Make the image at falling scales, each from the one before.

        Parameters
        ----------
        wanted : list of float
            From `scales`.

        Yields
        ------
        ndarray of uint8, shape (1 + height * scale, 1 + width * scale, 3), rounded down
            The whole image.
        """
        from PIL.Image import Resampling

        level: Picture | None = None
        for scale in wanted:
            size = (int(self.width * scale + 1), int(self.height * scale + 1))
            if level is None:
                # A triangle is the nearest to the published nets' averages over whole pixels; it
                # is applied at a ratio of 2 to 4, where halving before it saves time unseen.
                level = self.half(_halvings(1 / scale, 2)).resize(size, Resampling.BILINEAR)
            else:
                # Level after level, any filter that blurs would blur more and more.
                level = level.resize(size, Resampling.BICUBIC)
            yield np.asarray(level)

    def chips(self, boxes: Floats, side: int) -> tuple[Image, NDArray[np.intp]]:
        """Cut out boxes, as far as they lie in the image, and stretch them to squares.

        Parameters
        ----------
        boxes : ndarray of float32, shape (n, 4)
            Left, top, right, bottom in pixels of the image.
        side : int
            Of the chips, in pixels.

        Returns
        -------
        ndarray of uint8, shape (k, side, side, 3)
            RGB chips.
        ndarray of int, shape (k,)
            Which boxes they are of: those of which at least a pixel lies in the image.
        """
        from PIL.Image import Resampling, new

        corners = np.floor(boxes).astype(np.int64)
        corners = np.clip(corners, 0, [self.width, self.height, self.width, self.height])
        sides = (corners[:, 2:] - corners[:, :2]).min(axis=1)
        rows = np.flatnonzero(sides > 0)
        sheet = new("RGB", (side, side * len(rows)))
        for place, row in enumerate(rows):
            times = _halvings(sides[row], side)
            left, top, right, bottom = (corners[row] / 2**times).tolist()
            half = self.half(times)
            # The last row or column of a half may be a mean of fewer pixels, but is never less.
            chip = half.resize((side, side), Resampling.BILINEAR, (left, top, right, bottom))
            sheet.paste(chip, (0, side * place))
        return np.asarray(sheet).reshape(len(rows), side, side, 3), rows


def _halvings(length: float, least: float) -> int:
    """Return how often a length can be halved and still be no shorter than `least`."""
    return max(0, math.floor(math.log2(length / least)))
