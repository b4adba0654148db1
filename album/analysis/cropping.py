"""The chips of a photo's faces, each out of as few decoded pixels as it takes."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from album.media import decoding, headers
from album.media.views import scaled
from nets.core.api import Batch, Detections, Floats
from nets.engine import cut, join

if TYPE_CHECKING:
    from PIL.Image import Image as Pixels

CHIP_SIDE = 128
"""A face smaller than this, in pixels of the decoded picture, is cropped from a larger decode.

Of 57 faces of 200 pixels and more that were made so small before they were cropped, the vectors
moved by a squared distance of .0017 in the median, where people are told apart at .29, and ages by
half a year; at 160 pixels by .0009 and a third, at 64 by .014 and 1.6 years."""

CLOSER_PIXELS = 24e6
"""That decode has about this many pixels at most, which bounds the memory of a thread."""


def crop(
    path: Path,
    header: headers.Header,
    picture: "Pixels",
    faces: Detections,
    crops: Sequence[str],
    *,
    side: int = CHIP_SIDE,
) -> Batch:
    """Cut faces out of a decoded photo, the small ones out of a larger decode of it.

    Parameters
    ----------
    path : Path
    header : Header
        Of that photo.
    picture : PIL.Image.Image
        As decoded, upright.
    faces : Detections
        In pixels of it.
    crops : sequence of str
        Names of `nets.core.crops.CROPS`.
    side : int
        Pixels that the longer side of a face should have.

    Returns
    -------
    Batch
        Of all faces, in their order.

    Raises
    ------
    MediaError
        If the file has changed or gone meanwhile.
    """
    sides = (faces.boxes[:, 2:] - faces.boxes[:, :2]).max(axis=1, initial=0)
    small = sides < side
    wanted = _enlargement(picture.size, sides, side)
    if wanted <= 1.1 or max(picture.size) >= max(header.upright_size):
        return cut(picture, faces, crops)
    max_side = min(max(header.upright_size), int(np.ceil(max(picture.size) * wanted)))
    larger = decoding.read_upright(path, header, max_side=max_side)
    ratio = larger.width / picture.width, larger.height / picture.height
    # A large face has pixels enough here; of the larger decode it would take many times the time.
    far = cut(larger, scaled(faces.take(small), *ratio), crops)
    near = cut(picture, faces.take(~small), crops)
    return _in_order(far, near, small)


def _enlargement(size: tuple[int, int], sides: Floats, side: int) -> float:
    """Return by how much a picture should be larger for the smallest face, within the bound."""
    wanted = side / max(float(sides.min(initial=side)), 1.0)
    return min(wanted, float(np.sqrt(CLOSER_PIXELS / (size[0] * size[1]))))


def _in_order(first: Batch, second: Batch, of_first: NDArray[np.bool_]) -> Batch:
    """Join two batches of which the first has the faces where the mask is true."""
    order = np.argsort(np.argsort(~of_first, kind="stable"))
    joined = join([first, second])
    return Batch({name: chips[order] for name, chips in joined.chips.items()})
