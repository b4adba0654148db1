"""People: what clustering proposes, what the user decided, and the table of them."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from sqlalchemy import (
    Column,
    Connection,
    Select,
    bindparam,
    case,
    delete,
    exists,
    func,
    select,
    update,
)

from db.engine.bulk import delete_where
from db.engine.columns import now
from db.engine.schema import assignment, face, person, photo, rejection
from db.engine.sql import chunks, has_verdict, is_present, next_id, reserve_ids, upsert
from db.errors import AmbiguousPersonError, UnknownPersonError
from db.library import Library
from db.people.verdicts import Stamp, count_grouping, is_unchanged
from db.records import Grouping, Ints, PersonFacts
from db.rows import PersonRow
from db.settings import store_settings

_DERIVED = ("passer_by", "p_male", "born", "born_low", "born_high")
ROW: tuple[Column[Any], ...] = (
    person.c.id,
    *(person.c[field.name] for field in fields(PersonRow)[1:]),
)


def next_person_ids(library: Library, count: int) -> Ints:
    """Reserve ids for new people, shape (count,); no id is ever given out twice."""
    with library.write() as conn:
        return np.array(reserve_ids(conn, "person", count), np.int64)


def _check_ids(conn: Connection, grouping: Grouping, people: Sequence[PersonFacts]) -> None:
    ids = [facts.person_id for facts in people]
    if len(set(ids)) != len(ids):
        raise ValueError("the facts of a person come twice")
    missing = set(np.unique(grouping.person_id).tolist()) - set(ids) - {0}
    if missing:
        raise ValueError(f"no facts for the people {sorted(missing)[:10]}")
    if ids and max(ids) >= next_id(conn, "person"):
        raise ValueError("a person's id was not reserved")


def _save_facts(conn: Connection, people: Sequence[PersonFacts]) -> None:
    rows = [
        {
            "id": facts.person_id,
            "created_at": now(),
            **{name: getattr(facts, name) for name in _DERIVED},
        }
        for facts in people
    ]
    upsert(conn, person, rows, keys=["id"], update=_DERIVED)
    covers = [{"of": facts.person_id, "to": facts.cover_face_id} for facts in people]
    show = update(person).where(person.c.id == bindparam("of"), ~person.c.cover_chosen)
    if covers:
        conn.execute(show.values(cover_face_id=bindparam("to")), covers)


def _save_assignments(conn: Connection, grouping: Grouping) -> None:
    """Replace the automatic assignments of these faces; those of the user stay."""
    ids = grouping.face_id.tolist()
    if not ids:
        return
    delete_where(conn, assignment.c.source == "auto", assignment.c.face_id, ids)
    columns = (ids, grouping.person_id.tolist(), grouping.confidence.tolist())
    rows = [
        {"face_id": face_id, "person_id": person_id, "source": "auto", "confidence": confidence}
        for face_id, person_id, confidence in zip(*columns, strict=True)
        if person_id
    ]
    upsert(conn, assignment, rows, keys=["face_id"])
    rejected = exists().where(
        rejection.c.face_id == assignment.c.face_id,
        rejection.c.person_id == assignment.c.person_id,
    )
    conn.execute(delete(assignment).where(assignment.c.source == "auto", rejected))


def remove_empty(conn: Connection) -> None:
    """Delete people without a face about whom the user has decided nothing."""
    used = exists().where(assignment.c.person_id == person.c.id)
    conn.execute(delete(person).where(~has_verdict(), ~used))


def _counts() -> Select[Any]:
    trusted = case((photo.c.date_source != "mtime", photo.c.taken_at))
    return (
        select(
            assignment.c.person_id.label("of"),
            func.count(photo.c.id.distinct()).label("photos"),
            func.count().label("faces"),
            func.min(trusted).label("first_at"),
            func.max(trusted).label("last_at"),
        )
        .select_from(assignment.join(face).join(photo))
        .where(is_present(photo.c.id))
        .group_by(assignment.c.person_id)
    )


def refresh_counts(conn: Connection) -> None:
    """Count the present photos and faces of everybody again, and find their first and last date."""
    nothing = {"photos": 0, "faces": 0, "first_at": None, "last_at": None}
    rows = [dict(row) for row in conn.execute(_counts()).mappings()]
    conn.execute(update(person).values(nothing))
    if rows:
        counted = update(person).where(person.c.id == bindparam("of"))
        conn.execute(counted, rows)


def count_again(conn: Connection, person_ids: Sequence[int]) -> None:
    """Do what `refresh_counts` does for some people only."""
    nothing = {"photos": 0, "faces": 0, "first_at": None, "last_at": None}
    for part in chunks(sorted(set(person_ids))):
        counts = _counts().where(assignment.c.person_id.in_(part))
        rows = {row["of"]: dict(row) for row in conn.execute(counts).mappings()}
        for person_id in part:
            values = {**nothing, **rows.get(person_id, {})}
            values.pop("of", None)
            conn.execute(update(person).where(person.c.id == person_id).values(values))


def save_people(
    library: Library,
    grouping: Grouping,
    people: Sequence[PersonFacts],
    *,
    stamp: Stamp | None = None,
    settings: Mapping[str, str] | None = None,
) -> bool:
    """Store a new grouping and what follows from it, all of it or nothing.

    Parameters
    ----------
    library : Library
    grouping : Grouping
        The faces whose person may have changed. Their automatic assignments are replaced; those of
        other faces stay (of photos that are gone for now, say), and so does every assignment made
        by a user or an import, whatever the grouping says.
    people : sequence of PersonFacts
        Everybody in the grouping, and others of whom something new is known. Ids are those of
        stored people, to keep them, or reserved by `next_person_ids`. People left without a face
        go, unless the user has decided something about them.
    stamp : tuple of int, optional
        From `db.people.verdicts.verdicts`.
    settings : mapping of str to str, optional
        To be stored together with the grouping.

    Returns
    -------
    bool
        False if somebody has changed the library since the stamp was taken: nothing was stored, and
        the grouping has to be worked out again.

    Raises
    ------
    ValueError
        A person without facts, facts given twice, or an id that was never reserved.
    """
    with library.write() as conn:
        return store_grouping(conn, grouping, people, stamp=stamp, settings=settings or {})


def store_grouping(
    conn: Connection,
    grouping: Grouping,
    people: Sequence[PersonFacts],
    *,
    stamp: Stamp | None,
    settings: Mapping[str, str],
) -> bool:
    """Store a new grouping inside a transaction; see `save_people`."""
    if stamp is not None and not _still_holds(conn, grouping, stamp):
        return False
    count_grouping(conn)
    _check_ids(conn, grouping, people)
    _save_facts(conn, people)
    _save_assignments(conn, grouping)
    remove_empty(conn)
    refresh_counts(conn)
    store_settings(conn, settings)
    return True


def _still_holds(conn: Connection, grouping: Grouping, stamp: Stamp) -> bool:
    """Tell whether a grouping can be stored: nobody has changed anything, and its faces exist.

    Another process that reads a photo again deletes faces that are no longer found in it. Those of
    a person change the stamp; new faces, which are nobody's yet, do not.
    """
    if not is_unchanged(conn, stamp):
        return False
    face_ids = grouping.face_id.tolist()
    there = select(func.count()).select_from(face)
    return len(face_ids) == sum(
        conn.scalar(there.where(face.c.id.in_(part))) or 0 for part in chunks(face_ids)
    )


def people(library: Library, *, hidden: bool = False, passers_by: bool = False) -> list[PersonRow]:
    """Return the people, those with most photos first.

    Parameters
    ----------
    library : Library
    hidden : bool
        With those whom the user has hidden.
    passers_by : bool
        With those seen too little to be shown unasked; who has a name is none of them.
    """
    query = select(*ROW).order_by(person.c.photos.desc(), person.c.id)
    if not hidden:
        query = query.where(~person.c.hidden)
    if not passers_by:
        query = query.where(~person.c.passer_by | person.c.name.is_not(None))
    with library.read() as conn:
        return [PersonRow(*row) for row in conn.execute(query)]


def people_by_id(library: Library, ids: Iterable[int]) -> dict[int, PersonRow]:
    """Return those of some people who exist, by id."""
    with library.read() as conn:
        rows = [
            PersonRow(*row)
            for part in chunks(ids)
            for row in conn.execute(select(*ROW).where(person.c.id.in_(part)))
        ]
    return {row.person_id: row for row in rows}


def folded(name: str) -> str:
    """Return a name without the difference between upper and lower case."""
    return unicodedata.normalize("NFC", name).strip().casefold()


def _plain(name: str) -> str:
    """Return a name without accents, too."""
    parts = unicodedata.normalize("NFKD", name).strip().casefold()
    return "".join(c for c in parts if not unicodedata.combining(c))


def _ids_named(conn: Connection, name: str) -> list[int]:
    """Return those of exactly this name, else in any case, else without accents, else by words.

    By words, Ana and Muller are names of Ana Müller. A number is no such word: it is the id of
    somebody who may be gone, and must not come to mean Louis 14.
    """
    named = select(person.c.id, person.c.name).where(person.c.name.is_not(None))
    rows = conn.execute(named.order_by(person.c.id)).all()
    exact = [int(row[0]) for row in rows if row[1] == name]
    same = exact or [int(row[0]) for row in rows if folded(row[1]) == folded(name)]
    plain = same or [int(row[0]) for row in rows if _plain(row[1]) == _plain(name)]
    words = set() if name.isdecimal() else set(_plain(name).split())
    return plain or [int(row[0]) for row in rows if words and words <= set(_plain(row[1]).split())]


def find_person(library: Library, who: int | str) -> PersonRow:
    """Return a person by id, or by name or part of it, in any case, with or without accents.

    Parameters
    ----------
    library : Library
    who : int or str
        An id, also as digits, or a name.

    Raises
    ------
    UnknownPersonError, AmbiguousPersonError
    """
    text = str(who)
    with library.read() as conn:
        ids = [int(text)] if text.isdecimal() and len(text) < 19 else []
        row = conn.execute(select(*ROW).where(person.c.id.in_(ids))).first()
        if row is None:
            ids = _ids_named(conn, text)
            row = conn.execute(select(*ROW).where(person.c.id.in_(ids))).first()
    if len(ids) > 1:
        raise AmbiguousPersonError(
            f"{len(ids)} people are called {text}; give one of the ids {', '.join(map(str, ids))}."
        )
    if row is None:
        raise UnknownPersonError(f"Nobody has the id or name {text}; see the list of people.")
    return PersonRow(*row)
