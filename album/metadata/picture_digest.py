"""What a file is known by: the digest of its content, and that of the coded picture in it.

Programs that edit metadata (ratings, keywords, the orientation, faces, thumbnails, colour profiles)
copy the coded picture as it is. The digest of the picture is of those bytes alone, so that a photo
stays itself whatever was written around it. Both are computed in one pass over the file.
"""

import errno
import struct
from dataclasses import dataclass
from io import BufferedReader

from xxhash import xxh3_128

from album.errors import StrPath
from album.metadata.containers import png
from album.metadata.digests import boxed, stills, tiffs
from album.metadata.digests.one_pass import OnePass, reading_once
from album.metadata.digests.ranges import Take, taking

_HEAD = 16
_BAD_PLACES = frozenset((errno.EINVAL, errno.EOVERFLOW, errno.EFBIG))
"""What the system says when a file is asked for a place that it can't have."""
_TIFF, _ISOBMFF, _JXL = (
    taking(plan) for plan in (tiffs.tiff_pieces, boxed.isobmff_pieces, boxed.jxl_pieces)
)
_STARTS: tuple[tuple[bytes, str, Take], ...] = (
    (b"\xff\xd8\xff", "jpeg", stills.take_jpeg),
    (png.SIGNATURE, "png", stills.take_png),
    *(
        (start, "tiff", _TIFF)
        for start in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"IIRO", b"IIRS", b"MMOR", b"IIU\0")
    ),
    (b"FUJIFILMCCD-RAW", "raf", taking(tiffs.raf_pieces)),
    (b"\x1aE\xdf\xa3", "matroska", taking(boxed.matroska_pieces)),
    (b"\xff\x0a", "jxl", _JXL),
    (b"\0\0\0\x0cJXL \r\n", "jxl", _JXL),
    (b"\0\0\0\x0cjP  \r\n", "jp2", taking(boxed.jp2_pieces)),
)
_RIFF = {
    b"WEBP": ("webp", taking(stills.webp_pieces)),
    b"AVI ": ("avi", taking(boxed.avi_pieces)),
}
_BOXES = frozenset((b"ftyp", b"moov", b"mdat", b"wide", b"pnot", b"skip", b"free"))


@dataclass(frozen=True, slots=True)
class Digests:
    """What a file is known by.

    Attributes
    ----------
    content : str
        BLAKE2b of all its bytes, 160 bits, as 40 hexadecimal digits.
    picture : str
        The family of its format and XXH3 of its coded picture, 128 bits: ``jpeg-`` and 32
        hexadecimal digits. The same as `content` where the picture can't be told from the rest.
    """

    content: str
    picture: str


def digests(path: StrPath) -> Digests:
    """Return what a file is known by; never raises for what is in it.

    Raises
    ------
    Vanished, Unreadable
        When the file cannot be read.
    StillChanging
        When it changed while it was read.
    """
    with reading_once(path) as (file, source):
        picture = _picture(file, source)
        content = source.finish()
    return Digests(content, picture or content)


def content_digest(path: StrPath) -> str:
    """Return `Digests.content` alone, a little faster; errors as `digests`."""
    with reading_once(path) as (_, source):
        return source.finish()


def _picture(file: BufferedReader, source: OnePass) -> str:
    """Return the digest of the picture; empty where it can't be told from the rest."""
    name, take = _format(file.read(_HEAD))
    if take is None:
        return ""
    picture = xxh3_128()
    try:
        take(file, source, picture)
    except (ValueError, LookupError, OverflowError, struct.error):
        return ""
    except OSError as error:
        if error.errno not in _BAD_PLACES:
            raise
        return ""
    return f"{name}-{picture.hexdigest()}"


def _format(head: bytes) -> tuple[str, Take | None]:
    """Return the family of a format by its first bytes, and what takes its picture."""
    for start, name, take in _STARTS:
        if head.startswith(start):
            return name, take
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12], ("", None))
    return ("isobmff", _ISOBMFF) if head[4:8] in _BOXES else ("", None)
