"""How far an index is, kept in the library while it runs so that other processes can tell."""

from dataclasses import asdict, dataclass, fields

from sqlalchemy import delete, select

from db.engine.schema import index_progress
from db.engine.sql import upsert
from db.library import Library


@dataclass(slots=True)
class IndexProgress:
    """How far an index is.

    Attributes
    ----------
    pid : int
    started, at : float
        Seconds since 1970, of the start and of this state.
    total, done, faces, failed : int
        Files to be read, files read, faces found, and files that could not be read.
    phase : {'reading', 'grouping'}
    """

    pid: int
    started: float
    at: float
    total: int = 0
    done: int = 0
    faces: int = 0
    failed: int = 0
    phase: str = "reading"


_NAMES = [field.name for field in fields(IndexProgress)]


def save_progress(library: Library, progress: IndexProgress) -> None:
    """Store how far an index is; of several at once, the last one to write is seen."""
    with library.write() as conn:
        row = {"id": 1, **asdict(progress)}
        upsert(conn, index_progress, [row], keys=["id"], update=_NAMES)


def drop_progress(library: Library) -> None:
    """Delete the progress of an index that is over."""
    with library.write() as conn:
        conn.execute(delete(index_progress))


def load_progress(library: Library) -> IndexProgress | None:
    """Return what was stored last; None where no index has left anything."""
    with library.read() as conn:
        row = conn.execute(select(*(index_progress.c[name] for name in _NAMES))).first()
    return None if row is None else IndexProgress(*row)
