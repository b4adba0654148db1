"""XMP in JPEG files (XMP part 3, 1.1.3): a main packet, and extended XMP where it got too large."""

import hashlib
import io
import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from album.metadata.containers import tiff
from album.metadata.containers.pieces import BadContainer, Kept, Piece, exactly
from album.metadata.xmp import MAX_PACKET

MAIN = b"http://ns.adobe.com/xap/1.0/\0"
EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"
MAX_MAIN = 65_533 - len(MAIN)
_CHUNK = 65_000
_GUID = 32
_NOTE = b"HasExtendedXMP"
_MP_ENTRY = 0xB002
_APP0, _APP1, _APP2, _SOS, _EOI = 0xE0, 0xE1, 0xE2, 0xDA, 0xD9
_ALONE = frozenset((0x01, *range(0xD0, 0xD8)))
_HEAD = 80
_BLOCK = 1 << 16
_NEXT = re.compile(rb"\xff+[^\xff]")
_IN_DATA = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""Not the zero that follows a 255 of packed data, nor the restarts within them. What fills up
before a marker is left out of the pattern, with which the search takes ten times as long."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A marker segment of the header.

    `head` are the first bytes of its content; `start` and `end` include the marker.
    """

    marker: int
    start: int
    content: int
    end: int
    head: bytes

    @property
    def is_main(self) -> bool:
        """Whether it holds the main packet."""
        return self.marker == _APP1 and self.head.startswith(MAIN)

    @property
    def is_extension(self) -> bool:
        """Whether it holds a part of an extended packet."""
        return self.marker == _APP1 and self.head.startswith(EXTENSION)

    @property
    def guid(self) -> bytes:
        """The name of the extended packet of which it holds a part."""
        return self.head[len(EXTENSION) : len(EXTENSION) + _GUID]


def walk(file: BinaryIO, start: int = 0, *, resync: bool = False) -> Iterator[Segment]:
    """Yield the marker segments of a JPEG, up to the one with which the picture's data start.

    Parameters
    ----------
    file : binary file
    start : int
        Where the JPEG begins in the file.
    resync : bool
        Go on through the picture's data to its end, and over bytes that belong to no segment, as
        decoders do.

    Raises
    ------
    BadContainer
        It begins like none, is cut short, or its segments do not follow each other.
    """
    file.seek(start)
    if file.read(2) != b"\xff\xd8":
        raise BadContainer("it does not begin like a JPEG")
    at = start + 2
    while True:
        marker, content = _marker(file, at, resync)
        if marker == _EOI or (marker == _SOS and not resync):
            yield Segment(marker, at, content, content, b"")
            return
        if marker in _ALONE:
            at = content
            continue
        file.seek(content)
        (length,) = struct.unpack(">H", exactly(file, 2))
        if length < 2 and not resync:
            raise BadContainer("a segment has no length")
        head = file.read(min(_HEAD, max(0, length - 2)))
        yield Segment(marker, at, content + 2, content + length, head)
        at = content + length


def _marker(file: BinaryIO, at: int, resync: bool) -> tuple[int, int]:
    """Return the next marker, and where what belongs to it begins."""
    size = _BLOCK if resync else 4
    while True:
        file.seek(at)
        data = file.read(size)
        found = _IN_DATA.search(data) if resync else _NEXT.match(data)
        if found:
            return data[found.end() - 1], at + found.end()
        if not resync and data.strip(b"\xff"):
            raise BadContainer("its segments do not follow each other")
        if len(data) < size:
            raise BadContainer("it is cut short")
        at += size - 1  # the last byte may begin a marker
        size = _BLOCK


def segments(file: BinaryIO) -> list[Segment]:
    """Return the segments before the picture's data."""
    return [segment for segment in walk(file) if segment.marker not in (_SOS, _EOI)]


def has_end(file: BinaryIO) -> bool:
    """Tell whether the first picture of a JPEG has an end, whatever follows it."""
    try:
        return any(segment.marker == _EOI for segment in walk(file, resync=True))
    except BadContainer:
        return False


def read(file: BinaryIO) -> list[bytes]:
    """Return the main packet and the extended one, as far as they are there."""
    parts = segments(file)
    main = next((part for part in parts if part.is_main), None)
    if main is None:
        return []
    packet = _content(file, main)[len(MAIN) :]
    extended = _extended(file, parts, packet)
    return [packet, extended] if extended else [packet]


def _content(file: BinaryIO, part: Segment) -> bytes:
    file.seek(part.content)
    return exactly(file, part.end - part.content)


def _extended(file: BinaryIO, parts: Sequence[Segment], packet: bytes) -> bytes:
    """Return the extended packet that the main one names, empty where it is not complete."""
    chunks: dict[int, bytes] = {}
    total = 0
    for part in parts:
        if part.is_extension and _NOTE in packet and part.guid in packet:
            data = _content(file, part)[len(EXTENSION) + _GUID :]
            total, offset = struct.unpack_from(">II", data.ljust(8, b"\0"))
            chunks[offset] = data[8:]
    data = b"".join(chunks[offset] for offset in sorted(chunks))
    return data if 0 < len(data) == total <= MAX_PACKET else b""


def guid(extended: bytes) -> str:
    """Return the name by which a main packet refers to its extended one: MD5, in capitals."""
    return hashlib.md5(extended, usedforsecurity=False).hexdigest().upper()


def rewrite(file: BinaryIO, packets: Sequence[bytes]) -> list[Piece]:
    """Return the file with other packets: the main one, and the extended one where there is one.

    Everything else stays as it is, byte for byte; only offsets of further pictures (CIPA DC-007)
    are put right when the main packet lies after their index.

    Raises
    ------
    BadContainer
        The main packet is too large, or the file makes no sense.
    """
    if packets and len(packets[0]) > MAX_MAIN:
        raise BadContainer("its XMP is too large for a JPEG")
    parts = segments(file)
    new = _made(packets)
    at = _place(parts)
    replaced = [part for part in parts if _is_replaced(parts, part)]
    index = next((p for p in parts if p.marker == _APP2 and p.head.startswith(b"MPF\0")), None)
    edits: list[tuple[int, int, bytes]] = [(at, at, new)]
    edits += [(part.start, part.end, b"") for part in replaced]
    if index is not None:
        base = index.content + 4
        moved = sum(len(data) - (end - start) for start, end, data in edits if start >= base)
        if moved:
            content = _content(file, index)
            edits.append((index.content, index.end, _moved_index(content, moved)))
    return _edited(sorted(edits, key=lambda edit: edit[:2]))


def _is_replaced(parts: Sequence[Segment], part: Segment) -> bool:
    main = next((p for p in parts if p.is_main), None)
    return part is main or (main is not None and part.is_extension)


def _edited(edits: Sequence[tuple[int, int, bytes]]) -> list[Piece]:
    pieces: list[Piece] = []
    at = 0
    for start, end, data in edits:
        pieces += [Kept(at, start), data]
        at = end
    return [*pieces, Kept(at)]


def _made(packets: Sequence[bytes]) -> bytes:
    if not packets:
        return b""
    made = [_segment(MAIN + packets[0])]
    for extended in packets[1:]:
        key = guid(extended).encode()
        for offset in range(0, len(extended), _CHUNK):
            numbers = struct.pack(">II", len(extended), offset)
            made.append(_segment(EXTENSION + key + numbers + extended[offset : offset + _CHUNK]))
    return b"".join(made)


def _segment(content: bytes) -> bytes:
    return b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content


def _place(parts: Sequence[Segment]) -> int:
    """Return where the packet belongs: where one is, else after JFIF and EXIF."""
    at = 2
    for part in parts:
        if part.is_main:
            return part.start
    for part in parts:
        exif = part.marker == _APP1 and part.head.startswith(b"Exif\0")
        if not exif and part.marker != _APP0:
            break
        at = part.end
    return at


def _moved_index(content: bytes, moved: int) -> bytes:
    """Return a multi-picture index whose further pictures lie `moved` bytes further on."""
    data = bytearray(content)
    directory = tiff.first_directory(io.BytesIO(content), base=4)
    form = directory.form.order + "I"
    if len(directory.entries) < directory.announced:
        raise BadContainer("the index of its further pictures is cut short")
    try:
        for entry in directory.entries:
            if entry.tag != _MP_ENTRY:
                continue
            start = directory.place(entry)
            for at in range(start + 8, start + entry.length, 16):
                (place,) = struct.unpack_from(form, content, at)
                if place:
                    struct.pack_into(form, data, at, place + moved)
    except struct.error as error:
        raise BadContainer("the index of its further pictures makes no sense") from error
    return bytes(data)
