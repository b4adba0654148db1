"""Some people of many: chosen, sorted and cut by the engine, for lists of any length."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Double, case, cast, func, or_, select

from db.engine.schema import person
from db.library import Library
from db.people.people import ROW
from db.rows import PersonRow


@dataclass(frozen=True, slots=True)
class PeopleFilter:
    """Whom to list; None asks for nothing. Without photo and name nobody is ever listed.

    Attributes
    ----------
    hidden, named : bool or None
    passer_by : bool or None
        Seen too little to be shown unasked; who has a name is none.
    ids : sequence of int or None
        Only these, a few thousand at most.
    """

    hidden: bool | None = None
    named: bool | None = None
    passer_by: bool | None = None
    ids: Sequence[int] | None = None


def _conditions(people_filter: PeopleFilter) -> list[ColumnElement[bool]]:
    named = person.c.name.is_not(None)
    asked = (
        (people_filter.hidden, person.c.hidden),
        (people_filter.named, named),
        (people_filter.passer_by, person.c.passer_by & ~named),
    )
    found = [condition if value else ~condition for value, condition in asked if value is not None]
    if people_filter.ids is not None:
        found.append(person.c.id.in_(list(people_filter.ids)))
    return [or_(person.c.photos > 0, named), *found]


def count_people(library: Library, people_filter: PeopleFilter) -> int:
    """Return how many people meet a filter."""
    query = select(func.count()).select_from(person).where(*_conditions(people_filter))
    with library.read() as conn:
        return int(conn.scalar(query) or 0)


def _born() -> ColumnElement[float]:
    """Return when somebody was born, in years: what the user decided goes before the estimate.

    Near enough to sort by: all months are alike.
    """
    override = person.c.born_override

    def part(start: int, length: int) -> ColumnElement[float]:
        return cast(func.substr(override, start, length), Double)

    year, month, day = part(1, 4), part(6, 2), part(9, 2)
    length = func.length(override)
    return case(
        (override.is_(None), person.c.born),
        (length == len("1984"), year + 0.5),
        (length == len("1984-05"), year + (month - 0.5) / 12),
        else_=year + (month - 1) / 12 + (day - 0.5) / 365,
    )


def _order(by: str) -> tuple[ColumnElement[Any], ...]:
    match by:
        case "photos":
            return (person.c.photos.desc(), person.c.id)
        case "recent":
            return (person.c.last_at.is_(None), person.c.last_at.desc(), person.c.id)
        case "born":
            return (_born().is_(None), _born().desc(), person.c.id)
        case _:
            return (person.c.id,)


def people_page(
    library: Library, people_filter: PeopleFilter, *, by: str, offset: int, limit: int
) -> list[PersonRow]:
    """Return some people who meet a filter.

    Parameters
    ----------
    library : Library
    people_filter : PeopleFilter
    by : {'photos', 'recent', 'born', 'id'}
        Most photos, seen last, or youngest first; or by id.
    offset, limit : int
    """
    query = select(*ROW).where(*_conditions(people_filter)).order_by(*_order(by))
    with library.read() as conn:
        rows = conn.execute(query.limit(limit).offset(offset))
        return [PersonRow(*row) for row in rows]


def names(library: Library, people_filter: PeopleFilter) -> list[tuple[int, str]]:
    """Return ids and names of those who meet a filter and have a name."""
    query = select(person.c.id, person.c.name).where(
        *_conditions(replace(people_filter, named=True))
    )
    with library.read() as conn:
        return [(int(row[0]), row[1]) for row in conn.execute(query)]
