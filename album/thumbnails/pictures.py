"""Faces cut out of their photos, and sheets of them with captions: rows of tiles to be looked at.

Crops are taken from the photos themselves, decoded no larger than needed; nothing is kept. A face
whose photo can't be read becomes a grey tile that says so.
"""

import io
import os
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from album.errors import AlbumError
from album.files.temporary import temporary
from album.media import decoding, headers
from album.media.clips.still import frame_at

if TYPE_CHECKING:
    from PIL import Image, ImageDraw, ImageFont

    Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

TILE = 176
"""Side of a face on a sheet, in pixels."""
MARGIN = 0.35
"""Room around the box of a face on every side, in units of its longer side."""
GAP = 12
BACKGROUND, PLACEHOLDER = (24, 26, 29), (88, 92, 98)
TEXT, FAINT, MARK = (238, 238, 238), (166, 172, 180), (255, 176, 66)
JPEG_QUALITY = 88
FONTS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "Arial Unicode.ttf", "arial.ttf", "Arial.ttf")
"""Fonts with most letters, of which systems have one or another."""
SERIFS = ("DejaVuSerif.ttf", "NotoSerif-Regular.ttf", "Georgia.ttf", "georgia.ttf")
OWN_FONT = "Aileron"
"""The family of the font that comes with Pillow."""
SPELLED = str.maketrans({"–": "-", "×": "x", "ß": "ss", "ł": "l", "Ł": "L", "ø": "o", "Ø": "O"})

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Shot:
    """A face to be shown.

    Attributes
    ----------
    path : str or None
        Of the photo; None where no file is known.
    box : tuple of float
        Left, top, right, bottom in pixels of the upright photo.
    caption : str
        A few words under the picture: a date, an age.
    time_ms : int or None
        Of the frame that the box is in, where the photo is a clip.
    """

    path: str | None
    box: Box
    caption: str = ""
    time_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """Faces side by side under a heading.

    Attributes
    ----------
    title, note : str
        A name in large letters, and what is known in small ones.
    shots : tuple of Shot
    marked : bool
        In another colour, as what the question is about.
    """

    title: str
    shots: tuple[Shot, ...]
    note: str = ""
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """A picture of rows of faces, and the faces that could not be shown.

    Attributes
    ----------
    image : PIL.Image.Image
        RGB.
    missing : tuple of str
        A sentence for each photo that could not be read.
    """

    image: "Image.Image"
    missing: tuple[str, ...] = ()


def crop_face(
    path: str | os.PathLike[str], box: Box, *, side: int = TILE, time_ms: int | None = None
) -> "Image.Image":
    """Cut a face with some room around it out of its photo.

    Parameters
    ----------
    path : str or PathLike
        A still picture or a clip.
    box : tuple of float
        Left, top, right, bottom in pixels of the upright photo at full size.
    side : int
        Of the result, in pixels.
    time_ms : int, optional
        Of the frame, in a clip.

    Returns
    -------
    PIL.Image.Image
        RGB, square; dark where the photo ends.

    Raises
    ------
    AlbumError
        If the photo can't be read.
    """
    return crop_faces(path, [box], side=side, time_ms=time_ms)[0]


def crop_faces(
    path: str | os.PathLike[str],
    boxes: Sequence[Box],
    *,
    side: int = TILE,
    time_ms: int | None = None,
) -> list["Image.Image"]:
    """Cut several faces out of one photo, which is decoded once; see `crop_face`."""
    picture, size = open_for(path, boxes, side=side, time_ms=time_ms)
    return [_cut_out(picture, _square(box, size), side) for box in boxes]


def open_for(
    path: str | os.PathLike[str], boxes: Sequence[Box], *, side: int, time_ms: int | None = None
) -> tuple[decoding.Picture, tuple[int, int]]:
    """Decode a photo as large as is needed to show some of its faces.

    Parameters
    ----------
    path : str or PathLike
    boxes : sequence of tuple of float
        In pixels of the upright photo at full size.
    side : int
        Pixels of the square in which each face will be shown with room around it.
    time_ms : int, optional
        Of the frame, in a clip.

    Returns
    -------
    Picture
        Upright.
    tuple of int
        Width and height of the upright photo at full size.

    Raises
    ------
    AlbumError
        If the photo can't be read.
    """
    if time_ms is not None:
        picture = frame_at(path, time_ms)
        height, width = picture.pixels.shape[:2]
        return picture, (round(width / picture.scale[0]), round(height / picture.scale[1]))
    header = headers.read_header(path)
    size = header.upright_size
    least = min((_square(box, size)[2] for box in boxes), default=float(max(size)))
    max_side = min(max(size), max(1, round(max(size) * side / least)))
    return decoding.read_image(path, header, max_side=max_side), size


def _cut_out(
    picture: decoding.Picture, square: tuple[float, float, float], side: int
) -> "Image.Image":
    from PIL import Image

    left, top, length = square
    across, down = picture.scale
    corners = (left * across, top * down, (left + length) * across, (top + length) * down)
    inner, place = _inside(corners, picture.pixels.shape[1], picture.pixels.shape[0], side)
    tile = Image.new("RGB", (side, side), BACKGROUND)
    if inner is not None:
        x0, y0, x1, y1 = (int(edge) for edge in inner)
        seen = Image.fromarray(picture.pixels[y0:y1, x0:x1])
        shown = (max(1, place[2] - place[0]), max(1, place[3] - place[1]))
        tile.paste(seen.resize(shown, Image.Resampling.LANCZOS), place[:2])
    return tile


def _square(box: Box, size: tuple[int, int]) -> tuple[float, float, float]:
    """Return left, top and side of a square around a face, moved into the photo where it fits."""
    left, top, right, bottom = box
    longer = max(right - left, bottom - top, 1.0)
    length = max(min(longer * (1 + 2 * MARGIN), *size), longer)
    corner = []
    for low, high, room in ((left, right, size[0]), (top, bottom, size[1])):
        start = (low + high - length) / 2
        moved = min(max(start, 0.0), max(room - length, 0.0))
        # Never so far that the face itself leaves the square.
        corner.append(min(max(moved, high - length), low))
    return corner[0], corner[1], length


def _inside(
    corners: Box, width: int, height: int, side: int
) -> tuple[Box | None, tuple[int, int, int, int]]:
    """Return the part of a square that lies in the picture, and where that goes on the tile."""
    left, top, right, bottom = corners
    x0, y0 = max(round(left), 0), max(round(top), 0)
    x1, y1 = min(round(right), width), min(round(bottom), height)
    if x0 >= x1 or y0 >= y1:
        return None, (0, 0, 0, 0)
    scale = side / max(right - left, bottom - top)
    place = ((x0 - left) * scale, (y0 - top) * scale, (x1 - left) * scale, (y1 - top) * scale)
    a, b, c, d = (min(max(round(edge), 0), side) for edge in place)
    return (x0, y0, x1, y1), (a, b, c, d)


def sheet(rows: Sequence[Row], *, tile: int = TILE) -> Sheet:
    """Draw rows of faces with headings and captions.

    Parameters
    ----------
    rows : sequence of Row
    tile : int
        Side of a face, in pixels.
    """
    from PIL import Image, ImageDraw

    columns = max((len(row.shots) for row in rows), default=1)
    captioned = any(shot.caption for row in rows for shot in row.shots)
    heading, caption = tile // 4, tile // 7 if captioned else 0
    height = heading + tile + caption + 2 * GAP
    size = (columns * (tile + GAP) + GAP, len(rows) * height + GAP)
    image = Image.new("RGB", size, BACKGROUND)
    draw = ImageDraw.Draw(image)
    missing: list[str] = []
    for number, row in enumerate(rows):
        top = GAP + number * height
        _heading(draw, row, (GAP, top), tile, size[0] - 2 * GAP)
        for place, shot in enumerate(row.shots):
            left = GAP + place * (tile + GAP)
            image.paste(_tile(shot, tile, missing), (left, top + heading))
            if row.marked:
                edge = (left, top + heading, left + tile - 1, top + heading + tile - 1)
                draw.rectangle(edge, outline=MARK, width=3)
            at = (left + tile / 2, top + heading + tile + caption / 2 + 2)
            font = fitting_font(draw, shot.caption, tile, max(11, tile // 11))
            draw.text(at, _cut(draw, shot.caption, font, tile), FAINT, font, anchor="mm")
    return Sheet(image, tuple(dict.fromkeys(missing)))


def _heading(
    draw: "ImageDraw.ImageDraw", row: Row, at: tuple[int, int], tile: int, room: int
) -> None:
    large, small = text_font(tile // 8), text_font(max(11, tile // 11))
    title = _cut(draw, row.title, large, room)
    line = at[1] + tile // 8
    draw.text((at[0], line), title, MARK if row.marked else TEXT, large, anchor="lm")
    used = draw.textlength(title, large) + GAP
    note = _cut(draw, row.note, small, room - used)
    draw.text((at[0] + used, line + 1), note, FAINT, small, anchor="lm")


def _cut(draw: "ImageDraw.ImageDraw", text: str, font: "Font", room: float) -> str:
    """Shorten a text at its end until it fits."""
    text = drawable(text)
    if draw.textlength(text, font) <= room:
        return text
    while text and draw.textlength(f"{text}…", font) > room:
        text = text[:-1]
    return f"{text.rstrip()}…" if text else ""


def fitting_font(
    draw: "ImageDraw.ImageDraw", text: str, room: float, size: int, *, serif: bool = False
) -> "Font":
    """Return a font of at most this size in which a text fits into the room, in pixels."""
    while size > 8 and draw.textlength(text, text_font(size, serif=serif)) > room:
        size -= 1 + size // 32
    return text_font(size, serif=serif)


@lru_cache(maxsize=64)
def text_font(size: int, *, serif: bool = False) -> "Font":
    """Return a font of the system with most letters, else the one that comes with Pillow."""
    from PIL import ImageFont

    for name in (*(SERIFS if serif else ()), *FONTS):
        with suppress(OSError):
            return ImageFont.truetype(name, size)
    return ImageFont.load_default(size)


def drawable(text: str) -> str:
    """Return a text as the font can draw it: Pillow's own has letters without accents alone."""
    named = getattr(text_font(12), "getname", None)
    if named is not None and named()[0] != OWN_FONT:
        return text
    plain = unicodedata.normalize("NFKD", text.translate(SPELLED))
    letters = (c for c in plain if not unicodedata.combining(c))
    return "".join(c if c.isascii() or c in "…·" else "?" for c in letters)


def _tile(shot: Shot, side: int, missing: list[str]) -> "Image.Image":
    """Return a face, or a grey tile with the reason why it can't be shown."""
    try:
        if shot.path is None:
            raise AlbumError("A photo is not on disk any more.")
        return crop_face(shot.path, shot.box, side=side, time_ms=shot.time_ms)
    except AlbumError as error:
        missing.append(str(error))
        return _placeholder("photo not there" if _gone(shot.path) else "can't be read", side)


def _gone(path: str | None) -> bool:
    return path is None or not os.path.lexists(path)


def _placeholder(text: str, side: int) -> "Image.Image":
    from PIL import Image, ImageDraw

    tile = Image.new("RGB", (side, side), PLACEHOLDER)
    draw = ImageDraw.Draw(tile)
    font = fitting_font(draw, text, side - 2 * GAP, max(11, side // 10))
    draw.text((side / 2, side / 2), text, TEXT, font, anchor="mm")
    return tile


def jpeg(image: "Image.Image") -> bytes:
    """Return a picture as JPEG."""
    content = io.BytesIO()
    image.save(content, "JPEG", quality=JPEG_QUALITY)
    return content.getvalue()


def save_jpeg(image: "Image.Image", path: Path) -> None:
    """Write a picture, complete or not at all, readable by its owner only.

    Raises
    ------
    OSError
        If the folder can't be written.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with temporary(path.parent, "picture") as partial:
        partial.touch(mode=0o600)
        image.save(partial, "JPEG", quality=JPEG_QUALITY)
        partial.replace(path)
