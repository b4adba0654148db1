"""Where the vectors of a grouping lie: in memory as long as they fit, else in a temporary file.

The file lies beside the library, has no name, and is gone when the grouping ends, however it ends.
The people are the same either way.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from numpy.typing import DTypeLike, NDArray

from album.errors import TooManyVectors, shown
from clustering.linkage.graph import Resources, within_memory
from clustering.linkage.storage import MEMORY, OnDisk, Storage
from clustering.linkage.tiles import TileSearch

TIMES = 4
"""Grouping in memory takes this many times what the vectors take, and `A_FACE` for each face."""
A_FACE = 2400
SHARE = 0.5
"""Share of the memory that a grouping takes by default."""
LEAST = 256 << 20
CHUNKS, LEAST_CHUNK = 32, 8192
"""Other workers get the faces in this many chunks, or in larger ones: enough tiles for a hundred
threads, and enough work in each to be worth sending."""
USUAL = 4 << 30
"""Bytes of memory that are assumed where the system does not say."""


def share_of(libraries: int) -> int:
    """Return the bytes of memory for each of several groupings at the same time."""
    return int(SHARE * physical_memory()) // libraries


class Workspace:
    """Where the arrays of one grouping lie, and how much memory it may take.

    Parameters
    ----------
    folder : Path or None
        Where files may lie; None for the system's folder of temporary files.
    memory : int, optional
        Bytes that a grouping may take: `SHARE` of what there is if not given.
    tile_search : callable, optional
        Searches for near faces on other workers, see `clustering.linkage.tiles.TileSearch`.
    """

    def __init__(
        self,
        folder: Path | None,
        memory: int | None = None,
        *,
        tile_search: TileSearch | None = None,
    ) -> None:
        self.memory = max(LEAST, memory or share_of(1))
        self.tile_search, self.folder = tile_search, folder
        self.storage: Storage = MEMORY

    def empty(self, shape: tuple[int, int], dtype: DTypeLike) -> NDArray[Any]:
        """Return a new array; the first that is too large has all that follow lie in files."""
        n, d = shape
        if self.storage is MEMORY and n * (TIMES * 4 * d + A_FACE) > self.memory:
            self.storage = OnDisk(self.folder, resident=self.memory // 4)
        return self.storage.empty(shape, dtype)

    def resources(self, n: int, d: int) -> Resources:
        """Return what grouping n vectors of d numbers may use."""
        if isinstance(self.storage, OnDisk):
            using = within_memory(self.storage, self.memory, (n, d))
        else:
            using = Resources()
        chunk = using.chunk
        if self.tile_search is not None:
            chunk = min(chunk or n, max(LEAST_CHUNK, -(-n // CHUNKS)))
        return Resources(using.max_pairs, using.storage, chunk or None, self.tile_search)


@contextmanager
def open_workspace(
    library_path: str, memory: int | None = None, *, tile_search: TileSearch | None = None
) -> Iterator[Workspace]:
    """Open a workspace for a grouping of a library; files in it are deleted at the end.

    Parameters
    ----------
    library_path : str
        Path, or URL of a server.
    memory, spread
        As of `Workspace`.

    Raises
    ------
    TooManyVectors
        The disk is full.
    """
    folder = Path(library_path).parent if Path(library_path).is_file() else None
    workspace = Workspace(folder, memory, tile_search=tile_search)
    try:
        yield workspace
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        where = shown(folder) if folder else "the system's folder for temporary files"
        raise TooManyVectors(where) from error
    finally:
        if isinstance(workspace.storage, OnDisk):
            workspace.storage.close()


def physical_memory() -> int:
    """Return the bytes of memory of this machine, or of the group of processes it is bounded to."""
    try:
        there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return USUAL
    try:
        bound = Path("/sys/fs/cgroup/memory.max").read_text().strip()
    except OSError:
        bound = "max"
    return min(there, int(bound)) if bound.isdigit() else there
