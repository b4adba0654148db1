"""What this program has written into the tags of files, and whom there is to write of."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from sqlalchemy import Connection, delete, func, select, update

from db.engine.columns import now
from db.engine.schema import (
    analysis,
    assignment,
    face,
    file,
    person,
    photo,
    rejection,
    tagged,
)
from db.engine.sql import chunks, under, upsert
from db.library import Library


@dataclass(frozen=True, slots=True)
class TaggedRow:
    """What was written into one file.

    Attributes
    ----------
    path : str
        A sidecar, or the photo itself.
    content_hash : str
        Of that file after it was written.
    written : mapping
        What, in the terms of the caller; names only as digests, so that nobody who is forgotten
        is named here.
    """

    path: str
    content_hash: str
    written: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TaggableRow:
    """A face of somebody, in one of the present files that hold the photo.

    ``box`` is in pixels of the upright picture; ``orientation`` makes the stored one upright.
    """

    path: str
    kind: str
    content_hash: str
    picture: str | None
    size: int
    mtime_ns: int
    upright: tuple[int, int]
    stored: tuple[int, int]
    orientation: int
    box: tuple[float, float, float, float]
    person_id: int
    name: str | None
    hidden: bool


def taggable(library: Library, roots: Sequence[str] = ()) -> Iterator[TaggableRow]:
    """Yield the faces of people by path; each copy of a photo comes with all of its faces.

    Parameters
    ----------
    library : Library
    roots : sequence of str
        Only files in and below these; without any, all.
    """
    columns = (
        file.c.path,
        file.c.kind,
        file.c.content_hash,
        file.c.picture,
        file.c.size,
        file.c.mtime_ns,
        photo.c.width,
        photo.c.height,
        photo.c.stored_width,
        photo.c.stored_height,
        photo.c.orientation,
        face.c.x0,
        face.c.y0,
        face.c.x1,
        face.c.y1,
        person.c.id,
        person.c.name,
        person.c.hidden,
    )
    query = (
        select(*columns)
        .select_from(file.join(photo).join(face).join(assignment).join(person))
        .where(file.c.gone_at.is_(None), file.c.kind.in_(("image", "clip")))
        .order_by(file.c.path, face.c.x0, face.c.id)
    )
    parts = [query.where(part) for part in under(roots)] if roots else [query]
    seen: set[str] = set()
    with library.read() as conn:
        for part in parts:
            here: set[str] = set()
            for row in conn.execute(part):
                here.add(row[0])
                if row[0] not in seen:
                    yield _taggable(row)
            seen |= here


def _taggable(row: Any) -> TaggableRow:
    path, kind, content_hash, picture, size, mtime_ns, *numbers = row
    w, h, stored_w, stored_h, orientation, x0, y0, x1, y1, person_id, name, hidden = numbers
    return TaggableRow(
        path=path,
        kind=kind,
        content_hash=content_hash,
        picture=picture,
        size=size,
        mtime_ns=mtime_ns,
        upright=(w, h),
        stored=(stored_w, stored_h),
        orientation=orientation,
        box=(x0, y0, x1, y1),
        person_id=person_id,
        name=name,
        hidden=bool(hidden),
    )


def tagged_rows(library: Library) -> dict[str, TaggedRow]:
    """Return what was written, by path."""
    with library.read() as conn:
        rows = conn.execute(select(tagged.c.path, tagged.c.content_hash, tagged.c.written))
        return {row[0]: TaggedRow(*row) for row in rows}


def save_tagged(library: Library, rows: Iterable[TaggedRow]) -> None:
    """Remember what is about to be written, in one transaction."""
    with library.write() as conn:
        _save(conn, list(rows))


def _save(conn: Connection, rows: Sequence[TaggedRow]) -> None:
    at = now()
    values = [
        {"path": r.path, "content_hash": r.content_hash, "written": dict(r.written), "at": at}
        for r in rows
    ]
    upsert(conn, tagged, values, keys=["path"], update=["content_hash", "written", "at"])


def drop_tagged(library: Library, paths: Iterable[str]) -> None:
    """Forget that anything was written into these files."""
    with library.write() as conn:
        for part in chunks(paths):
            conn.execute(delete(tagged).where(tagged.c.path.in_(part)))


@dataclass(frozen=True, slots=True)
class WrittenRow:
    """What was written into a file of a photo, or beside it.

    Attributes
    ----------
    written : mapping
        As in `TaggedRow`.
    earlier : bool
        It was written before the photo was first read: about another version of the file.
    """

    written: Mapping[str, Any]
    earlier: bool


def written_of(library: Library, photo_ids: Iterable[int]) -> dict[int, list[WrittenRow]]:
    """Return what was written into the files of some photos and beside them, by photo.

    Also into files that are gone: a sidecar may have moved with its photo.
    """
    columns = tagged.c.path, tagged.c.written, tagged.c.at
    first_read = (
        select(func.min(analysis.c.at)).where(analysis.c.photo_id == file.c.photo_id)
    ).scalar_subquery()
    found: dict[int, list[WrittenRow]] = {}
    with library.read() as conn:
        known = {row[0]: (row[1], row[2]) for row in conn.execute(select(*columns))}
        files = select(file.c.photo_id, file.c.path, first_read)
        for part in chunks(photo_ids) if known else ():
            for photo_id, path, read in conn.execute(files.where(file.c.photo_id.in_(part))):
                for written, at in (known[place] for place in _places(path) if place in known):
                    row = WrittenRow(written, earlier=read is not None and at < read)
                    found.setdefault(photo_id, []).append(row)
    return found


def _places(path: str) -> tuple[str, str, str]:
    """Return where the tags of a photo may be: in itself, and in sidecars of both styles."""
    return path, f"{path}.xmp", os.fspath(PurePath(path).with_suffix(".xmp"))


def forget_tags(conn: Connection, file_ids: Iterable[int]) -> None:
    """Forget what was written into some photos and beside them."""
    for part in chunks(file_ids, 500):
        paths = list(conn.scalars(select(file.c.path).where(file.c.id.in_(part))))
        places = {place for path in paths for place in _places(path)}
        conn.execute(delete(tagged).where(tagged.c.path.in_(places)))


def forget_tags_of_faces(conn: Connection, face_ids: Iterable[int]) -> None:
    """Forget what was written into the photos that hold some faces, and beside them."""
    for part in chunks(face_ids):
        holders = select(file.c.id).join(face, face.c.photo_id == file.c.photo_id)
        forget_tags(conn, list(conn.scalars(holders.where(face.c.id.in_(part)))))


def follow_embed(library: Library, row: TaggedRow, size: int, mtime_ns: int) -> None:
    """Let the library know a photo whose tags were written; the next index has nothing to read.

    Where this does not happen, because of a crash for example, the next index finds the picture
    that it knows with other tags.

    Parameters
    ----------
    library : Library
    row : TaggedRow
        Of the photo, with the content that it has now.
    size, mtime_ns : int
        Of the file as it is now.
    """
    seen = {"content_hash": row.content_hash, "size": size, "mtime_ns": mtime_ns}
    with library.write() as conn:
        conn.execute(update(file).where(file.c.path == row.path).values(**seen))


def remember_picture(library: Library, path: str, picture: str) -> None:
    """Store the digest of the picture in a file, and of its photo, before its tags change."""
    photo_id = select(file.c.photo_id).where(file.c.path == path).scalar_subquery()
    with library.write() as conn:
        conn.execute(update(file).where(file.c.path == path).values(picture=picture))
        own = update(photo).where(photo.c.id == photo_id, photo.c.picture.is_(None))
        conn.execute(own.values(picture=picture))


def visible_names(library: Library) -> set[str]:
    """Return the names of all people who are not hidden."""
    query = select(person.c.name).where(person.c.name.is_not(None), ~person.c.hidden)
    with library.read() as conn:
        return set(conn.scalars(query))


@dataclass(frozen=True, slots=True)
class Corrections:
    """What the user has decided about the faces in a photo.

    Attributes
    ----------
    rejected : frozenset of str
        Names of people who the user says are not one of its faces.
    placed : tuple of tuple
        Faces that the user has given to somebody: the box in pixels of the upright picture, the
        size of that, its orientation, and the name.
    """

    rejected: frozenset[str] = frozenset()
    placed: tuple[tuple[tuple[float, ...], tuple[int, int], int, str | None], ...] = ()


def corrections_in(library: Library, path: str) -> Corrections:
    """Return what the user has decided about the faces in a photo, by its path or its sidecar's."""
    held = file.c.path == path
    if path.lower().endswith(".xmp"):
        stem = path[: -len(".xmp")]
        beside = (file.c.path > f"{stem}.") & (file.c.path < f"{stem}{chr(ord('.') + 1)}")
        held = (file.c.path == stem) | beside
    photos = select(file.c.photo_id).where(held, file.c.photo_id.is_not(None))
    faces = face.c.photo_id.in_(photos)
    refused = (
        select(person.c.name)
        .join(rejection, rejection.c.person_id == person.c.id)
        .join(face, face.c.id == rejection.c.face_id)
        .where(faces, person.c.name.is_not(None))
    )
    given = (
        select(
            face.c.x0,
            face.c.y0,
            face.c.x1,
            face.c.y1,
            photo.c.width,
            photo.c.height,
            photo.c.orientation,
            person.c.name,
        )
        .join(photo, photo.c.id == face.c.photo_id)
        .join(assignment, assignment.c.face_id == face.c.id)
        .join(person, person.c.id == assignment.c.person_id)
        .where(faces, assignment.c.source == "user")
    )
    with library.read() as conn:
        placed = tuple(
            ((row[0], row[1], row[2], row[3]), (row[4], row[5]), row[6], row[7])
            for row in conn.execute(given)
        )
        return Corrections(frozenset(conn.scalars(refused)), placed)
