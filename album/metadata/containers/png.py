"""Chunks of PNG files, and the XMP in them: an iTXt chunk of its own (XMP part 3, 1.1.5)."""

import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from album.metadata.containers.pieces import BadContainer, Kept, Piece, exactly
from album.metadata.xmp import MAX_PACKET

SIGNATURE = b"\x89PNG\r\n\x1a\n"
KEYWORD = b"XML:com.adobe.xmp\0"


def walk(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, start and end of each chunk; the position is at its content meanwhile.

    Raises
    ------
    BadContainer
        It begins like no PNG, or is cut short.
    """
    file.seek(0)
    if file.read(8) != SIGNATURE:
        raise BadContainer("it does not begin like a PNG")
    while True:
        start = file.tell()
        head = file.read(8)
        if not head:
            return
        if len(head) < 8:
            raise BadContainer("it is cut short")
        length, kind = struct.unpack(">I4s", head)
        end = start + 12 + length
        yield kind, start, end
        if kind == b"IEND":
            return
        file.seek(end)


def _found(file: BinaryIO) -> tuple[int, int, bytes] | None:
    for kind, start, end in walk(file):
        if kind == b"iTXt" and file.read(len(KEYWORD)) == KEYWORD:
            length = end - start - 12 - len(KEYWORD)
            return start, end, exactly(file, min(length, MAX_PACKET))
    return None


def read(file: BinaryIO) -> list[bytes]:
    """Return the packet, as a list of one, or none."""
    found = _found(file)
    if found is None:
        return []
    flags, rest = found[2][:2], found[2][2:]
    _, _, rest = rest.partition(b"\0")  # language
    _, _, text = rest.partition(b"\0")  # translated keyword
    if flags[:1] != b"\x01":
        return [text]
    try:
        return [zlib.decompressobj().decompress(text, MAX_PACKET + 1)]
    except zlib.error as error:
        raise BadContainer("its compressed XMP is damaged") from error


def rewrite(file: BinaryIO, packets: Sequence[bytes]) -> list[Piece]:
    """Return the file with another packet; every other chunk stays as it is."""
    made = _chunk(KEYWORD + b"\0\0\0\0" + packets[0]) if packets else b""
    found = _found(file)
    if found is not None:
        return [Kept(0, found[0]), made, Kept(found[1])]
    after_header = next((end for kind, _, end in walk(file) if kind == b"IHDR"), None)
    if after_header is None:
        raise BadContainer("it has no header")
    return [Kept(0, after_header), made, Kept(after_header)]


def _chunk(content: bytes) -> bytes:
    checked = b"iTXt" + content
    return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))
