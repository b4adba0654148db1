"""What all pages share: the library, the cache of pictures, and who may change something."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from anyio import CapacityLimiter

from album.errors import StrPath
from album.thumbnails.cache import Thumbnails
from album.web.guard import Access
from db.errors import CAN_BE_READ, ReadOnlyLibraryError
from db.library import Library
from nets.engine import Engine

CACHE_MB = 4
"""Pages of the library that each connection keeps; the system keeps the rest of the file."""


@dataclass(slots=True)
class Shelf:
    """One library as the server has it.

    Opened when it is first needed, so that a page can say what is wrong with it, and opened again
    where that has changed.

    Attributes
    ----------
    path : path-like
        Of the library, or its URL.
    access : Access
    thumbnails : Thumbnails
    read_only : bool
        Nothing can be changed: the server was started so, or the file is not writable.
    heavy : threading.Semaphore
        Held by what needs much memory for a moment; the rest waits, and memory is bounded.
    asking : threading.Lock
        Held while questions are worked out: for several at once that would be done several times.
    decoding : CapacityLimiter
        How many photos are decoded at the same time, for the same reason.
    """

    path: StrPath
    access: Access
    thumbnails: Thumbnails
    read_only: bool = False
    heavy: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(2))
    asking: threading.Lock = field(default_factory=threading.Lock)
    decoding: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(os.cpu_count() or 1))
    _library: Library | None = None
    _engine: Engine | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def library(self) -> Library:
        """The open library.

        Raises
        ------
        LibraryError
            It can't be opened.
        """
        with self._lock:
            if self._library is None:
                self._library = self._open()
            return self._library

    def _open(self) -> Library:
        if self.read_only:
            return self._opened(read_only=True)
        try:
            return self._opened(read_only=False)
        except CAN_BE_READ:
            opened = self._opened(read_only=True)
            self.read_only = True
            return opened

    def _opened(self, *, read_only: bool) -> Library:
        return Library.open(self.path, create=False, read_only=read_only, cache_mb=CACHE_MB)

    @contextmanager
    def changing(self) -> Iterator[Library]:
        """Give the library to change it.

        Raises
        ------
        ReadOnlyLibraryError
        """
        library = self.library
        if library.read_only:
            mend = (
                "start `album serve` without --read-only"
                if library.is_shared
                else "see that its disk has room and that the file and its folder are writable, "
                "and start the server again"
            )
            raise ReadOnlyLibraryError(f"The library {library.path} can't be changed; {mend}.")
        yield library

    @property
    def engine(self) -> Engine:
        """The nets of the library, read when a face is first marked by hand."""
        from album.edits.marking import library_engine

        library = self.library
        with self._lock:
            if self._engine is None:
                self._engine = library_engine(library)
            return self._engine

    def close(self) -> None:
        """Close the library."""
        with self._lock:
            if self._library is not None:
                self._library.close()
                self._library = None
