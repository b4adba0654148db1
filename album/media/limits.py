"""How large a picture may be: asked before any pixel is decoded."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock

from album.errors import Damaged, StrPath, TooLarge
from album.files.kinds import Kind

PATIENCE_S = 30.0
"""How long a large picture waits for another one, which may hang."""
_REDUCED = frozenset((Kind.JPEG, Kind.RAW))
"""Kinds that can be decoded at reduced scale; of a raw photo, the JPEG in it."""
_large = Lock()


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be opened.

    Attributes
    ----------
    pixels : int
        Pixels of the stored picture.
    decoded_pixels : int
        Pixels held in memory at once, 3 bytes each and up to twice that while they are turned.
        A larger JPEG is decoded at reduced scale; of another kind it is refused. Of WebP half as
        many, whose decoder takes 16 bytes for each.
    side : int
        Pixels of the longer side.
    ratio : float
        Bytes of the decoded picture for each byte of the file, asked of pictures of more than
        `ratio_pixels` pixels only: a small one does no harm, however well it is packed.
    ratio_pixels : int
        See `ratio`.
    large_pixels : int
        Of pictures that take more than these pixels in memory, one is decoded at a time.
    """

    pixels: int = 300_000_000
    decoded_pixels: int = 100_000_000
    side: int = 65_535
    ratio: float = 1000.0
    ratio_pixels: int = 25_000_000
    large_pixels: int = 25_000_000


LIMITS = Limits()


def check(
    kind: Kind, size: tuple[int, int], file_bytes: int, limits: Limits, path: StrPath
) -> None:
    """Refuse a picture that is beyond the limits.

    Parameters
    ----------
    kind : Kind
    size : tuple of int
        Width and height in pixels, as stored.
    file_bytes : int
        Of the file, or of the picture in it.
    limits : Limits
    path : str or PathLike
        For messages.

    Raises
    ------
    Damaged
        There are no pixels.
    TooLarge
        There are too many.
    """
    width, height = size
    if min(width, height) < 1:
        raise Damaged(path, "a picture without pixels")
    pixels = width * height
    if pixels > limits.pixels or max(width, height) > limits.side:
        raise TooLarge(path, pixels_text(size))
    if pixels > limits.ratio_pixels and 3 * pixels > limits.ratio * max(file_bytes, 1):
        raise TooLarge(path, f"{pixels_text(size)} in {file_bytes:,} bytes")
    most = limits.decoded_pixels // 2 if kind is Kind.WEBP else limits.decoded_pixels
    if kind not in _REDUCED and pixels > most:
        raise TooLarge(path, pixels_text(size))


def pixels_text(size: tuple[int, int]) -> str:
    """Write a size for the middle of a sentence."""
    return f"{size[0]} x {size[1]} pixels"


@contextmanager
def room_for(size: tuple[int, int], limits: Limits) -> Iterator[None]:
    """Let large pictures be decoded one at a time, whatever the number of threads."""
    large = size[0] * size[1] > limits.large_pixels
    alone = large and _large.acquire(timeout=PATIENCE_S)
    try:
        yield
    finally:
        if alone:
            _large.release()
