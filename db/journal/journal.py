"""The journal: every change that a person makes is one transaction with the event that undoes it.

A change names the people, faces and photos that it is about (`Edit.touch`) before it changes
anything. All rows about them (`db.journal.images.TABLES`) are read before and after, and what
differs is stored with the event: the rows afterwards as its payload, for redo, the rows before as
its inverse. So every kind of change can be taken back, exactly, without code of its own. Faces that
a change has found (`db.photos.added_faces`) go and come with it.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from db.engine.columns import now
from db.engine.schema import event
from db.errors import EmptyHistoryError
from db.journal import images
from db.journal.images import Images
from db.journal.restore import Restored, restore
from db.library import Library
from db.photos import added_faces


@dataclass(frozen=True, slots=True)
class Change:
    """What was done, in a sentence.

    Attributes
    ----------
    event_id : int
        Of the journal; 0 where there was nothing to be changed.
    kind : str
        Of change: name, merge, split and so on; also 'undo' and 'redo'.
    summary : str
        One sentence for the user.
    person_ids : tuple of int
        Everybody concerned, whom it is mostly about first. A new person comes last.
    """

    event_id: int
    kind: str
    summary: str
    person_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class EventRow:
    """A change in the journal; see `Change`. ``undone`` ones can be done again."""

    event_id: int
    at: datetime
    kind: str
    summary: str
    person_ids: tuple[int, ...]
    undone: bool


@dataclass(slots=True)
class Edit:
    """A change that is being made, inside its transaction.

    Attributes
    ----------
    conn : Connection
        Of the transaction; opaque to other rooms.
    path : str
        Of the library.
    summary : str
        To be set before the end.
    person_ids : list of int
        Likewise.
    found : list of int
        Faces that the change has added.
    """

    conn: Connection
    path: str
    kind: str
    summary: str = ""
    person_ids: list[int] = field(default_factory=list)
    event_id: int = 0
    found: list[int] = field(default_factory=list)
    _before: Images = field(default_factory=images.empty)
    _scope: dict[str, set[int]] = field(default_factory=lambda: {k: set() for k in images.SCOPES})

    def touch(self, kind: str, ids: Iterable[int]) -> None:
        """Remember the rows about some 'people', 'faces' or 'photos', which will be changed."""
        new = set(ids) - self._scope[kind]
        found = images.rows_about(self.conn, kind, new)
        for name, rows in found.items():
            for key, row in rows.items():
                if not self._is_known(name, key):
                    self._before[name][key] = row
        self._scope[kind] |= new

    def _is_known(self, table: str, key: images.Key) -> bool:
        """Tell whether a row was in reach before, so that its first image is the right one."""
        names = images.keys(images.TABLES[table])
        at = dict(zip(names, key, strict=True))
        return any(
            column.table.name == table and at.get(column.name, -1) in self._scope[kind]
            for kind, columns in images.SCOPES.items()
            for column in columns
        )

    @property
    def people(self) -> set[int]:
        """Everybody who was touched."""
        return set(self._scope["people"])

    def difference(self) -> tuple[Images, Images]:
        """Return the rows that were changed, as they were before and as they are now."""
        after = images.empty()
        for kind, ids in self._scope.items():
            for name, rows in images.rows_about(self.conn, kind, ids).items():
                after[name].update(rows)
        old, new = images.empty(), images.empty()
        for name in images.TABLES:
            for key in sorted(self._before[name].keys() | after[name].keys()):
                was, is_now = self._before[name].get(key), after[name].get(key)
                if was != is_now:
                    old[name][key], new[name][key] = was, is_now
        return old, new

    @property
    def change(self) -> Change:
        """What was done; complete once the transaction has ended."""
        return Change(self.event_id, self.kind, self.summary, tuple(self.person_ids))


@contextmanager
def changing(library: Library, kind: str) -> Iterator[Edit]:
    """Give an edit; at the end it is stored together with its event, or nothing after an error.

    Changes that had been undone can't be done again afterwards. Where no row came out different
    there is no event, and nothing else happens.

    Parameters
    ----------
    library : Library
    kind : str
        At most 24 characters.
    """
    with library.write() as conn:
        edit = Edit(conn, library.path, kind)
        yield edit
        old, new = edit.difference()
        if any(old.values()) or edit.found:
            edit.event_id = _record(conn, edit, old, new)


@contextmanager
def deriving(library: Library) -> Iterator[Edit]:
    """Give an edit for what follows from photos and not from anybody's word: it leaves no event."""
    with library.write() as conn:
        yield Edit(conn, library.path, "derive")


def _record(conn: Connection, edit: Edit, old: Images, new: Images) -> int:
    conn.execute(delete(event).where(event.c.undone))
    payload = {
        "summary": edit.summary,
        "people": list(edit.person_ids),
        "after": images.to_json(new),
    }
    if edit.found:
        payload["found"] = added_faces.to_json(conn, edit.found)
    row = {
        "at": now(),
        "kind": edit.kind,
        "payload": payload,
        "inverse": {"before": images.to_json(old)},
    }
    return int(conn.execute(insert(event).values(row).returning(event.c.id)).scalar_one())


@contextmanager
def reverting(library: Library, *, again: bool = False) -> Iterator[tuple[Edit, Restored]]:
    """Undo the last change, or do the last undone one again, in one transaction.

    Parameters
    ----------
    library : Library
    again : bool
        Redo instead of undo.

    Yields
    ------
    Edit
        Whose summary is that of the change; nothing is recorded for it.
    Restored
        What could not be put back, and for whom derived facts have to be found anew.

    Raises
    ------
    EmptyHistoryError
        There is nothing to undo or redo.
    """
    chosen = select(event).where(event.c.undone == again)
    order = event.c.id if again else event.c.id.desc()
    with library.write() as conn:
        row = conn.execute(chosen.order_by(order).limit(1)).mappings().first()
        if row is None:
            raise EmptyHistoryError(
                "There is nothing to do again; only what was undone last can be."
                if again
                else "There is nothing to undo: no change was made to this library yet."
            )
        after = images.from_json(row["payload"]["after"])
        before = images.from_json(row["inverse"]["before"])
        target, expected = (after, before) if again else (before, after)
        found = row["payload"].get("found")
        if found and again:
            added_faces.put_back(conn, found)
        done = restore(conn, target, expected)
        if found and not again:
            done.stale |= added_faces.take_away(conn, found)
        conn.execute(update(event).where(event.c.id == row["id"]).values(undone=not again))
        yield (
            Edit(
                conn,
                library.path,
                "redo" if again else "undo",
                row["payload"]["summary"],
                list(row["payload"]["people"]),
                row["id"],
            ),
            done,
        )


def history(library: Library, *, limit: int | None = None) -> list[EventRow]:
    """Return the changes, last first; those that were undone come with them.

    Parameters
    ----------
    library : Library
    limit : int, optional
        At most that many.
    """
    columns = (event.c.id, event.c.at, event.c.kind, event.c.payload, event.c.undone)
    query = select(*columns).order_by(event.c.id.desc()).limit(limit)
    with library.read() as conn:
        return [_event_row(row) for row in conn.execute(query)]


def _event_row(row: Any) -> EventRow:
    event_id, at, kind, payload, undone = row
    return EventRow(event_id, at, kind, payload["summary"], tuple(payload["people"]), undone)


def named_by(edit: Edit, kind: str) -> set[int]:
    """Return the people whose last name was given by a change of this kind.

    Parameters
    ----------
    edit : Edit
    kind : str
        See `Change`. Changes that were undone do not count.
    """
    parts = (event.c.inverse["before", "person"], event.c.payload["after", "person"])
    changes = select(event.c.kind, *parts).where(~event.c.undone).order_by(event.c.id)
    found: dict[int, str] = {}
    for by, before, after in edit.conn.execute(changes):
        old = images.from_json({"person": before} if before else {})["person"]
        new = images.from_json({"person": after} if after else {})["person"]
        for key, row in new.items():
            was = old.get(key)
            if row and row["name"] != (was and was["name"]):
                found[key[0]] = by
    return {person_id for person_id, by in found.items() if by == kind}


def merged_in_part(library: Library) -> set[int]:
    """Return the people into whom others were merged without their own faces being placed.

    Earlier versions placed the faces of those merged only, so that a new grouping could take the
    other faces away again. Merges that were undone do not count.
    """
    merges = select(event.c.payload, event.c.inverse)
    merges = merges.where(event.c.kind == "merge", ~event.c.undone)
    found = set()
    with library.read() as conn:
        for payload, inverse in conn.execute(merges):
            kept = payload["people"][0]
            before = images.from_json(inverse["before"])["assignment"].values()
            if not any(row["person_id"] == kept for row in before if row):
                found.add(kept)
    return found


def events_about(
    conn: Connection, people: Iterable[int], faces: Iterable[int] = ()
) -> tuple[list[int], set[int]]:
    """Find the changes that concern some people or faces.

    Parameters
    ----------
    conn : Connection
    people, faces : iterable of int

    Returns
    -------
    list of int
        Ids of the events, in order.
    set of int
        The people, with those who were merged into them: these are gone from the library, and the
        journal alone still has their names.
    """
    rows = conn.execute(select(event.c.id, event.c.payload, event.c.inverse).order_by(event.c.id))
    known = [(row[0], *_concerned(row[1], row[2])) for row in rows]
    about, marked = set(people), set(faces)
    found: set[int] = set()
    while True:
        hit = {i for i, who, which, _ in known if who & about or which & marked} - found
        if not hit:
            return sorted(found), about
        found |= hit
        for i, who, _, gone in known:
            if i in hit and who & about:
                about |= gone


def _concerned(payload: Any, inverse: Any) -> tuple[set[int], set[int], set[int]]:
    """Return the people and the faces that an event names, and the people whom it removed."""
    who, which, gone = set(payload["people"]), set(), set()
    after = images.from_json(payload["after"])
    for image in (after, images.from_json(inverse["before"])):
        who |= {key[0] for key in image["person"]}
        who |= {person_id for key in image["comparison"] for person_id in key}
        who |= {key[1] for key in image["rejection"]}
        which |= {key[0] for key in (*image["assignment"], *image["rejection"])}
        who |= {row["person_id"] for row in image["assignment"].values() if row}
    which |= set(added_faces.ids(payload["found"])) if "found" in payload else set()
    gone = {key[0] for key, row in after["person"].items() if row is None}
    return who, which, gone


def forget_events(conn: Connection, people: Iterable[int], faces: Iterable[int] = ()) -> int:
    """Delete the changes that concern some people or faces, names and all.

    Changes to others stay, and can still be undone. Use the connection of the transaction that
    forgets the people themselves.

    Returns
    -------
    int
        How many were deleted.
    """
    ids, _ = events_about(conn, people, faces)
    for event_id in ids:
        conn.execute(delete(event).where(event.c.id == event_id))
    return len(ids)
