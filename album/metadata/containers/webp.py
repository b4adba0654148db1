"""Chunks of WebP files, and the XMP in them (WebP container specification, RFC 9649)."""

import struct
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from album.metadata.containers import riff
from album.metadata.containers.pieces import BadContainer, Kept, Piece, exactly
from album.metadata.containers.riff import Chunk
from album.metadata.xmp import MAX_PACKET

_XMP_FLAG, _ALPHA_FLAG = 0x04, 0x10
_HEAD = 12


def walk(file: BinaryIO) -> Iterator[Chunk]:
    """Yield the chunks of a WebP.

    Raises
    ------
    BadContainer
        It begins like none, or is cut short.
    """
    yield from riff.chunks(file, _HEAD, stated_size(file))


def stated_size(file: BinaryIO) -> int:
    """Return how many bytes a WebP says it has.

    Raises
    ------
    BadContainer
        It begins like none.
    """
    file.seek(0)
    head = exactly(file, _HEAD)
    if head[:4] != b"RIFF" or head[8:] != b"WEBP":
        raise BadContainer("it does not begin like a WebP")
    return 8 + int.from_bytes(head[4:8], "little")


def picture_size(file: BinaryIO) -> tuple[int, int] | None:
    """Return width and height in pixels by the first chunk; None where it makes no sense."""
    try:
        chunk = next(walk(file), None)
        found = chunk and _picture(chunk.kind, _content(file, chunk, 10))
    except BadContainer:
        return None
    return found[0] if found else None


def _content(file: BinaryIO, chunk: Chunk, most: int) -> bytes:
    """Return the first bytes in a chunk."""
    file.seek(chunk.content)
    return exactly(file, min(chunk.end - chunk.content, most))


def read(file: BinaryIO) -> list[bytes]:
    """Return the packet, as a list of one, or none."""
    for chunk in walk(file):
        if chunk.kind == b"XMP ":
            file.seek(chunk.content)
            return [exactly(file, min(chunk.length, MAX_PACKET + 1))]
    return []


def rewrite(file: BinaryIO, packets: Sequence[bytes]) -> list[Piece]:
    """Return the file with another packet; pictures and all other chunks stay as they are."""
    chunks = list(walk(file))
    if not chunks:
        raise BadContainer("it holds nothing")
    body: list[Piece] = [_header(file, chunks[0], bool(packets))]
    for chunk in chunks:
        if chunk.kind not in (b"VP8X", b"XMP "):
            body.append(Kept(chunk.start, chunk.end))
    for packet in packets:
        body.append(_chunk(b"XMP ", packet))
    size = 4 + sum(len(p) if isinstance(p, bytes) else (p.end or 0) - p.start for p in body)
    return [b"RIFF" + struct.pack("<I", size) + b"WEBP", *body, Kept(chunks[-1].end)]


def _chunk(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) & 1)


def _header(file: BinaryIO, first: Chunk, has_xmp: bool) -> bytes:
    """Return the VP8X chunk that the file has or needs, with the flag for XMP."""
    content = bytearray(_content(file, first, 32))
    if first.kind != b"VP8X":
        content = bytearray(_extended_header(first.kind, bytes(content)))
    elif not content:
        raise BadContainer("it is cut short")
    content[0] = content[0] & ~_XMP_FLAG | (_XMP_FLAG if has_xmp else 0)
    return _chunk(b"VP8X", bytes(content))


def _extended_header(kind: bytes, picture: bytes) -> bytes:
    """Return the content of a VP8X chunk for a file that has only a picture."""
    found = _picture(kind, picture)
    if found is None:
        raise BadContainer("its picture makes no sense")
    (width, height), has_alpha = found
    sides = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    return bytes((_ALPHA_FLAG if has_alpha else 0, 0, 0, 0)) + sides


def _picture(kind: bytes, data: bytes) -> tuple[tuple[int, int], bool] | None:
    """Return width, height and whether there is alpha, by the first bytes of a chunk.

    Source: RFC 6386, 9.1; WebP lossless specification, 3.
    """
    if kind == b"VP8X" and len(data) >= 10:
        width, height = (1 + int.from_bytes(data[at : at + 3], "little") for at in (4, 7))
        return (width, height), bool(data[0] & _ALPHA_FLAG)
    if kind == b"VP8L" and data[:1] == b"\x2f" and len(data) >= 5:
        (bits,) = struct.unpack_from("<I", data, 1)
        return ((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1), bool(bits >> 28 & 1)
    if kind == b"VP8 " and data[3:6] == b"\x9d\x01\x2a" and len(data) >= 10:
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 6))
        return (width, height), False
    return None
