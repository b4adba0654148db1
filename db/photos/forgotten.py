"""What must not come back: the boxes of forgotten faces, the digests of forgotten photos."""

from collections.abc import Iterable, Sequence

import numpy as np
from sqlalchemy import Connection, delete, insert, select

from db.engine.schema import face, file, forgotten, forgotten_photo, photo
from db.engine.sql import chunks, upsert
from db.library import Library
from db.photos.matching import overlaps, same_faces
from db.photos.sightings import known_people
from db.records import Analysis

Box = tuple[float, float, float, float]


def remember_boxes(conn: Connection, face_ids: Iterable[int]) -> None:
    """Remember the boxes of faces that are about to be deleted, but not whose they were."""
    columns = (face.c.photo_id, face.c.x0, face.c.y0, face.c.x1, face.c.y1)
    names = [column.name for column in columns]
    for part in chunks(face_ids):
        boxes = select(*columns).where(face.c.id.in_(part))
        conn.execute(insert(forgotten).from_select(names, boxes))


def remember_photos(conn: Connection, file_ids: Iterable[int]) -> None:
    """Remember the contents and pictures of photos whose files are about to be deleted."""
    for part in chunks(file_ids):
        found = select(file.c.content_hash, file.c.picture, photo.c.picture).join(
            photo, photo.c.id == file.c.photo_id, isouter=True
        )
        known = conn.execute(found.where(file.c.id.in_(part), file.c.kind != "other"))
        digests = {digest for row in known for digest in row if digest is not None}
        rows = [{"digest": digest} for digest in sorted(digests)]
        upsert(conn, forgotten_photo, rows, keys=["digest"])


def remember_digest(library: Library, digest: str) -> None:
    """Remember a content or picture that must not be indexed."""
    with library.write() as conn:
        upsert(conn, forgotten_photo, [{"digest": digest}], keys=["digest"])


def recall_photos(conn: Connection, digests: Iterable[str]) -> int:
    """Delete remembered digests; return how many there were."""
    column = forgotten_photo.c.digest
    return sum(
        conn.execute(delete(forgotten_photo).where(column.in_(part))).rowcount
        for part in chunks(digests)
    )


def forgotten_digests(library: Library) -> frozenset[str]:
    """Return the digests of contents and pictures that must not be indexed again."""
    with library.read() as conn:
        return frozenset(conn.scalars(select(forgotten_photo.c.digest)))


def forgotten_boxes(library: Library, photo_ids: Iterable[int]) -> dict[int, list[Box]]:
    """Return the boxes in which no face must be found again, by photo."""
    with library.read() as conn:
        return _boxes(conn, photo_ids)


def _boxes(conn: Connection, photo_ids: Iterable[int]) -> dict[int, list[Box]]:
    columns = (forgotten.c.x0, forgotten.c.y0, forgotten.c.x1, forgotten.c.y1)
    found: dict[int, list[Box]] = {}
    for part in chunks(sorted(set(photo_ids))):
        query = select(forgotten.c.photo_id, *columns).where(forgotten.c.photo_id.in_(part))
        for photo_id, x0, y0, x1, y1 in conn.execute(query):
            found.setdefault(photo_id, []).append((x0, y0, x1, y1))
    return found


def without_forgotten(
    conn: Connection, results: Sequence[Analysis], photo_ids: Sequence[int]
) -> list[Analysis]:
    """Leave out the forgotten faces that an analysis has found again.

    A found face is a forgotten one where `db.photos.matching.same_faces` says so, and no stored
    face lies closer to it. In a clip, a box means little: it is that of one frame, and another
    frame may be chosen the next time. So of a clip in which somebody was forgotten only those
    people are stored again who are still known in it; under a new net, which knows nobody, boxes
    must do.

    Parameters
    ----------
    conn : Connection
    results : sequence of Analysis
    photo_ids : sequence of int
        Of the same length.
    """
    boxes = _boxes(conn, photo_ids)
    return [
        _without(conn, result, photo_id, boxes[photo_id]) if photo_id in boxes else result
        for result, photo_id in zip(results, photo_ids, strict=True)
    ]


def _without(conn: Connection, result: Analysis, photo_id: int, boxes: Sequence[Box]) -> Analysis:
    if result.photo.kind == "clip":
        known = known_people(conn, result, photo_id)
        if known is not None:
            return result.take(np.flatnonzero(known))
    corners = (face.c.x0, face.c.y0, face.c.x1, face.c.y1)
    rows = conn.execute(select(*corners).where(face.c.photo_id == photo_id))
    stored = np.array([tuple(row) for row in rows], np.float64).reshape(-1, 4)
    found = result.faces.boxes
    places = np.array(boxes, np.float64)
    is_gone = same_faces(found, places).any(axis=1)
    gone = overlaps(found, places).max(axis=1, initial=0)
    kept = overlaps(found, stored).max(axis=1, initial=0)
    return result.take(np.flatnonzero(~is_gone | (kept > gone)))
