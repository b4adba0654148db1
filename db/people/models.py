"""Persons as objects, for changes to one of them; bulk work uses the tables.

Imported only where it is used: SQLAlchemy's object layer takes a tenth of a second to load.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy.orm import DeclarativeBase, Mapped, Session

from db.engine import schema
from db.library import Library


class Base(DeclarativeBase):
    """Maps classes to the tables of `db.engine.schema`."""

    metadata = schema.metadata


class Person(Base):
    """A row of ``person``."""

    __table__ = schema.person
    if TYPE_CHECKING:
        id: Mapped[int]
        name: Mapped[str | None]
        hidden: Mapped[bool]
        born_override: Mapped[str | None]
        gender_override: Mapped[str | None]
        cover_face_id: Mapped[int | None]
        cover_chosen: Mapped[bool]


@contextmanager
def session(library: Library) -> Iterator[Session]:
    """Give a session whose changes are stored together, or not at all after an error."""
    with library.write() as conn, Session(conn, expire_on_commit=False) as orm:
        yield orm
        orm.flush()
