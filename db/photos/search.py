"""Finding photos by who is in them and when they were taken."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, String, cast, func, select, true, tuple_

from db.engine.schema import assignment, face, file, person, photo
from db.engine.sql import best_file, chunks, is_present
from db.library import Library
from db.rows import SearchRow


@dataclass(frozen=True, slots=True)
class PhotoFilter:
    """What a photo must meet; what is left at its default asks for nothing.

    Attributes
    ----------
    people : tuple of int
        Everybody who must be in it.
    any_of : tuple of int
        At least one of these must be in it.
    without : tuple of int
        Nobody of these may be in it.
    only : tuple of int or None
        Every face in it must be of one of these.
    start, end : datetime or None
        Taken at or after `start` and before `end`; naive local time. A photo without a date meets
        neither.
    dates : sequence of (str, str) or None
        Sources and precisions of dates that count for `start` and `end`; None: all.
    faces : tuple of (int or None, int or None)
        Least and largest number of faces.
    unnamed : bool
        Somebody without a name must be in it.
    repeats : bool or None
        Only photos that nearly repeat others, or none of these.
    gone : bool
        With photos that no present file holds.
    """

    people: tuple[int, ...] = ()
    any_of: tuple[int, ...] = ()
    without: tuple[int, ...] = ()
    only: tuple[int, ...] | None = None
    start: datetime | None = None
    end: datetime | None = None
    dates: Sequence[tuple[str, str]] | None = None
    faces: tuple[int | None, int | None] = (None, None)
    unnamed: bool = False
    gone: bool = False
    repeats: bool | None = None


_FILE = file.c.id == best_file(photo.c.id)


def _photos_of(ids: Sequence[int]) -> Select[Any]:
    """Select the photos that any of some people is in, starting at the people."""
    return (
        select(face.c.photo_id)
        .join(assignment, assignment.c.face_id == face.c.id)
        .where(assignment.c.person_id.in_(ids))
    )


def _who(photo_filter: PhotoFilter) -> Iterator[ColumnElement[bool]]:
    for person_id in photo_filter.people:
        yield photo.c.id.in_(_photos_of([person_id]))
    if photo_filter.any_of:
        yield photo.c.id.in_(_photos_of(photo_filter.any_of))
    if photo_filter.without:
        yield photo.c.id.not_in(_photos_of(photo_filter.without))
    if photo_filter.only is not None:
        whose = face.outerjoin(assignment, assignment.c.face_id == face.c.id)
        other = assignment.c.person_id.is_(None) | assignment.c.person_id.not_in(photo_filter.only)
        here = face.c.photo_id == photo.c.id
        yield ~select(face.c.id).select_from(whose).where(here, other).exists()
    if photo_filter.unnamed:
        whose = face.outerjoin(assignment, assignment.c.face_id == face.c.id).outerjoin(
            person, person.c.id == assignment.c.person_id
        )
        yield photo.c.id.in_(
            select(face.c.photo_id).select_from(whose).where(person.c.name.is_(None))
        )
    if photo_filter.faces != (None, None):
        low, high = photo_filter.faces
        count = (
            select(func.count())
            .select_from(face)
            .where(face.c.photo_id == photo.c.id)
            .scalar_subquery()
        )
        yield true() if low is None else count >= low
        yield true() if high is None else count <= high


def _when(photo_filter: PhotoFilter) -> Iterator[ColumnElement[bool]]:
    if photo_filter.start is None and photo_filter.end is None:
        return
    yield photo.c.taken_at.is_not(None)
    if photo_filter.start is not None:
        yield photo.c.taken_at >= photo_filter.start
    if photo_filter.end is not None:
        yield photo.c.taken_at < photo_filter.end
    if photo_filter.dates is not None:
        yield tuple_(photo.c.date_source, photo.c.date_precision).in_(list(photo_filter.dates))


def _conditions(photo_filter: PhotoFilter) -> list[ColumnElement[bool]]:
    here = [] if photo_filter.gone else [file.c.gone_at.is_(None)]
    if photo_filter.repeats is not None:
        repeats = photo.c.duplicate_of.is_not(None)
        here.append(repeats if photo_filter.repeats else ~repeats)
    return [*here, *_who(photo_filter), *_when(photo_filter)]


def search(library: Library, photo_filter: PhotoFilter) -> list[SearchRow]:
    """Return the photos and clips that meet a filter, by date and then by path; undated ones last.

    A photo that several files hold comes once, with one of them.
    """
    columns = (
        photo.c.id,
        file.c.path,
        file.c.gone_at.is_(None),
        photo.c.kind,
        photo.c.taken_at,
        photo.c.date_source,
        photo.c.date_precision,
    )
    query = (
        select(*columns)
        .select_from(photo.join(file, _FILE))
        .where(*_conditions(photo_filter))
        .order_by(photo.c.taken_at.is_(None), photo.c.taken_at, file.c.path)
    )
    with library.read() as conn:
        return [SearchRow(*row) for row in conn.execute(query)]


def search_page(
    library: Library, photo_filter: PhotoFilter, *, offset: int, limit: int
) -> tuple[list[SearchRow], int]:
    """Return some of the photos that meet a filter, by date, undated ones last; and how many do.

    Of all others neither a path nor a place in memory is needed. Gone photos are never among them.
    """
    here = [is_present(photo.c.id), *_conditions(replace(photo_filter, gone=True))]
    order = (photo.c.taken_at.is_(None), photo.c.taken_at, photo.c.id)
    part = select(photo.c.id).where(*here).order_by(*order).limit(limit).offset(offset).subquery()
    columns = (
        photo.c.id,
        file.c.path,
        file.c.gone_at.is_(None),
        photo.c.kind,
        photo.c.taken_at,
        photo.c.date_source,
        photo.c.date_precision,
    )
    source = part.join(photo, photo.c.id == part.c.id).join(file, _FILE)
    with library.read() as conn:
        total = conn.scalar(select(func.count()).select_from(photo).where(*here)) or 0
        rows = conn.execute(select(*columns).select_from(source).order_by(*order))
        return [SearchRow(*row) for row in rows], int(total)


def people_in(library: Library, photo_ids: Sequence[int] | None) -> dict[int, list[int]]:
    """Return the ids of the people in photos, each once and in order, by photo.

    Parameters
    ----------
    library : Library
    photo_ids : sequence of int or None
        None: all photos, which is one pass over the table of faces.
    """
    ids = func.aggregate_strings(cast(assignment.c.person_id, String), ",")
    query = (
        select(face.c.photo_id, ids)
        .join(assignment, assignment.c.face_id == face.c.id)
        .group_by(face.c.photo_id)
    )
    parts = (
        [query]
        if photo_ids is None
        else [query.where(face.c.photo_id.in_(part)) for part in chunks(photo_ids)]
    )
    with library.read() as conn:
        rows = [row for part in parts for row in conn.execute(part)]
    return {photo_id: sorted({int(one) for one in text.split(",")}) for photo_id, text in rows}
