"""Where arrays as large as all vectors lie: in memory, or in files that are mapped into it.

What is written to a mapped file the system keeps in memory as long as there is room, and writes out
where there is none. Pages that a process has looked at count as its memory until it lets go of
them, so `OnDisk` lets go whenever it has handed out a budget's worth; nothing is lost by that.
"""

import mmap
import os
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Protocol, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

Array = NDArray[Any]

_PAGES = 64 << 10
"""What the system maps around a single row that is looked at, in bytes."""


class Storage(Protocol):
    """Gives out large arrays."""

    def empty(self, shape: tuple[int, int], dtype: DTypeLike) -> Array:
        """Return a new array whose contents do not matter."""

    def grown(self, array: Array, rows: int) -> Array:
        """Return an array that this storage gave, with more rows; it is not to be used any more."""

    def adopt(self, array: Array) -> None:
        """Take note of an array that somebody else made."""

    def touched(self, rows: int, array: Array) -> None:
        """Take note that so many single rows of an array were looked at."""

    def release(self) -> None:
        """Let go of all memory that can be had again."""


class InMemory:
    """Arrays as NumPy makes them."""

    def empty(self, shape: tuple[int, int], dtype: DTypeLike) -> Array:
        """Return a new array."""
        return np.empty(shape, dtype)

    def grown(self, array: Array, rows: int) -> Array:
        """Return the array with more rows."""
        # In place: at this size the system moves pages, where a new array would double them.
        array.resize((rows, array.shape[1]), refcheck=False)
        return array

    def adopt(self, array: Array) -> None:
        """Do nothing."""

    def touched(self, rows: int, array: Array) -> None:
        """Do nothing."""

    def release(self) -> None:
        """Do nothing."""


MEMORY = InMemory()


class OnDisk:
    """Arrays in files of a folder, which have no name and vanish with the arrays.

    Parameters
    ----------
    folder : Path, optional
        The system's folder for temporary files if not given.
    resident : int
        Bytes of the files that may be in this process's memory before it lets go of them. Only a
        guide: what one step looks at is in memory at once.

    Notes
    -----
    Where a folder lies in memory (tmpfs), so do the files.
    """

    def __init__(self, folder: Path | None = None, *, resident: int = 256 << 20) -> None:
        self._folder, self.resident, self._seen = folder, resident, 0
        self._files: dict[int, BinaryIO] = {}
        self._maps: dict[int, weakref.ref[mmap.mmap]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files; arrays over them can still be used until they go."""
        for file in self._files.values():
            file.close()
        self._files.clear()

    def empty(self, shape: tuple[int, int], dtype: DTypeLike) -> Array:
        """Return a new array over a file of its own; `OSError` where the disk is full."""
        if not (shape[0] and shape[1]):
            return np.empty(shape, dtype)
        # The array's file lives as long as the array, so no `with`.
        file = tempfile.TemporaryFile(dir=self._folder, prefix="album-")  # noqa: SIM115
        return self._mapped(file, shape, dtype)

    def grown(self, array: Array, rows: int) -> Array:
        """Return an array over the same file with more rows."""
        shape = (rows, array.shape[1])
        file = self._files.pop(id(array), None)
        return (
            self.empty(shape, array.dtype)
            if file is None
            else self._mapped(file, shape, array.dtype)
        )

    def adopt(self, array: Array) -> None:
        """Let go of the pages of this array, too, if it is mapped from a file."""
        for inner in _layers(array):
            if isinstance(inner, np.memmap) and inner.mode != "c":
                self._watch(inner)

    def touched(self, rows: int, array: Array) -> None:
        """Let go of everything when so many rows were looked at that it may be too much."""
        bytes_of_row = array.itemsize * array.shape[1]
        self._seen += min(rows * (bytes_of_row + _PAGES), array.nbytes)
        if self._seen > self.resident:
            self.release()

    def release(self) -> None:
        """Let go of the pages of all arrays; what was written to them stays written."""
        self._seen = 0
        if not hasattr(mmap, "MADV_DONTNEED"):
            return  # Windows takes pages from processes by itself
        for number, reference in list(self._maps.items()):
            pages = reference()
            if pages is None:
                del self._maps[number]
            else:
                pages.madvise(mmap.MADV_DONTNEED)

    def _mapped(self, file: BinaryIO, shape: tuple[int, int], dtype: DTypeLike) -> Array:
        try:
            reserve(file, shape[0] * shape[1] * np.dtype(dtype).itemsize)
        except OSError:
            file.close()
            raise
        array: np.memmap[Any, Any] = np.memmap(file, dtype, "r+", shape=shape)
        self._files[id(array)] = file
        weakref.finalize(array, _close, self._files, id(array))
        self._watch(array)
        return array

    def _watch(self, array: "np.memmap[Any, Any]") -> None:
        pages = array.base
        if isinstance(pages, mmap.mmap):
            self._maps[id(pages)] = weakref.ref(pages)


def _close(files: dict[int, BinaryIO], number: int) -> None:
    if number in files:
        files.pop(number).close()


def take(storage: Storage, array: Array, rows: NDArray[np.integer]) -> Array:
    """Return a copy of some rows of an array, made little by little."""
    out = storage.empty((len(rows), array.shape[1]), array.dtype)
    for part in parts(len(rows)):
        out[part] = array[rows[part]]
        storage.touched(part.stop - part.start, array)
        storage.touched(part.stop - part.start, out)
    return out


def parts(n: int, size: int = 4096) -> list[slice]:
    """Cut n rows into slices of some thousands."""
    return [slice(at, min(at + size, n)) for at in range(0, n, size)]


def reserve(file: BinaryIO, size: int) -> None:
    """Give a file its size at once: writing into a map of one that finds no room ends the process.

    Raises
    ------
    OSError
        If the disk is full.
    """
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
    else:
        file.truncate(size)


def _layers(array: Array) -> Iterator[Array]:
    inner: Any = array
    while isinstance(inner, np.ndarray):
        yield inner
        inner = inner.base
