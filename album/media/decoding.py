"""From a still picture to upright RGB, in one decode. What the header says is asked first."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

from album.errors import NotAPhoto, StillChanging, StrPath, TooLarge, reading
from album.files.kinds import STILLS, Kind
from album.media import colour, developing
from album.media.headers import Header, swapped
from album.media.limits import LIMITS, Limits, pixels_text, room_for
from album.media.opening import open_picture, open_raw
from album.metadata.decoder_errors import translated
from album.metadata.regular_files import open_regular

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True, slots=True)
class Picture:
    """Decoded pixels.

    Attributes
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        Upright sRGB, contiguous, read-only.
    scale : tuple of float
        Horizontal and vertical size of `pixels` for one pixel of the upright picture at full size,
        at most 1: a box in pixels here, divided by it, is in pixels of the upright picture.
    """

    pixels: NDArray[np.uint8]
    scale: tuple[float, float]


def read_image(
    path: StrPath, header: Header, *, max_side: int | None = None, limits: Limits = LIMITS
) -> Picture:
    """Decode a still picture once, upright.

    Parameters
    ----------
    path : str or PathLike
        The file.
    header : Header
        What `read_header` returned for it.
    max_side : int, optional
        The longer side that is enough. The result is at least that long, where the picture is, and
        less than twice as long: JPEG is decoded at 1/2, 1/4 or 1/8, anything is averaged over
        blocks of whole pixels where that is not enough. None: full size, or for a JPEG beyond
        `limits.decoded_pixels` the largest scale within.
    limits : Limits, optional
        What may be opened.

    Raises
    ------
    Vanished, Unreadable, StillChanging, NotAPhoto, TooLarge, Truncated, Damaged
        See `read_header`. A picture that ends too early is refused, never returned half grey.
    """
    image = read_upright(path, header, max_side=max_side, limits=limits)
    width, height = header.upright_size
    pixels = np.ascontiguousarray(np.asarray(image))
    pixels.flags.writeable = False
    return Picture(pixels, (image.size[0] / width, image.size[1] / height))


def read_upright(
    path: StrPath, header: Header, *, max_side: int | None = None, limits: Limits = LIMITS
) -> "Image.Image":
    """Do what `read_image` does, and leave the pixels where they are: copying all takes a while."""
    if header.kind not in STILLS:
        raise NotAPhoto(path, "a clip has frames instead")
    with reading(path), open_regular(path) as file, translated(path):
        if header.kind is Kind.RAW:
            image, stored = _raw_picture(file, path)
        else:
            image = open_picture(file, header.kind)
            stored = _stored_size(image, header)
        if stored != header.stored_size:
            raise StillChanging(path)
        profile = image.info.get("icc_profile")
        _draft(image, _reduction(image.size, max_side, limits))
        if image.size[0] * image.size[1] > limits.decoded_pixels:
            raise TooLarge(path, pixels_text(image.size))
        with room_for(image.size, limits):
            image.load()
            image = colour.flatten(image)
            if max_side is not None and max(image.size) >= 2 * max_side:
                image = image.reduce(max(image.size) // max_side)
            turn = 1 if header.turned else header.orientation
            return _turned(colour.to_srgb(image, profile), turn)


def _turned(image: "Image.Image", orientation: int) -> "Image.Image":
    """Apply an EXIF orientation (EXIF 2.32, 4.6.4, tag 0x0112)."""
    from PIL.Image import Transpose

    if orientation == 1:
        return image
    # Pillow turns anticlockwise.
    turn = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    return image.transpose(turn[orientation])


def _reduction(size: tuple[int, int], max_side: int | None, limits: Limits) -> int:
    """Return by how much a JPEG may be reduced while it is decoded: 1, 2, 4 or 8."""
    width, height = size
    factor = 1
    while factor < 8 and (
        (max_side is not None and max(width, height) >= 2 * factor * max_side)
        or width * height > limits.decoded_pixels * factor * factor
    ):
        factor *= 2
    return factor


def _draft(image: "Image.Image", factor: int) -> None:
    # Only JPEG can; a draft of another kind would choose some embedded thumbnail.
    if factor > 1 and image.format == "JPEG":
        image.draft(None, (max(1, image.size[0] // factor), max(1, image.size[1] // factor)))


def _raw_picture(file: BinaryIO, path: StrPath) -> tuple["Image.Image", tuple[int, int]]:
    """Return the picture of a raw photo, which may be smaller, and the size of the photo."""
    photo = open_raw(file, path)
    if photo.preview is not None:
        return photo.preview, photo.size
    return developing.develop(file, path), photo.size


def _stored_size(image: "Image.Image", header: Header) -> tuple[int, int]:
    return swapped(image.size, header.orientation) if header.turned else image.size
