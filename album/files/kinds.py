"""Detect what a file is, by its content and never by its name.

Magic numbers: the formats' own specifications; ISO base media brands: the MP4 Registration
Authority (mp4ra.org); raw formats: the signatures that dcraw and libraw document.
"""

import struct
from enum import StrEnum
from pathlib import PurePath
from typing import BinaryIO

from album.errors import Empty, StrPath, reading
from album.metadata.containers import isobmff, tiff
from album.metadata.containers.pieces import BadContainer
from album.metadata.regular_files import open_regular

HEAD = 512
"""Bytes that are enough to tell every kind but raw photos in a TIFF container."""


class Kind(StrEnum):
    """Kinds of files as they are stored in the library."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    HEIC = "heic"
    AVIF = "avif"
    TIFF = "tiff"
    GIF = "gif"
    BMP = "bmp"
    RAW = "raw"
    CLIP = "clip"
    OTHER = "other"
    """Anything else: sidecars, documents, sound. Ignored unless the name promises a picture."""


STILLS = frozenset(Kind) - {Kind.CLIP, Kind.OTHER}


def _suffixes(names: str) -> frozenset[str]:
    return frozenset("." + name for name in names.split())


STILL_SUFFIXES = _suffixes(
    "jpg jpeg jpe jfif mpo png apng webp heic heif hif avif tif tiff gif bmp dib jxl jp2 psd"
)
RAW_SUFFIXES = _suffixes(
    "3fr arw cr2 cr3 crw dcr dng erf fff iiq kdc mef mos mrw nef nrw orf pef raf raw rw2 rwl sr2 "
    "srf srw x3f"
)
CLIP_SUFFIXES = _suffixes("3g2 3gp asf avi flv m2ts m4v mkv mov mp4 mpeg mpg mts webm wmv")
LIVE_STILL_SUFFIXES = (".heic", ".heif", ".jpg", ".jpeg")
"""Of the still of a Live Photo, the likeliest first."""

_STARTS = (
    (b"\xff\xd8\xff", Kind.JPEG),
    (b"\x89PNG\r\n\x1a\n", Kind.PNG),
    (b"GIF87a", Kind.GIF),
    (b"GIF89a", Kind.GIF),
    (b"II*\0", Kind.TIFF),
    (b"MM\0*", Kind.TIFF),
    (b"II+\0", Kind.TIFF),
    (b"MM\0+", Kind.TIFF),
    (b"IIRO", Kind.RAW),
    (b"IIRS", Kind.RAW),
    (b"MMOR", Kind.RAW),
    (b"IIU\0", Kind.RAW),
    (b"II\x1a\0\0\0HEAPCCDR", Kind.RAW),
    (b"FUJIFILMCCD-RAW", Kind.RAW),
    (b"FOVb", Kind.RAW),
    (b"\0MRM", Kind.RAW),
    (b"\x1aE\xdf\xa3", Kind.CLIP),
    (b"\0\0\x01\xba", Kind.CLIP),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Kind.CLIP),
    (b"FLV\x01", Kind.CLIP),
)
_KNOWN_AND_NOT_READ = (
    (b"\0\0\0\x0cjP  \r\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\0\0\0\x0cJXL \r\n", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
    (b"8BPS", "Photoshop"),
    (b"<svg", "SVG"),
    (b"%PDF", "PDF"),
)
_RIFF = {b"WEBP": Kind.WEBP, b"AVI ": Kind.CLIP}
_HEIC_BRANDS = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"))
_AVIF_BRANDS = frozenset((b"avif", b"avis"))
_IMAGE_CONTAINERS = frozenset((b"mif1", b"mif2", b"msf1", b"miaf", b"1pic"))
_NO_PICTURE_BRANDS = frozenset((b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B ", b"aax ", b"jp2 "))
_OLD_QUICKTIME = frozenset((b"moov", b"mdat", b"wide", b"pnot", b"skip", b"free"))

_NEW_SUBFILE_TYPE, _DNG_VERSION = 0x00FE, 0xC612


def promises_media(path: StrPath) -> bool:
    """Tell whether the name of a file makes a person expect a picture or a clip."""
    return PurePath(path).suffix.lower() in STILL_SUFFIXES | RAW_SUFFIXES | CLIP_SUFFIXES


def name_of_other(head: bytes) -> str:
    """Return the name of a format of pictures that is not read; empty for anything else."""
    return next((name for start, name in _KNOWN_AND_NOT_READ if head.startswith(start)), "")


def kind_of_head(head: bytes) -> Kind:
    """Tell the kind of a file by its first bytes (`HEAD` of them are enough).

    A raw photo in a TIFF container is called TIFF here; `kind_of` looks further.
    """
    for start, kind in _STARTS:
        if head.startswith(start):
            return kind
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12], Kind.OTHER)
    if head[4:8] == b"ftyp":
        return _kind_of_brands(head)
    if head[4:8] in _OLD_QUICKTIME or _is_transport_stream(head):
        return Kind.CLIP
    return Kind.BMP if _is_bitmap(head) else Kind.OTHER


def kind_of(file: BinaryIO, path: StrPath) -> Kind:
    """Tell the kind of an open file; leaves the position at its start.

    Raises
    ------
    Empty
        When the file holds no bytes, and its name promises a picture or a clip.
    """
    file.seek(0)
    head = file.read(HEAD)
    if not head and promises_media(path):
        raise Empty(path)
    kind = kind_of_head(head)
    # Most raw formats are TIFF files. Two tags give them away; where they do not, the name decides,
    # since nothing else could.
    if kind is Kind.TIFF and (
        head[8:10] == b"CR"
        or PurePath(path).suffix.lower() in RAW_SUFFIXES
        or _is_raw_tiff(file, head)
    ):
        kind = Kind.RAW
    file.seek(0)
    return kind


def read_kind(path: StrPath) -> Kind:
    """Tell the kind of a file.

    Raises
    ------
    Empty, Vanished, Unreadable
        When there is nothing to read.
    """
    with reading(path), open_regular(path) as file:
        return kind_of(file, path)


def _kind_of_brands(head: bytes) -> Kind:
    major, brands = isobmff.brands(head)
    if major == b"crx ":
        return Kind.RAW
    if major in _AVIF_BRANDS or (major in _IMAGE_CONTAINERS and brands & _AVIF_BRANDS):
        return Kind.AVIF
    if major in _HEIC_BRANDS | _IMAGE_CONTAINERS:
        return Kind.HEIC
    return Kind.OTHER if major in _NO_PICTURE_BRANDS or major == b"jxl " else Kind.CLIP


def _is_transport_stream(head: bytes) -> bool:
    """MPEG-2 transport stream: a sync byte every 188 bytes, or every 192 with a time code."""
    return any(head[at : at + 2 * step + 1 : step] == b"GGG" for at, step in ((0, 188), (4, 192)))


def _is_bitmap(head: bytes) -> bool:
    # Two letters start many texts too; the size of the second header does not.
    return head[:2] == b"BM" and head[14:18] in {
        struct.pack("<I", n) for n in (12, 16, 40, 52, 56, 64, 108, 124)
    }


def _is_raw_tiff(file: BinaryIO, head: bytes) -> bool:
    """Look for a DNG version, or a first picture that is but a thumbnail of those below it."""
    if head[2:4] not in (b"*\0", b"\0*"):
        return False
    try:
        directory = tiff.first_directory(file)
        if directory.entry(_DNG_VERSION):
            return True
        below = directory.entry(tiff.SUB_IFDS) is not None
        return below and directory.number(_NEW_SUBFILE_TYPE) == 1
    except BadContainer:
        return False
