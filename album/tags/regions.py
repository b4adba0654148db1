"""Places of faces, and how each convention says them.

Inside this package a box is left, top, right, bottom, each 0 to 1, of the **stored** picture: what
the file holds before its orientation is applied (MWG 2.0, 5.9). The library keeps boxes in pixels
of the upright picture.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from db.photos.turning import BACK, TURNS

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Region:
    """A place in a picture, as a file's metadata name it.

    Attributes
    ----------
    name : str
        Empty where nobody has said it.
    box : tuple of float
        Left, top, right, bottom, 0 to 1, of the stored picture.
    kind : str
        MWG's Type: Face, Pet, Focus, BarCode; empty where it is not said.
    rotation : float
        Of the region within the picture, radians clockwise; 0 almost always.
    """

    name: str
    box: Box
    kind: str = "Face"
    rotation: float = 0.0

    @property
    def is_face(self) -> bool:
        """Whether this is somebody's face; a region without a type counts as one."""
        return self.kind.casefold() in ("", "face")


def turned(box: Box, orientation: int) -> Box:
    """Turn a box of the stored picture into the same box of the upright one, both 0 to 1."""
    turn = TURNS[orientation]
    (x0, y0), (x1, y1) = turn(*box[:2]), turn(*box[2:])
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


def from_upright(pixels: Sequence[float], size: tuple[int, int], orientation: int) -> Box:
    """Turn a box as the library keeps it into one of the stored picture.

    Parameters
    ----------
    pixels : sequence of float
        Left, top, right, bottom in pixels of the upright picture.
    size : tuple of int
        Width and height of the upright picture.
    orientation : int
        EXIF orientation, 1 to 8.

    Returns
    -------
    tuple of float
        0 to 1; what sticks out of the picture is cut off.
    """
    width, height = size
    x0, y0, x1, y1 = pixels
    upright = (_clip(x0 / width), _clip(y0 / height), _clip(x1 / width), _clip(y1 / height))
    return turned(upright, BACK.get(orientation, orientation))


def to_upright(box: Box, size: tuple[int, int], orientation: int) -> Box:
    """Turn a box of the stored picture into pixels of the upright picture of this size."""
    x0, y0, x1, y1 = turned(box, orientation)
    width, height = size
    return x0 * width, y0 * height, x1 * width, y1 * height


def centred(box: Box) -> Box:
    """Return x and y of the middle, width and height: how MWG says a box."""
    x0, y0, x1, y1 = box
    return (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0


def cornered(box: Box) -> Box:
    """Return x and y of the top left corner, width and height: how Microsoft and IPTC say it."""
    x0, y0, x1, y1 = box
    return x0, y0, x1 - x0, y1 - y0


def from_centred(x: float, y: float, w: float, h: float) -> Box | None:
    """Return the box that MWG says by its middle; None where it makes no sense."""
    return from_cornered(x - w / 2, y - h / 2, w, h)


def from_cornered(x: float, y: float, w: float, h: float) -> Box | None:
    """Return the box that is said by its top left corner; None where it makes no sense."""
    if not all(map(math.isfinite, (x, y, w, h))) or w <= 0 or h <= 0:
        return None
    box = _clip(x), _clip(y), _clip(x + w), _clip(y + h)
    return box if box[2] > box[0] and box[3] > box[1] else None


def overlap(a: Box, b: Box) -> float:
    """Return the intersection of two boxes over their union, 0 to 1."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / (_area(a) + _area(b) - both)


def same_place(a: Box, b: Box) -> bool:
    """Tell whether two boxes are of one face: a half in common, or each holds the other's middle.

    Programs draw boxes of different sizes around one face.
    """
    return overlap(a, b) >= 0.5 or (_holds(a, centred(b)) and _holds(b, centred(a)))


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _holds(box: Box, point: Sequence[float]) -> bool:
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]


def _clip(value: float) -> float:
    return min(max(value, 0.0), 1.0)
