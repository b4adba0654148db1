"""What a photo or clip says of itself before any pixel is decoded: kind, size, turn, dates.

The decoder is chosen by the content (`album.files.kinds`) and called by name; Pillow's guessing,
and its limits, which are settings of the whole process, stay out of it. Limits are checked before
pixels. What any decoder raises becomes an `AlbumError` with the path
(`album.metadata.decoder_errors`).
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

from album.errors import Ignored, NotAPhoto, StrPath, Unsupported, reading
from album.files.kinds import HEAD, Kind, kind_of, name_of_other, promises_media
from album.media import heif, motion, truncation
from album.media.clips.header import find_picture, open_clip
from album.media.limits import LIMITS, Limits, check
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
        return swapped(self.stored_size, self.orientation)


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
    size = swapped(image.size, turn) if turned else image.size
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


def _tiff_orientation(image: Any) -> int:
    """Return the orientation that Pillow will apply to a TIFF by itself."""
    return exif.orientation({"Image Orientation": str(image.tag_v2.get(0x0112))})


def swapped(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Return the size of a picture once an EXIF orientation is applied."""
    return (size[1], size[0]) if orientation >= 5 else size


def _clip_header(file: BinaryIO, path: StrPath, sidecar: Mapping[str, str]) -> Header:
    with open_clip(file) as container:
        try:
            found = find_picture(container, path)
        except NotAPhoto as error:
            raise (error if promises_media(path) else Ignored(path, "sound only")) from error
        tags = fields.clip_tags(container.metadata, found.stream.metadata)
    return Header(Kind.CLIP, found.size, tags=tags | dict(sidecar), seconds=found.seconds)
