"""From a file to an upright RGB array: header first, limits before pixels, one decode.

The decoder is chosen by the content (`album.files.kinds`) and called by name; Pillow's guessing,
and its limits, which are settings of the whole process, stay out of it. What any decoder raises
becomes an `AlbumError` with the path (`album.metadata.decoder_errors`).
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from album.errors import (
    Ignored,
    NotAPhoto,
    StillChanging,
    StrPath,
    TooLarge,
    Unsupported,
    reading,
)
from album.files.kinds import HEAD, STILLS, Kind, kind_of, name_of_other, promises_media
from album.media import colour, developing, heif, motion, truncation
from album.media.clips.header import find_picture, open_clip
from album.media.limits import LIMITS, Limits, check, pixels_text, room_for
from album.media.opening import RawPhoto, open_picture, open_raw
from album.metadata import exif, fields
from album.metadata.containers import webp
from album.metadata.decoder_errors import translated
from album.metadata.regular_files import open_regular
from album.metadata.sidecars import neighbours

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of itself before any pixel is decoded.

    Attributes
    ----------
    kind : Kind
        By content.
    stored_size : tuple of int
        Width and height in pixels as stored, before any turn; what face regions in XMP refer to.
    orientation : int
        EXIF orientation 1 to 8 that makes the stored picture upright, from EXIF or from the
        container, whichever is to be believed. 1 for clips, whose turn belongs to their frames.
    turned : bool
        The decoder itself turns the picture (HEIF with `irot`, TIFF).
    tags : mapping of str to str
        What bears on the date, by the names of `album.metadata.fields`.
    seconds : float or None
        Length of a clip, where it says so.
    motion : bool
        A still with a clip behind it in the same file.
    """

    kind: Kind
    stored_size: tuple[int, int]
    orientation: int = 1
    turned: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    seconds: float | None = None
    motion: bool = False

    @property
    def upright_size(self) -> tuple[int, int]:
        """Width and height in pixels of the upright picture."""
        return _swapped(self.stored_size, self.orientation)


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


def read_header(
    path: StrPath, *, limits: Limits = LIMITS, names: frozenset[str] | None = None
) -> Header:
    """Read kind, size, orientation and dates of a photo or clip, and check its limits.

    Parameters
    ----------
    path : str or PathLike
        The file.
    limits : Limits, optional
        What may be opened.
    names : frozenset of str, optional
        All names in its folder, to look for a sidecar; else the folder is listed, once.

    Raises
    ------
    Vanished, Unreadable, Empty
        There is nothing to read.
    Ignored
        No picture or clip by content nor by name.
    NotAPhoto, Unsupported
        The content is not what the name says, or of a kind that is not read.
    TooLarge
        The picture is beyond `limits`.
    Truncated, Damaged
        The header makes no sense.
    """
    with reading(path), open_regular(path) as file:
        kind = kind_of(file, path)
        _require_readable(kind, file, path)
        beside = neighbours(os.fspath(path)) if names is None else names
        sidecar = fields.sidecar_tags(os.fspath(path), beside)
        with translated(path):
            if kind is Kind.CLIP:
                return _clip_header(file, path, sidecar)
            file_bytes = os.fstat(file.fileno()).st_size
            if kind is Kind.RAW:
                return _raw_header(open_raw(file, path), file_bytes, sidecar, limits, path)
            truncation.check(file, kind, path)
            # Its decoder takes memory for the pixels as soon as it is opened.
            if kind is Kind.WEBP and (size := webp.picture_size(file)):
                check(kind, size, file_bytes, limits, path)
            header = _still_header(open_picture(file, kind), kind, file, sidecar)
        check(kind, header.stored_size, file_bytes, limits, path)
        return header


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


def _require_readable(kind: Kind, file: BinaryIO, path: StrPath) -> None:
    if kind is not Kind.OTHER:
        return
    if not promises_media(path):
        raise Ignored(path)
    if name := name_of_other(file.read(HEAD)):
        raise Unsupported(path, name)
    raise NotAPhoto(path, "going by its content")


def _still_header(
    image: "Image.Image", kind: Kind, file: BinaryIO, sidecar: Mapping[str, str]
) -> Header:
    info = dict(image.info)
    tags = fields.still_tags(info, file if kind is Kind.TIFF else None) | dict(sidecar)
    if kind is Kind.HEIC and info.get("original_orientation"):
        # The plugin resets the orientation in its copy of the EXIF block and keeps it here.
        tags["Image Orientation"] = str(info["original_orientation"])
    turn, turned = fields.orientation(tags), False
    if kind is Kind.TIFF:
        turn, turned = _tiff_orientation(image), True
    elif kind in (Kind.HEIC, Kind.AVIF):
        prescribed = heif.container_orientation(file)
        turned = kind is Kind.HEIC and prescribed is not None
        turn = prescribed or turn
    size = _swapped(image.size, turn) if turned else image.size
    moving = motion.is_motion_photo(file, kind, fields.xmp_packet(info))
    return Header(kind, size, turn, turned, tags, motion=moving)


def _raw_header(
    photo: RawPhoto, file_bytes: int, sidecar: Mapping[str, str], limits: Limits, path: StrPath
) -> Header:
    tags = photo.tags | dict(sidecar)
    header = Header(Kind.RAW, photo.size, fields.orientation(tags), tags=tags)
    check(Kind.RAW, photo.size, file_bytes, limits, path)
    if photo.preview is not None:
        check(Kind.JPEG, photo.preview.size, photo.preview_bytes, limits, path)
    return header


def _raw_picture(file: BinaryIO, path: StrPath) -> tuple["Image.Image", tuple[int, int]]:
    """Return the picture of a raw photo, which may be smaller, and the size of the photo."""
    photo = open_raw(file, path)
    if photo.preview is not None:
        return photo.preview, photo.size
    return developing.develop(file, path), photo.size


def _tiff_orientation(image: Any) -> int:
    """Return the orientation that Pillow will apply to a TIFF by itself."""
    return exif.orientation({"Image Orientation": str(image.tag_v2.get(0x0112))})


def _stored_size(image: "Image.Image", header: Header) -> tuple[int, int]:
    return _swapped(image.size, header.orientation) if header.turned else image.size


def _swapped(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    return (size[1], size[0]) if orientation >= 5 else size


def _clip_header(file: BinaryIO, path: StrPath, sidecar: Mapping[str, str]) -> Header:
    with open_clip(file) as container:
        try:
            found = find_picture(container, path)
        except NotAPhoto as error:
            raise (error if promises_media(path) else Ignored(path, "sound only")) from error
        tags = fields.clip_tags(container.metadata, found.stream.metadata)
    return Header(Kind.CLIP, found.size, tags=tags | dict(sidecar), seconds=found.seconds)
