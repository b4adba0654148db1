"""Settings that belong to a library rather than to a run: text by key."""

from sqlalchemy import delete, select

from db.library import Library
from db.schema import setting
from db.sql import upsert

GROUPED_UNDER = "grouped_under"
"""Setting that says how the library was grouped last; absent while anything has changed since."""

CANDIDATES = "suggest.candidates"
"""Setting in which suggestions keep distances between faces; without it they are found again."""

READ_BY = "index.read_by"
"""Setting that says which decoders read files last, and since when, so that what failed with
earlier ones is read again."""

ASKED = "suggest.asked"
"""Setting that keeps the last list of questions, whose numbers are answered."""


def get_setting(library: Library, key: str, default: str | None = None) -> str | None:
    """Return a setting, or `default` where it has never been set."""
    with library.read() as conn:
        value = conn.scalar(select(setting.c.value).where(setting.c.key == key))
    return default if value is None else value


def set_setting(library: Library, key: str, value: str | None) -> None:
    """Change a setting; None removes it."""
    with library.write() as conn:
        if value is None:
            conn.execute(delete(setting).where(setting.c.key == key))
        else:
            row = {"key": key, "value": value}
            upsert(conn, setting, [row], keys=["key"], update=["value"])
