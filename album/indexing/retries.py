"""Which failures of earlier runs are worth another try without being asked for.

The content of a file fails again in the same way, unless other decoders read it. What was
momentary, such as a missing permission, may be different every time.
"""

import json
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

from album.errors import EndsWorkers, NotRegular, StillChanging, TooSlow, Unreadable, Vanished
from db.library import Library
from db.rows import KnownFile
from db.settings import READ_BY, get_setting, set_setting

READING = 1
"""Raised whenever a fault in reading files is fixed here, so that what failed because of it is read
once more."""
DECODERS = ("av", "pillow", "pillow-heif", "rawpy")
MOMENTARY = tuple(error.code for error in (NotRegular, StillChanging, Unreadable, Vanished))
"""Stages of failures that have nothing to do with the content of the file."""
COSTLY = tuple(error.code for error in (EndsWorkers, TooSlow))
"""Stages of failures that are only tried again on request."""


def is_outdated(file: KnownFile, since: datetime) -> bool:
    """Tell whether a failure may not be one any more.

    Parameters
    ----------
    file : KnownFile
    since : datetime
        When the decoders at hand were first used, see `decoders_since`.
    """
    if file.failed_stage is None or file.failed_at is None or file.failed_stage in COSTLY:
        return False
    return file.failed_stage in MOMENTARY or file.failed_at < since


def decoders_since(library: Library) -> datetime:
    """Return when the decoders at hand first read files of a library; now, if they never did."""
    kept = get_setting(library, READ_BY)
    if kept is not None:
        record = json.loads(kept)
        if record["by"] == _decoders():
            return datetime.fromisoformat(record["since"])
    return datetime.now(UTC)


def remember_decoders(library: Library, since: datetime) -> None:
    """Store since when the decoders at hand read the files of a library."""
    record = json.dumps({"by": _decoders(), "since": since.isoformat()})
    if get_setting(library, READ_BY) != record:
        set_setting(library, READ_BY, record)


def _decoders() -> str:
    found = [f"{name} {_version(name)}" for name in DECODERS]
    return f"reading {READING}, {', '.join(found)}"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"
