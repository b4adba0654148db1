"""What an import of tags needs to know of photos and their faces, and hints of who is in them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import delete, insert, select

from db.engine.schema import (
    assignment,
    comparison,
    face,
    file,
    forgotten,
    hint,
    person,
    photo,
    rejection,
)
from db.engine.sql import chunks, intern_contracts, under
from db.journal.journal import Edit
from db.library import Library
from db.people.verdicts import said_something
from db.photos.analyses import face_values, insert_faces, save_attributes, save_identity
from db.records import Attributes, Faces, Identity

SOURCE = "xmp"
"""Who gave a hint: the tags of the photo itself, or of its sidecar."""
CONTRADICTS = "xmp-contradicts"
"""Under this source stand tags that contradict the user and were reported; see `new_conflicts`."""


@dataclass(frozen=True, slots=True)
class TaggedPhoto:
    """A photo that is present, and all files that hold it.

    Attributes
    ----------
    photo_id : int
    kind : {'image', 'clip'}
    size, stored_size : tuple of int
        Width and height, upright and as stored.
    orientation : int
        1 to 8.
    paths : tuple of str
        Present files, by path.
    """

    photo_id: int
    kind: str
    size: tuple[int, int]
    stored_size: tuple[int, int]
    orientation: int
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlacedBox:
    """A stored face of a photo; `seen` by a detector, too, and not only known from a tag."""

    face_id: int
    box: tuple[float, float, float, float]
    seen: bool


@dataclass(frozen=True, slots=True)
class Said:
    """What the user has said of some people.

    Attributes
    ----------
    touched : frozenset of int
        Those about whom anything was said, or who have a face that the user placed.
    rejected : frozenset of tuple of int
        Face and person, who is not that person.
    different : frozenset of tuple of int
        Pairs of people, the smaller id first, who are known to be two.
    """

    touched: frozenset[int]
    rejected: frozenset[tuple[int, int]]
    different: frozenset[tuple[int, int]]


def present_photos(library: Library, roots: Sequence[str] = ()) -> list[TaggedPhoto]:
    """Return the photos that some present file holds, by id.

    Parameters
    ----------
    library : Library
    roots : sequence of str
        Only photos with a file in or below these; all without any.
    """
    columns = (
        *(photo.c.id, photo.c.kind, photo.c.width, photo.c.height),
        *(photo.c.stored_width, photo.c.stored_height, photo.c.orientation, file.c.path),
    )
    query = select(*columns).join(file, file.c.photo_id == photo.c.id)
    query = query.where(file.c.gone_at.is_(None), file.c.kind.in_(("image", "clip")))
    with library.read() as conn:
        parts = [query.where(part) for part in under(roots)] if roots else [query]
        rows = {tuple(row) for part in parts for row in conn.execute(part)}
    found: dict[int, TaggedPhoto] = {}
    for photo_id, kind, width, height, stored_w, stored_h, orientation, path in sorted(rows):
        before = found[photo_id].paths if photo_id in found else ()
        sizes = (width, height), (stored_w, stored_h)
        found[photo_id] = TaggedPhoto(photo_id, kind, *sizes, orientation, (*before, path))
    return list(found.values())


def boxes_in(library: Library, photo_ids: Iterable[int]) -> dict[int, list[PlacedBox]]:
    """Return the faces in some photos, by photo; photos without any are left out."""
    columns = (face.c.photo_id, face.c.id, face.c.x0, face.c.y0, face.c.x1, face.c.y1)
    query = select(*columns, face.c.score > 0)
    found: dict[int, list[PlacedBox]] = {}
    with library.read() as conn:
        for part in chunks(sorted(set(photo_ids))):
            wanted = query.where(face.c.photo_id.in_(part)).order_by(face.c.id)
            for photo_id, face_id, *box, seen in conn.execute(wanted):
                one = PlacedBox(face_id, tuple(box), bool(seen))
                found.setdefault(photo_id, []).append(one)
    return found


def forgotten_boxes(
    library: Library, photo_ids: Iterable[int]
) -> dict[int, list[tuple[float, float, float, float]]]:
    """Return the boxes in which no face is to be found again, by photo."""
    columns = (forgotten.c.photo_id, forgotten.c.x0, forgotten.c.y0, forgotten.c.x1, forgotten.c.y1)
    found: dict[int, list[tuple[float, float, float, float]]] = {}
    with library.read() as conn:
        for part in chunks(sorted(set(photo_ids))):
            for photo_id, *box in conn.execute(
                select(*columns).where(forgotten.c.photo_id.in_(part))
            ):
                found.setdefault(photo_id, []).append(tuple(box))
    return found


def save_hints(library: Library, names: Mapping[int, Iterable[str]]) -> int:
    """Store who else is in some photos by their tags, in the place of what was stored before.

    Parameters
    ----------
    library : Library
    names : mapping of int to iterable of str
        By photo; a photo without any loses its hints.

    Returns
    -------
    int
        How many photos came out different.
    """
    wanted = {photo_id: set(these) for photo_id, these in names.items()}
    with library.write() as conn:
        stored: dict[int, set[str]] = {photo_id: set() for photo_id in wanted}
        for part in chunks(sorted(wanted)):
            mine = hint.c.photo_id.in_(part) & (hint.c.source == SOURCE)
            for photo_id, name in conn.execute(select(hint.c.photo_id, hint.c.name).where(mine)):
                stored[photo_id].add(name)
        changed = [photo_id for photo_id in wanted if stored[photo_id] != wanted[photo_id]]
        for part in chunks(changed):
            conn.execute(delete(hint).where(hint.c.photo_id.in_(part), hint.c.source == SOURCE))
        rows = [
            {"photo_id": photo_id, "source": SOURCE, "name": name}
            for photo_id in changed
            for name in sorted(wanted[photo_id])
        ]
        if rows:
            conn.execute(insert(hint), rows)
    return len(changed)


def new_conflicts(edit: Edit, conflicts: Mapping[int, Iterable[str]]) -> dict[int, set[str]]:
    """Remember which tags contradict the user, and return those that were not reported before.

    They stand among the hints, which go with their photo, and are no part of the journal.

    Parameters
    ----------
    edit : Edit
    conflicts : mapping of int to iterable of str
        By photo: the names, or what stands for them. All that were remembered of these photos are
        replaced.
    """
    stored: dict[int, set[str]] = {photo_id: set() for photo_id in conflicts}
    mine = hint.c.source == CONTRADICTS
    for part in chunks(sorted(stored)):
        rows = select(hint.c.photo_id, hint.c.name).where(mine, hint.c.photo_id.in_(part))
        for photo_id, name in edit.conn.execute(rows):
            stored[photo_id].add(name)
    found = {photo_id: set(names) for photo_id, names in conflicts.items()}
    changed = [photo_id for photo_id, names in found.items() if names != stored[photo_id]]
    for part in chunks(changed):
        edit.conn.execute(delete(hint).where(mine, hint.c.photo_id.in_(part)))
    values = [
        {"photo_id": photo_id, "source": CONTRADICTS, "name": name}
        for photo_id in changed
        for name in sorted(found[photo_id])
    ]
    if values:
        edit.conn.execute(insert(hint), values)
    return {photo_id: names - stored[photo_id] for photo_id, names in found.items()}


def said_of(edit: Edit, person_ids: Sequence[int]) -> Said:
    """Return what the user has said of some people."""
    by_user = select(assignment.c.person_id).where(assignment.c.source == "user").distinct()
    about = select(person.c.id).where(said_something())
    no = select(rejection.c.face_id, rejection.c.person_id)
    two = select(comparison.c.person_a, comparison.c.person_b)
    different = edit.conn.execute(two.where(comparison.c.verdict == "different"))
    touched: set[int] = set()
    rejected: set[tuple[int, int]] = set()
    for part in chunks(person_ids):
        touched |= set(edit.conn.scalars(about.where(person.c.id.in_(part))))
        touched |= set(edit.conn.scalars(by_user.where(assignment.c.person_id.in_(part))))
        rows = edit.conn.execute(no.where(rejection.c.person_id.in_(part)))
        rejected |= {(face_id, person_id) for face_id, person_id in rows}
    return Said(frozenset(touched), frozenset(rejected), frozenset((a, b) for a, b in different))


def add_faces(
    edit: Edit, photo_id: int, faces: Faces, identity: Identity, attributes: Attributes
) -> list[int]:
    """Store faces that a change has found in a photo, as part of that change; return their ids.

    Parameters
    ----------
    edit : Edit
    photo_id : int
    faces : Faces
        Under the detector contract `db.journal.found.IMPORTED`.
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
