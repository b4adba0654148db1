"""Raw photos without a preview, developed by libraw: the extra ``raw``."""

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from album.errors import Damaged, NeedsExtra, StrPath, TooLarge, Unsupported

if TYPE_CHECKING:
    from PIL import Image

MAX_PIXELS = 100_000_000
"""Of the sensor; libraw needs about 5 bytes for each."""
MAX_BYTES = 512 << 20
_ORIENTATION = {0: 1, 3: 3, 5: 8, 6: 6}
"""EXIF orientation by libraw's number for a turn."""


@dataclass(frozen=True, slots=True)
class Developed:
    """What libraw says of a raw photo: size as stored and EXIF orientation."""

    size: tuple[int, int]
    orientation: int


def available() -> bool:
    """Tell whether the extra is installed."""
    return importlib.util.find_spec("rawpy") is not None


def measure(file: BinaryIO, path: StrPath) -> Developed:
    """Read the size of a raw photo; decodes nothing.

    Raises
    ------
    NeedsExtra
        libraw is not installed.
    TooLarge
        The photo would take too much memory.
    Exception
        Whatever libraw raises, see `album.metadata.decoder_errors.translated`.
    """
    with _opened(file, path) as photo:
        sizes = photo.sizes
        return Developed((sizes.width, sizes.height), _ORIENTATION.get(sizes.flip, 1))


def develop(file: BinaryIO, path: StrPath) -> "Image.Image":
    """Develop a raw photo at half of its size, as stored, in sRGB; errors as `measure`."""
    from PIL import Image

    with _opened(file, path) as photo:
        how = {"half_size": True, "use_camera_wb": True, "output_bps": 8, "user_flip": 0}
        return Image.fromarray(photo.postprocess(**how))


@contextmanager
def _opened(file: BinaryIO, path: StrPath) -> Iterator[Any]:
    if not available():
        raise NeedsExtra(path)
    import rawpy

    size = file.seek(0, 2)
    if size > MAX_BYTES:
        raise TooLarge(path, f"{size:,} bytes")
    file.seek(0)
    try:
        with rawpy.imread(file) as photo:
            sizes = photo.sizes
            if sizes.raw_width * sizes.raw_height > MAX_PIXELS:
                raise TooLarge(path, f"{sizes.raw_width} x {sizes.raw_height} pixels")
            yield photo
    except rawpy.LibRawError as error:
        if "nsupported" in str(error):
            raise Unsupported(path, "libraw does not read it") from error
        raise Damaged(path) from error  # libraw calls everything an input/output error
