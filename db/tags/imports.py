"""What an import of tags needs to know of photos and their faces, and hints of who is in them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from db.engine.schema import (
    face,
    file,
    photo,
)
from db.engine.sql import chunks, under
from db.library import Library

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
