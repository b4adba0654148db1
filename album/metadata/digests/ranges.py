"""Pictures whose places a file states: they are found first, and then taken as the file passes."""

import io
from collections.abc import Callable, Iterable
from typing import BinaryIO

from xxhash import xxh3_128

from album.metadata.containers.pieces import BadContainer, Kept, Piece, joined
from album.metadata.digests.one_pass import OnePass

Plan = Callable[[BinaryIO], Iterable[Piece]]
"""Return where the picture lies in a file, in the order in which it counts."""
Take = Callable[[BinaryIO, OnePass, xxh3_128], None]
"""Put a picture into a digest. What makes no sense raises `BadContainer`, or as `struct` does."""
_REPEATED = 2
"""Tiles that are the same may lie in one place; more than this, of the file's bytes, is malice."""


def taking(plan: Plan) -> Take:
    """Return what takes the pieces of a plan, as if they followed each other without a gap."""

    def take(file: BinaryIO, source: OnePass, picture: xxh3_128) -> None:
        pieces = list(plan(file))
        if _follow_each_other(pieces, file.seek(0, io.SEEK_END)):
            for piece in pieces:
                if isinstance(piece, bytes):
                    picture.update(piece)
                else:
                    source.seek(piece.start)
                    source.copy_all(_length(piece), picture)
        else:  # photos only, and few: they are read a second time
            for block in joined(file, pieces):
                picture.update(block)

    return take


def _follow_each_other(pieces: Iterable[Piece], size: int) -> bool:
    """Tell whether pieces come in the order of the file, without meeting.

    Raises
    ------
    BadContainer
        They hold nothing, lie beyond the end of the file, or are far too many.
    """
    ordered, last, total = True, 0, 0
    for piece in pieces:
        if isinstance(piece, Kept):
            end = piece.start + _length(piece)
            if not 0 <= piece.start <= end <= size:
                raise BadContainer("its picture lies beyond its end")
            ordered = ordered and piece.start >= last
            last = end
            total += _length(piece)
    if not 0 < total <= _REPEATED * size:
        raise BadContainer("its picture makes no sense")
    return ordered


def _length(piece: Kept) -> int:
    if piece.end is None:
        raise BadContainer("a part of its picture has no end")
    return piece.end - piece.start
