"""Lists of people as pages show them: chosen, sorted and cut, with a face for each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from album.people import Person, to_person
from db.browse import FaceKey, cover_faces
from db.library import Library
from db.people import folded
from db.people import people as person_rows

SORTS = ("photos", "name", "born", "recent")
GROUPS = ("known", "all", "named", "unnamed", "passers", "hidden")


@dataclass(frozen=True, slots=True)
class Card:
    """A person with the face that stands for them; None where they have none."""

    person: Person
    face: FaceKey | None


@dataclass(frozen=True, slots=True)
class Cards:
    """Some of the people who were chosen, and how many there are in all."""

    shown: tuple[Card, ...]
    total: int


_CHOSEN: dict[str, Callable[[Person], bool]] = {
    "known": lambda p: not p.hidden and not p.passer_by,
    "all": lambda p: not p.hidden,
    "named": lambda p: not p.hidden and p.name is not None,
    "unnamed": lambda p: not p.hidden and not p.passer_by and p.name is None,
    "passers": lambda p: not p.hidden and p.passer_by,
    "hidden": lambda p: p.hidden,
}


def _by_name(person: Person) -> tuple[bool, str, int]:
    return person.name is None, folded(person.name or ""), person.id


_ORDER: dict[str, Callable[[Person], Any]] = {
    "photos": lambda p: (-p.photos, p.id),
    "name": _by_name,
    "born": lambda p: (p.born is None, -(p.born or 0), p.id),
    "recent": lambda p: (p.last is None, -(p.last.timestamp() if p.last else 0), p.id),
}


def people_cards(
    library: Library,
    *,
    group: str = "known",
    sort: str = "photos",
    name: str = "",
    offset: int = 0,
    limit: int = 200,
) -> Cards:
    """Return a page of people.

    Parameters
    ----------
    library : Library
    group : str
        One of `GROUPS`. Where nobody but passers-by was found, these are known.
    sort : str
        One of `SORTS`.
    name : str
        Only those in whose name, or number, this occurs.
    offset, limit : int
    """
    chosen = _chosen(library, group, name)
    chosen.sort(key=_ORDER[sort])
    part = chosen[offset : offset + limit]
    return Cards(with_faces(library, part), len(chosen))


def _chosen(library: Library, group: str, name: str) -> list[Person]:
    rows = person_rows(library, hidden=True, passers_by=True)
    everybody = [to_person(row) for row in rows if row.photos or row.name]
    chosen = [person for person in everybody if _CHOSEN[group](person)]
    if group == "known" and not chosen:
        chosen = [person for person in everybody if not person.hidden]
    wanted = folded(name)
    if not wanted:
        return chosen
    return [p for p in chosen if wanted in folded(p.name or "") or wanted == str(p.id)]


def with_faces(library: Library, people: Sequence[Person]) -> tuple[Card, ...]:
    """Return people with the face that stands for each."""
    faces = cover_faces(library, [person.id for person in people])
    return tuple(Card(person, faces.get(person.id)) for person in people)
