"""Opening a picture with the one decoder of its kind; decodes no pixels."""

import importlib
import io
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from album.errors import StrPath
from album.files.kinds import Kind
from album.media import developing, raw
from album.metadata import exif, fields

if TYPE_CHECKING:
    from PIL import Image

_PLUGINS = {
    Kind.JPEG: ("PIL.JpegImagePlugin", "JpegImageFile"),
    Kind.PNG: ("PIL.PngImagePlugin", "PngImageFile"),
    Kind.WEBP: ("PIL.WebPImagePlugin", "WebPImageFile"),
    Kind.AVIF: ("PIL.AvifImagePlugin", "AvifImageFile"),
    Kind.HEIC: ("pillow_heif.as_plugin", "HeifImageFile"),
    Kind.TIFF: ("PIL.TiffImagePlugin", "TiffImageFile"),
    Kind.GIF: ("PIL.GifImagePlugin", "GifImageFile"),
    Kind.BMP: ("PIL.BmpImagePlugin", "BmpImageFile"),
}

_BITS, _SAMPLES, _PLANAR = 0x0102, 0x0115, 0x011C


def open_picture(file: BinaryIO, kind: Kind) -> "Image.Image":
    """Open a picture of any kind but raw; may raise whatever its decoder raises."""
    # Broken tags are no news to the person, and a warning is no way to tell. The filter is one
    # entry of the process-wide list however often it is set; there is no narrower way.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    file.seek(0)
    module, name = _PLUGINS[kind]
    image: Image.Image = getattr(importlib.import_module(module), name)(file)
    if kind is Kind.TIFF:
        _require_order(image)
    return image


def _require_order(image: Any) -> None:
    """Refuse the one layout of TIFF of which Pillow makes noise, without a word."""
    planes = image.tag_v2.get(_PLANAR) == 2 and image.tag_v2.get(_SAMPLES, 1) > 1
    if planes and max(image.tag_v2.get(_BITS, (8,))) > 8:
        raise ValueError("16-bit colours in separate planes are not supported")


@dataclass(frozen=True, slots=True)
class RawPhoto:
    """A raw photo, opened.

    Attributes
    ----------
    size : tuple of int
        Width and height in pixels at full size, as stored.
    tags : dict of str to str
        By the names of `album.metadata.fields`.
    preview : PIL.Image.Image or None
        The JPEG in it, not decoded yet; None where it has to be developed.
    preview_bytes : int
        Of that JPEG.
    """

    size: tuple[int, int]
    tags: dict[str, str]
    preview: "Image.Image | None"
    preview_bytes: int = 0


def open_raw(file: BinaryIO, path: StrPath) -> RawPhoto:
    """Open a raw photo.

    Raises
    ------
    NeedsExtra, TooLarge, Exception
        See `album.media.developing.measure`.
    """
    found = raw.inspect(file)
    tags = exif.read_tags(raw.as_tiff(file))
    for number, block in enumerate(found.exif):
        tags |= exif.read_tags(block, below=number == 1)
    if found.orientation:
        tags["Image Orientation"] = str(found.orientation)
    best = found.preview
    if best is None:
        shown = developing.measure(file, path)
        return RawPhoto(shown.size, tags | {"Image Orientation": str(shown.orientation)}, None)
    image = open_picture(io.BytesIO(raw.preview_data(file, best)), Kind.JPEG)
    return RawPhoto(found.size, fields.still_tags(image.info, None) | tags, image, best.bytes)
