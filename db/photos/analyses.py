"""Storing what an analysis found: facts, faces, observations and the record of it, at once."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, bindparam, delete, exists, insert, or_, select, update

from db.engine.columns import now
from db.engine.schema import (
    analysis,
    assignment,
    contract,
    face,
    failure,
    file,
    observation,
    person,
    photo,
    rejection,
)
from db.engine.sql import chunks, has_verdict, intern_contracts, reserve_ids, upsert
from db.library import Library
from db.photos import emotions
from db.photos.added_faces import IMPORTED
from db.photos.copies import photos_by_content
from db.photos.dates import combine_claims, with_copies
from db.photos.forgotten import without_forgotten
from db.photos.hints import TAKEOUT, replace_hints
from db.photos.matching import match_boxes
from db.photos.sightings import match_people, save_sightings
from db.photos.turning import Upright, move_places
from db.records import Analysis, Attributes, Faces, Identity, Ints, PhotoFacts

_DATE = ("taken_at", "utc_offset_min", "date_source", "date_precision")
DRAWN = "user"
"""The detector contract of a face that a user drew; analyses never remove such a face."""


def _photo_values(facts: PhotoFacts) -> dict[str, Any]:
    values = {field.name: getattr(facts, field.name) for field in fields(facts)}
    values["stored_width"] = facts.stored_width or facts.width
    values["stored_height"] = facts.stored_height or facts.height
    return values


def _save_photos(conn: Connection, photos: Sequence[PhotoFacts]) -> tuple[dict[str, int], set[int]]:
    """Store the facts; return the ids by content hash, and which of them were there before."""
    ids = photos_by_content(conn, {facts.content_hash for facts in photos})
    before = set(ids.values())
    columns = (
        photo.c.id,
        photo.c.date_source,
        photo.c.picture,
        photo.c.width,
        photo.c.height,
        photo.c.orientation,
    )
    old = {row[0]: row for row in conn.execute(select(*columns).where(photo.c.id.in_(before)))}
    new = [_photo_values(facts) for facts in photos if facts.content_hash not in ids]
    for facts in photos:
        if facts.content_hash in ids:
            photo_id, date_source, picture, *upright = old[ids[facts.content_hash]]
            values = _photo_values(facts)
            kept: tuple[str, ...] = _DATE if date_source == "user" else ()
            kept += tuple(name for name in ("phash", "picture") if values[name] is None)
            values = {name: value for name, value in values.items() if name not in kept}
            shown = Upright(facts.width, facts.height, facts.orientation)
            if shown != Upright(*upright) and facts.kind == "image":
                same = facts.picture is None or facts.picture == picture
                turn = None if same else 1
                move_places(conn, photo_id, Upright(*upright), shown, turn=turn)
            conn.execute(update(photo).where(photo.c.id == photo_id).values(values))
    if new:
        made = insert(photo).returning(photo.c.content_hash, photo.c.id)
        ids |= {row[0]: int(row[1]) for row in conn.execute(made, new)}
    return ids, before


def face_values(faces: Faces, photo_id: int, detector: int) -> list[dict[str, Any]]:
    """Return the rows of faces, without their ids; ``detector`` is the row of the contract."""
    landmarks = np.ascontiguousarray(faces.landmarks, np.float32)
    times = [None] * len(faces) if faces.time_ms is None else faces.time_ms.tolist()
    names = ("x0", "y0", "x1", "y1", "score", "size", "sharpness", "frontal", "time_ms")
    quality = (faces.scores, faces.size, faces.sharpness, faces.frontal)
    columns = [*faces.boxes.T.tolist(), *(column.tolist() for column in quality), times]
    common = {"photo_id": photo_id, "detector_id": detector}
    return [
        {**dict(zip(names, row, strict=True)), "landmarks": landmarks[i].tobytes(), **common}
        for i, row in enumerate(zip(*columns, strict=True))
    ]


def _match(conn: Connection, faces: Faces, photo_id: int) -> tuple[Ints, list[int]]:
    """Find the faces among those stored; return their ids or -1, and the ids not found again."""
    columns = (face.c.id, face.c.time_ms, face.c.x0, face.c.y0, face.c.x1, face.c.y1)
    rows = conn.execute(select(*columns).where(face.c.photo_id == photo_id)).all()
    ids = np.array([row[0] for row in rows], np.int64)
    boxes = np.array([row[2:] for row in rows], np.float64).reshape(-1, 4)
    times = np.array([-1 if row[1] is None else row[1] for row in rows], np.int64)
    found = match_boxes(boxes, faces.boxes, old_times=times, new_times=faces.time_ms)
    lost = np.delete(ids, found[found >= 0])
    return np.where(found >= 0, np.append(ids, -1)[found], -1), lost.tolist()


def _drop_faces(conn: Connection, ids: Sequence[int]) -> int:
    """Delete faces, except those about which a user has decided something; return how many.

    To say something of a person, such as a name or a birth date, says something about each of their
    faces: a detector that does not find one of them does not take the person out of that photo.
    """
    kept = or_(
        exists().where(assignment.c.face_id == face.c.id, assignment.c.source != "auto"),
        exists().where(
            assignment.c.face_id == face.c.id,
            person.c.id == assignment.c.person_id,
            has_verdict(),
        ),
        exists().where(rejection.c.face_id == face.c.id),
        exists().where(contract.c.id == face.c.detector_id, contract.c.key.in_((DRAWN, IMPORTED))),
        exists().where(person.c.cover_face_id == face.c.id, person.c.cover_chosen),
    )
    drop = delete(face).where(~kept)
    return sum(conn.execute(drop.where(face.c.id.in_(part))).rowcount for part in chunks(ids))


def _match_clip(conn: Connection, result: Analysis, photo_id: int) -> tuple[Ints, list[int]]:
    """Find the people of a clip by their vectors, and who is left by box and time."""
    known = match_people(conn, result, photo_id)
    placed, lost = _match(conn, result.faces, photo_id)
    free = (known < 0) & ~np.isin(placed, known[known >= 0])
    ids = np.where(free, placed, known)
    old = {*lost, *placed[placed >= 0].tolist()}
    return ids, sorted(old - set(ids.tolist()))


def _replace_faces(conn: Connection, result: Analysis, photo_id: int, detector: int) -> Ints:
    """Store the faces of a photo that was analysed before; return their ids."""
    faces = result.faces
    if faces.time_ms is None:
        ids, lost = _match(conn, faces, photo_id)
    else:
        ids, lost = _match_clip(conn, result, photo_id)
    values = face_values(faces, photo_id, detector)
    again = [{**values[i], "face_id": int(ids[i])} for i in np.flatnonzero(ids >= 0)]
    if again:
        conn.execute(update(face).where(face.c.id == bindparam("face_id")), again)
    new = np.flatnonzero(ids < 0)
    ids[new] = insert_faces(conn, [values[i] for i in new])
    if _drop_faces(conn, lost) or len(new):
        # What other contracts have recorded as done no longer describes the faces of this photo.
        conn.execute(delete(analysis).where(analysis.c.photo_id == photo_id))
    return ids


def insert_faces(conn: Connection, values: Sequence[Mapping[str, Any]]) -> range:
    """Store new faces and return their ids."""
    ids = reserve_ids(conn, "face", len(values))
    if values:
        rows = [{**row, "id": face_id} for row, face_id in zip(values, ids, strict=True)]
        conn.execute(insert(face), rows)
    return ids


def _save_faces(
    conn: Connection, results: Sequence[Analysis], ids: Sequence[int], before: set[int]
) -> list[Ints]:
    """Store the faces of all photos, new photos in one statement; return the ids per photo."""
    detectors = intern_contracts(conn, "detector", (r.faces.contract for r in results))
    saved: dict[int, Ints] = {}
    fresh: list[dict[str, Any]] = []
    for result, photo_id in zip(results, ids, strict=True):
        detector = detectors[result.faces.contract]
        if photo_id in before:
            saved[photo_id] = _replace_faces(conn, result, photo_id, detector)
        else:
            fresh += face_values(result.faces, photo_id, detector)
    made = iter(insert_faces(conn, fresh))
    for result, photo_id in zip(results, ids, strict=True):
        if photo_id not in before:
            count = len(result.faces)
            saved[photo_id] = np.fromiter((next(made) for _ in range(count)), np.int64, count)
    return [saved[photo_id] for photo_id in ids]


def _identity_rows(found: Identity, face_ids: Ints, contract: int) -> list[dict[str, Any]]:
    vectors = found.vectors.astype(np.float16)
    return [
        {"face_id": face_id, "contract_id": contract, "vector": vector.tobytes()}
        for face_id, vector in zip(face_ids.tolist(), vectors, strict=True)
    ]


def _attribute_rows(found: Attributes, face_ids: Ints, contract: int) -> list[dict[str, Any]]:
    ages = found.ages.astype(np.float16)
    columns = zip(face_ids.tolist(), ages, found.p_male.tolist(), strict=True)
    return [
        {"face_id": face_id, "contract_id": contract, "ages": row.tobytes(), "p_male": male}
        for face_id, row, male in columns
    ]


def save_identity(conn: Connection, found: Sequence[tuple[Identity, Ints]]) -> None:
    """Store vectors, each with the ids of its faces."""
    ids = intern_contracts(conn, "identity", (one.contract for one, _ in found))
    rows = [row for one, faces in found for row in _identity_rows(one, faces, ids[one.contract])]
    upsert(conn, observation, rows, keys=["face_id", "contract_id"], update=["vector"])


def save_attributes(conn: Connection, found: Sequence[tuple[Attributes, Ints]]) -> None:
    """Store ages and genders, each with the ids of their faces."""
    ids = intern_contracts(conn, "attributes", (one.contract for one, _ in found))
    rows = [row for one, faces in found for row in _attribute_rows(one, faces, ids[one.contract])]
    upsert(conn, observation, rows, keys=["face_id", "contract_id"], update=["ages", "p_male"])


def _record(
    conn: Connection, results: Sequence[Analysis], ids: Sequence[int], at: datetime
) -> None:
    """Write that the photos are done, which files hold them, and that these have not failed."""
    under = intern_contracts(conn, "analysis", (result.contract for result in results))
    rows = [
        {
            "photo_id": photo_id,
            "contract_id": under[result.contract],
            "at": at,
            "seconds": result.seconds,
        }
        for result, photo_id in zip(results, ids, strict=True)
    ]
    keys = ["photo_id", "contract_id"]
    upsert(conn, analysis, rows, keys=keys, update=["at", "seconds"])
    hashes = [result.photo.content_hash for result in results]
    holds = update(file).where(file.c.content_hash == bindparam("of"), file.c.kind != "live")
    conn.execute(
        holds.values(photo_id=bindparam("to")),
        [{"of": key, "to": photo_id} for key, photo_id in zip(hashes, ids, strict=True)],
    )
    # Copies with other metadata that were read before the photo was stored.
    copies = update(file).where(file.c.picture == bindparam("of"), file.c.photo_id.is_(None))
    pictures = [
        {"of": result.photo.picture, "to": photo_id}
        for result, photo_id in zip(results, ids, strict=True)
        if result.photo.picture is not None
    ]
    if pictures:
        conn.execute(copies.where(file.c.kind != "live").values(photo_id=bindparam("to")), pictures)
    conn.execute(delete(failure).where(failure.c.content_hash.in_(hashes)))


def save_analyses(library: Library, results: Sequence[Analysis]) -> list[int]:
    """Store what was found in some photos: everything of all of them, or nothing.

    Parameters
    ----------
    library : Library
    results : sequence of Analysis
        A few at a time, since all of them wait for one transaction. A photo that was analysed
        before keeps its faces: one whose box overlaps a new one by half is the same face under the
        same id, with names and observations of other contracts; of the others only those stay about
        which a user has decided something. Faces that were forgotten (`db.photos.forgotten`) are
        left out.

    Returns
    -------
    list of int
        Photo ids in the order of `results`.

    Raises
    ------
    ValueError
        Two results are of the same content.
    """
    photos = [result.photo for result in results]
    if len({facts.content_hash for facts in photos}) != len(photos):
        raise ValueError("two results are of the same content")
    if not results:
        return []
    with library.write() as conn:
        by_hash, before = _save_photos(conn, photos)
        ids = [by_hash[facts.content_hash] for facts in photos]
        results = without_forgotten(conn, results, ids)
        face_ids = _save_faces(conn, results, ids, before)
        pairs = list(zip(results, face_ids, strict=True))
        save_identity(conn, [(one, faces) for r, faces in pairs for one in r.identity])
        save_attributes(conn, [(one, faces) for r, faces in pairs for one in r.attributes])
        emotions.save(conn, [(one, faces) for r, faces in pairs for one in r.emotions])
        save_sightings(conn, pairs)
        replace_hints(conn, TAKEOUT, dict(zip(ids, (r.hints for r in results), strict=True)))
        _record(conn, results, ids, now())
        combine_claims(conn, with_copies(conn, ids))
    return ids
