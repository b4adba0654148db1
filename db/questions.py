"""What has to be known of a library to ask its user good questions."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from db.library import Library
from db.records import Ints
from db.schema import assignment, comparison, exemption, face, file


@dataclass(frozen=True, slots=True, eq=False)
class Placements:
    """Who is in which photo, n rows in the order of `face_id`; of photos on disk only.

    Attributes
    ----------
    face_id, photo_id, person_id : ndarray of int64, shape (n,)
        The photo is -1 where one person may be in it twice.
    placed : ndarray of bool, shape (n,)
        Whether a user or an import said so.
    """

    face_id: Ints
    photo_id: Ints
    person_id: Ints
    placed: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.face_id)


def placements(library: Library) -> Placements:
    """Return all faces that somebody is assigned to, in photos that a present file holds."""
    # A set of present photos is a third faster than asking for each face.
    there = select(file.c.photo_id).where(file.c.gone_at.is_(None), file.c.photo_id.is_not(None))
    wanted = (face.c.id, face.c.photo_id, assignment.c.person_id, assignment.c.source != "auto")
    query = select(*wanted).select_from(assignment.join(face))
    with library.read() as conn:
        exempt = np.array(conn.scalars(select(exemption.c.photo_id)).all(), np.int64)
        present = np.array(conn.scalars(there).all(), np.int64)
        # Column by column: from rows, NumPy takes twenty times as long.
        columns = list(zip(*conn.execute(query).fetchall(), strict=True)) or [()] * 4
    face_id, photo_id, person_id, placed = (np.array(column, np.int64) for column in columns)
    order = np.argsort(face_id, kind="stable")
    order = order[np.isin(photo_id[order], present)]
    photo_id = np.where(np.isin(photo_id, exempt), -1, photo_id)
    return Placements(face_id[order], photo_id[order], person_id[order], placed[order] > 0)


def verdicts(library: Library) -> dict[tuple[int, int], str]:
    """Return what was answered when two people were compared, the lower id first."""
    columns = (comparison.c.person_a, comparison.c.person_b, comparison.c.verdict)
    with library.read() as conn:
        return {(row[0], row[1]): row[2] for row in conn.execute(select(*columns))}
