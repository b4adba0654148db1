"""XMP in JPEG files (XMP part 3, 1.1.3): a main packet, and extended XMP where it got too large."""

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from album.metadata.containers.pieces import BadContainer, Kept, Piece, exactly
from album.metadata.xmp import MAX_PACKET

MAIN = b"http://ns.adobe.com/xap/1.0/\0"
EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"
MAX_MAIN = 65_533 - len(MAIN)
_CHUNK = 65_000
_GUID = 32
_NOTE = b"HasExtendedXMP"
_APP0, _APP1, _APP2, _SOS, _EOI = 0xE0, 0xE1, 0xE2, 0xDA, 0xD9
_ALONE = frozenset((0x01, *range(0xD0, 0xD8)))
_HEAD = 80


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


def segments(file: BinaryIO) -> list[Segment]:
    """Return the segments before the picture's data."""
    file.seek(0)
    if file.read(2) != b"\xff\xd8":
        raise BadContainer("it does not begin like a JPEG")
    found: list[Segment] = []
    while True:
        start = file.tell()
        marker = _marker(file)
        if marker in (_SOS, _EOI):
            return found
        if marker in _ALONE:
            continue
        (length,) = struct.unpack(">H", exactly(file, 2))
        if length < 2:
            raise BadContainer("a segment has no length")
        content = file.tell()
        end = content + length - 2
        found.append(Segment(marker, start, content, end, file.read(min(_HEAD, length - 2))))
        file.seek(end)


def _marker(file: BinaryIO) -> int:
    if exactly(file, 1) != b"\xff":
        raise BadContainer("its segments do not follow each other")
    marker = 0xFF
    while marker == 0xFF:
        marker = exactly(file, 1)[0]
    return marker


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
    order = ">" if content[4:6] == b"MM" else "<"
    try:
        (first,) = struct.unpack_from(order + "I", content, 8)
        (count,) = struct.unpack_from(order + "H", content, 4 + first)
        for i in range(count):
            tag, _, size, offset = struct.unpack_from(order + "HHII", content, 6 + first + 12 * i)
            if tag != 0xB002:
                continue
            for entry in range(4 + offset + 8, 4 + offset + size, 16):
                (place,) = struct.unpack_from(order + "I", content, entry)
                if place:
                    struct.pack_into(order + "I", data, entry, place + moved)
    except struct.error as error:
        raise BadContainer("the index of its further pictures makes no sense") from error
    return bytes(data)
