"""Which photo a file holds: by its content, by its picture, or by what lay at its path before."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, select, update

from db.engine.schema import analysis, file, photo
from db.engine.sql import chunks
from db.photos.turning import Upright, move_places, shown_photos
from db.records import ScannedFile

SAME_BITS = 4
"""Perceptual hashes of one picture at two sizes, or re-saved, differ in so many bits at most
(benchmarks/duplicates.md)."""


@dataclass(frozen=True, slots=True)
class Held:
    """The photo that a file holds.

    Attributes
    ----------
    photo_id : int or None
        None where the photo is new.
    change : {'', 'edited', 'replaced'}
        What became of the file at this path since it was read last: its metadata were edited, or
        another program has re-saved the picture.
    """

    photo_id: int | None = None
    change: str = ""


@dataclass(frozen=True, slots=True)
class _Before:
    """What lay at a path when it was read last."""

    photo_id: int
    content_hash: str | None
    picture: str | None
    phash: int | None


def held_photos(conn: Connection, files: Sequence[ScannedFile]) -> dict[str, Held]:
    """Find the photos that some files hold, among those that are stored.

    A file holds the photo that has its content, or else its picture: then only metadata differ.
    Where neither is known, a picture that looks the same as the one that was at this path, and is
    nowhere else, is that photo, re-saved.

    Parameters
    ----------
    conn : Connection
        Of a transaction, before the files are stored.
    files : sequence of ScannedFile

    Returns
    -------
    dict of str to Held
        By path.
    """
    whole = [one for one in files if one.content_hash is not None and one.kind != "live"]
    before = _before(conn, [one.path for one in whole])
    by_content = photos_by_content(conn, {str(one.content_hash) for one in whole})
    by_picture = _by_picture(conn, {one.picture for one in whole if one.picture})
    found = {one.path: Held() for one in files}
    for one in whole:
        was = before.get(one.path)
        photo_id = by_content.get(str(one.content_hash))
        if was and one.picture and was.picture == one.picture:
            photo_id = was.photo_id
        if photo_id is None and one.picture:
            photo_id = by_picture.get(one.picture)
        change = ""
        if was and photo_id == was.photo_id and was.content_hash != one.content_hash:
            change = "edited"
        if photo_id is None and was and (turn := _turn_if_resaved(conn, one, was)):
            photo_id, change = was.photo_id, "replaced"
            _replace(conn, photo_id, one, turn)
        found[one.path] = Held(photo_id, change)
    return found


def photos_by_content(conn: Connection, contents: set[str]) -> dict[str, int]:
    """Return the photos that have these contents, in one of their files or in all, by content."""
    found: dict[str, int] = {}
    for part in chunks(sorted(contents)):
        held = select(file.c.content_hash, file.c.photo_id).where(
            file.c.content_hash.in_(part), file.c.photo_id.is_not(None), file.c.kind != "live"
        )
        found.update((row[0], int(row[1])) for row in conn.execute(held))
        own = select(photo.c.content_hash, photo.c.id).where(photo.c.content_hash.in_(part))
        found.update((row[0], int(row[1])) for row in conn.execute(own))
    return found


def _before(conn: Connection, paths: Sequence[str]) -> dict[str, _Before]:
    columns = (file.c.path, photo.c.id, file.c.content_hash, photo.c.picture, photo.c.phash)
    query = select(*columns).join(photo, photo.c.id == file.c.photo_id).where(file.c.kind != "live")
    return {
        row[0]: _Before(*row[1:])
        for part in chunks(paths)
        for row in conn.execute(query.where(file.c.path.in_(part)))
    }


def _by_picture(conn: Connection, pictures: set[str]) -> dict[str, int]:
    """Return a photo for each picture that is known; one that is present before one that is not."""
    present = select(file.c.id).where(file.c.photo_id == photo.c.id, file.c.gone_at.is_(None))
    query = select(photo.c.picture, photo.c.id, present.exists())
    rows: list[Any] = [
        row
        for part in chunks(sorted(pictures))
        for row in conn.execute(query.where(photo.c.picture.in_(part)))
    ]
    return {row[0]: int(row[1]) for row in sorted(rows, key=lambda row: (row[2], -row[1]))}


def _turn_if_resaved(conn: Connection, now: ScannedFile, was: _Before) -> int:
    """Return the EXIF orientation that makes a picture look as what was at its path; 0 for none."""
    if was.phash is None:
        return 0
    apart = [((one ^ was.phash) & (2**64 - 1)).bit_count() for one in now.hashes]
    if min(apart, default=64) > SAME_BITS:
        return 0
    elsewhere = select(file.c.id).where(
        file.c.photo_id == was.photo_id,
        file.c.path != now.path,
        file.c.kind != "live",
        file.c.gone_at.is_(None),
    )
    if conn.scalar(elsewhere.limit(1)) is not None:
        return 0
    return apart.index(min(apart)) + 1


def _replace(conn: Connection, photo_id: int, now: ScannedFile, turn: int) -> None:
    """Have a photo be the picture that was re-saved in its place; its faces go along.

    Until they are found in it, it counts as not read.
    """
    assert now.upright is not None
    after = Upright(*now.upright, now.orientation or 1)
    move_places(conn, photo_id, shown_photos(conn, [photo_id])[photo_id], after, turn=turn)
    values: dict[str, Any] = {
        "content_hash": now.content_hash,
        "picture": now.picture,
        "width": after.width,
        "height": after.height,
        "orientation": after.orientation,
    }
    conn.execute(update(photo).where(photo.c.id == photo_id).values(**values))
    conn.execute(delete(analysis).where(analysis.c.photo_id == photo_id))
