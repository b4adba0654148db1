"""Deleting people and photos for good, so that no byte of them stays in the file.

What was deleted is still in the free places of a database file until these are written over. So
each deletion also marks the library (`_DUE`), and `clean` writes the whole file anew.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, bindparam, delete, func, select, update

from db.engine.schema import assignment, event, face, file, hint, person, photo, setting
from db.engine.sql import chunks, is_present, under, upsert
from db.journal.journal import forget_events
from db.library import Library
from db.people.people import folded, refresh_counts, remove_empty
from db.people.suggestions import forget_suggestions
from db.photos.forgotten import recall_photos, remember_boxes, remember_photos
from db.settings import GROUPED_UNDER
from db.tags.tagged import forget_tags, forget_tags_of_faces

_DUE = "cleaning-due"
"""Setting that is there from a deletion until the file has been written anew."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What is deleted: numbers of people, faces, photos (and clips), and files known of."""

    people: int = 0
    faces: int = 0
    photos: int = 0
    files: int = 0


@dataclass(frozen=True, slots=True)
class _Target:
    """Rows to be deleted; `faces` has those of the people and of the photos."""

    people: tuple[int, ...] = ()
    faces: tuple[int, ...] = ()
    photos: tuple[int, ...] = ()
    files: tuple[int, ...] = ()

    @property
    def loss(self) -> Loss:
        return Loss(len(self.people), len(self.faces), len(self.photos), len(self.files))


def _ids(conn: Connection, query: Any, column: Column[Any], among: Iterable[int]) -> list[int]:
    parts = (query.where(column.in_(part)) for part in chunks(among))
    return sorted({int(one) for part in parts for one in conn.scalars(part) if one is not None})


def _of_people(conn: Connection, person_ids: Sequence[int]) -> _Target:
    theirs = select(assignment.c.face_id)
    faces = _ids(conn, theirs, assignment.c.person_id, person_ids)
    return _Target(people=tuple(sorted(set(person_ids))), faces=tuple(faces))


def _of_paths(conn: Connection, paths: Sequence[str]) -> _Target:
    rows = [
        row
        for part in under(paths)
        for row in conn.execute(select(file.c.id, file.c.photo_id).where(part))
    ]
    photos = sorted({row[1] for row in rows if row[1] is not None})
    copies = _ids(conn, select(file.c.id), file.c.photo_id, photos)
    files = sorted({*copies, *(row[0] for row in rows)})
    return _Target((), tuple(_faces_in(conn, photos)), tuple(photos), tuple(files))


def _of_gone(conn: Connection) -> _Target:
    photos = list(conn.scalars(select(photo.c.id).where(~is_present(photo.c.id))))
    files = conn.scalars(select(file.c.id).where(file.c.gone_at.is_not(None)))
    return _Target((), tuple(_faces_in(conn, photos)), tuple(photos), tuple(files))


def _faces_in(conn: Connection, photo_ids: Sequence[int]) -> list[int]:
    return _ids(conn, select(face.c.id), face.c.photo_id, photo_ids)


def people_loss(library: Library, person_ids: Sequence[int]) -> Loss:
    """Return what `forget_people` would delete."""
    with library.read() as conn:
        return _of_people(conn, person_ids).loss


def photos_loss(library: Library, paths: Sequence[str]) -> Loss:
    """Return what `forget_photos` would delete."""
    with library.read() as conn:
        return _of_paths(conn, paths).loss


def gone_loss(library: Library) -> Loss:
    """Return what `forget_gone` would delete."""
    with library.read() as conn:
        return _of_gone(conn).loss


def unknown_paths(library: Library, paths: Sequence[str]) -> list[str]:
    """Return those paths at and below which no file is known."""
    with library.read() as conn:
        return [
            path
            for path in paths
            if not any(
                conn.scalar(select(file.c.id).where(part).limit(1)) for part in under([path])
            )
        ]


def forget_people(library: Library, person_ids: Sequence[int], *, completely: bool = False) -> Loss:
    """Delete people with their faces and all that was seen in them.

    Parameters
    ----------
    library : Library
    person_ids : sequence of int
    completely : bool
        Remember nothing. Otherwise the boxes of the faces are remembered, by photo, so that no face
        is stored there again; not whose they were.

    Returns
    -------
    Loss
    """
    with _deleting(library) as conn:
        target = _of_people(conn, person_ids)
        if completely:
            forget_tags_of_faces(conn, target.faces)
        else:
            remember_boxes(conn, target.faces)
        _delete(conn, target)
        return target.loss


def forget_photos(library: Library, paths: Sequence[str], *, completely: bool = False) -> Loss:
    """Delete photos with their faces and files; copies elsewhere are the same photo.

    Parameters
    ----------
    library : Library
    paths : sequence of str
        Absolute, of files, or of folders with all that is below.
    completely : bool
        Remember nothing. Otherwise digests of content and picture are remembered
        (`db.photos.forgotten`), so that the photo is not indexed again.

    Returns
    -------
    Loss
    """
    with _deleting(library) as conn:
        target = _of_paths(conn, paths)
        if not completely:
            remember_photos(conn, target.files)
        _delete(conn, target)
        return target.loss


def forget_gone(library: Library) -> Loss:
    """Delete the files that have gone, and the photos that no present file holds."""
    with _deleting(library) as conn:
        target = _of_gone(conn)
        _delete(conn, target)
        return target.loss


@contextmanager
def _deleting(library: Library) -> Iterator[Connection]:
    with library.write() as conn:
        library.wipe_deleted(conn)
        upsert(conn, setting, [{"key": _DUE, "value": "1"}], keys=["key"])
        yield conn


def _delete(conn: Connection, target: _Target) -> None:
    """Delete rows and what hangs on them, and put right what is derived about everybody else."""
    faceless = _ids(conn, select(assignment.c.person_id), assignment.c.face_id, target.faces)
    forget_events(conn, target.people, target.faces if target.people else ())
    _forget_hints(conn, target.people)
    _forget_summaries(conn, target.files)
    forget_tags(conn, target.files)
    forget_suggestions(conn, target.people, target.faces)
    for table, ids in (
        (file, target.files),
        (face, target.faces),
        (photo, target.photos),
        (person, target.people),
    ):
        for part in chunks(ids):
            conn.execute(delete(table).where(table.c.id.in_(part)))
    # With photos go faces of others, too, whose birth years and the like have to be derived again.
    if target.photos:
        conn.execute(delete(setting).where(setting.c.key == GROUPED_UNDER))
    remove_empty(conn)
    _show_another_face(conn, set(faceless) - set(target.people))
    refresh_counts(conn)


def _forget_hints(conn: Connection, person_ids: Sequence[int]) -> None:
    """Delete what others say of people of these names; until their tags are read again."""
    query = select(person.c.name).where(person.c.id.in_(list(person_ids)))
    names = {folded(name) for name in conn.scalars(query) if name}
    if names:
        known = conn.scalars(select(hint.c.name).distinct())
        theirs = [name for name in known if folded(name) in names]
        conn.execute(delete(hint).where(hint.c.name.in_(theirs)))
        said = conn.execute(select(file.c.id, file.c.people).where(file.c.people.is_not(None)))
        left = [
            {"of": file_id, "people": [name for name in people if folded(name) not in names]}
            for file_id, people in said
            if people and any(folded(name) in names for name in people)
        ]
        if left:
            conn.execute(update(file).where(file.c.id == bindparam("of")), left)


def _forget_summaries(conn: Connection, file_ids: Sequence[int]) -> None:
    """Delete the changes in the journal whose sentence names one of some files.

    Those that only concern faces in them stay: there is nothing in them but numbers, and what they
    say of other photos can still be undone.
    """
    summaries = {
        row[0]: row[1]["summary"] for row in conn.execute(select(event.c.id, event.c.payload))
    }
    paths = [
        os.fsencode(path).decode("utf-8", "backslashreplace")
        for part in chunks(file_ids)
        for path in (
            conn.scalars(select(file.c.path).where(file.c.id.in_(part))) if summaries else ()
        )
    ]
    naming = [key for key, summary in summaries.items() if any(path in summary for path in paths)]
    for part in chunks(naming):
        conn.execute(delete(event).where(event.c.id.in_(part)))


def _show_another_face(conn: Connection, person_ids: Iterable[int]) -> None:
    """Give people whose cover was deleted the largest of their other faces."""
    largest = (
        select(face.c.id)
        .join(assignment, assignment.c.face_id == face.c.id)
        .where(assignment.c.person_id == person.c.id)
        .order_by(face.c.size.desc(), face.c.id)
        .limit(1)
        .scalar_subquery()
    )
    lost = update(person).where(person.c.cover_face_id.is_(None))
    for part in chunks(sorted(person_ids)):
        values = {"cover_face_id": largest, "cover_chosen": False}
        conn.execute(lost.where(person.c.id.in_(part)).values(values))


def recall(library: Library, digests: Iterable[str]) -> int:
    """Stop remembering photos, so that they may be indexed again; return how many digests."""
    with _deleting(library) as conn:
        return recall_photos(conn, digests)


def cleaning_due(library: Library) -> bool:
    """Tell whether something was deleted since the file was last written anew."""
    with library.read() as conn:
        return conn.scalar(select(func.count()).where(setting.c.key == _DUE)) == 1


def clean(library: Library) -> None:
    """Write the file anew, without what was deleted, and empty its log.

    Raises
    ------
    LockedLibraryError
        Another process is at the library. Nothing is lost; `cleaning_due` stays true.
    FullDiskError
        The file needs its own size once more while it is written.
    """
    library.rewrite()
    with library.write() as conn:
        conn.execute(delete(setting).where(setting.c.key == _DUE))
