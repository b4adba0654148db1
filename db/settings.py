"""Settings that belong to a library rather than to a run: text by key."""

from collections.abc import Mapping

from sqlalchemy import Connection, delete, select

from db.engine.schema import setting
from db.engine.sql import upsert
from db.library import Library

GROUPED_UNDER = "grouped_under"
"""Setting that says how the library was grouped last; absent while anything has changed since."""

READ_BY = "index.read_by"
"""Setting that says which decoders read files last, and since when, so that what failed with
earlier ones is read again."""


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
            store_settings(conn, {key: value})


def store_settings(conn: Connection, values: Mapping[str, str]) -> None:
    """Change settings inside a transaction, together with what they are about."""
    rows = [{"key": key, "value": value} for key, value in values.items()]
    upsert(conn, setting, rows, keys=["key"], update=["value"])
