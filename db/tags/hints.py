"""Names that others have for people in photos, without saying which face is whose."""

from collections.abc import Sequence

from sqlalchemy import func, select

from db.engine.schema import assignment, face, hint
from db.engine.sql import chunks
from db.library import Library
from db.tags.imports import CONTRADICTS


def hinted_names(library: Library, person_ids: Sequence[int]) -> dict[int, list[tuple[str, int]]]:
    """Return the names hinted at in the photos of some people, with the number of photos.

    Parameters
    ----------
    library : Library
    person_ids : sequence of int

    Returns
    -------
    dict of int to list of tuple
        By person, the most frequent name first.
    """
    photos = func.count(face.c.photo_id.distinct())
    query = (
        select(assignment.c.person_id, hint.c.name, photos)
        .select_from(assignment.join(face).join(hint, hint.c.photo_id == face.c.photo_id))
        .where(hint.c.source != CONTRADICTS)
        .group_by(assignment.c.person_id, hint.c.name)
        .order_by(photos.desc(), hint.c.name)
    )
    found: dict[int, list[tuple[str, int]]] = {}
    with library.read() as conn:
        for part in chunks(person_ids):
            for person_id, name, n in conn.execute(query.where(assignment.c.person_id.in_(part))):
                found.setdefault(int(person_id), []).append((name, int(n)))
    return found
