"""Places in a photo, when its upright picture gets another orientation or another size."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, bindparam, select, update

from db.engine.schema import face, file, forgotten, photo
from db.engine.sql import chunks
from db.library import Library

Points = NDArray[np.float64]

TURNS: Mapping[int, Callable[[Any, Any], tuple[Any, Any]]] = {
    1: lambda x, y: (x, y),
    2: lambda x, y: (1 - x, y),
    3: lambda x, y: (1 - x, 1 - y),
    4: lambda x, y: (x, 1 - y),
    5: lambda x, y: (y, x),
    6: lambda x, y: (1 - y, x),
    7: lambda x, y: (1 - y, 1 - x),
    8: lambda x, y: (y, 1 - x),
}
"""Where a point of the stored picture is when it is upright, by EXIF orientation (2.32, 4.6.4 A);
x and y are numbers or arrays, 0 to 1."""
BACK = {6: 8, 8: 6}
"""EXIF orientations that undo another one; every other orientation undoes itself."""


@dataclass(frozen=True, slots=True)
class Upright:
    """How a photo's pixels are shown.

    Attributes
    ----------
    width, height : int
        Pixels of the upright picture.
    orientation : int
        EXIF orientation of the stored pixels, 1 to 8.
    """

    width: int
    height: int
    orientation: int

    def turned(self, orientation: int) -> "Upright":
        """Return how the same stored pixels are shown with another orientation."""
        if (self.orientation > 4) == (orientation > 4):
            return Upright(self.width, self.height, orientation)
        return Upright(self.height, self.width, orientation)


def mapping(
    before: Upright, after: Upright, *, turn: int | None = None
) -> Callable[[Points], Points]:
    """Return what takes points of one upright picture to the other.

    Parameters
    ----------
    before, after : Upright
    turn : int, optional
        The EXIF orientation that makes the new upright picture look as the old one did, at whatever
        size; without it the stored pixels are the same, and only their orientation differs.

    Returns
    -------
    callable
        Takes and returns an array of shape (n, 2), x and y in pixels.
    """

    def move(points: Points) -> Points:
        unit = points / (before.width, before.height)
        if turn is None:
            stored = _turned(unit, BACK.get(before.orientation, before.orientation))
            unit = _turned(stored, after.orientation)
        else:
            unit = _turned(unit, BACK.get(turn, turn))
        return unit * (after.width, after.height)

    return move


def _turned(points: Points, orientation: int) -> Points:
    """Apply an EXIF orientation to points of the unit square."""
    return np.stack(TURNS[orientation](points[:, 0], points[:, 1]), axis=1)


def move_places(
    conn: Connection, photo_id: int, before: Upright, after: Upright, *, turn: int | None = None
) -> None:
    """Take faces, landmarks and forgotten places of a photo to its new upright picture.

    Parameters
    ----------
    conn : Connection
        Of a transaction, which also stores the new size and orientation.
    photo_id : int
    before, after : Upright
    turn : int, optional
        See `mapping`.
    """
    move = mapping(before, after, turn=turn)
    for table in (face, forgotten):
        corners = (table.c.x0, table.c.y0, table.c.x1, table.c.y1)
        rows = conn.execute(select(table.c.id, *corners).where(table.c.photo_id == photo_id)).all()
        moved = [{"of": row[0], **_corners(move, row[1:])} for row in rows]
        if moved:
            conn.execute(update(table).where(table.c.id == bindparam("of")), moved)
    points = select(face.c.id, face.c.landmarks).where(
        face.c.photo_id == photo_id, face.c.landmarks.is_not(None)
    )
    landmarks = [
        {"of": face_id, "landmarks": _landmarks(move, blob)}
        for face_id, blob in conn.execute(points).all()
    ]
    if landmarks:
        conn.execute(update(face).where(face.c.id == bindparam("of")), landmarks)


def _corners(move: Callable[[Points], Points], box: Any) -> dict[str, float]:
    corners = move(np.array(box, np.float64).reshape(2, 2))
    (x0, y0), (x1, y1) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    return {"x0": x0, "y0": y0, "x1": x1, "y1": y1}


def _landmarks(move: Callable[[Points], Points], blob: bytes) -> bytes:
    points = np.frombuffer(blob, np.float32).reshape(-1, 2)
    return move(points.astype(np.float64)).astype(np.float32).tobytes()


def moved_face(row: Mapping[str, Any], before: Upright, after: Upright) -> dict[str, Any]:
    """Return where a face lies after its photo was turned, or re-saved at another size.

    Parameters
    ----------
    row : mapping of str to object
        Columns of `face`.
    before, after : Upright
        A change of orientation is one of the same pixels.
    """
    same_pixels = before.turned(after.orientation) == after
    move = mapping(before, after, turn=None if same_pixels else 1)
    moved: dict[str, Any] = _corners(move, [row[name] for name in ("x0", "y0", "x1", "y1")])
    if row["landmarks"] is not None:
        moved["landmarks"] = _landmarks(move, row["landmarks"])
    return moved


def shown_photos(conn: Connection, photo_ids: Iterable[int]) -> dict[int, Upright]:
    """Return how photos are shown, by photo."""
    columns = (photo.c.id, photo.c.width, photo.c.height, photo.c.orientation)
    return {
        int(row[0]): Upright(*row[1:])
        for part in chunks(sorted(set(photo_ids)))
        for row in conn.execute(select(*columns).where(photo.c.id.in_(part)))
    }


def follow_orientation(conn: Connection, photo_ids: Iterable[int]) -> set[int]:
    """Show photos as one of their present files says, where none says what they are shown by.

    The places of faces go along. Copies may differ in their orientation; the photo is shown as
    before as long as one of them agrees.

    Parameters
    ----------
    conn : Connection
        Of a transaction.
    photo_ids : iterable of int

    Returns
    -------
    set of int
        Photos that were turned.
    """
    turned: set[int] = set()
    for part in chunks(sorted(set(photo_ids))):
        files = (
            select(file.c.photo_id, file.c.orientation)
            .where(file.c.photo_id.in_(part), file.c.kind == "image", file.c.gone_at.is_(None))
            .order_by(file.c.id)
        )
        said: dict[int, list[int | None]] = {}
        for photo_id, orientation in conn.execute(files):
            said.setdefault(photo_id, []).append(orientation)
        for photo_id, before in shown_photos(conn, said).items():
            orientations = said[photo_id]
            # Of a file that an earlier version has read, the photo says what its orientation is.
            first = orientations[0]
            if first is None or before.orientation in orientations or None in orientations:
                continue
            after = before.turned(first)
            move_places(conn, photo_id, before, after)
            conn.execute(
                update(photo)
                .where(photo.c.id == photo_id)
                .values(width=after.width, height=after.height, orientation=first)
            )
            turned.add(photo_id)
    return turned


def shown_by(library: Library, orientations: Mapping[str, int]) -> set[str]:
    """Return those of some files whose orientation their photo is shown by, or will be.

    Of several new files with one picture that is the first; a copy that another one of its photo
    outweighs is left out.

    Parameters
    ----------
    library : Library
    orientations : mapping of str to int
        What the files say, by path.
    """
    columns = (file.c.path, file.c.picture, photo.c.picture, photo.c.orientation)
    query = select(*columns).outerjoin(photo, photo.c.id == file.c.photo_id)
    with library.read() as conn:
        rows = {
            row[0]: row[1:]
            for part in chunks(orientations)
            for row in conn.execute(query.where(file.c.path.in_(part)))
        }
    chosen: set[str] = set()
    taken: set[str] = set()
    for path, orientation in orientations.items():
        picture, of_photo, shown = rows[path]
        if picture is not None and picture in taken:
            continue
        if of_photo is not None and of_photo == picture and shown != orientation:
            continue
        chosen.add(path)
        taken |= {picture} - {None}
    return chosen
