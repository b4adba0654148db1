"""Detect, without decoding, files cut short in ways that their decoders accept."""

import os
from typing import BinaryIO

from album.errors import StrPath, Truncated
from album.files.kinds import Kind
from album.metadata.containers import jpeg, webp

_TAIL = 64


def check(file: BinaryIO, kind: Kind, path: StrPath) -> None:
    """Refuse a JPEG that ends in nothing but zeros, and a WebP shorter than it says it is.

    Raises
    ------
    Truncated
        When the picture would be decoded in part, and the rest made up.
    """
    if kind is Kind.JPEG:
        _check_jpeg(file, path)
    elif kind is Kind.WEBP:
        _check_webp(file, path)


def _check_jpeg(file: BinaryIO, path: StrPath) -> None:
    """Look for the end of the picture where the file ends in zeros.

    A copy that was interrupted has its full size and zeros for what never came. They decode, to
    grey. Zeros after the end of the picture are harmless: cameras pad their files, and put previews
    there that have markers of their own.
    """
    size = os.fstat(file.fileno()).st_size
    file.seek(max(0, size - _TAIL))
    if file.read(_TAIL).strip(b"\0"):
        return
    if not jpeg.has_end(file):
        raise Truncated(path, "zeros in place of its end")


def _check_webp(file: BinaryIO, path: StrPath) -> None:
    # Some writers count the padding byte of an odd length and leave it out.
    if webp.stated_size(file) > os.fstat(file.fileno()).st_size + 1:
        raise Truncated(path)
