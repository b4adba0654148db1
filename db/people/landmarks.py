"""How faces lie in their photos: what is needed to draw them aligned, and to choose the best."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import select

from db.engine.schema import face
from db.engine.sql import chunks
from db.library import Library
from db.records import Floats


@dataclass(frozen=True, slots=True)
class FaceLandmarks:
    """How a face lies in its photo.

    Attributes
    ----------
    landmarks : ndarray of float32, shape (5, 2), or None
        Left eye, right eye, nose and the corners of the mouth, in pixels of the upright image;
        None where they are not known.
    frontal : float
        1 for a face that looks at the camera, 0 for a profile or where it is not known.
    """

    landmarks: Floats | None
    frontal: float


def face_landmarks(library: Library, face_ids: Sequence[int]) -> dict[int, FaceLandmarks]:
    """Return how some faces lie in their photos, by face id; those that are gone are left out."""
    found: dict[int, FaceLandmarks] = {}
    query = select(face.c.id, face.c.landmarks, face.c.frontal)
    with library.read() as conn:
        for part in chunks(sorted(set(face_ids))):
            for face_id, landmarks, frontal in conn.execute(query.where(face.c.id.in_(part))):
                found[face_id] = FaceLandmarks(_points(landmarks), frontal or 0.0)
    return found


def _points(blob: bytes | None) -> Floats | None:
    if blob is None:
        return None
    points = np.frombuffer(blob, np.float32).reshape(5, 2)
    return points if np.isfinite(points).all() and points.any() else None
