"""A file as it will be: parts of the file as it is, and new bytes between them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Kept:
    """Bytes of the original, from `start` until before `end`; None: until its end."""

    start: int
    end: int | None = None


Piece = bytes | Kept


class BadContainer(ValueError):  # noqa: N818 - what it says, as those of album.errors
    """A file whose parts do not fit together; `str` of it says where."""


def joined(original: BinaryIO, pieces: Iterable[Piece]) -> Iterator[bytes]:
    """Yield the new file in blocks."""
    for piece in pieces:
        if isinstance(piece, bytes):
            yield piece
            continue
        original.seek(piece.start)
        left = None if piece.end is None else piece.end - piece.start
        while left is None or left > 0:
            block = original.read(_BLOCK if left is None else min(_BLOCK, left))
            if not block:
                break
            yield block
            left = None if left is None else left - len(block)


def exactly(file: BinaryIO, count: int) -> bytes:
    """Read `count` bytes.

    Raises
    ------
    BadContainer
        The file ends before.
    """
    data = file.read(count)
    if len(data) < count:
        raise BadContainer("it is cut short")
    return data
