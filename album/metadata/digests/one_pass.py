"""Read a file once, from its beginning to its end, for several digests.

A mapping of the file into memory would be simpler to search, but a disk or a server that fails then
ends the process instead of raising an error.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader

from xxhash import xxh3_128

from album.errors import StillChanging, StrPath, reading
from album.metadata.containers.pieces import BadContainer
from album.metadata.regular_files import open_regular

_BLOCK = 1 << 20


class OnePass:
    """A file that is read forwards; whatever passes goes into the digest of its content.

    Where others read the same file meanwhile, they may leave its position anywhere.

    Parameters
    ----------
    file : BufferedReader
    size : int
        Bytes that the file is expected to have.
    """

    def __init__(self, file: BufferedReader, size: int) -> None:
        self._file = file
        self._content = hashlib.blake2b(digest_size=20)
        self._block = memoryview(bytearray(min(_BLOCK, size + 1)))
        self._from = self._to = self._read = 0

    def window(self) -> memoryview:
        """Return what has been read and not yet used; it holds until more is read."""
        return self._block[self._from : self._to]

    def advance(self, count: int) -> None:
        """Count the first bytes of the window as used."""
        self._from += count

    def more(self) -> bool:
        """Read on, behind what is left in the window; False where there is no more, or no room."""
        left = bytes(self.window())
        self._block[: len(left)] = left
        self._file.seek(self._read)
        count = self._file.readinto(self._block[len(left) :])
        self._from, self._to = 0, len(left) + count
        self._content.update(self._block[len(left) : self._to])
        self._read += count
        return count > 0

    def tell(self) -> int:
        """Return how many bytes have been used."""
        return self._read - (self._to - self._from)

    def seek(self, place: int) -> int:
        """Pass over all bytes up to a place further on, or to the end of the file."""
        for part in self._parts(place - self.tell()):
            self.advance(len(part))
        return self.tell()

    def read(self, count: int) -> bytes:
        """Return the next few bytes; less only at the end of the file."""
        found = bytearray()
        for part in self._parts(count):
            found += part
            self.advance(len(part))
        return bytes(found)

    def copy(self, count: int, picture: xxh3_128) -> int:
        """Put the next bytes into a digest; return how many there were."""
        start = self.tell()
        for part in self._parts(count):
            picture.update(part)
            self.advance(len(part))
        return self.tell() - start

    def copy_all(self, count: int, picture: xxh3_128) -> None:
        """Put the next bytes into a digest.

        Raises
        ------
        BadContainer
            The file ends before.
        """
        if self.copy(count, picture) < count:
            raise BadContainer("it is cut short")

    def _parts(self, count: int) -> Iterator[memoryview]:
        """Yield the next bytes in parts of the window, each of which the caller has to use."""
        while count > 0 and (self._from < self._to or self.more()):
            part = self.window()[:count]
            yield part
            count -= len(part)

    def finish(self) -> str:
        """Pass over the rest; return the digest of the content: BLAKE2b, 160 bits, hexadecimal."""
        self.advance(len(self.window()))
        while self.more():
            self.advance(len(self.window()))
        return self._content.hexdigest()


@contextmanager
def reading_once(path: StrPath) -> Iterator[tuple[BufferedReader, OnePass]]:
    """Open a file for one pass over it, and for looking around in it.

    Raises
    ------
    Vanished, Unreadable
        When the file cannot be read.
    StillChanging
        When it changed while it was read.
    """
    with reading(path), open_regular(path) as file:
        before = os.fstat(file.fileno())
        yield file, OnePass(file, before.st_size)
        after = os.fstat(file.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise StillChanging(path)
