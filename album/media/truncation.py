"""Files cut short in ways that their decoders do not mind, told without decoding."""

import os
import re
from typing import BinaryIO

from album.errors import StrPath, Truncated
from album.files.kinds import Kind

_TAIL = 64
_MARKER = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")
"""Not the zero that follows a 255 of packed data, nor the restarts within them."""
_END = 0xD9


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
    file.seek(0)
    data = file.read()
    if not _ends(data):
        raise Truncated(path, "zeros in place of its end")


def _ends(data: bytes) -> bool:
    """Tell whether the first picture of a JPEG has an end, walking from marker to marker."""
    at = 2
    while marker := _MARKER.search(data, at):
        kind = data[marker.end() - 1]
        if kind == _END:
            return True
        # Every other marker has a length; packed data after a start of scan hold no marker.
        at = marker.end() + int.from_bytes(data[marker.end() : marker.end() + 2], "big")
    return False


def _check_webp(file: BinaryIO, path: StrPath) -> None:
    file.seek(4)
    stated = int.from_bytes(file.read(4), "little") + 8
    # Some writers count the padding byte of an odd length and leave it out.
    if stated > os.fstat(file.fileno()).st_size + 1:
        raise Truncated(path)
