"""Names that other programs have for people in photos, without saying which face is whose."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, delete, func, insert, select

from db.engine.schema import assignment, face, hint
from db.engine.sql import chunks
from db.library import Library

TAKEOUT = "takeout"
"""Source of the names in the JSON files of Google Photos."""
XMP = "xmp"
"""Source of the names in the tags of a photo itself, or of its sidecar."""
XMP_CONTRADICTS = "xmp-contradicts"
"""Source of digests of tags that contradict the user and were reported; hidden from the user."""


def replace_hints(
    conn: Connection, source: str, names: Mapping[int, Iterable[str]]
) -> dict[int, set[str]]:
    """Replace the hints that photos have from one source.

    Parameters
    ----------
    conn : Connection
        Of a transaction.
    source : str
    names : mapping of int to iterable of str
        By photo; a photo without any loses its hints.

    Returns
    -------
    dict of int to set of str
        The names that each of the photos had before.
    """
    new = {photo_id: set(of_photo) for photo_id, of_photo in names.items()}
    old: dict[int, set[str]] = {photo_id: set() for photo_id in new}
    same_source = hint.c.source == source
    for part in chunks(sorted(new)):
        stored = select(hint.c.photo_id, hint.c.name).where(hint.c.photo_id.in_(part), same_source)
        for photo_id, name in conn.execute(stored):
            old[photo_id].add(name)
    changed = [photo_id for photo_id in new if new[photo_id] != old[photo_id]]
    for part in chunks(photo_id for photo_id in changed if old[photo_id]):
        conn.execute(delete(hint).where(hint.c.photo_id.in_(part), same_source))
    rows = [
        {"photo_id": photo_id, "source": source, "name": name}
        for photo_id in changed
        for name in sorted(new[photo_id])
    ]
    if rows:
        conn.execute(insert(hint), rows)
    return old


def save_hints(library: Library, names: Mapping[int, Iterable[str]]) -> int:
    """Store who else is in some photos by their tags, replacing what was stored before.

    Parameters
    ----------
    library : Library
    names : mapping of int to iterable of str
        By photo; a photo without any loses its hints.

    Returns
    -------
    int
        How many photos have other hints now.
    """
    new = {photo_id: set(of_photo) for photo_id, of_photo in names.items()}
    with library.write() as conn:
        old = replace_hints(conn, XMP, new)
    return sum(new[photo_id] != old[photo_id] for photo_id in new)


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
        .where(hint.c.source != XMP_CONTRADICTS)
        .group_by(assignment.c.person_id, hint.c.name)
        .order_by(photos.desc(), hint.c.name)
    )
    found: dict[int, list[tuple[str, int]]] = {}
    with library.read() as conn:
        for part in chunks(person_ids):
            for person_id, name, n in conn.execute(query.where(assignment.c.person_id.in_(part))):
                found.setdefault(int(person_id), []).append((name, int(n)))
    return found
