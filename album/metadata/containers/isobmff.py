"""Boxes of ISO base media files (ISO/IEC 14496-12): HEIF, AVIF, CR3, MP4 and QuickTime."""

import io
import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

_MAX_BOXES = 4096
_MAX_CONTENT = 4 << 20


class Box(NamedTuple):
    """A box: its name, and where its content starts and ends in the file."""

    name: bytes
    start: int
    end: int


def boxes(file: BinaryIO, start: int = 0, *, most: int = _MAX_BOXES) -> Iterator[Box]:
    """Yield the boxes that follow each other up to the end of a file; its position is not kept.

    A box without a size goes on to the end of the file, and none beyond it. The walk ends where the
    sizes make no sense, and after `most` boxes.
    """
    end = file.seek(0, io.SEEK_END)
    at = start
    for _ in range(most):
        if at + 8 > end:
            return
        file.seek(at)
        size, name = struct.unpack(">I4s", file.read(8))
        content = at + 8
        if size == 1:
            size, content = int.from_bytes(file.read(8).ljust(8, b"\0")), at + 16
        elif size == 0:
            size = end - at
        if at + size < content:
            return
        yield Box(name, content, min(at + size, end))
        at += size


def read(file: BinaryIO, box: Box) -> bytes:
    """Return the content of a box, 4 MiB of it at most."""
    file.seek(box.start)
    return file.read(min(box.end - box.start, _MAX_CONTENT))


def parse(data: bytes) -> list[tuple[bytes, bytes]]:
    """Return name and content of the boxes in the content of another box."""
    return [(box.name, data[box.start : box.end]) for box in boxes(io.BytesIO(data))]


def brands(head: bytes) -> tuple[bytes, frozenset[bytes]]:
    """Return the major brand and all brands of a file by its first bytes, which are ``ftyp``."""
    size = min(int.from_bytes(head[:4]), len(head))
    major = head[8:12]
    return major, frozenset((major, *(head[i : i + 4] for i in range(16, size - 3, 4))))
