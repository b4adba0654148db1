"""Emotions of the people in photos, for searches and lists of photos."""

from collections.abc import Mapping, Sequence

from db.library import Library
from db.photos.emotions import told
from nets.core.api import EMOTIONS

Emotions = Mapping[int, Sequence[Sequence[float]]]
"""Emotions of the people in a photo, by id: the probabilities of each of their faces."""

SURE = 0.5
"""Least probability from which on an emotion counts."""
NOBODY = 0
"""Under which faces stand that are nobody's."""


def expressions(library: Library, photo_ids: Sequence[int] | None) -> Mapping[int, Emotions]:
    """Return the emotions of people in photos, by photo and person.

    Parameters
    ----------
    library : Library
    photo_ids : sequence of int or None
        None: all photos.

    Returns
    -------
    mapping of int to Emotions
        Photos without any are left out; faces of nobody stand under `NOBODY`.
    """
    known = told(library, photo_ids)
    found: dict[int, dict[int, list[list[float]]]] = {}
    columns = known.photo_id.tolist(), known.person_id.tolist(), known.emotions.tolist()
    for photo_id, person_id, row in zip(*columns, strict=True):
        found.setdefault(photo_id, {}).setdefault(person_id, []).append(row)
    return found


def likeliest(rows: Sequence[Sequence[float]] | None) -> tuple[str | None, float | None]:
    """Return the likeliest emotion of a person, who may be in a photo twice."""
    if not rows:
        return None, None
    probability, at = max((value, -at) for row in rows for at, value in enumerate(row))
    return EMOTIONS[-at], probability
