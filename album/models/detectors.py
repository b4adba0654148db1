"""Which detector an index uses: the one that was asked for, else the one the library began with."""

from album.models.added import models_folder
from db.library import Library
from db.photos.status import status
from db.settings import get_setting, set_setting
from nets.engine import PROFILES
from nets.runtime.addable import ADDABLE, installed

KEY = "detector"
SHIPPED = "mtcnn"
ADDED = "retinaface"
"""Taken for new libraries where the user has added it."""


def choose_detector(library: Library, asked: str | None, profile: str) -> str:
    """Return the name of the detector, and remember it with the library.

    Another detector reads every photo again, so a library keeps the one it began with until the
    user says otherwise.

    Parameters
    ----------
    library : Library
        Open for writing.
    asked : str or None
        By the user.
    profile : str
        Only that of the default is open to choice; others are what they are.
    """
    chosen = likely_detector(library, asked, profile)
    if profile == "default" and get_setting(library, KEY) != chosen:
        set_setting(library, KEY, chosen)
    return chosen


def likely_detector(library: Library | None, asked: str | None, profile: str) -> str:
    """Return the name of the detector that an index would use now, and remember nothing.

    Parameters
    ----------
    library : Library or None
        None: a new one.
    asked, profile : str
        See `choose_detector`.
    """
    if asked is not None or profile != "default":
        return asked or PROFILES[profile].detector
    if library is None:
        return SHIPPED if installed(ADDED, models_folder()) is None else ADDED
    return get_setting(library, KEY) or _first(library)


def _first(library: Library) -> str:
    """Return the detector of a new library, or of one that never noted it."""
    counts = status(library)
    if counts.photos or counts.clips or installed(ADDED, models_folder()) is None:
        return SHIPPED
    return ADDED


def told(detector: str) -> str:
    """Say which detector is used where that is not the shipped one; empty else."""
    if detector not in ADDABLE:
        return ""
    return f"Faces are found by the model {detector} that you have added."
