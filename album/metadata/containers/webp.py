"""XMP in WebP files (WebP container specification): a chunk, and a flag that says so."""

import struct
from collections.abc import Sequence
from typing import BinaryIO

from album.metadata.containers.pieces import BadContainer, Kept, Piece, exactly
from album.metadata.xmp import MAX_PACKET

_XMP_FLAG, _ALPHA_FLAG = 0x04, 0x10
_Chunk = tuple[bytes, int, int]


def _chunks(file: BinaryIO) -> tuple[list[_Chunk], int]:
    """Return name, start and end (padding included) of the chunks, and where the last ends."""
    file.seek(0)
    head = exactly(file, 12)
    if head[:4] != b"RIFF" or head[8:] != b"WEBP":
        raise BadContainer("it does not begin like a WebP")
    stop = 8 + struct.unpack_from("<I", head, 4)[0]
    found: list[_Chunk] = []
    at = 12
    while at + 8 <= stop:
        file.seek(at)
        kind, length = struct.unpack("<4sI", exactly(file, 8))
        end = at + 8 + length + (length & 1)
        found.append((kind, at, end))
        at = end
    return found, at


def read(file: BinaryIO) -> list[bytes]:
    """Return the packet, as a list of one, or none."""
    for kind, start, _ in _chunks(file)[0]:
        if kind == b"XMP ":
            file.seek(start + 4)
            (length,) = struct.unpack("<I", exactly(file, 4))
            return [exactly(file, min(length, MAX_PACKET + 1))]
    return []


def rewrite(file: BinaryIO, packets: Sequence[bytes]) -> list[Piece]:
    """Return the file with another packet; pictures and all other chunks stay as they are."""
    chunks, stop = _chunks(file)
    if not chunks:
        raise BadContainer("it holds nothing")
    body: list[Piece] = [_header(file, chunks, bool(packets))]
    for kind, start, end in chunks:
        if kind not in (b"VP8X", b"XMP "):
            body.append(Kept(start, end))
    for packet in packets:
        body.append(_chunk(b"XMP ", packet))
    size = 4 + sum(len(p) if isinstance(p, bytes) else (p.end or 0) - p.start for p in body)
    return [b"RIFF" + struct.pack("<I", size) + b"WEBP", *body, Kept(stop)]


def _chunk(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) & 1)


def _header(file: BinaryIO, chunks: Sequence[_Chunk], has_xmp: bool) -> bytes:
    """Return the VP8X chunk that the file has or needs, with the flag for XMP."""
    kind, start, end = chunks[0]
    file.seek(start + 8)
    content = bytearray(exactly(file, min(end - start - 8, 32)))
    if kind != b"VP8X":
        content = bytearray(_extended_header(kind, bytes(content)))
    content[0] = content[0] & ~_XMP_FLAG | (_XMP_FLAG if has_xmp else 0)
    return _chunk(b"VP8X", bytes(content))


def _extended_header(kind: bytes, picture: bytes) -> bytes:
    """Return the content of a VP8X chunk for a file that has only a picture (RFC 6386, 9.1)."""
    flags = 0
    if kind == b"VP8L" and picture[:1] == b"\x2f":
        (bits,) = struct.unpack_from("<I", picture, 1)
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        flags = _ALPHA_FLAG if bits >> 28 & 1 else 0
    elif kind == b"VP8 " and picture[3:6] == b"\x9d\x01\x2a":
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", picture, 6))
    else:
        raise BadContainer("its picture makes no sense")
    sides = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    return bytes((flags, 0, 0, 0)) + sides
