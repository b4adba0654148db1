"""Dates of photos: those set by the user, those claimed by files, and which of them counts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Text, bindparam, cast, func, select, update

from db.engine.schema import assignment, date_override, face, file, hint, photo
from db.engine.sql import best_file, chunks, is_present, under
from db.library import Library
from db.photos.hints import TAKEOUT, replace_hints

USER = "user"
"""Source of a date that the user has set."""
BEST_FIRST = (
    "xmp-sidecar",
    "exif-original",
    "exif-digitized",
    "clip-creation-date",
    "clip-creation-time",
    "xmp",
    "iptc",
    "gps",
    "takeout",
    "exif-modified",
    "file-name",
    "mtime",
)
"""Sources of claims, those that count first before others; as `album.dates.sources.Source`."""


@dataclass(frozen=True, slots=True)
class DatedPhoto:
    """A photo with all that claims its date.

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
class UserDate:
    """A date as the user has set it: naive local time, and how exactly it is known."""

    taken_at: datetime
    precision: str
    utc_offset_min: int | None = None


_COLUMNS = (
    photo.c.id,
    photo.c.taken_at,
    photo.c.utc_offset_min,
    photo.c.date_source,
    photo.c.date_precision,
    photo.c.date_claims,
)


def choose_dates(conn: Connection, photo_ids: Iterable[int]) -> set[int]:
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


def combine_claims(conn: Connection, photo_ids: Iterable[int]) -> set[int]:
    """Have all present copies of photos say when these were taken, and who is in them.

    A file that an earlier version has read says what the photo goes by until it is read again. A
    date that the user has set stays.

    Parameters
    ----------
    conn : Connection
        Of a transaction.
    photo_ids : iterable of int
        Photos of which a file has come, gone or changed.

    Returns
    -------
    set of int
        Photos whose date has changed.
    """
    found: dict[int, tuple[Sequence[Mapping[str, Any]], Sequence[str]]] = {}
    for part in chunks(sorted(set(photo_ids))):
        query = (
            select(file.c.photo_id, file.c.date_claims, file.c.people, photo.c.date_claims)
            .join(photo, photo.c.id == file.c.photo_id)
            .where(file.c.photo_id.in_(part), file.c.gone_at.is_(None), file.c.kind != "live")
            .order_by(file.c.id)
        )
        copies: dict[int, list[Any]] = {}
        for row in conn.execute(query):
            copies.setdefault(row[0], []).append(row[1:])
        for photo_id, rows in copies.items():
            if all(claims is None for claims, _, _ in rows):
                continue
            earlier = any(claims is None for claims, _, _ in rows)
            said = [claims for claims, _, _ in rows if claims is not None]
            if earlier and rows[0][2]:
                said.append(rows[0][2])
            names = {name for _, people, _ in rows for name in people or ()}
            if earlier:
                names |= _takeout_names(conn, photo_id)
            found[photo_id] = _combined(said), sorted(names)
    return _save_claims(conn, found)


def _takeout_names(conn: Connection, photo_id: int) -> set[str]:
    query = select(hint.c.name).where(hint.c.photo_id == photo_id, hint.c.source == TAKEOUT)
    return set(conn.scalars(query))


def _combined(said: Sequence[Sequence[Mapping[str, Any]]]) -> list[Mapping[str, Any]]:
    """Return the claims of several files, best first, each once; of changes of files the first."""
    if len(said) == 1:
        return list(said[0])
    once: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    for claims in said:
        for claim in claims:
            once.setdefault((claim["source"], claim["text"], claim["when"]), claim)

    def rank(claim: Mapping[str, Any]) -> tuple[int, str]:
        source = claim["source"]
        place = BEST_FIRST.index(source) if source in BEST_FIRST else len(BEST_FIRST)
        return place, (claim["when"] or "") if source == "mtime" else ""

    return sorted(once.values(), key=rank)


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
    """Return photos and clips with what claims their dates, by path.

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
    library: Library, date_filter: DateFilter, *, offset: int, limit: int
) -> tuple[list[DatedPhoto], int]:
    """Return some photos on the disk with what claims their dates, by date; and how many."""
    here = [is_present(photo.c.id)]
    for column, value in (
        (photo.c.date_source, date_filter.source),
        (photo.c.date_precision, date_filter.precision),
        (photo.c.id, date_filter.photo_id),
    ):
        if value is not None:
            here.append(column == value)
    if date_filter.refused:
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
        photo_id=row.id,
        path=row.path,
        present=row.gone_at is None,
        taken_at=row.taken_at,
        utc_offset_min=row.utc_offset_min,
        date_source=row.date_source,
        date_precision=row.date_precision,
        claims=tuple(row.date_claims or ()),
    )


def save_claims(
    conn: Connection, found: Mapping[str, tuple[Sequence[Mapping[str, Any]], Sequence[str]]]
) -> set[int]:
    """Store what files say about the dates of photos and the names of people in them.

    Parameters
    ----------
    conn : Connection
        Of a transaction.
    found : mapping of str to tuple
        Claims and names by path. A date that the user has set stays.

    Returns
    -------
    set of int
        Photos whose date has changed.
    """
    rows = [
        {"at": path, "claims": list(claims), "names": list(names)}
        for path, (claims, names) in found.items()
    ]
    if not rows:
        return set()
    said: dict[str, Any] = {"date_claims": bindparam("claims"), "people": bindparam("names")}
    conn.execute(update(file).where(file.c.path == bindparam("at")).values(**said), rows)
    photos = {
        int(photo_id)
        for part in chunks(found)
        for photo_id in conn.scalars(
            select(file.c.photo_id).where(file.c.path.in_(part), file.c.photo_id.is_not(None))
        )
    }
    return combine_claims(conn, photos)


def present_copies(library: Library, photo_ids: Iterable[int]) -> dict[int, list[str]]:
    """Return the paths of the present files that hold some photos, by photo."""
    query = (
        select(file.c.photo_id, file.c.path)
        .where(file.c.gone_at.is_(None), file.c.kind != "live")
        .order_by(file.c.id)
    )
    found: dict[int, list[str]] = {}
    with library.read() as conn:
        for part in chunks(sorted(set(photo_ids))):
            for photo_id, path in conn.execute(query.where(file.c.photo_id.in_(part))):
                found.setdefault(int(photo_id), []).append(path)
    return found


def with_copies(conn: Connection, photo_ids: Iterable[int]) -> set[int]:
    """Return those of some photos that several present files hold."""
    query = (
        select(file.c.photo_id)
        .where(file.c.gone_at.is_(None), file.c.kind != "live")
        .group_by(file.c.photo_id)
        .having(func.count() > 1)
    )
    return {
        int(photo_id)
        for part in chunks(sorted(set(photo_ids)))
        for photo_id in conn.scalars(query.where(file.c.photo_id.in_(part)))
    }


def _save_claims(
    conn: Connection, found: Mapping[int, tuple[Sequence[Mapping[str, Any]], Sequence[str]]]
) -> set[int]:
    """Store the claims and names of photos; return those whose date has changed."""
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
        if any(getattr(row, name) != value for name, value in values.items()):
            conn.execute(update(photo).where(photo.c.id == photo_id).values(**values))
        replace_hints(conn, TAKEOUT, {photo_id: names})
    return changed
