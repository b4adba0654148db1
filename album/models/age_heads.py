"""What tells ages and genders in an index: what was asked for, else what the library began with."""

from album.models.contracts import nets_used
from db.library import Library
from db.photos.status import status
from db.settings import get_setting, set_setting
from nets.engine import DEFAULT_HEAD, PROFILES

KEY = "attributes"
BEFORE = "faceres-deep"
"""The default of earlier versions, which noted none."""


def choose_head(library: Library, asked: str | None, profile: str) -> str:
    """Return the name of the head, and remember it with the library.

    Another head reads every photo again, so a library keeps the one it began with until the user
    says otherwise.

    Parameters
    ----------
    library : Library
        Open for writing.
    asked : str or None
        By the user.
    profile : str
        Only that of the default is open to choice; others are what they are.
    """
    chosen = likely_head(library, asked, profile)
    if profile == "default" and get_setting(library, KEY) != chosen:
        set_setting(library, KEY, chosen)
    return chosen


def likely_head(library: Library | None, asked: str | None, profile: str) -> str:
    """Return the name of the head that an index would use now, and remember nothing.

    Parameters
    ----------
    library : Library or None
        None: a new one.
    asked, profile : str
        See `choose_head`.
    """
    if asked is not None or profile != "default":
        return asked or PROFILES[profile].attributes
    if library is None:
        return DEFAULT_HEAD
    return get_setting(library, KEY) or _first(library)


def _first(library: Library) -> str:
    """Return the head of a new library, or of one that never noted it."""
    counts, used = status(library), nets_used(library)
    if not counts.photos and not counts.clips:
        return DEFAULT_HEAD
    if used is None:
        return BEFORE
    others = [one for name, one in PROFILES.items() if name != "default"]
    if (used.embedder, used.attributes) in {(one.embedder, one.attributes) for one in others}:
        return DEFAULT_HEAD  # all is read again anyway
    return used.attributes


def told(library: Library, chosen: str) -> str:
    """Say that all photos will be read again because another head was asked for; empty else.

    Parameters
    ----------
    library : Library
        As it is before `choose_head`.
    chosen : str
    """
    before = likely_head(library, None, "default")
    counts = status(library)
    if chosen == before or not (counts.photos or counts.clips):
        return ""
    return (
        f"Ages and genders are told by {chosen} from now on instead of {before}; for that, photos "
        "are read again. Names, people and corrections stay."
    )
