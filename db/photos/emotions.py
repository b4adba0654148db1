"""What faces express: stored beside what else was observed of them, and asked for by itself.

A face has one observation of the kind 'emotion', that of the net which looked at it last. Unlike
vectors, probabilities of two nets can stand beside each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    ScalarSelect,
    Select,
    and_,
    delete,
    exists,
    func,
    select,
)

from db.engine.schema import assignment, contract, face, file, observation, photo
from db.engine.sql import best_file, chunks, intern_contracts, is_present, under, upsert
from db.errors import damaged
from db.library import Library
from db.records import Emotions, Floats, Ints

KIND = "emotion"


@dataclass(frozen=True, slots=True)
class FaceEmotions:
    """What n faces express.

    Attributes
    ----------
    face_id, photo_id, person_id : ndarray of int64, shape (n,)
        In the order of `face_id`; the person is 0 for a face that is nobody's.
    emotions : ndarray of float32, shape (n, k)
        Probability of each emotion, in the order of who stored them.
    """

    face_id: Ints
    photo_id: Ints
    person_id: Ints
    emotions: Floats


def save(conn: Connection, found: Sequence[tuple[Emotions, Ints]]) -> None:
    """Store what faces express, each with the ids of its faces, instead of what was known."""
    ids = intern_contracts(conn, KIND, (one.contract for one, _ in found))
    for _, faces in found:
        for part in chunks(faces.tolist()):
            others = observation.c.contract_id.in_(_contracts()), observation.c.face_id.in_(part)
            conn.execute(delete(observation).where(*others))
    rows = [
        {"face_id": face_id, "contract_id": ids[one.contract], "emotions": row.tobytes()}
        for one, faces in found
        for face_id, row in zip(faces.tolist(), one.emotions.astype(np.float16), strict=True)
    ]
    upsert(conn, observation, rows, keys=["face_id", "contract_id"], update=["emotions"])


def save_emotions(library: Library, contract: str, face_ids: Ints, emotions: Floats) -> None:
    """Store what faces express that are in the library; of faces that are gone, nothing.

    Parameters
    ----------
    library : Library
    contract : str
        Of the net.
    face_ids : ndarray of int64, shape (n,)
    emotions : ndarray of float32, shape (n, k)
    """
    with library.write() as conn:
        there = set[int]()
        for part in chunks(face_ids.tolist()):
            there |= set(conn.scalars(select(face.c.id).where(face.c.id.in_(part))))
        kept = np.isin(face_ids, sorted(there))
        save(conn, [(Emotions(contract, emotions[kept]), face_ids[kept])])


def _contracts() -> Select[tuple[int]]:
    return select(contract.c.id).where(contract.c.kind == KIND)


def _has_emotions() -> ColumnElement[bool]:
    """Return the condition that joins faces with what they express."""
    return and_(
        observation.c.face_id == face.c.id,
        observation.c.contract_id.in_(_contracts()),
        observation.c.emotions.is_not(None),
    )


def latest_emotions(face_id: Column[Any]) -> ScalarSelect[Any]:
    """Return what a face expresses, as it is stored."""
    here = observation.c.face_id == face_id, observation.c.contract_id.in_(_contracts())
    return (
        select(observation.c.emotions)
        .where(*here, observation.c.emotions.is_not(None))
        .order_by(observation.c.contract_id.desc())
        .limit(1)
        .scalar_subquery()
    )


def emotions_of(
    conn: Connection, path: str, only: ColumnElement[bool] | None = None
) -> tuple[Ints, Floats]:
    """Return faces in the order of their ids, and what they express, shape (n, k).

    Parameters
    ----------
    conn : Connection
    path : str
        Of the library, for the error when it is damaged.
    only : ColumnElement of bool, optional
        Condition on `db.engine.schema.face` and `db.engine.schema.assignment`.
    """
    whose = face.outerjoin(assignment, assignment.c.face_id == face.c.id)
    query = (
        select(face.c.id, observation.c.emotions)
        .select_from(whose.join(observation, _has_emotions()))
        .order_by(face.c.id, observation.c.contract_id)
    )
    if only is not None:
        query = query.where(only)
    found = {int(face_id): blob for face_id, blob in conn.execute(query)}
    return np.array(list(found), np.int64), unpacked(list(found.values()), path)


def unpacked(blobs: Sequence[bytes], path: str) -> Floats:
    """Return emotions as they are stored, shape (n, k)."""
    if len({len(blob) for blob in blobs}) > 1:
        raise damaged(path)
    width = len(blobs[0]) // 2 if blobs else 0
    return np.frombuffer(b"".join(blobs), np.float16).reshape(len(blobs), width).astype(np.float32)


def face_emotions(library: Library, photo_ids: Sequence[int] | None) -> FaceEmotions:
    """Return what the faces in some photos express.

    Parameters
    ----------
    library : Library
    photo_ids : sequence of int or None
        None: all photos, which is one pass over the table of faces.
    """
    whose = func.coalesce(assignment.c.person_id, 0)
    query = select(face.c.id, face.c.photo_id, whose, observation.c.emotions).select_from(
        face.join(observation, _has_emotions()).outerjoin(
            assignment, assignment.c.face_id == face.c.id
        )
    )
    parts = (
        [query]
        if photo_ids is None
        else [query.where(face.c.photo_id.in_(part)) for part in chunks(photo_ids)]
    )
    with library.read() as conn:
        rows = {row[0]: row for part in parts for row in conn.execute(part)}
    ordered = [rows[key] for key in sorted(rows)]
    columns = np.array([row[:3] for row in ordered], np.int64).reshape(-1, 3).T
    face_id, photo_id, person_id = columns
    emotions = unpacked([row[3] for row in ordered], library.path)
    return FaceEmotions(face_id, photo_id, person_id, emotions)


@dataclass(frozen=True, slots=True, eq=False)
class UnclassifiedFaces:
    """The faces of one photo or clip of which it is not known what they express.

    Attributes
    ----------
    photo_id : int
    path : str
        Of a present file that holds it.
    kind : {'image', 'clip'}
    face_id : ndarray of int64, shape (n,)
    boxes : ndarray of float32, shape (n, 4)
    landmarks : ndarray of float32, shape (n, 5, 2)
        NaN where they are not known.
    time_ms : list of int or None
        When each is seen in a clip.
    """

    photo_id: int
    path: str
    kind: str
    face_id: Ints
    boxes: Floats
    landmarks: Floats
    time_ms: list[int | None]


def _lacking(contract_key: str) -> ColumnElement[bool]:
    known = exists().where(
        observation.c.face_id == face.c.id,
        observation.c.contract_id == contract.c.id,
        contract.c.kind == KIND,
        contract.c.key == contract_key,
    )
    return ~known


def count_unclassified(library: Library, contract: str) -> int:
    """Count the faces in photos on disk that a net has not classified."""
    with library.read() as conn:
        lacking = _lacking(contract), is_present(face.c.photo_id)
        return conn.scalar(select(func.count()).select_from(face).where(*lacking)) or 0


def unclassified_faces(
    library: Library, contract: str, roots: Sequence[str]
) -> list[UnclassifiedFaces]:
    """Return the photos in and below some folders with such faces, by path.

    Parameters
    ----------
    library : Library
    contract : str
        Of the net.
    roots : sequence of str
        Absolute files or folders.
    """
    columns = (
        face.c.photo_id,
        file.c.path,
        photo.c.kind,
        face.c.id,
        face.c.x0,
        face.c.y0,
        face.c.x1,
        face.c.y1,
        face.c.landmarks,
        face.c.time_ms,
    )
    query = (
        select(*columns)
        .select_from(face.join(photo).join(file, file.c.id == best_file(photo.c.id)))
        .where(_lacking(contract), file.c.gone_at.is_(None))
    )
    found: dict[int, Any] = {}
    with library.read() as conn:
        for part in under(roots):
            for row in conn.execute(query.where(part)):
                found.setdefault(row[3], tuple(row))
    by_photo: dict[int, list[Any]] = {}
    for one in found.values():
        by_photo.setdefault(one[0], []).append(one)
    return sorted(map(_unclassified, by_photo.values()), key=lambda one: one.path)


def _unclassified(rows: Sequence[Any]) -> UnclassifiedFaces:
    blank = np.full(10, np.nan, np.float32).tobytes()
    points = b"".join(row[8] or blank for row in rows)
    photo_id, path, kind = rows[0][:3]
    return UnclassifiedFaces(
        photo_id,
        path,
        kind,
        np.array([row[3] for row in rows], np.int64),
        np.array([row[4:8] for row in rows], np.float32),
        np.frombuffer(points, np.float32).reshape(-1, 5, 2),
        [row[9] for row in rows],
    )


def any_emotions(library: Library) -> bool:
    """Tell whether it is known of any face what it expresses."""
    known = select(observation.c.face_id).where(observation.c.contract_id.in_(_contracts()))
    with library.read() as conn:
        if conn.scalar(select(func.count()).select_from(contract).where(contract.c.kind == KIND)):
            return conn.scalar(known.limit(1)) is not None
        return False
