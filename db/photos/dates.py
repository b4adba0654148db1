"""Dates of photos: what the user said, what the files say, and which of both the photo goes by."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Text, cast, func, select, update

from db.engine.schema import assignment, date_override, face, file, photo
from db.engine.sql import best_file, chunks, is_present, under
from db.library import Library
from db.photos.hints import TAKEOUT, replace_hints

USER = "user"
"""Source of a date that the user has set."""


@dataclass(frozen=True, slots=True)
class DatedPhoto:
    """A photo with all that was said of its date.

    Attributes
    ----------
    photo_id : int
    path : str or None
        A file that holds it.
    present : bool
    taken_at : datetime or None
        Naive local time.
    utc_offset_min : int or None
    date_source, date_precision : str
    claims : tuple of mapping
        See `db.records.PhotoFacts`; empty where they were never noted.
    """

    photo_id: int
    path: str | None
    present: bool
    taken_at: datetime | None
    utc_offset_min: int | None
    date_source: str
    date_precision: str
    claims: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Said:
    """A date as the user has set it: naive local time, and how exactly it is known."""

    taken_at: datetime
    precision: str
    utc_offset_min: int | None = None


_COLUMNS = (
    *(photo.c.id, photo.c.taken_at, photo.c.utc_offset_min),
    *(photo.c.date_source, photo.c.date_precision, photo.c.date_claims),
)


def follow(conn: Connection, photo_ids: Iterable[int]) -> set[int]:
    """Give photos the date that the user has set, or else the first believable one.

    Parameters
    ----------
    conn : Connection
        Of a transaction.
    photo_ids : iterable of int
        Photos whose date the user has set, or taken back.

    Returns
    -------
    set of int
        People who are in photos whose date has changed.
    """
    changed: set[int] = set()
    for part in chunks(sorted(set(photo_ids))):
        said = {
            row.photo_id: row
            for row in conn.execute(select(date_override).where(date_override.c.photo_id.in_(part)))
        }
        for row in conn.execute(select(*_COLUMNS).where(photo.c.id.in_(part))).all():
            values = _date(row, said.get(row.id))
            if values is not None:
                conn.execute(update(photo).where(photo.c.id == row.id).values(**values))
                changed.add(row.id)
    return people_in(conn, changed)


def _date(row: Any, said: Any) -> dict[str, Any] | None:
    """Return the columns of a photo's date; None where they are right."""
    if said is not None:
        values = {
            "taken_at": said.taken_at,
            "utc_offset_min": said.utc_offset_min,
            "date_source": USER,
            "date_precision": said.date_precision,
        }
        if row.date_claims is None:  # read by an earlier version: what it went by is all there is
            values["date_claims"] = _as_claims(row)
    elif row.date_source == USER:
        values = _believed(row.date_claims or ())
    else:
        return None
    same = all(getattr(row, name) == value for name, value in values.items())
    return None if same else values


def _as_claims(row: Any) -> list[dict[str, Any]]:
    if row.taken_at is None:
        return []
    return [
        {
            "source": row.date_source,
            "text": row.taken_at.isoformat(),
            "when": row.taken_at.isoformat(),
            "offset": row.utc_offset_min,
            "precision": row.date_precision,
            "refusal": "",
        }
    ]


def _believed(claims: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the columns of the first claim that was believed."""
    for claim in claims:
        if claim["when"] and not claim["refusal"]:
            return {
                "taken_at": datetime.fromisoformat(claim["when"]),
                "utc_offset_min": claim["offset"],
                "date_source": claim["source"],
                "date_precision": claim["precision"],
            }
    nothing: dict[str, Any] = {"taken_at": None, "utc_offset_min": None}
    return nothing | {"date_source": "none", "date_precision": "second"}


def people_in(conn: Connection, photo_ids: Iterable[int]) -> set[int]:
    """Return the ids of everybody who has a face in some photos."""
    query = select(assignment.c.person_id).join(face, face.c.id == assignment.c.face_id)
    parts = chunks(sorted(set(photo_ids)))
    return {
        int(i)
        for part in parts
        for i in conn.scalars(query.where(face.c.photo_id.in_(part)).distinct())
    }


def dated_photos(
    library: Library, roots: Sequence[str] = (), *, sources: Sequence[str] | None = None
) -> list[DatedPhoto]:
    """Return photos and clips with what was said of their dates, by path.

    Parameters
    ----------
    library : Library
    roots : sequence of str
        Only those of which a file is one of these, or lies below one; without any, all.
    sources : sequence of str, optional
        Only those that go by a date of these sources.
    """
    best = select(photo, file.c.path, file.c.gone_at).select_from(
        photo.join(file, file.c.id == best_file(photo.c.id))
    )
    if sources is not None:
        best = best.where(photo.c.date_source.in_(list(sources)))
    found: dict[int, DatedPhoto] = {}
    with library.read() as conn:
        for part in under(roots) if roots else [None]:
            query = best
            if part is not None:
                inside = select(file.c.photo_id).where(part)
                query = best.where(photo.c.id.in_(inside))
            for row in conn.execute(query):
                found[row.id] = _dated(row)
    return sorted(found.values(), key=lambda one: one.path or "")


@dataclass(frozen=True, slots=True)
class DateFilter:
    """Photos by what their date is like; None asks for nothing.

    Attributes
    ----------
    source, precision : str or None
        What the photo goes by.
    refused : bool
        Some claim was not believed.
    photo_id : int or None
        This photo alone.
    """

    source: str | None = None
    precision: str | None = None
    refused: bool = False
    photo_id: int | None = None


def dates_page(
    library: Library, wanted: DateFilter, *, offset: int, limit: int
) -> tuple[list[DatedPhoto], int]:
    """Return some photos on the disk with what was said of their dates, by date; and how many."""
    here = [is_present(photo.c.id)]
    for column, value in (
        (photo.c.date_source, wanted.source),
        (photo.c.date_precision, wanted.precision),
        (photo.c.id, wanted.photo_id),
    ):
        if value is not None:
            here.append(column == value)
    if wanted.refused:
        without = func.replace(cast(photo.c.date_claims, Text), '"refusal": ""', "")
        here.append(without.like('%"refusal": "%'))
    order = (photo.c.taken_at.is_(None), photo.c.taken_at, photo.c.id)
    part = select(photo.c.id).where(*here).order_by(*order).limit(limit).offset(offset).subquery()
    source = part.join(photo, photo.c.id == part.c.id)
    query = select(photo, file.c.path, file.c.gone_at).select_from(
        source.join(file, file.c.id == best_file(photo.c.id))
    )
    with library.read() as conn:
        total = conn.scalar(select(func.count()).select_from(photo).where(*here)) or 0
        return [_dated(row) for row in conn.execute(query.order_by(*order))], int(total)


def _dated(row: Any) -> DatedPhoto:
    return DatedPhoto(
        *(row.id, row.path, row.gone_at is None),
        *(row.taken_at, row.utc_offset_min, row.date_source, row.date_precision),
        tuple(row.date_claims or ()),
    )


def save_claims(
    conn: Connection, found: Mapping[int, tuple[Sequence[Mapping[str, Any]], Sequence[str]]]
) -> set[int]:
    """Store what files say about the dates of photos and the names of people in them.

    Parameters
    ----------
    conn : Connection
        Of a transaction.
    found : mapping of int to tuple
        Claims and names by photo. A date that the user has set stays.

    Returns
    -------
    set of int
        People who are in photos whose date has changed.
    """
    changed = set()
    for photo_id, (claims, names) in found.items():
        row = conn.execute(select(*_COLUMNS).where(photo.c.id == photo_id)).first()
        if row is None:
            continue
        values: dict[str, Any] = {"date_claims": list(claims)}
        if row.date_source != USER:
            values |= _believed(claims)
        if values.get("taken_at", row.taken_at) != row.taken_at:
            changed.add(photo_id)
        conn.execute(update(photo).where(photo.c.id == photo_id).values(**values))
        replace_hints(conn, TAKEOUT, {photo_id: names})
    return people_in(conn, changed)
