"""Drawing on the frames of a clip as they are stored, in planes of light and of colour.

Turning every frame into red, green and blue and back would take longer than finding the faces. What
is drawn has no colour but the yellow of the boxes, so that three planes are quickly written to.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from album.export.annotated.drawing import HALO, INK, LINE, PAPER, Rectangle
from album.media.clips.upright import turned
from album.thumbnails.pictures import drawable, text_font

Plane = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Planes:
    """One frame in 4:2:0: light at full size, blue and red differences at half of it.

    Attributes
    ----------
    light : ndarray of uint8, shape (height, width)
        Both even.
    blue, red : ndarray of uint8, shape (height / 2, width / 2)
    """

    light: Plane
    blue: Plane
    red: Plane

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.light.shape[1], self.light.shape[0]


def unpacked(stored: Plane, size: tuple[int, int]) -> Planes:
    """Return the planes of a frame as PyAV hands it over.

    Parameters
    ----------
    stored : ndarray of uint8, shape (height * 3 / 2, width)
        Writable; shared with the result.
    size : tuple of int
        Width and height, both even.
    """
    width, height = size
    flat = stored.reshape(-1)
    light, colours = flat[: width * height], flat[width * height :]
    half = height // 2, width // 2
    blue, red = colours.reshape(2, *half)
    return Planes(light.reshape(height, width), blue, red)


def packed(planes: Planes) -> Plane:
    """Return planes as PyAV takes them, shape (height * 3 / 2, width)."""
    width, height = planes.size
    parts = (planes.light, planes.blue, planes.red)
    stored = np.concatenate([part.reshape(-1) for part in parts])
    return stored.reshape(height * 3 // 2, width)


def upright(planes: Planes, orientation: int) -> Planes:
    """Apply an EXIF orientation."""
    parts = (planes.light, planes.blue, planes.red)
    return Planes(*(turned(part[..., None], orientation)[..., 0] for part in parts))


def draw_box(planes: Planes, box: Rectangle, width: int) -> None:
    """Draw a yellow line with dark ones on both sides, seen on any background.

    Parameters
    ----------
    planes : Planes
        Drawn on.
    box : tuple of float
        Left, top, right, bottom in pixels.
    width : int
        Of the line, in pixels.
    """
    edge = max(2, width // 2)
    for outset, colour, line in ((edge, HALO, width + 2 * edge), (0, LINE, width)):
        left, top = box[0] - outset, box[1] - outset
        right, bottom = box[2] + outset, box[3] + outset
        for part in (
            (left, top, right, top + line),
            (left, bottom - line, right, bottom),
            (left, top, left + line, bottom),
            (right - line, top, right, bottom),
        ):
            _fill(planes, part, colour)


def _fill(planes: Planes, part: Rectangle, colour: tuple[int, int, int]) -> None:
    width, height = planes.size
    x0, x1 = (min(max(round(x / 2), 0), width // 2) for x in part[::2])
    y0, y1 = (min(max(round(y / 2), 0), height // 2) for y in part[1::2])
    light, blue, red = _in_planes(colour)
    planes.light[2 * y0 : 2 * y1, 2 * x0 : 2 * x1] = light
    planes.blue[y0:y1, x0:x1] = blue
    planes.red[y0:y1, x0:x1] = red


def _in_planes(colour: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return a colour by ITU-R BT.601 in the range of television."""
    red, green, blue = (part / 255 for part in colour)
    light = 0.299 * red + 0.587 * green + 0.114 * blue
    differences = (blue - light) / 1.772, (red - light) / 1.402
    return round(16 + 219 * light), *(round(128 + 224 * part) for part in differences)  # type: ignore[return-value]


@lru_cache(maxsize=256)
def written(lines: tuple[str, ...], letters: int) -> Plane:
    """Return a label as light alone: letters on dark ground.

    Parameters
    ----------
    lines : tuple of str
    letters : int
        Height of the letters in pixels.

    Returns
    -------
    ndarray of uint8, shape (height, width)
        Both even. Not to be written to: it is kept.
    """
    from PIL import Image, ImageDraw

    font, text = text_font(letters), "\n".join(drawable(line) for line in lines)
    pad = max(2, letters // 4)
    left, top, right, bottom = ImageDraw.Draw(Image.new("L", (1, 1))).multiline_textbbox(
        (0, 0), text, font
    )
    width, height = (2 * int((low + 2 * pad) / 2 + 1) for low in (right - left, bottom - top))
    image = Image.new("L", (width, height), _in_planes(PAPER)[0])
    ink = _in_planes(INK)[0]
    ImageDraw.Draw(image).multiline_text((pad - left, pad - top), text, ink, font)
    return np.asarray(image)


def put(planes: Planes, label: Plane, at: tuple[float, float]) -> None:
    """Lay a label on a frame, its left top corner at a place in pixels; what sticks out is cut."""
    width, height = planes.size
    x, y = (max(0, 2 * round(one / 2)) for one in at)
    shown = label[: max(0, height - y), : max(0, width - x)]
    h, w = shown.shape
    planes.light[y : y + h, x : x + w] = shown
    for plane in (planes.blue, planes.red):
        plane[y // 2 : (y + h) // 2, x // 2 : (x + w) // 2] = 128
