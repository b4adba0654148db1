"""Lists of people as pages show them: chosen, sorted and cut, with a face for each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from album.people.people import Person, to_person
from db.library import Library
from db.people.browse import FaceKey, cover_faces
from db.people.listing import PeopleFilter, count_people, names, people_page
from db.people.people import folded, people_by_id
from db.rows import PersonRow

SORTS = ("photos", "name", "born", "recent")
GROUPS = ("known", "all", "named", "unnamed", "passers", "hidden")
MOST_CALLED = 5000
"""So many people are found by a part of their name at most."""
LARGEST_ID = (1 << 63) - 1


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


_CHOSEN = {
    "known": PeopleFilter(hidden=False, passer_by=False),
    "all": PeopleFilter(hidden=False),
    "named": PeopleFilter(hidden=False, named=True),
    "unnamed": PeopleFilter(hidden=False, named=False, passer_by=False),
    "passers": PeopleFilter(hidden=False, passer_by=True),
    "hidden": PeopleFilter(hidden=True),
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
    chosen = _CHOSEN[group]
    if group == "known" and not count_people(library, chosen):
        chosen = _CHOSEN["all"]
    if folded(name):
        chosen = replace(chosen, ids=_called(library, chosen, folded(name)))
    total = count_people(library, chosen)
    listed = _by_name if sort == "name" else partial(people_page, by=sort)
    rows = listed(library, chosen, offset=offset, limit=limit)
    return Cards(with_faces(library, [to_person(row) for row in rows]), total)


def _called(library: Library, chosen: PeopleFilter, name: str) -> list[int]:
    """Return the ids of those in whose name this occurs, and of whom it is the number."""
    found = [one for one, called in names(library, chosen) if name in folded(called)]
    is_number = name.isascii() and name.isdecimal() and len(name) < len(str(LARGEST_ID))
    return [*found[:MOST_CALLED], int(name)] if is_number else found[:MOST_CALLED]


def _by_name(library: Library, chosen: PeopleFilter, *, offset: int, limit: int) -> list[PersonRow]:
    """Return some people by name, in any case, and after them those without one."""
    known = [] if chosen.named is False else names(library, chosen)
    known.sort(key=lambda one: (folded(one[1]), one[0]))
    ids = [one for one, _ in known[offset : offset + limit]]
    rows = people_by_id(library, ids)
    found = [rows[one] for one in ids if one in rows]
    if len(ids) == limit or chosen.named:
        return found
    nameless = replace(chosen, named=False)
    start = max(offset - len(known), 0)
    left = limit - len(ids)
    return found + people_page(library, nameless, by="id", offset=start, limit=left)


def with_faces(library: Library, people: Sequence[Person]) -> tuple[Card, ...]:
    """Return people with the face that stands for each."""
    faces = cover_faces(library, [person.id for person in people])
    return tuple(Card(person, faces.get(person.id)) for person in people)
