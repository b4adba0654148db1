"""How faces lie in their photos: what is needed to draw them aligned, and to choose the best."""

from collections.abc import Sequence

import numpy as np
from sqlalchemy import select

from db.engine.schema import face
from db.engine.sql import chunks
from db.library import Library
from db.records import Floats


def face_landmarks(library: Library, face_ids: Sequence[int]) -> dict[int, Floats | None]:
    """Return the landmarks of some faces.

    Returns
    -------
    dict of int to ndarray of float32, shape (5, 2), or None
        By face id, for faces that are still there: left eye, right eye, nose and the corners of
        the mouth, in pixels of the upright image; None where they are not known.
    """
    found: dict[int, Floats | None] = {}
    query = select(face.c.id, face.c.landmarks)
    with library.read() as conn:
        for part in chunks(sorted(set(face_ids))):
            for face_id, landmarks in conn.execute(query.where(face.c.id.in_(part))):
                found[face_id] = _points(landmarks)
    return found


def _points(blob: bytes | None) -> Floats | None:
    if blob is None:
        return None
    points = np.frombuffer(blob, np.float32).reshape(5, 2)
    return points if np.isfinite(points).all() and points.any() else None
