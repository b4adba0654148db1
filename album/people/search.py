"""Finding photos by who is in them, when and how old: the Python twin of `album find`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from album.dates.calendar import age_in, fractional_year
from album.dates.sources import is_trusted
from album.errors import Impossible, NobodyAlone, NoEmotions
from album.people.expressions import NOBODY, SURE, Emotions, expressions, likeliest
from album.people.people import GENDERS, Person, to_person, whole_age
from album.people.ranges import Range
from album.people.records import emotion_record, path_record
from db.library import Library
from db.people.people import find_person, people_by_id
from db.people.people import people as person_rows
from db.photos.emotions import any_told
from db.photos.search import PhotoFilter, people_in, search, search_page
from db.photos.status import date_counts
from db.rows import SearchRow
from nets.core.api import EMOTIONS

ANYTHING = Range(None, None)
_FEW = 5000
"""Up to so many photos are asked for their people one by one; for more, all faces are read."""


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for; each field narrows, and what is left at its default asks for nothing.

    Attributes
    ----------
    people : tuple of (int or str)
        Ids or names. All of them must be in the photo, and each must meet `ages` and `gender`.
    beside : tuple of (int or str)
        All of these must be in it, too, of whatever age.
    any_of : tuple of (int or str)
        At least one of these must be in it; without `people`, one that meets `ages` and `gender`.
    without : tuple of (int or str)
        None of these may be in it.
    only : bool
        Every face must be of somebody in `people`, `beside` or `any_of`.
    start, end : datetime or None
        Taken at or after `start` and before `end`; naive local time.
    any_date : bool
        For `start` and `end`, believe dates that are not to be trusted, too.
    ages : Range
        Whole years at the time of the photo, as `album show` tells them; by trusted dates only.
    gender : {'f', 'm'} or None
    emotions : tuple of str
        Of `nets.core.api.EMOTIONS`: what those whom `ages` and `gender` are about express, one of
        these; it counts from a probability of `album.people.expressions.SURE` on.
    faces : Range
        How many faces are in it.
    unnamed : bool
        Somebody in it has no name.
    repeats : bool or None
        Only photos that nearly repeat others (a burst, a smaller copy), or none of these.
    gone : bool
        With photos that are not on the disk any more.
    sort : {'date', 'path'}
        Oldest first, those without a date last; or by path.
    """

    people: tuple[int | str, ...] = ()
    beside: tuple[int | str, ...] = ()
    any_of: tuple[int | str, ...] = ()
    without: tuple[int | str, ...] = ()
    only: bool = False
    start: datetime | None = None
    end: datetime | None = None
    any_date: bool = False
    ages: Range = ANYTHING
    gender: str | None = None
    emotions: tuple[str, ...] = ()
    faces: Range = ANYTHING
    unnamed: bool = False
    gone: bool = False
    repeats: bool | None = None
    sort: str = "date"


@dataclass(frozen=True, slots=True)
class Present:
    """Somebody in a photo.

    Attributes
    ----------
    person : Person
    age : float or None
        In years at that time; None where it can't be told.
    emotion : str or None
        The likeliest of `nets.core.api.EMOTIONS`; None where nobody has looked.
    emotion_probability : float or None
    """

    person: Person
    age: float | None
    emotion: str | None = None
    emotion_probability: float | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """A photo or clip that was found.

    Attributes
    ----------
    photo_id : int
    path : str
        Of a file that holds it, a present one where there is one; bytes that are not UTF-8 are
        surrogates.
    present : bool
        Whether that file was there when its folder was last indexed.
    kind : {'image', 'clip'}
    date : datetime or None
        Naive local time.
    date_source, date_precision : str
    date_trusted : bool
        Whether the date is good enough to tell an age by.
    people : tuple of Present
        Everybody in it who is somebody, whether named or not.
    """

    photo_id: int
    path: str
    present: bool
    kind: str
    date: datetime | None
    date_source: str
    date_precision: str
    date_trusted: bool
    people: tuple[Present, ...]


def find_photos(library: Library, query: Query) -> Iterator[Match]:
    """Find photos and clips; one that several files hold comes once.

    Parameters
    ----------
    library : Library
    query : Query

    Yields
    ------
    Match
        In the order that the query asks for, with the people in it.

    Raises
    ------
    UnknownPersonError, AmbiguousPersonError
        A name that nobody has, or several people.
    Impossible
        Somebody is both required and excluded, or has no birth year to compute an age from.
    """
    yield from _found(library, query, with_emotions=True)


def _found(library: Library, query: Query, *, with_emotions: bool) -> Iterator[Match]:
    """Find photos; emotions are left out unless asked for."""
    asked = _resolve(library, query)
    rows = search(library, _filter(library, query, asked))
    everybody = {
        row.person_id: to_person(row) for row in person_rows(library, hidden=True, passers_by=True)
    }
    ids = [row.photo_id for row in rows]
    some = ids if len(ids) <= _FEW else None
    who = people_in(library, some)
    shown = expressions(library, some) if with_emotions or query.emotions else {}
    fits = _fits(query, asked, everybody)
    if query.sort == "path":
        rows.sort(key=lambda row: row.path)
    for row in rows:
        present = who.get(row.photo_id, ())
        year = _trusted_year(row)
        mine = shown.get(row.photo_id, {})
        if fits(present, year, mine):
            yield _match(row, year, [everybody[one] for one in present], mine)


def find_paths(library: Library, query: Query) -> list[str]:
    """Find photos and clips, and return only their paths, which is faster; see `find_photos`."""
    if (query.ages, query.gender, query.emotions) != (ANYTHING, None, ()):
        return [found.path for found in _found(library, query, with_emotions=False)]
    paths = [row.path for row in search(library, _filter(library, query, _resolve(library, query)))]
    return sorted(paths) if query.sort == "path" else paths


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the photos that were found, and how many there are in all."""

    matches: tuple[Match, ...]
    total: int


def find_page(library: Library, query: Query, *, offset: int, limit: int) -> Page:
    """Find photos by date, and return a page of them; see `find_photos`.

    What asks for neither age, gender nor emotion is counted and cut by the library, however much
    it finds.
    """
    if (query.ages, query.gender, query.emotions) != (ANYTHING, None, ()):
        found, total = [], 0
        for total, one in enumerate(_found(library, query, with_emotions=True), 1):
            if offset < total <= offset + limit:
                found.append(one)
        return Page(tuple(found), total)
    chosen = _filter(library, query, _resolve(library, query))
    rows, total = search_page(library, chosen, offset=offset, limit=limit)
    ids = [row.photo_id for row in rows]
    who, shown = people_in(library, ids), expressions(library, ids)
    known = people_by_id(library, {one for present in who.values() for one in present})
    people = {number: to_person(row) for number, row in known.items()}
    matches = (
        _match(
            row,
            _trusted_year(row),
            [people[one] for one in who.get(row.photo_id, ()) if one in people],
            shown.get(row.photo_id, {}),
        )
        for row in rows
    )
    return Page(tuple(matches), total)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The people of a query, each once."""

    people: tuple[Person, ...]
    beside: tuple[Person, ...]
    any_of: tuple[Person, ...]
    without: tuple[Person, ...]

    @property
    def required(self) -> tuple[Person, ...]:
        return (*self.people, *self.beside, *self.any_of)


def _resolve(library: Library, query: Query) -> _Asked:
    groups = (query.people, query.beside, query.any_of, query.without)
    people, beside, any_of, without = (_people(library, group) for group in groups)
    asked = _Asked(people=people, beside=beside, any_of=any_of, without=without)
    refused = {person.id for person in asked.without}
    for person in asked.required:
        if person.id in refused:
            raise Impossible(
                f"{person.label} is both looked for and left out, so there is no such photo; say "
                "one of the two."
            )
    if query.only and not asked.required:
        raise NobodyAlone()
    if query.emotions and not any_told(library):
        raise NoEmotions()
    for person in asked.people or asked.any_of:
        if query.ages != ANYTHING and person.born is None:
            raise Impossible(
                f"The birth year of {person.label} is not known, so nothing can be found by age; "
                f"set it first."
            )
    return asked


def _people(library: Library, group: Sequence[int | str]) -> tuple[Person, ...]:
    found = (to_person(find_person(library, one)) for one in group)
    return tuple({person.id: person for person in found}.values())


def _filter(library: Library, query: Query, asked: _Asked) -> PhotoFilter:
    dates = None
    if not query.any_date and (query.start or query.end):
        counted = date_counts(library)
        dates = [(source, digits) for source, digits, _ in counted if is_trusted(source, digits)]
    return PhotoFilter(
        people=tuple(person.id for person in (*asked.people, *asked.beside)),
        any_of=tuple(person.id for person in asked.any_of),
        without=tuple(person.id for person in asked.without),
        only=tuple(person.id for person in asked.required) if query.only else None,
        start=query.start,
        end=query.end,
        dates=dates,
        faces=(query.faces.low, query.faces.high),
        unnamed=query.unnamed,
        gone=query.gone,
        repeats=query.repeats,
    )


def _trusted_year(row: SearchRow) -> float | None:
    if row.taken_at is None or not is_trusted(row.date_source, row.date_precision):
        return None
    return fractional_year(row.taken_at)


def _match(
    row: SearchRow, year: float | None, people: Sequence[Person], emotions: Emotions
) -> Match:
    return Match(
        photo_id=row.photo_id,
        path=row.path,
        present=row.present,
        kind=row.kind,
        date=row.taken_at,
        date_source=row.date_source,
        date_precision=row.date_precision,
        date_trusted=year is not None,
        people=tuple(
            Present(person, age_in(year, person.born), *likeliest(emotions.get(person.id)))
            for person in people
        ),
    )


def _fits(
    query: Query, asked: _Asked, everybody: Mapping[int, Person]
) -> Callable[[Sequence[int], float | None, Emotions], bool]:
    """Return the test of what the people in a photo must be like, given its year."""
    gender = GENDERS.get(query.gender or "")
    like = {
        person.id: person
        for person in everybody.values()
        if gender is None or person.gender == gender
    }

    columns = [EMOTIONS.index(one) for one in query.emotions]

    def expresses(person_id: int, emotions: Emotions) -> bool:
        rows = emotions.get(person_id, ())
        return not columns or any(row[one] >= SURE for row in rows for one in columns)

    def is_like(person_id: int, year: float | None, emotions: Emotions) -> bool:
        if not expresses(person_id, emotions):
            return False
        person = like.get(person_id)
        if person is None or query.ages == ANYTHING:
            return person is not None
        age = age_in(year, person.born)
        return age is not None and whole_age(age, person) in query.ages

    each = [person.id for person in asked.people]
    some = {person.id for person in asked.any_of}

    def fits(present: Sequence[int], year: float | None, emotions: Emotions) -> bool:
        anybody = query.ages == ANYTHING and gender is None
        if anybody and not columns:
            return True
        if each:
            return all(is_like(one, year, emotions) for one in each)
        if any(is_like(one, year, emotions) for one in present if not some or one in some):
            return True
        return anybody and not some and expresses(NOBODY, emotions)

    return fits


def match_record(found: Match) -> Mapping[str, Any]:
    """Return what was found as JSON has it; the keys are documented in ``docs/find.md``."""
    return {
        "photo_id": found.photo_id,
        **path_record(found.path),
        "present": found.present,
        "kind": found.kind,
        "date": None if found.date is None else found.date.isoformat(timespec="seconds"),
        "date_source": found.date_source,
        "date_precision": found.date_precision,
        "date_trusted": found.date_trusted,
        "people": [_present_record(one) for one in found.people],
    }


def _present_record(one: Present) -> dict[str, Any]:
    return {
        "id": one.person.id,
        "name": one.person.name,
        "gender": one.person.gender,
        "age": None if one.age is None else round(one.age, 1),
        **emotion_record(one.emotion, one.emotion_probability),
    }
