"""Putting rows back as they were, though an index may have changed the library in between.

What nobody has touched since comes back exactly. Of the rest the rules are: what a user or an
import has said since stays; what was only found automatically gives way; what no longer exists (a
face that was not found again, say) is left out. No reference is ever broken.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select

from db.engine.schema import assignment, exemption, face, person, photo
from db.engine.sql import chunks
from db.errors import UndoError
from db.journal import images
from db.journal.images import Images, Key, Row
from db.photos.dates import choose_dates

USER_COLUMNS = ("name", "hidden", "born_override", "gender_override")
"""Columns of `person` that are the user's word and nothing else."""


@dataclass(slots=True)
class Restored:
    """What became of it.

    Attributes
    ----------
    stale : set of int
        People whose derived facts are not those of their faces any more.
    left_out : int
        Faces that could not be given back, because they are gone or were placed elsewhere since.
    """

    stale: set[int] = field(default_factory=set)
    left_out: int = 0


def restore(conn: Connection, target: Images, expected: Images) -> Restored:
    """Turn the rows of `expected` into those of `target`.

    Parameters
    ----------
    conn : Connection
        Of a transaction.
    target : Images
        What the rows shall be.
    expected : Images
        What they were when the change was made; the same keys.

    Raises
    ------
    UndoError
        A person would be in a photo twice by the user's own word.
    """
    done = Restored()
    current = images.rows_by_key(conn, target)
    if current != expected:
        done.stale |= _people_of(target, expected, current)
    _restore_people(conn, target, expected, current)
    back = _restore_assignments(conn, target, expected, current, done)
    for name in ("rejection", "exemption", "comparison", "date_override"):
        _restore_plain(conn, name, target)
    done.stale |= choose_dates(conn, (key[0] for key in target.get("date_override", ())))
    _part_doubles(conn, back | _no_longer_exempt(conn, target, current), done)
    _drop_rejected(conn, done)
    _remove_people(conn, target, expected, current)
    return done


def _people_of(*all_images: Images) -> set[int]:
    found: set[int] = set()
    for image in all_images:
        found |= {key[0] for key in image["person"]}
        found |= {row["person_id"] for row in image["assignment"].values() if row}
    return found


def _existing(conn: Connection, column: Any, ids: Iterable[int]) -> set[int]:
    parts = chunks(sorted(set(ids)))
    return {i for part in parts for i in conn.scalars(select(column).where(column.in_(part)))}


def _restore_people(conn: Connection, target: Images, expected: Images, current: Images) -> None:
    """Insert those who are missing; of others set back the columns that the change had set."""
    targets = {key: row for key, row in target["person"].items() if row is not None}
    faces = _existing(conn, face.c.id, (r["cover_face_id"] or 0 for r in targets.values()))
    rows: list[Row] = []
    for key, want in targets.items():
        there, then = current["person"][key], expected["person"][key]
        row = dict(want)
        if there is not None and then is not None:
            same = {name for name in want if want[name] == then[name] or there[name] != then[name]}
            row |= {name: there[name] for name in same}
        if row["cover_face_id"] is not None and row["cover_face_id"] not in faces | _own(there):
            row |= {"cover_face_id": None, "cover_chosen": False}
        if row != there:
            rows.append(row)
    images.put(conn, person, rows)


def _own(row: Row | None) -> set[int]:
    return {row["cover_face_id"]} if row else set()


def _restore_assignments(
    conn: Connection, target: Images, expected: Images, current: Images, done: Restored
) -> set[int]:
    """Give faces back to whom they belonged; return these faces."""
    targets = target["assignment"]
    faces = _existing(conn, face.c.id, (key[0] for key in targets))
    target_rows = [row for row in targets.values() if row]
    people = _existing(conn, person.c.id, (row["person_id"] for row in target_rows))
    rows: list[Row] = []
    for key, want in targets.items():
        there = current["assignment"][key]
        placed_since = there != expected["assignment"][key] and _is_manual(there)
        lost = want is not None and (key[0] not in faces or want["person_id"] not in people)
        if placed_since or lost:
            done.left_out += 1
        elif want is not None:
            rows.append(want)
        elif there is not None:
            images.remove(conn, assignment, [key])
    images.put(conn, assignment, rows)
    return {row["face_id"] for row in rows}


def _is_manual(row: Row | None) -> bool:
    return row is not None and row["source"] != "auto"


_REFERS_TO: dict[str, tuple[Any, ...]] = {
    "rejection": (face.c.id, person.c.id),
    "exemption": (photo.c.id,),
    "comparison": (person.c.id, person.c.id),
    "date_override": (photo.c.id,),
}


def _restore_plain(conn: Connection, name: str, target: Images) -> None:
    """Put back rows that are the user's word alone, unless what they are about is gone."""
    table, targets = images.TABLES[name], target[name]
    parents = [
        _existing(conn, column, (key[i] for key in targets))
        for i, column in enumerate(_REFERS_TO[name])
    ]

    def fits(key: Key) -> bool:
        return all(part in there for part, there in zip(key, parents, strict=True))

    images.remove(conn, table, (key for key, row in targets.items() if row is None))
    images.put(conn, table, [row for key, row in targets.items() if row is not None and fits(key)])


def _no_longer_exempt(conn: Connection, target: Images, current: Images) -> set[int]:
    """Return the faces in photos in which a person may not be twice from now on."""
    rows = target["exemption"].items()
    photos = [key[0] for key, row in rows if row is None and current["exemption"][key]]
    return set(conn.scalars(select(face.c.id).where(face.c.photo_id.in_(photos))))


def _faces_together(conn: Connection, face_ids: Iterable[int]) -> list[Any]:
    """Return face, photo, person and source of all faces of a person in the photos of these."""
    other, own = assignment.alias(), face.alias()
    columns = (other.c.face_id, own.c.photo_id, other.c.person_id, other.c.source)
    found: list[Any] = []
    for part in chunks(sorted(set(face_ids))):
        mine = (
            select(face.c.photo_id, assignment.c.person_id)
            .join(assignment, assignment.c.face_id == face.c.id)
            .where(face.c.id.in_(part), face.c.photo_id.not_in(select(exemption.c.photo_id)))
            .subquery()
        )
        same = (own.c.photo_id == mine.c.photo_id) & (other.c.person_id == mine.c.person_id)
        query = select(*columns).join(own, own.c.id == other.c.face_id).join(mine, same)
        found += conn.execute(query.distinct()).all()
    return found


def _part_doubles(conn: Connection, back: set[int], done: Restored) -> None:
    """Take away faces that were found since in photos where the person is again now."""
    groups: dict[tuple[int, int], list[tuple[int, str]]] = {}
    for face_id, photo_id, person_id, source in _faces_together(conn, back):
        groups.setdefault((photo_id, person_id), []).append((face_id, source))
    for (_, person_id), members in groups.items():
        manual = [face_id for face_id, source in members if source != "auto"]
        if len(manual) > 1:
            raise UndoError(
                f"This can't be taken back: the faces {' and '.join(map(str, sorted(manual)))} of "
                f"one photo would both be of person {person_id}; move or reject one of them first."
            )
        keep = manual or sorted(face_id for face_id, _ in members if face_id in back)[:1]
        gone = [(face_id,) for face_id, _ in members if face_id not in keep]
        images.remove(conn, assignment, gone)
        done.left_out += len(gone)
        done.stale |= {person_id} if gone else set()


def _drop_rejected(conn: Connection, done: Restored) -> None:
    """Take away faces that were put back with somebody whom they are said not to be."""
    rejection = images.TABLES["rejection"]
    both = (rejection.c.face_id == assignment.c.face_id) & (
        rejection.c.person_id == assignment.c.person_id
    )
    query = select(rejection).join(assignment, both).where(assignment.c.source == "auto")
    gone = conn.execute(query).all()
    images.remove(conn, assignment, ((face_id,) for face_id, _ in gone))
    done.left_out += len(gone)
    done.stale |= {person_id for _, person_id in gone}


def _remove_people(conn: Connection, target: Images, expected: Images, current: Images) -> None:
    """Delete those whom there shall not be, unless the user has decided something of them since."""
    for key, want in target["person"].items():
        there, then = current["person"][key], expected["person"][key]
        if want is not None or there is None or then is None:
            continue
        placed = select(assignment.c.face_id).where(
            assignment.c.person_id == key[0], assignment.c.source != "auto"
        )
        decided = any(there[name] != then[name] for name in USER_COLUMNS)
        if not decided and conn.scalar(placed.limit(1)) is None:
            images.remove(conn, person, [key])
