"""Faces in bulk: as columns for clustering, and row by row for export and for showing a person."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from sqlalchemy import ColumnElement, Connection, Select, func, literal, null, select

from db.engine.bulk import read_rows
from db.engine.schema import assignment, face, file, observation, person, photo
from db.engine.sql import best_file, chunks, contract_id, is_present, next_id
from db.errors import damaged
from db.library import Library
from db.photos.emotions import emotions_of, last_told
from db.records import Floats
from db.rows import FaceRow, FaceTable

_BATCH = 4096
"""Rows fetched at once: bounds what is in memory beside the arrays to some 10 MB."""
_NONE = 0
"""The id of a contract that has never been used."""

Column = NDArray[Any]
Empty = Callable[[tuple[int, int], DTypeLike], NDArray[Any]]


class _Blobs:
    """Fills an array of shape (n, d) from float16 blobs, batch by batch; NaN where there is none.

    The width d is that of the first blob.
    """

    def __init__(self, n: int, path: str, empty: Empty) -> None:
        self._n, self._path, self._empty, self._at = n, path, empty, 0
        self.array: Floats = np.zeros((n, 0), np.float32)

    def add(self, blobs: Sequence[bytes | None]) -> None:
        there = np.array([blob is not None for blob in blobs])
        found = [blob for blob in blobs if blob is not None]
        rows = slice(self._at, self._at + len(blobs))
        self._at += len(blobs)
        if not found:
            self.array[rows] = np.nan
            return
        if not self.array.shape[1]:
            self.array = self._empty((self._n, len(found[0]) // 2), np.float32)
            self.array[: rows.start] = np.nan
        if {len(blob) for blob in found} != {2 * self.array.shape[1]}:
            raise damaged(self._path)
        values = np.frombuffer(b"".join(found), np.float16).reshape(len(found), -1)
        if there.all():
            self.array[rows] = values  # without the copy that a mask makes
        else:
            self.array[rows] = np.nan
            self.array[rows][there] = values


_COLUMNS: tuple[tuple[str, Any, Any], ...] = (
    ("face_id", face.c.id, np.int64),
    ("photo_id", face.c.photo_id, np.int64),
    ("time_ms", func.coalesce(face.c.time_ms, -1), np.int64),
    ("x0", face.c.x0, np.float32),
    ("y0", face.c.y0, np.float32),
    ("x1", face.c.x1, np.float32),
    ("y1", face.c.y1, np.float32),
    ("score", face.c.score, np.float32),
    ("size", face.c.size, np.float32),
    ("sharpness", face.c.sharpness, np.float32),
    ("frontal", face.c.frontal, np.float32),
    ("taken", photo.c.taken_at, "datetime64[s]"),
    ("date_source", photo.c.date_source, str),
    ("date_precision", photo.c.date_precision, str),
    ("person_id", func.coalesce(assignment.c.person_id, 0), np.int64),
    ("placed", func.coalesce(assignment.c.source, "auto") != "auto", bool),
)
"""Name, expression and type of the columns of `FaceTable` that are numbers or short texts."""


def _table_query(identity: int | None, attributes: int | None) -> Select[Any]:
    """Select `_COLUMNS`, then the vector, the ages and P(male), by face id."""
    vector = observation.alias("identity")
    traits = observation.alias("attributes")
    source = face.join(photo).outerjoin(assignment)
    columns = [expression.label(name) for name, expression, _ in _COLUMNS]
    columns += [null(), null(), null()]
    if identity is not None:
        same = (vector.c.face_id == face.c.id) & (vector.c.contract_id == identity)
        source, columns[-3] = source.join(vector, same), vector.c.vector
    if attributes is not None:
        same = (traits.c.face_id == face.c.id) & (traits.c.contract_id == attributes)
        source = source.outerjoin(traits, same)
        columns[-2:] = [traits.c.ages, traits.c.p_male]
    return (
        select(*columns).select_from(source).where(is_present(face.c.photo_id)).order_by(face.c.id)
    )


def _batches(conn: Connection, query: Select[Any]) -> Iterator[list[tuple[Any, ...]]]:
    """Yield the columns of the result, some rows at a time."""
    for rows in read_rows(conn, query, _BATCH):
        yield list(zip(*rows, strict=True))


def _small_columns(parts: Sequence[Sequence[Column]]) -> dict[str, Any]:
    if not parts:
        return {name: np.zeros(0, kind) for name, _, kind in _COLUMNS}
    columns = (np.concatenate(column) for column in zip(*parts, strict=True))
    return {name: column for (name, _, _), column in zip(_COLUMNS, columns, strict=True)}


def load_faces(
    library: Library,
    *,
    identity: str | None = None,
    attributes: str | None = None,
    emotions: bool = False,
    empty: Empty = np.empty,
) -> FaceTable:
    """Load the faces of all photos that a present file holds, as columns by face id.

    Parameters
    ----------
    library : Library
    identity : str, optional
        Contract of the vectors; faces without one are left out. Without it no vectors are read.
    attributes : str, optional
        Contract of ages and genders; faces without them get NaN. Without it none are read.
    emotions : bool
        With what they express.
    empty : callable
        Makes the arrays of vectors and ages, of a shape and a type: those of many faces may lie
        elsewhere than in memory.

    Returns
    -------
    FaceTable
    """
    with library.read() as conn:
        return load_table(
            *(conn, library.path),
            identity=identity,
            attributes=attributes,
            emotions=emotions,
            empty=empty,
        )


def load_table(
    conn: Connection,
    path: str,
    *,
    identity: str | None = None,
    attributes: str | None = None,
    emotions: bool = False,
    only: ColumnElement[bool] | None = None,
    empty: Empty = np.empty,
) -> FaceTable:
    """Load faces as `load_faces` does, within a transaction; `only` bounds them.

    Parameters
    ----------
    conn : Connection
    path : str
        Of the library, for what is said when it is damaged.
    identity, attributes : str, optional
        Contracts.
    emotions : bool
    only : ColumnElement of bool, optional
        Condition on `db.engine.schema.face` and `db.engine.schema.assignment`.
    empty : callable
        As there.
    """
    vector_id = (contract_id(conn, "identity", identity) or _NONE) if identity else None
    traits_id = (contract_id(conn, "attributes", attributes) or _NONE) if attributes else None
    query = _table_query(vector_id, traits_id)
    if only is not None:
        query = query.where(only)
    ids = query.with_only_columns(face.c.id).order_by(None).subquery()
    n = conn.scalar(select(func.count()).select_from(ids)) or 0
    vectors, ages = _Blobs(n, path, empty), _Blobs(n, path, empty)
    male: list[Floats] = [np.zeros(0, np.float32)]
    parts: list[list[Column]] = []
    for *small, vector, age, p_male in _batches(conn, query):
        kinds = (kind for _, _, kind in _COLUMNS)
        parts.append([np.array(v, kind) for v, kind in zip(small, kinds, strict=True)])
        vectors.add(vector)
        ages.add(age)
        male.append(np.array(p_male, np.float32))
    columns = _small_columns(parts)
    corners = [columns.pop(name) for name in ("x0", "y0", "x1", "y1")]
    return FaceTable(
        **columns,
        boxes=np.stack(corners, axis=1),
        vectors=vectors.array if identity else None,
        ages=ages.array if attributes else None,
        p_male=np.concatenate(male) if attributes else None,
        emotions=_expressed(conn, path, columns["face_id"], only) if emotions else None,
    )


def _expressed(
    conn: Connection, path: str, face_ids: Column, only: ColumnElement[bool] | None
) -> Floats:
    """Return what faces express, NaN where that is not known."""
    known, said = emotions_of(conn, path, only)
    found = np.full((len(face_ids), said.shape[1]), np.nan, np.float32)
    if len(known):
        at = np.minimum(np.searchsorted(known, face_ids), len(known) - 1)
        there = known[at] == face_ids
        found[there] = said[at[there]]
    return found


def _row_query(attributes: int | None) -> Select[Any]:
    traits = observation.alias("attributes")
    source = (
        face.join(photo)
        .outerjoin(file, file.c.id == best_file(photo.c.id))
        .outerjoin(assignment)
        .outerjoin(person, person.c.id == assignment.c.person_id)
        .outerjoin(
            traits,
            (traits.c.face_id == face.c.id) & (traits.c.contract_id == (attributes or _NONE)),
        )
    )
    columns = (
        *(face.c.id, face.c.photo_id, file.c.path, file.c.gone_at, photo.c.kind, face.c.time_ms),
        *(face.c.x0, face.c.y0, face.c.x1, face.c.y1),
        *(face.c.score, face.c.size, face.c.sharpness, face.c.frontal),
        *(photo.c.taken_at, photo.c.date_source, photo.c.date_precision),
        *(assignment.c.person_id, person.c.name, assignment.c.source, assignment.c.confidence),
        *(traits.c.ages, traits.c.p_male, last_told(face.c.id)),
    )
    return select(*columns).select_from(source)


def _face_row(row: Any) -> FaceRow:
    face_id, photo_id, path, gone_at, kind, time_ms, *box_and_quality = row[:14]
    here = path is not None and gone_at is None
    box, quality = tuple(box_and_quality[:4]), box_and_quality[4:]
    values: list[Any] = [face_id, photo_id, path, here, kind, time_ms, box, *quality]
    values += [*row[14:-3], _halves(row[-3]), row[-2], _halves(row[-1])]
    return FaceRow(*values)


def _halves(blob: bytes | None) -> Floats | None:
    return None if blob is None else np.frombuffer(blob, np.float16).astype(np.float32)


def face_rows(
    library: Library,
    *,
    person_ids: Sequence[int] | None = None,
    photo_id: int | None = None,
    attributes: str | None = None,
    present_only: bool = False,
) -> Iterator[FaceRow]:
    """Yield faces with their photo and person, by person and then by date.

    Parameters
    ----------
    library : Library
        Stays in one read transaction until the iterator is exhausted or closed.
    person_ids : sequence of int, optional
        Only faces of these; without it, faces of nobody come too, first.
    photo_id : int, optional
        Only faces in this photo.
    attributes : str, optional
        Contract of `FaceRow.ages` and `FaceRow.p_male`.
    present_only : bool
        Leave out the faces of photos that no present file holds.
    """
    with library.read() as conn:
        traits_id = contract_id(conn, "attributes", attributes) if attributes else None
        query = _row_query(traits_id)
        if person_ids is not None:
            query = query.where(assignment.c.person_id.in_(person_ids))
        if photo_id is not None:
            query = query.where(face.c.photo_id == photo_id)
        if present_only:
            query = query.where(file.c.gone_at.is_(None), file.c.id.is_not(None))
        nobody_first = func.coalesce(assignment.c.person_id, literal(0))
        query = query.order_by(
            nobody_first, photo.c.taken_at.nulls_first(), face.c.photo_id, face.c.id
        )
        with closing(conn.execute(query.execution_options(yield_per=_BATCH))) as result:
            for row in result:
                yield _face_row(row)


def faces_by_id(library: Library, face_ids: Sequence[int]) -> list[FaceRow]:
    """Return some faces, in the order of their ids as given; those that are gone are left out."""
    found: dict[int, FaceRow] = {}
    with library.read() as conn:
        for part in chunks(face_ids):
            rows = conn.execute(_row_query(None).where(face.c.id.in_(part)))
            found |= {row[0]: _face_row(row) for row in rows}
    return [found[face_id] for face_id in face_ids if face_id in found]


def last_face(library: Library) -> int:
    """Return the highest id that a face has ever had."""
    with library.read() as conn:
        return next_id(conn, "face") - 1
