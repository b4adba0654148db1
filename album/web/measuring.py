"""Measuring the distances of a large library in a process of its own, which gives memory back."""

import os
import subprocess
import sys

from album.errors import AlbumError
from album.grouping.candidates import are_due
from album.web.shelf import Shelf
from album.web.texts import text

FEW = 20_000
"""Up to so many faces are measured by the server itself: a second, and some hundred megabytes."""


def measure(shelf: Shelf) -> None:
    """Have the distances between all people measured, if they are due and the library is large.

    They are kept in the library, so that this happens once after an index that was not finished, or
    after many changes.

    Raises
    ------
    AlbumError
        The process failed.
    """
    library = shelf.library
    if library.read_only or are_due(library) <= FEW:
        return
    command = [sys.executable, "-m", "album", "suggest", "--no-pictures", "--limit", "1"]
    # As it was given, and not as an argument: the URL of a server may hold a password.
    place = os.environ | {"ALBUM_LIBRARY": os.fspath(shelf.path)}
    ran = subprocess.run(command, env=place, capture_output=True, text=True, check=False)
    if ran.returncode:
        last = ran.stderr.strip().rpartition("\n")[2]
        raise AlbumError(text("review.failed", why=last))
