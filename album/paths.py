"""Where the library lies unless the user says otherwise, and where pictures made from it do."""

import hashlib
import os
import shutil
from pathlib import Path

from album.errors import StrPath
from db.places import FilePlace, place_of

APPLICATION = "album-people"
FILE_NAME = "library.db"


def default_library() -> Path:
    """Return the path of the library in the user's data folder, by the custom of the system."""
    # Imported late: `album --help` has no use for it.
    from platformdirs import user_data_path

    return user_data_path(APPLICATION, appauthor=False) / FILE_NAME


def library_path(given: Path | str | None = None) -> Path | str:
    """Return the library that the user named, else the default one."""
    return given if given is not None else default_library()


def cache_folder(library: StrPath) -> Path:
    """Return the folder for pictures made from the faces of a library: crops, montages.

    Whatever shows a face lies in here and nowhere else, because forgetting somebody empties it. The
    folder need not exist.
    """
    from platformdirs import user_cache_path

    place = place_of(library)
    name = os.path.realpath(place.path) if isinstance(place, FilePlace) else place.shown
    own = hashlib.blake2b(os.fsencode(name), digest_size=8).hexdigest()
    return user_cache_path(APPLICATION, appauthor=False) / own


def empty_cache(library: StrPath) -> bool:
    """Delete the folder of pictures made from a library; tell whether there was one.

    Raises
    ------
    OSError
        If something in it can't be deleted.
    """
    folder = cache_folder(library)
    there = folder.is_dir()
    if there:
        shutil.rmtree(folder)
    return there


def make_folder(library: StrPath) -> None:
    """Make the folder of the default library, for its owner only.

    The folder of any other library is the user's matter: a typing error in a path should not leave
    folders behind.

    Raises
    ------
    OSError
        If the folder can't be made.
    """
    if library == (default := default_library()):
        default.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
