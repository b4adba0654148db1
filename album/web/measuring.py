"""Measuring the distances of a large library in a process of its own, which gives memory back."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from album.errors import AlbumError, StrPath
from album.grouping.candidates import are_due, prepare
from album.web.shelf import Shelf
from album.web.texts import text
from db.library import Library

FEW = 20_000
"""Up to so many faces are measured by the server itself: a second, and some hundred megabytes."""


def measure(shelf: Shelf) -> None:
    """Measure the distances between all people, if they are due and the library is large.

    They are kept in the library, so that this happens once after an index that was not finished, or
    after many changes.

    Raises
    ------
    AlbumError, LibraryError
        Those of the process, or that it was ended.
    """
    library = shelf.library
    if library.read_only or are_due(library) <= FEW:
        return
    # Spawned: threads of the server hold locks that a forked process would never see released.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=spawn) as process:
        try:
            process.submit(_measure, shelf.path).result()
        except BrokenProcessPool as error:
            raise AlbumError(text("review.failed")) from error


def _measure(path: StrPath) -> None:
    with Library.open(path, create=False) as library:
        prepare(library)
