"""A picture of somebody growing up: the best face of each year, eyes at the same place, in rows.

Made to be printed: 300 pixels an inch, as wide as a page of A4 held sideways.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from album.errors import AlbumError
from album.people.faces import Face, clarities
from album.people.people import Person, whole_age
from album.thumbnails.pictures import drawable, fitting_font, open_for, text_font
from db.records import Floats

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

    from album.media.decoding import Picture

VERSION = 1
"""Goes up when strips of the same faces shall look different."""
LEAST_SPAN, LEAST_CELLS = 5, 4
"""Years from the first to the last face, and faces, from which on a strip is made unasked."""
MOST_CELLS = 60
WIDTH, HEIGHT, DPI = 3508, 2480, 300
"""A page of A4 held sideways; what needs less height gets less."""
MARGIN, GUTTER, TITLE = 170, 36, 330
LARGEST, LEAST_COLUMNS = 700, 3
EYES = 0.43
"""Height of the eyes in a cell, from its top."""
FACE = 0.62
"""Size of a face in its cell: that share of what a net sees of it."""
PAPER, INK, FAINT, LINE = (252, 251, 248), (34, 37, 42), (104, 110, 118), (214, 208, 196)
NO_FACE = (232, 229, 222)


@dataclass(frozen=True, slots=True)
class Cell:
    """A face of a strip."""

    face: Face
    landmarks: Floats | None


@dataclass(frozen=True, slots=True)
class Strip:
    """A person and the faces of their strip, by date."""

    person: Person
    cells: tuple[Cell, ...]


def strip_of(
    person: Person,
    faces: Iterable[Face],
    landmarks: Mapping[int, Floats | None],
    *,
    always: bool = False,
) -> Strip | None:
    """Choose the best face of each year of age, or of each year where no birth date is set.

    Parameters
    ----------
    person : Person
    faces : iterable of Face
        By date.
    landmarks : mapping of int to ndarray or None
        By face id.
    always : bool
        Also for somebody who is seen in few years; two are needed all the same.

    Returns
    -------
    Strip or None
        None where the years are too few.
    """
    dated = [
        face for face in faces if face.date_trusted and face.path and face.face_id in landmarks
    ]
    clarity = {face.face_id: float(c) for face, c in zip(dated, clarities(dated), strict=True)}

    def score(cell: Cell) -> float:
        return clarity[cell.face.face_id] * _fitness(cell)

    cells = [
        max((Cell(face, landmarks[face.face_id]) for face in members), key=score)
        for _, members in groupby(dated, key=lambda face: _bin(person, face))
    ]
    if len(cells) < (2 if always else LEAST_CELLS):
        return None
    if not always and _year(cells[-1]) - _year(cells[0]) < LEAST_SPAN:
        return None
    return Strip(person, tuple(_thinned(cells, MOST_CELLS)))


def _year(cell: Cell) -> int:
    assert cell.face.date is not None
    return cell.face.date.year


def _bin(person: Person, face: Face) -> int:
    """Return the age in years where the birth date is set, else the year of the photo."""
    assert face.date is not None
    by_age = face.age is not None and person.born_source == "user"
    return whole_age(face.age or 0.0, person) if by_age else face.date.year


def _fitness(cell: Cell) -> float:
    """Return how well a face fits a strip besides its clarity: certain, aligned, not of a clip."""
    face = cell.face
    certain = 1.0 if face.source == "user" else 0.5 + 0.5 * (face.confidence or 0.0)
    aligned = 1.0 if cell.landmarks is not None else 0.3
    still = 1.0 if face.time_ms is None else 0.7
    return certain * aligned * still


def _thinned(cells: Sequence[Cell], most: int) -> Sequence[Cell]:
    """Return at most so many, evenly spread, the first and the last among them."""
    if len(cells) <= most:
        return cells
    return [cells[round(i)] for i in np.linspace(0, len(cells) - 1, most)]


def recipe(strip: Strip, away: Iterable[str]) -> str:
    """Return a digest of all that decides what a strip looks like."""
    faces = [
        (one.face.photo_id, one.face.path, one.face.box, one.face.time_ms, *_captions(strip, one))
        for one in strip.cells
    ]
    whole = json.dumps([VERSION, strip.person.label, _subtitle(strip), faces, sorted(away)])
    return hashlib.sha256(whole.encode()).hexdigest()


def draw_strip(strip: Strip) -> tuple["Image.Image", list[str]]:
    """Draw a strip.

    Returns
    -------
    PIL.Image.Image
        RGB.
    list of str
        The photos that could not be read; their faces are left blank.
    """
    from PIL import Image, ImageDraw

    columns, side = _arrangement(len(strip.cells))
    rows, step = ceil(len(strip.cells) / columns), _row_height(side)
    height = MARGIN + TITLE + rows * step + MARGIN // 2
    image = Image.new("RGB", (WIDTH, height), PAPER)
    draw = ImageDraw.Draw(image)
    _title(draw, strip)
    unread: list[str] = []
    for row in range(rows):
        members = strip.cells[row * columns : (row + 1) * columns]
        wide = len(strip.cells[:columns]) * (side + GUTTER) - GUTTER
        left, top = (WIDTH - wide) // 2, MARGIN + TITLE + row * step
        for place, cell in enumerate(members):
            at = (left + place * (side + GUTTER), top)
            _put(image, cell, at, side, unread)
            _caption(draw, strip, cell, (at[0] + side // 2, at[1] + side), side)
    return image, unread


def _arrangement(cells: int) -> tuple[int, int]:
    """Return how many faces stand side by side, and how large they are, to fill a page best."""
    fits = []
    for columns in range(LEAST_COLUMNS, max(cells, LEAST_COLUMNS) + 1):
        rows = ceil(cells / columns)
        wide = (WIDTH - 2 * MARGIN + GUTTER) // columns - GUTTER
        side = min(LARGEST, wide)
        while side > 60 and rows * _row_height(side) > HEIGHT - TITLE - 3 * MARGIN // 2:
            side -= 4
        empty = 1 - cells / (rows * columns)
        fits.append((side * (1 - empty / 2), columns, side))
    _, columns, side = max(fits)
    return columns, side


def _row_height(side: int) -> int:
    return side + _year_size(side) * 3


def _year_size(side: int) -> int:
    return max(26, side // 8)


def _title(draw: "ImageDraw.ImageDraw", strip: Strip) -> None:
    middle = WIDTH // 2
    name = drawable(strip.person.label)
    large = fitting_font(draw, name, WIDTH - 2 * MARGIN, 150, serif=True)
    draw.text((middle, MARGIN + 60), name, INK, large, anchor="mm")
    small = text_font(64)
    draw.text((middle, MARGIN + 195), drawable(_subtitle(strip)), FAINT, small, anchor="mm")
    draw.line((middle - 130, MARGIN + 262, middle + 130, MARGIN + 262), LINE, 4)


def _subtitle(strip: Strip) -> str:
    first, last = _year(strip.cells[0]), _year(strip.cells[-1])
    return str(first) if first == last else f"{first} – {last}"


def _captions(strip: Strip, cell: Cell) -> tuple[str, str]:
    """Return the year, and the age that goes below it."""
    face = cell.face
    if face.age is None:
        return str(_year(cell)), ""
    age = whole_age(face.age, strip.person)
    about = "" if strip.person.born_source == "user" else "about "
    return str(_year(cell)), "first year" if age == 0 else f"{about}{age}"


def _caption(
    draw: "ImageDraw.ImageDraw", strip: Strip, cell: Cell, at: tuple[int, int], side: int
) -> None:
    year, age = _captions(strip, cell)
    size = _year_size(side)
    draw.text((at[0], at[1] + size), year, INK, text_font(size, serif=True), anchor="mm")
    small = fitting_font(draw, age, side, size * 2 // 3)
    draw.text((at[0], at[1] + size * 19 // 10), age, FAINT, small, anchor="mm")


def _put(
    image: "Image.Image", cell: Cell, at: tuple[int, int], side: int, unread: list[str]
) -> None:
    from PIL import Image, ImageDraw

    assert cell.face.path is not None
    try:
        picture, _ = open_for(cell.face.path, [cell.face.box], side=side, time_ms=cell.face.time_ms)
        shown = aligned(picture, cell, side)
    except AlbumError:
        unread.append(cell.face.path)
        shown = Image.new("RGB", (side, side), NO_FACE)
    mask = Image.new("L", (2 * side, 2 * side), 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, 2 * side - 1, 2 * side - 1), side // 8, 255)
    mask = mask.resize((side, side), Image.Resampling.LANCZOS)
    image.paste(shown, at, mask)


def aligned(picture: "Picture", cell: Cell, side: int) -> "Image.Image":
    """Turn, scale and move a face so that its eyes lie where those of all cells do.

    Parameters
    ----------
    picture : Picture
        The photo, or the frame of a clip.
    cell : Cell
    side : int
        Of the result, in pixels.
    """
    from PIL import Image, ImageChops, ImageFilter

    turn, shift = _placement(cell, picture.scale, side)
    corners = np.array([0, side, 1j * side, side + 1j * side]) * turn + shift
    low = np.floor([corners.imag.min(), corners.real.min()]).astype(int) - 2
    high = np.ceil([corners.imag.max(), corners.real.max()]).astype(int) + 2
    spans = [np.arange(a, b) for a, b in zip(low, high, strict=True)]
    sizes = picture.pixels.shape[:2]
    rows, columns = (np.clip(span, 0, n - 1) for span, n in zip(spans, sizes, strict=True))
    beyond = [(span < 0) | (span >= n) for span, n in zip(spans, sizes, strict=True)]
    part = Image.fromarray(picture.pixels[rows[:, None], columns])
    shift -= complex(low[1], low[0])
    seen = _sampled(part, turn, shift, side)
    if not beyond[0].any() and not beyond[1].any():
        return seen
    # Beyond the edge of the photo there is a haze in the colours of the edge.
    haze = seen.filter(ImageFilter.GaussianBlur(side / 14))
    outside = Image.fromarray(255 * (beyond[0][:, None] | beyond[1]).astype(np.uint8))
    mask = _sampled(outside, turn, shift, side)
    soft = mask.filter(ImageFilter.GaussianBlur(side / 60))
    return Image.composite(haze, seen, ImageChops.lighter(mask, soft))


def _sampled(part: "Image.Image", turn: complex, shift: complex, side: int) -> "Image.Image":
    """Sample a turned square: z of the square lies at turn * z + shift."""
    from PIL import Image

    block = max(1, int(abs(turn)))
    if block > 1:  # sampling alone would skip pixels
        part, turn, shift = part.reduce(block), turn / block, shift / block
    affine = (turn.real, -turn.imag, shift.real, turn.imag, turn.real, shift.imag)
    method, resampling = Image.Transform.AFFINE, Image.Resampling.BICUBIC
    return part.transform((side, side), method, affine, resampling)


def _placement(cell: Cell, scale: tuple[float, float], side: int) -> tuple[complex, complex]:
    """Return a and b of photo = a * cell + b, points being x + iy."""
    from nets.core.crops import TEMPLATE, USUAL_SIDE, WORST_RATIO, similarity

    left, top, right, bottom = np.array(cell.face.box) * np.array([*scale, *scale])
    usual = USUAL_SIDE * np.sqrt(max((right - left) * (bottom - top), 1.0)) / FACE / side
    template = ((TEMPLATE - 75) / 150 * FACE + 0.5) * side
    template += np.array([0.5, EYES]) * side - template[:2].mean(axis=0)
    if cell.landmarks is not None:
        points = cell.landmarks * np.array(scale, np.float32)
        turn, _ = similarity(template.astype(np.float32), points)
        if usual / WORST_RATIO < abs(turn) < usual * WORST_RATIO:
            eyes, goal = points[:2].mean(axis=0), template[:2].mean(axis=0)
            return turn, complex(*eyes) - turn * complex(*goal)
    middle = complex((left + right) / 2, top + 0.42 * (bottom - top))
    return complex(usual), middle - usual * complex(side / 2, EYES * side)


def write_strip(strip: Strip, target: Path) -> list[str]:
    """Write a strip as JPEG; return the photos that could not be read."""
    image, unread = draw_strip(strip)
    with target.open("wb") as file:
        image.save(file, "JPEG", quality=90, dpi=(DPI, DPI), subsampling=0)
    return list(dict.fromkeys(unread))
