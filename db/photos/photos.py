"""Photos and clips: what is left to do, and single photos."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import Select, select

from db.engine.schema import analysis, failure, file, photo
from db.engine.sql import best_file, contract_id, under
from db.library import Library
from db.records import PhotoFacts
from db.rows import PhotoRow, Todo

FACTS = tuple(photo.c[field.name] for field in fields(PhotoFacts))
"""The columns of `photo` in the order of `PhotoFacts`."""


def _undone(contract: int | None) -> Select[Any]:
    done = (
        select(analysis.c.photo_id)
        .where(analysis.c.photo_id == file.c.photo_id, analysis.c.contract_id == (contract or 0))
        .exists()
    )
    failed = select(failure.c.file_id).where(failure.c.file_id == file.c.id).exists()
    return (
        select(file.c.content_hash, file.c.kind, file.c.path)
        .where(file.c.gone_at.is_(None), file.c.content_hash.is_not(None))
        .where(file.c.kind.in_(("image", "clip")), ~done, ~failed)
        .order_by(file.c.path)
    )


def todo(library: Library, contract: str, *, roots: Sequence[str] = ()) -> list[Todo]:
    """Return the content that has not been analysed under `contract`, by path.

    Files that are gone, are neither image nor clip, or have failed
    (`db.photos.files.forget_failures` makes those due again) are left out; copies of one content
    come as one item.

    Parameters
    ----------
    library : Library
    contract : str
        Analysis contract.
    roots : sequence of str
        Only files in and below these; without any, all.
    """
    with library.read() as conn:
        query = _undone(contract_id(conn, "analysis", contract))
        parts = [query.where(part) for part in under(roots)] if roots else [query]
        found: dict[str, tuple[str, dict[str, None]]] = {}
        for part in parts:
            for content_hash, kind, path in conn.execute(part):
                found.setdefault(content_hash, (kind, {}))[1][path] = None
    return [Todo(key, kind, tuple(paths)) for key, (kind, paths) in found.items()]


def photo_row(library: Library, photo_id: int) -> PhotoRow | None:
    """Return a photo, or None where there is none with this id."""
    query = (
        select(photo.c.id, file.c.path, file.c.gone_at, *FACTS)
        .select_from(photo.outerjoin(file, file.c.id == best_file(photo.c.id)))
        .where(photo.c.id == photo_id)
    )
    with library.read() as conn:
        row = conn.execute(query).first()
    if row is None:
        return None
    here = row[1] is not None and row[2] is None
    return PhotoRow(row[0], row[1], here, PhotoFacts(*row[3:]))


def photo_at(library: Library, path: str) -> PhotoRow | None:
    """Return the photo that the file `path` holds, or None where it has not been analysed."""
    with library.read() as conn:
        photo_id = conn.scalar(select(file.c.photo_id).where(file.c.path == path))
    return None if photo_id is None else photo_row(library, photo_id)
