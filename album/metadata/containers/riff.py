"""Chunks of RIFF files (Multimedia Programming Interface 1.0, IBM and Microsoft): WebP and AVI."""

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from album.metadata.containers.pieces import exactly


class Chunk(NamedTuple):
    """A chunk: its name, where its head starts, and the bytes of its content, padding apart."""

    kind: bytes
    start: int
    length: int

    @property
    def content(self) -> int:
        """Where its content starts."""
        return self.start + 8

    @property
    def end(self) -> int:
        """Where the next chunk starts: behind the byte that evens out an odd length."""
        return self.content + self.length + (self.length & 1)


def chunks(file: BinaryIO, start: int, stop: int) -> Iterator[Chunk]:
    """Yield the chunks whose heads lie between two places; the position is not kept.

    Raises
    ------
    BadContainer
        The file ends before `stop`.
    """
    at = start
    while at + 8 <= stop:
        file.seek(at)
        kind, length = struct.unpack("<4sI", exactly(file, 8))
        chunk = Chunk(kind, at, length)
        yield chunk
        at = chunk.end
