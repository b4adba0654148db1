"""Raw photos, by the JPEG that the camera has put into them.

Nearly every camera stores the photo as it shows it, at full size or nearly, beside what the sensor
saw. Finding it takes a walk over the directories of the file and no decoder but that of JPEG, so it
works without any further package; what holds none, or but a thumbnail, is left to libraw (extra
``raw``), which develops it.

Containers: TIFF 6.0 with the tags of TIFF/EP (ISO 12234-2) and DNG 1.7, among them CR2, NEF, ARW,
PEF, SRW; with other first bytes ORF and RW2; Fujifilm's RAF, whose header points to the JPEG; and
CR3, an ISO base media file (boxes as documented by the canon_cr3 project). Where a directory tells
of no preview, the file is searched for one.
"""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO

from album.metadata.containers import isobmff, jpeg, tiff
from album.metadata.containers.pieces import BadContainer
from album.metadata.containers.tiff import Directory

MIN_SIDE = 1000
"""Longest side in pixels of a preview that is worth looking at; below it is a thumbnail."""
MAX_PREVIEW = 128 << 20
"""Bytes of a preview; a JPEG of 100 megapixels at the best quality has 60 million."""
NEARLY = 0.9
"""A preview this long, of the sensor's length, is the whole photo: the rest is the dark border that
sensors have."""

_CHUNK = 8 << 20
_MAX_FOUND = 64
_MAX_SEGMENTS = 64
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of JPEG's frame headers, which hold the size; above 0xC2 they are rarely decoded."""
_WIDTH, _HEIGHT, _ORIENTATION = 0x0100, 0x0101, 0x0112
_STRIP_AT, _STRIP_BYTES, _JPEG_AT, _JPEG_BYTES = 0x0111, 0x0117, 0x0201, 0x0202
_DEFAULT_CROP, _JPEG_FROM_RAW = 0xC620, 0x002E
_PANASONIC_EDGES = (0x0004, 0x0005, 0x0006, 0x0007)
_MAGIC = {b"IIRO": b"II*\0", b"IIRS": b"II*\0", b"MMOR": b"MM\0*", b"IIU\0": b"II*\0"}
"""What Olympus and Panasonic write in place of the first bytes of a TIFF file."""
_CR3_TAGS = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
_CR3_PREVIEW = bytes.fromhex("eaf42b5e1c984b88b9fbb7dc406e4d16")

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Preview:
    """A JPEG within a file: where it begins, its bytes, its width and height in pixels."""

    at: int
    bytes: int
    size: Size


@dataclass(slots=True)
class Raw:
    """What a raw photo says of itself.

    Attributes
    ----------
    sensor : tuple of int
        Width and height of the largest picture in pixels, as stored; zeros where it is not known.
    orientation : int or None
        EXIF orientation; None where the container does not say.
    exif : list of bytes
        EXIF blocks of containers that are no TIFF.
    previews : list of Preview
        Every JPEG that was found.
    """

    sensor: Size = (0, 0)
    orientation: int | None = None
    exif: list[bytes] = field(default_factory=list)
    previews: list[Preview] = field(default_factory=list)

    @property
    def preview(self) -> Preview | None:
        """The largest JPEG, if it is worth looking at."""
        best = max(self.previews, key=lambda one: one.size[0] * one.size[1], default=None)
        return best if best and max(best.size) >= MIN_SIDE else None

    @property
    def size(self) -> Size:
        """Width and height in pixels of the photo at full size, as stored."""
        best = self.preview
        if best and max(best.size) >= NEARLY * max(self.sensor):
            return best.size
        return self.sensor


def inspect(file: BinaryIO) -> Raw:
    """Walk the directories of a raw photo; decodes nothing, and never raises for what it finds.

    Parameters
    ----------
    file : binary file
        The position is not kept.
    """
    raw = Raw()
    file.seek(0)
    head = file.read(92)
    try:
        if head[4:8] == b"ftyp":
            _read_cr3(file, raw)
        elif head.startswith(b"FUJIFILMCCD-RAW"):
            _add_preview(file, raw, *struct.unpack_from(">II", head, 84))
        elif _MAGIC.get(head[:4], head[:4]) in (b"II*\0", b"MM\0*"):
            _read_tiff(file, raw)
    except (BadContainer, struct.error, IndexError, OverflowError, ValueError):
        pass  # what was found before is of use all the same
    if raw.preview is None:
        for at, end in _starts(file):
            _add_preview(file, raw, at, min(end - at, MAX_PREVIEW))
    return raw


def _starts(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Yield where a JPEG may begin, and the end of the file: what no directory tells of.

    Olympus, Pentax and others note their previews in their own ways, in the maker note.
    """
    end = file.seek(0, 2)
    found = at = 0
    while at < end and found < _MAX_FOUND:
        file.seek(at)
        data = file.read(_CHUNK + 2)
        here = data.find(b"\xff\xd8\xff")
        while 0 <= here < _CHUNK and found < _MAX_FOUND:
            yield at + here, end
            found += 1
            here = data.find(b"\xff\xd8\xff", here + 2)
        at += _CHUNK


def preview_data(file: BinaryIO, preview: Preview) -> bytes:
    """Return the bytes of a JPEG that was found."""
    file.seek(preview.at)
    return file.read(min(preview.bytes, MAX_PREVIEW))


def as_tiff(file: BinaryIO) -> BinaryIO:
    """Return a raw photo with the first bytes of a TIFF file, so that EXIF readers take it."""
    return _AsTiff(file)  # type: ignore[return-value]


class _AsTiff(io.RawIOBase):
    """Reads a file as it is, but for its first four bytes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        file.seek(0)
        head = file.read(4)
        self._head = _MAGIC.get(head, head)
        file.seek(0)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def read(self, size: int = -1) -> bytes:
        at = self._file.tell()
        data = self._file.read(size)
        return self._head[at : at + len(data)] + data[max(0, 4 - at) :] if at < 4 else data


def _read_tiff(file: BinaryIO, raw: Raw) -> None:
    """Walk the directories of a TIFF file."""
    for number, directory in enumerate(tiff.directories(file)):
        if number == 0 and 1 <= directory.number(_ORIENTATION) <= 8:
            raw.orientation = directory.number(_ORIENTATION)
        _measure(directory, raw)
        _add_previews(file, directory, raw)


def _measure(directory: Directory, raw: Raw) -> None:
    size = directory.number(_WIDTH), directory.number(_HEIGHT)
    crop = directory.numbers(_DEFAULT_CROP)
    if len(crop) == 2 and 0 < crop[0] <= size[0] and 0 < crop[1] <= size[1]:
        size = crop[0], crop[1]
    top, left, bottom, right = (directory.number(tag) for tag in _PANASONIC_EDGES)
    if size == (0, 0) and bottom > top and right > left:
        size = right - left, bottom - top
    if size[0] * size[1] > raw.sensor[0] * raw.sensor[1]:
        raw.sensor = size


def _add_previews(file: BinaryIO, directory: Directory, raw: Raw) -> None:
    for at, size in ((_JPEG_AT, _JPEG_BYTES), (_STRIP_AT, _STRIP_BYTES)):
        # A preview in several strips is no JPEG that could be handed over as it is.
        if len(directory.numbers(at)) == len(directory.numbers(size)) == 1:
            _add_preview(file, raw, directory.number(at), directory.number(size))
    embedded = directory.entry(_JPEG_FROM_RAW)
    if embedded and embedded.kind == tiff.UNDEFINED:
        _add_preview(file, raw, directory.place(embedded), embedded.length)


def _add_preview(file: BinaryIO, raw: Raw, at: int, size: int) -> None:
    picture = _jpeg_size(file, at)
    if picture and 0 < size <= MAX_PREVIEW:
        raw.previews.append(Preview(at, size, picture))


def _jpeg_size(file: BinaryIO, at: int) -> Size | None:
    """Return the size of a JPEG that can be shown; None for anything else.

    What the sensor saw is often packed as lossless JPEG, which is no picture to be shown.
    """
    try:
        for segment in islice(jpeg.walk(file, at), _MAX_SEGMENTS):
            if segment.marker in _FRAMES:
                bits, height, width, parts = struct.unpack(
                    ">BHHB", segment.head[:6].ljust(6, b"\0")
                )
                shown = segment.marker <= 0xC2 and bits == 8 and parts in (1, 3)
                return (width, height) if shown and width and height else None
    except BadContainer:
        pass
    return None


def _read_cr3(file: BinaryIO, raw: Raw) -> None:
    for box in isobmff.boxes(file):
        if box.name == b"moov":
            _read_moov(file, raw, isobmff.read(file, box))
        elif box.name == b"uuid":
            file.seek(box.start)
            if file.read(16) == _CR3_PREVIEW:
                _add_cr3_preview(file, raw, box.start + 24)


def _add_cr3_preview(file: BinaryIO, raw: Raw, start: int) -> None:
    """Add the JPEG of a PRVW box: 16 bytes of other numbers, its length, and itself."""
    file.seek(start)
    _, name, *_, length = struct.unpack(">I4sIHHHHI", file.read(24))
    if name == b"PRVW":
        _add_preview(file, raw, start + 24, length)


def _read_moov(file: BinaryIO, raw: Raw, moov: bytes) -> None:
    for name, data in isobmff.parse(moov):
        if name == b"uuid" and data[:16] == _CR3_TAGS:
            found = dict(isobmff.parse(data[16:]))
            # The directory of the photo, and the one that EXIF hangs below it.
            raw.exif = [found[one] for one in (b"CMT1", b"CMT2") if one in found]
            for block in raw.exif[:1]:
                inner = Raw()
                _read_tiff(io.BytesIO(block), inner)
                raw.orientation, raw.sensor = inner.orientation, inner.sensor
        elif name == b"trak":
            for at, size in _samples(data):
                _add_preview(file, raw, at, size)


def _samples(trak: bytes) -> Iterator[tuple[int, int]]:
    """Yield where the first piece of a track lies, and its bytes."""
    data = trak
    for name in (b"mdia", b"minf", b"stbl"):
        data = dict(isobmff.parse(data)).get(name, b"")
    table = dict(isobmff.parse(data))
    sizes = table.get(b"stsz", b"").ljust(16, b"\0")
    same, count, first = struct.unpack_from(">III", sizes, 4)
    wide, narrow = table.get(b"co64"), table.get(b"stco")
    if count and (wide or narrow):
        at = (
            struct.unpack_from(">Q", wide, 8)
            if wide
            else struct.unpack_from(">I", narrow or b"", 8)
        )
        yield at[0], same or first
