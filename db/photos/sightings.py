"""When the people of a clip are seen in it, and which of them is which when it is read again."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, func, insert, select

from db.engine.schema import assignment, face, observation, sighting
from db.engine.sql import chunks, contract_id
from db.library import Library
from db.photos.matching import match_vectors
from db.records import Analysis, Identity, Ints
from db.rows import Moment


def save_sightings(conn: Connection, found: Iterable[tuple[Analysis, Ints]]) -> None:
    """Store when the faces of some photos are seen, in place of what was stored of them."""
    pairs = [(result, ids) for result, ids in found if result.photo.kind == "clip"]
    for part in chunks(face_id for _, ids in pairs for face_id in ids.tolist()):
        conn.execute(delete(sighting).where(sighting.c.face_id.in_(part)))
    rows = [
        {
            "face_id": int(ids[one.row]),
            "start_ms": one.start_ms,
            "end_ms": one.end_ms,
            "frames": one.frames,
        }
        for result, ids in pairs
        for one in result.sightings
    ]
    if rows:
        conn.execute(insert(sighting), rows)


def match_people(conn: Connection, result: Analysis, photo_id: int) -> Ints:
    """Find the people of a clip among those stored of it, by their vectors.

    Which frame shows somebody best depends on the frames that are looked at, so a box at a time
    would not do.

    Returns
    -------
    ndarray of int64, shape (n,)
        Face ids; -1 for who was not there, or has no vector under the same contract.
    """
    found = np.full(len(result.faces), -1, np.int64)
    for one in result.identity:
        ids, old = _vectors(conn, one, photo_id)
        if len(ids) and old.shape[1] == one.vectors.shape[1]:
            rows = match_vectors(old, one.vectors)
            new = (rows >= 0) & (found < 0)
            found[new] = ids[rows[new]]
    return found


def known_people(conn: Connection, result: Analysis, photo_id: int) -> NDArray[np.bool_] | None:
    """Tell which people of a clip are stored of it; None where no vector can tell.

    Returns
    -------
    ndarray of bool, shape (n,), or None
        None where people are stored, but none under a contract of `result`.
    """
    known = match_people(conn, result, photo_id) >= 0
    stored = conn.scalar(select(func.count()).where(face.c.photo_id == photo_id))
    comparable = any(len(_vectors(conn, one, photo_id)[0]) for one in result.identity)
    return known if comparable or not stored else None


def _vectors(conn: Connection, like: Identity, photo_id: int) -> tuple[Ints, NDArray[np.float64]]:
    """Return ids and unit vectors of the faces of a photo under the contract of others."""
    query = (
        select(face.c.id, observation.c.vector)
        .join(observation, observation.c.face_id == face.c.id)
        .where(face.c.photo_id == photo_id, observation.c.vector.is_not(None))
        .where(observation.c.contract_id == (contract_id(conn, "identity", like.contract) or 0))
    )
    rows = conn.execute(query).all()
    ids = np.array([row[0] for row in rows], np.int64)
    if not len(ids):
        return ids, np.zeros((0, 0))
    vectors = np.array([np.frombuffer(row[1], np.float16) for row in rows], np.float64)
    return ids, vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def sightings(
    library: Library,
    person_ids: Sequence[int] | None = None,
    *,
    face_ids: Sequence[int] = (),
) -> dict[int, tuple[Moment, ...]]:
    """Return when some people are seen in clips.

    Parameters
    ----------
    library : Library
    person_ids : sequence of int, optional
        All of their faces.
    face_ids : sequence of int
        Only these faces, where no people are given.

    Returns
    -------
    dict of int to tuple of Moment
        By face id, in the order of time.
    """
    columns = (sighting.c.face_id, sighting.c.start_ms, sighting.c.end_ms, sighting.c.frames)
    query, key, ids = select(*columns).order_by(*columns[:2]), sighting.c.face_id, face_ids
    if person_ids is not None:
        query = query.join(assignment, assignment.c.face_id == sighting.c.face_id)
        key, ids = assignment.c.person_id, person_ids
    found: dict[int, list[Moment]] = {}
    with library.read() as conn:
        for part in chunks(ids):
            for face_id, *moment in conn.execute(query.where(key.in_(part))):
                found.setdefault(face_id, []).append(Moment(*moment))
    return {face_id: tuple(moments) for face_id, moments in found.items()}
