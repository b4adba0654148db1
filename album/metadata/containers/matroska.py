"""Elements of Matroska and WebM files (RFC 9559), written in EBML (RFC 8794)."""

import io
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

SEGMENT, CLUSTER = 0x18538067, 0x1F43B675
_MAX_ELEMENTS = 1 << 18
_HEAD = 12
"""Bytes of an element's name and length, at most."""


class Element(NamedTuple):
    """An element: its name, and where its content starts and ends in the file."""

    name: int
    start: int
    end: int


def elements(file: BinaryIO) -> Iterator[Element]:
    """Yield the elements of a file and of its segments; the position is not kept.

    An element of unknown length, as live streams have them, goes on to the end of the file, and
    none beyond it. The walk ends where names and lengths make no sense, and after 262,144 elements.
    """
    size = file.seek(0, io.SEEK_END)
    at = 0
    for _ in range(_MAX_ELEMENTS):
        file.seek(at)
        head = file.read(_HEAD)
        name, name_bytes = _number(head, most=4)
        length, length_bytes = _number(head[name_bytes:], most=8)
        if not name_bytes or not length_bytes:
            return
        at += name_bytes + length_bytes
        marker = 1 << 7 * length_bytes
        length -= marker
        end = size if length == marker - 1 else min(at + length, size)
        yield Element(name, at, end)
        at = at if name == SEGMENT else end


def _number(data: bytes, *, most: int) -> tuple[int, int]:
    """Return a number with the bit that marks its length, and its bytes: none where it has no."""
    length = 9 - data[0].bit_length() if data and data[0] else 0
    if not 0 < length <= min(most, len(data)):
        return 0, 0
    return int.from_bytes(data[:length]), length
