"""Photos that nearly repeat others: what is compared, and the marks."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import bindparam, select, update

from db.engine.schema import photo
from db.engine.sql import is_present
from db.library import Library
from db.records import Ints


@dataclass(frozen=True, slots=True, eq=False)
class PhotoHashes:
    """Photos on the disk as columns, n rows by id.

    Attributes
    ----------
    photo_id, phash : ndarray of int64, shape (n,)
    width, height : ndarray of int64, shape (n,)
        Upright, in pixels.
    taken : ndarray of datetime64[ms], shape (n,)
        NaT where not known.
    source, precision : ndarray of str, shape (n,)
        Of the date.
    marked : ndarray of int64, shape (n,)
        The photo that each is marked to repeat; 0 for none.
    """

    photo_id: Ints
    phash: Ints
    width: Ints
    height: Ints
    taken: NDArray[np.datetime64]
    source: NDArray[np.str_]
    precision: NDArray[np.str_]
    marked: Ints

    def __len__(self) -> int:
        return len(self.photo_id)


def photo_hashes(library: Library) -> PhotoHashes:
    """Return what is compared of all photos that have a perceptual hash."""
    columns = (
        photo.c.id,
        photo.c.phash,
        photo.c.width,
        photo.c.height,
        photo.c.taken_at,
        photo.c.date_source,
        photo.c.date_precision,
        photo.c.duplicate_of,
    )
    query = select(*columns).where(photo.c.phash.is_not(None), is_present(photo.c.id))
    with library.read() as conn:
        rows = [tuple(row) for row in conn.execute(query.order_by(photo.c.id))]
    ids, hashes, widths, heights, taken, sources, precisions, marked = (
        zip(*rows, strict=True) if rows else ((),) * len(columns)
    )
    return PhotoHashes(
        photo_id=np.array(ids, np.int64),
        phash=np.array(hashes, np.int64),
        width=np.array(widths, np.int64),
        height=np.array(heights, np.int64),
        taken=np.array(taken, "datetime64[ms]"),
        source=np.array(sources, str),
        precision=np.array(precisions, str),
        marked=np.array([one or 0 for one in marked], np.int64),
    )


def save_marks(library: Library, marks: Mapping[int, int]) -> None:
    """Mark photos as repeating others; 0 takes the mark away."""
    rows = [{"of": photo_id, "to": to or None} for photo_id, to in marks.items()]
    if rows:
        with library.write() as conn:
            mark = update(photo).where(photo.c.id == bindparam("of"))
            conn.execute(mark.values(duplicate_of=bindparam("to")), rows)
