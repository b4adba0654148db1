"""Boxes and labels on a photo: readable at any size, on any background, never over a face."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from album.thumbnails.pictures import drawable, text_font
from nets.core.boxes import areas, intersections

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

LEAST_SIDE = 640
"""A smaller picture is enlarged, or no label could be read beside its faces."""
LARGEST_SCALE = 8
FONT_SHARE = 0.17
"""Height of letters in units of the side of the face that they are about."""
SMALLEST, LARGEST = 1 / 90, 1 / 30
"""The same in units of the longer side of the picture, at least and at most."""
STAY = 1.0
"""What it is worth that the label of a face stays where it is from one frame to the next: a tenth
of it may be hidden."""
LINE, HALO, PAPER, INK = (255, 214, 64), (16, 16, 16), (16, 16, 16), (255, 255, 255)

Floats = NDArray[np.float32]
Rectangle = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Label:
    """What is written beside a face: lines of text."""

    box: Rectangle
    lines: tuple[str, ...]


def draw_labels(pixels: NDArray[np.uint8], labels: Sequence[Label]) -> "Image.Image":
    """Draw boxes and labels.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        Upright RGB.
    labels : sequence of Label
        Boxes in pixels of it.

    Returns
    -------
    PIL.Image.Image
        As large as `pixels`, or enlarged by a whole number where that is less than `LEAST_SIDE`.
    """
    from PIL import Image, ImageDraw

    image = Image.fromarray(pixels)
    scale = enlargement(image.size)
    if scale > 1:
        size = image.width * scale, image.height * scale
        image = image.resize(size, Image.Resampling.BICUBIC)
    boxes = np.array([label.box for label in labels], np.float32).reshape(-1, 4) * scale
    draw = ImageDraw.Draw(image)
    for box in boxes:
        _frame(draw, box, image.size)
    placed = boxes
    # The largest faces choose their place first: theirs are the labels that need most room.
    for row in np.argsort(-areas(boxes), kind="stable"):
        lines = tuple(drawable(line) for line in labels[row].lines if line)
        if lines:
            spot = _label(draw, boxes[row], lines, image.size, placed)
            placed = np.concatenate([placed, np.array([spot], np.float32)])
    return image


def enlargement(size: tuple[int, int]) -> int:
    """Return by what whole number a picture is enlarged before it is drawn on."""
    return min(LARGEST_SCALE, max(1, -(-LEAST_SIDE // max(size))))


def _frame(draw: "ImageDraw.ImageDraw", box: Floats, size: tuple[int, int]) -> None:
    """Draw a light line with dark ones on both sides, seen on any background."""
    left, top, right, bottom = (float(edge) for edge in box)
    width = max(2, round(min(right - left, max(size) / 4) / 60))
    edge = max(1, width // 2)
    for outset, colour, line in ((edge, HALO, width + 2 * edge), (0, LINE, width)):
        x0, y0 = max(left - outset, 0), max(top - outset, 0)
        x1, y1 = min(right + outset, size[0] - 1), min(bottom + outset, size[1] - 1)
        if x1 > x0 and y1 > y0:
            draw.rectangle((x0, y0, x1, y1), outline=colour, width=line)


def _label(
    draw: "ImageDraw.ImageDraw",
    box: Floats,
    lines: tuple[str, ...],
    size: tuple[int, int],
    placed: Floats,
) -> Rectangle:
    """Write a label where it hides least; return where it lies."""
    letters = letters_for(float(np.sqrt(areas(box[None])[0])), size)
    font = text_font(letters)
    pad = max(2, letters // 4)
    lines = tuple(_fitted(draw, line, size[0] - 2 * pad - 2, font) for line in lines)
    left, top, right, bottom = draw.multiline_textbbox((0, 0), "\n".join(lines), font)
    room = right - left + 2 * pad, bottom - top + 2 * pad
    spot = best_spot(box, room, size, placed)
    draw.rectangle(spot, fill=PAPER)
    at = spot[0] + pad - left, spot[1] + pad - top
    draw.multiline_text(at, "\n".join(lines), INK, font)
    return spot


def letters_for(side: float, size: tuple[int, int]) -> int:
    """Return the height of letters about a face of that side in a picture of that size."""
    long_side = max(size)
    letters = min(max(side * FONT_SHARE, long_side * SMALLEST), long_side * LARGEST)
    return max(10, round(letters))


def _fitted(draw: "ImageDraw.ImageDraw", line: str, room: float, font: object) -> str:
    """Shorten a line at its end until it fits into the picture."""
    if draw.textlength(line, font) <= room:  # type: ignore[arg-type]
        return line
    while line and draw.textlength(f"{line}…", font) > room:  # type: ignore[arg-type]
        line = line[:-1]
    return f"{line.rstrip()}…"


def best_spot(
    box: Floats, room: tuple[float, float], size: tuple[int, int], placed: Floats
) -> Rectangle:
    """Return where a label hides least of the faces and labels that are there.

    Parameters
    ----------
    box : ndarray of float32, shape (4,)
        Of the face.
    room : tuple of float
        Width and height of the label.
    size : tuple of int
        Of the picture; the label stays inside, where it fits at all.
    placed : ndarray of float32, shape (n, 4)
        Faces and labels.
    """
    around = spots(box, room, size)
    left, top, right, bottom = around[best(around, box, size, placed)].tolist()
    return left, top, right, bottom


def spots(box: Floats, room: tuple[float, float], size: tuple[int, int]) -> Floats:
    """Return the places around a box where a label may lie, shape (k, 4), always in one order."""
    return np.array(list(_spots(box, room, size)), np.float32)


def best(
    around: Floats, box: Floats, size: tuple[int, int], placed: Floats, before: int | None = None
) -> int:
    """Return which of the places around a box hides least, and is nearest.

    Parameters
    ----------
    around : ndarray of float32, shape (k, 4)
        Of `spots`.
    box, size, placed
        See `best_spot`.
    before : int, optional
        Where the label of this face lay last, which is left only for something much better.
    """
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    middle = (around[:, :2] + around[:, 2:]) / 2
    far = np.hypot(middle[:, 0] - x, middle[:, 1] - y)
    area = max(float(areas(around[:1])[0]), 1.0)
    # To hide anything is worse than to be far away.
    cost = intersections(around, placed).sum(axis=1) / area * 10 + far / max(size)
    if before is not None:
        cost[before] -= STAY
    return int(np.asarray(cost).argmin())


def _spots(box: Floats, room: tuple[float, float], size: tuple[int, int]) -> Iterator[Rectangle]:
    """Yield the places around a box, moved into the picture: below, above, beside, further out."""
    left, top, right, bottom = (float(edge) for edge in box)
    width, height = room
    middle, level = (left + right - width) / 2, (top + bottom - height) / 2
    for gap in (2.0, 2.0 + height, 2.0 + 2 * height):
        for x in (middle, left, right - width):
            yield _inside(x, bottom + gap, room, size)
            yield _inside(x, top - gap - height, room, size)
        for y in (level, top, bottom - height):
            yield _inside(right + gap, y, room, size)
            yield _inside(left - gap - width, y, room, size)
    # A face that fills the picture leaves no place beside it: its lower edge is hidden first.
    yield _inside(middle, bottom - height, room, size)


def _inside(x: float, y: float, room: tuple[float, float], size: tuple[int, int]) -> Rectangle:
    x = max(0.0, min(x, size[0] - room[0]))
    y = max(0.0, min(y, size[1] - room[1]))
    return x, y, x + room[0], y + room[1]
