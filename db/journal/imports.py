"""What an import of tags changes and needs to know inside its `db.journal.journal.Edit`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import select

from db.engine.schema import assignment, comparison, person, rejection
from db.engine.sql import chunks, has_verdict, intern_contracts
from db.journal.journal import Edit
from db.photos.analyses import face_values, insert_faces, save_attributes, save_identity
from db.photos.hints import XMP_CONTRADICTS, replace_hints
from db.records import Attributes, Faces, Identity


@dataclass(frozen=True, slots=True)
class PeopleVerdicts:
    """The user's decisions about some people, as an import has to respect them.

    Attributes
    ----------
    touched : frozenset of int
        People about whom the user has decided anything, or who have a face that the user placed.
    rejected : frozenset of tuple of int
        Face and person, where the face is not that person's.
    different : frozenset of tuple of int
        Pairs of people, the smaller id first, who are known to be two.
    """

    touched: frozenset[int]
    rejected: frozenset[tuple[int, int]]
    different: frozenset[tuple[int, int]]


def new_conflicts(edit: Edit, conflicts: Mapping[int, Iterable[str]]) -> dict[int, set[str]]:
    """Remember which tags contradict the user, and return those not reported before.

    They are stored among the hints, which go with their photo, and are no part of the journal.

    Parameters
    ----------
    edit : Edit
    conflicts : mapping of int to iterable of str
        By photo: the names, or digests that stand for them. All that were remembered of these
        photos are replaced.
    """
    found = {photo_id: set(names) for photo_id, names in conflicts.items()}
    known = replace_hints(edit.conn, XMP_CONTRADICTS, found)
    return {photo_id: names - known[photo_id] for photo_id, names in found.items()}


def verdicts_on(edit: Edit, person_ids: Sequence[int]) -> PeopleVerdicts:
    """Return the user's decisions about some people."""
    by_user = select(assignment.c.person_id).where(assignment.c.source == "user").distinct()
    decided = select(person.c.id).where(has_verdict())
    rejections = select(rejection.c.face_id, rejection.c.person_id)
    pairs = select(comparison.c.person_a, comparison.c.person_b)
    different = edit.conn.execute(pairs.where(comparison.c.verdict == "different"))
    touched: set[int] = set()
    rejected: set[tuple[int, int]] = set()
    for part in chunks(person_ids):
        touched |= set(edit.conn.scalars(decided.where(person.c.id.in_(part))))
        touched |= set(edit.conn.scalars(by_user.where(assignment.c.person_id.in_(part))))
        rows = edit.conn.execute(rejections.where(rejection.c.person_id.in_(part)))
        rejected |= {(face_id, person_id) for face_id, person_id in rows}
    return PeopleVerdicts(
        frozenset(touched), frozenset(rejected), frozenset((a, b) for a, b in different)
    )


def add_faces(
    edit: Edit, photo_id: int, faces: Faces, identity: Identity, attributes: Attributes
) -> list[int]:
    """Store faces that a change has found in a photo, as part of that change; return their ids.

    Parameters
    ----------
    edit : Edit
    photo_id : int
    faces : Faces
        Under the detector contract `db.photos.added_faces.IMPORTED`.
    identity : Identity
    attributes : Attributes
        Of the same faces.
    """
    detector = intern_contracts(edit.conn, "detector", [faces.contract])[faces.contract]
    ids = list(insert_faces(edit.conn, face_values(faces, photo_id, detector)))
    rows = np.array(ids, np.int64)
    save_identity(edit.conn, [(identity, rows)])
    save_attributes(edit.conn, [(attributes, rows)])
    edit.found += ids
    return ids
