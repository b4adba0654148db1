"""The steps that changes of people are made of, inside one `db.journal.journal.Edit`.

Each touches what it changes, so that the journal has it. What may be changed is for the caller to
decide; here only ids are checked.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, exists, insert, or_, select, update

from db.engine.columns import now
from db.engine.schema import (
    assignment,
    comparison,
    date_override,
    exemption,
    face,
    file,
    person,
    photo,
    rejection,
    setting,
)
from db.engine.sql import best_file, chunks, has_verdict, reserve_ids
from db.errors import UnknownFaceError, UnknownPersonError, UnknownPhotoError
from db.journal import images
from db.journal.journal import Edit
from db.people.faces import load_table
from db.people.people import ROW, count_again, store_grouping
from db.people.verdicts import Stamp
from db.photos.dates import UserDate, choose_dates, people_in, save_claims
from db.records import Grouping, PersonFacts
from db.rows import FaceTable, PersonRow


@dataclass(frozen=True, slots=True)
class Placed:
    """A face and whose it is; ``person_id`` 0 and ``source`` '' for nobody's."""

    face_id: int
    photo_id: int
    person_id: int
    source: str


def person_of(edit: Edit, person_id: int) -> PersonRow:
    """Return a person, whose rows and faces may be changed from now on.

    Raises
    ------
    UnknownPersonError
    """
    row = edit.conn.execute(select(*ROW).where(person.c.id == person_id)).first()
    if row is None:
        raise UnknownPersonError(f"Nobody has the id {person_id}; see the list of people.")
    edit.touch("people", [person_id])
    return PersonRow(*row)


def placed(
    edit: Edit, *, people: Sequence[int] = (), faces: Sequence[int] | None = None
) -> list[Placed]:
    """Return the faces of some people, gone photos included, or some faces, by face id.

    Raises
    ------
    UnknownFaceError
        Some of `faces` do not exist.
    """
    source = face.outerjoin(assignment)
    columns = (face.c.id, face.c.photo_id, assignment.c.person_id, assignment.c.source)
    query = select(*columns).select_from(source)
    column = assignment.c.person_id if faces is None else face.c.id
    ids = sorted(set(people if faces is None else faces))
    rows = [row for part in chunks(ids) for row in edit.conn.execute(query.where(column.in_(part)))]
    found = sorted((Placed(row[0], row[1], row[2] or 0, row[3] or "") for row in rows), key=_face)
    if faces is not None and len(found) < len(ids):
        missing = sorted(set(ids) - {one.face_id for one in found})
        raise UnknownFaceError(f"There is no face with the id {missing[0]}.")
    return found


def _face(one: Placed) -> int:
    return one.face_id


def paths(edit: Edit, photo_ids: Iterable[int]) -> list[str]:
    """Return a file of each photo, sorted; photos that no file holds are left out."""
    query = select(file.c.path).select_from(photo.join(file, file.c.id == best_file(photo.c.id)))
    parts = chunks(sorted(set(photo_ids)))
    return sorted(p for part in parts for p in edit.conn.scalars(query.where(photo.c.id.in_(part))))


def photo_of(edit: Edit, photo_id: int) -> str | None:
    """Return a file that holds the photo, or None where there is none."""
    return next(iter(paths(edit, [photo_id])), None)


def exempted(edit: Edit, photo_ids: Iterable[int]) -> set[int]:
    """Return those of the photos in which a person may be twice."""
    query = select(exemption.c.photo_id)
    parts = chunks(sorted(set(photo_ids)))
    column = exemption.c.photo_id
    return {i for part in parts for i in edit.conn.scalars(query.where(column.in_(part)))}


def exempt(edit: Edit, photo_ids: Iterable[int], *, take_back: bool = False) -> None:
    """Store that a person may be twice in these photos, or no longer."""
    ids = sorted(set(photo_ids))
    edit.touch("photos", ids)
    if take_back:
        images.remove(edit.conn, exemption, ((photo_id,) for photo_id in ids))
    else:
        images.put(edit.conn, exemption, [{"photo_id": photo_id} for photo_id in ids])


def set_person(edit: Edit, person_id: int, **values: Any) -> None:
    """Set columns of a person."""
    edit.touch("people", [person_id])
    edit.conn.execute(update(person).where(person.c.id == person_id).values(**values))


def new_person(edit: Edit) -> int:
    """Make a person without name or face, and return the id."""
    (person_id,) = reserve_ids(edit.conn, "person", 1)
    edit.touch("people", [person_id])
    edit.conn.execute(insert(person).values(id=person_id, created_at=now()))
    return person_id


def remove_person(edit: Edit, person_id: int) -> None:
    """Delete a person; their faces must have been placed elsewhere."""
    edit.touch("people", [person_id])
    edit.conn.execute(delete(person).where(person.c.id == person_id))


def place(edit: Edit, face_ids: Iterable[int], person_id: int, *, source: str = "user") -> None:
    """Make faces a person's by the word of the user, or of an import ('imported').

    The user's takes back that they are not theirs.
    """
    ids = sorted(set(face_ids))
    edit.touch("people", [person_id])
    edit.touch("faces", ids)
    if source == "user":
        images.remove(edit.conn, rejection, ((face_id, person_id) for face_id in ids))
    common = {"person_id": person_id, "source": source, "confidence": 1.0}
    images.put(edit.conn, assignment, [{"face_id": face_id, **common} for face_id in ids])


def reassign(edit: Edit, face_ids: Iterable[int], person_id: int) -> None:
    """Make faces that were found automatically another person's, as certain as they were."""
    ids = sorted(set(face_ids))
    edit.touch("people", [person_id])
    edit.touch("faces", ids)
    for part in chunks(ids):
        mine = update(assignment).where(assignment.c.face_id.in_(part))
        edit.conn.execute(mine.values(person_id=person_id))


def free(edit: Edit, face_ids: Iterable[int]) -> None:
    """Make faces nobody's."""
    ids = sorted(set(face_ids))
    edit.touch("faces", ids)
    images.remove(edit.conn, assignment, ((face_id,) for face_id in ids))


def reject(edit: Edit, face_ids: Iterable[int], person_id: int) -> None:
    """Store that faces are not a person's."""
    ids = sorted(set(face_ids))
    edit.touch("people", [person_id])
    edit.touch("faces", ids)
    rows = [{"face_id": face_id, "person_id": person_id} for face_id in ids]
    images.put(edit.conn, rejection, rows)


def accept(edit: Edit, face_ids: Iterable[int], person_id: int) -> None:
    """Take back that faces are not a person's."""
    ids = sorted(set(face_ids))
    edit.touch("people", [person_id])
    edit.touch("faces", ids)
    images.remove(edit.conn, rejection, ((face_id, person_id) for face_id in ids))


def rejected_of(edit: Edit, person_id: int) -> set[int]:
    """Return the faces that are not a person's."""
    query = select(rejection.c.face_id).where(rejection.c.person_id == person_id)
    return set(edit.conn.scalars(query))


def compare(edit: Edit, a: int, b: int, verdict: str | None) -> None:
    """Store the verdict on two people, 'different' or 'skipped'; None takes it back."""
    low, high = sorted((a, b))
    edit.touch("people", [low, high])
    if verdict is None:
        images.remove(edit.conn, comparison, [(low, high)])
    else:
        row = {"person_a": low, "person_b": high, "verdict": verdict}
        images.put(edit.conn, comparison, [row])


def comparisons_of(edit: Edit, person_id: int) -> dict[int, str]:
    """Return the verdicts on a person and others, by the other's id."""
    either = (comparison.c.person_a == person_id) | (comparison.c.person_b == person_id)
    rows = edit.conn.execute(select(comparison).where(either)).all()
    return {(b if a == person_id else a): verdict for a, b, verdict in rows}


def named(edit: Edit) -> dict[int, str]:
    """Return the names of all who have one."""
    rows = edit.conn.execute(select(person.c.id, person.c.name).where(person.c.name.is_not(None)))
    return {row[0]: row[1] for row in rows}


def remove_empty(edit: Edit, person_ids: Iterable[int]) -> set[int]:
    """Delete those of some people who have no face left and about whom the user decided nothing."""
    ids = sorted(set(person_ids))
    edit.touch("people", ids)
    used = or_(
        exists().where(assignment.c.person_id == person.c.id),
        exists().where(rejection.c.person_id == person.c.id),
    )
    query = select(person.c.id).where(person.c.id.in_(ids), ~has_verdict(), ~used)
    gone = set(edit.conn.scalars(query))
    images.remove(edit.conn, person, ((person_id,) for person_id in sorted(gone)))
    return gone


def faces_of(
    edit: Edit,
    person_ids: Sequence[int],
    *,
    identity: str | None,
    attributes: str | None,
    emotions: bool = False,
) -> FaceTable:
    """Return the present faces of some people, as `db.people.faces.load_faces` does of all."""
    mine = assignment.c.person_id.in_(list(person_ids))
    return load_table(
        edit.conn,
        edit.path,
        identity=identity,
        attributes=attributes,
        emotions=emotions,
        only=mine,
    )


def save_facts(edit: Edit, found: Sequence[PersonFacts], person_ids: Sequence[int]) -> None:
    """Store what is derived of some people, and count the photos of `person_ids` again.

    A cover that the user chose stays, as long as that face is the person's.
    """
    edit.touch("people", [*person_ids, *(facts.person_id for facts in found)])
    moved = ~exists().where(
        assignment.c.face_id == person.c.cover_face_id, assignment.c.person_id == person.c.id
    )
    lost = update(person).where(person.c.id.in_(list(person_ids)), moved)
    edit.conn.execute(lost.values(cover_face_id=None, cover_chosen=False))
    for facts in found:
        values = {
            "passer_by": facts.passer_by,
            "p_male": facts.p_male,
            "born": facts.born,
            "born_low": facts.born_low,
            "born_high": facts.born_high,
        }
        one = update(person).where(person.c.id == facts.person_id)
        edit.conn.execute(one.values(values))
        show = one.where(~person.c.cover_chosen)
        edit.conn.execute(show.values(cover_face_id=facts.cover_face_id))
    count_again(edit.conn, person_ids)


def regroup(
    edit: Edit,
    grouping: Grouping,
    people: Sequence[PersonFacts],
    *,
    stamp: Stamp,
    settings: Mapping[str, str],
) -> bool:
    """Store a new grouping as `db.people.people.save_people` does, as part of a change.

    Everybody who gains or loses a face must have been touched, because of those who are deleted.

    Returns
    -------
    bool
        False if somebody has changed the library since the stamp was taken: nothing was stored.
    """
    edit.touch("people", (facts.person_id for facts in people))
    edit.touch("faces", grouping.face_id.tolist())
    return store_grouping(edit.conn, grouping, people, stamp=stamp, settings=settings)


def faceless(edit: Edit, person_ids: Iterable[int]) -> set[int]:
    """Return those of some people who have no face at all, not even in photos that are gone."""
    ids = set(person_ids)
    query = select(assignment.c.person_id).distinct()
    parts = chunks(sorted(ids))
    column = assignment.c.person_id
    return ids - {i for part in parts for i in edit.conn.scalars(query.where(column.in_(part)))}


def existing(edit: Edit, person_ids: Iterable[int]) -> set[int]:
    """Return those of some people who are there."""
    parts = chunks(sorted(set(person_ids)))
    return {
        i
        for part in parts
        for i in edit.conn.scalars(select(person.c.id).where(person.c.id.in_(part)))
    }


def drop_setting(edit: Edit, key: str) -> None:
    """Remove a setting; the journal doesn't keep it."""
    edit.conn.execute(delete(setting).where(setting.c.key == key))


def existing_faces(edit: Edit, face_ids: Iterable[int]) -> set[int]:
    """Return those of some faces that are there."""
    parts = chunks(sorted(set(face_ids)))
    return {
        i for part in parts for i in edit.conn.scalars(select(face.c.id).where(face.c.id.in_(part)))
    }


def faces_in(edit: Edit, photo_id: int) -> list[Placed]:
    """Return the faces in a photo.

    Raises
    ------
    UnknownPhotoError
        There is no such photo.
    """
    if edit.conn.scalar(select(photo.c.id).where(photo.c.id == photo_id)) is None:
        raise UnknownPhotoError(f"There is no photo {photo_id}.")
    ids = list(edit.conn.scalars(select(face.c.id).where(face.c.photo_id == photo_id)))
    return placed(edit, faces=ids)


def set_dates(edit: Edit, dates: Mapping[int, UserDate | None]) -> set[int]:
    """Set the dates of photos by hand, or take them back where there is None.

    Returns
    -------
    set of int
        People in photos whose date has changed.
    """
    edit.touch("photos", dates)
    people = people_in(edit.conn, dates)
    edit.touch("people", people)
    images.remove(edit.conn, date_override, ((one,) for one, date in dates.items() if date is None))
    rows = [
        {
            "photo_id": photo_id,
            "taken_at": date.taken_at,
            "utc_offset_min": date.utc_offset_min,
            "date_precision": date.precision,
        }
        for photo_id, date in dates.items()
        if date is not None
    ]
    images.put(edit.conn, date_override, rows)
    return choose_dates(edit.conn, dates)


def people_in_photos(edit: Edit, photo_ids: Iterable[int]) -> set[int]:
    """Return the ids of everybody who has a face in some photos."""
    return people_in(edit.conn, photo_ids)


def set_date_claims(
    edit: Edit, found: Mapping[str, tuple[Sequence[Mapping[str, Any]], Sequence[str]]]
) -> set[int]:
    """Store what files say about the dates of photos and the names of people in them.

    Parameters
    ----------
    edit : Edit
    found : mapping of int to tuple
        Claims (see `db.records.PhotoFacts`) and names by path. Dates set by the user stay.

    Returns
    -------
    set of int
        Photos whose date has changed.
    """
    return save_claims(edit.conn, found)
