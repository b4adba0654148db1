"""Which failures of earlier runs an index forgets by itself, so that the files are read again.

What a file holds fails again in the same way, unless other decoders read it. What the moment was to
blame for, such as a permission, may be different every time.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

from album.errors import EndsWorkers, NotRegular, StillChanging, TooSlow, Unreadable, Vanished
from db.library import Library
from db.photos.files import forget_failures
from db.settings import READ_BY, get_setting, set_setting

READING = 1
"""Raised with every fault in reading files that is mended here, so that what failed because of it
is read once more."""
DECODERS = ("av", "pillow", "pillow-heif", "rawpy")
MOMENTARY = tuple(one.code for one in (NotRegular, StillChanging, Unreadable, Vanished))
"""Stages of failures that have nothing to do with what is in the file."""
COSTLY = tuple(one.code for one in (EndsWorkers, TooSlow))
"""Stages of failures that are only tried again when somebody asks for it."""


def forget_outdated(library: Library, roots: Sequence[str]) -> None:
    """Forget the failures below some roots that may not be failures any more."""
    forget_failures(library, roots, stages=MOMENTARY)
    since = _reading_since(library)
    forget_failures(library, roots, but=COSTLY, before=since)


def _reading_since(library: Library) -> datetime:
    """Return since when the decoders at hand read the files of a library."""
    by, kept = _decoders(), get_setting(library, READ_BY)
    if kept is not None:
        record = json.loads(kept)
        if record["by"] == by:
            return datetime.fromisoformat(record["since"])
    since = datetime.now(UTC)
    set_setting(library, READ_BY, json.dumps({"by": by, "since": since.isoformat()}))
    return since


def _decoders() -> str:
    found = [f"{name} {_version(name)}" for name in DECODERS]
    return f"reading {READING}, {', '.join(found)}"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"
