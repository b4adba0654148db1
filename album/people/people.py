"""People as everything above the library shows them; the Python twin of `album people`.

Light on purpose: the table of people comes from what the last grouping derived, without any net and
without any face.
"""

from dataclasses import dataclass
from datetime import datetime

from album.dates.calendar import year_bounds
from album.people.labels import file_label, person_label
from db.library import Library
from db.people.people import people as person_rows
from db.rows import PersonRow

GENDERS = {"f": "female", "m": "male"}


@dataclass(frozen=True, slots=True)
class Person:
    """A person; JSON has these fields in this order, see `album.people.records`.

    Attributes
    ----------
    id : int
        Never changes, and is never given to anybody else.
    name : str or None
    gender : {'female', 'male'} or None
    gender_probability : float or None
        0.5 to 1; None where the user said so, or nothing is known.
    gender_source, born_source : {'user', 'estimated'} or None
    born, born_low, born_high : float or None
        Fractional years; the truth is between the last two with a probability of 80 %. What the
        user said is the middle and the ends of the year, month or day.
    born_date : str or None
        What the user said: an ISO date, month or year.
    photos, faces : int
        Present on disk.
    first, last : datetime or None
        Of the photos; naive local time.
    passer_by, hidden : bool
    """

    id: int
    name: str | None
    gender: str | None
    gender_probability: float | None
    gender_source: str | None
    born: float | None
    born_low: float | None
    born_high: float | None
    born_date: str | None
    born_source: str | None
    photos: int
    faces: int
    first: datetime | None
    last: datetime | None
    passer_by: bool
    hidden: bool

    @property
    def label(self) -> str:
        """The name, or "Person 12"."""
        return person_label(self.id, self.name)

    @property
    def file_label(self) -> str:
        """The name, or ``person-12``."""
        return file_label(self.id, self.name)


@dataclass(frozen=True, slots=True)
class People:
    """The people to show, those with most photos first, and what was left out.

    Attributes
    ----------
    shown : tuple of Person
    passers_by, hidden : int
        How many were left out because they were seen too little, or because the user hid them.
    only_passers_by : bool
        Nobody but passers-by was found, so they are shown unasked.
    """

    shown: tuple[Person, ...]
    passers_by: int = 0
    hidden: int = 0
    only_passers_by: bool = False


def list_people(library: Library, *, everyone: bool = False) -> People:
    """Return the people of a library, those with most photos first.

    Parameters
    ----------
    library : Library
    everyone : bool
        With passers-by and with those whom the user has hidden. Without any photo on disk, a person
        is only shown so, or by name.
    """
    rows = person_rows(library, hidden=True, passers_by=True)
    everybody = [to_person(row) for row in rows if row.photos or row.name or everyone]
    if everyone:
        return People(tuple(everybody))
    visible = [person for person in everybody if not person.hidden]
    known = [person for person in visible if not person.passer_by]
    hidden = len(everybody) - len(visible)
    if not known and visible:
        return People(tuple(visible), hidden=hidden, only_passers_by=True)
    return People(tuple(known), len(visible) - len(known), hidden)


def to_person(row: PersonRow) -> Person:
    """Translate a row of the library; the user's word goes before what was estimated."""
    gender, probability, gender_source = _gender(row)
    born, low, high, born_source = _born(row)
    return Person(
        id=row.person_id,
        name=row.name,
        gender=gender,
        gender_probability=probability,
        gender_source=gender_source,
        born=born,
        born_low=low,
        born_high=high,
        born_date=row.born_override,
        born_source=born_source,
        photos=row.photos,
        faces=row.faces,
        first=row.first_at,
        last=row.last_at,
        passer_by=row.passer_by and row.name is None,
        hidden=row.hidden,
    )


def _gender(row: PersonRow) -> tuple[str | None, float | None, str | None]:
    if row.gender_override:
        return GENDERS[row.gender_override], None, "user"
    if row.p_male is None:
        return None, None, None
    gender = "male" if row.p_male >= 0.5 else "female"
    return gender, max(row.p_male, 1 - row.p_male), "estimated"


def _born(row: PersonRow) -> tuple[float | None, float | None, float | None, str | None]:
    if row.born_override:
        low, high = year_bounds(row.born_override)
        return (low + high) / 2, low, high, "user"
    return row.born, row.born_low, row.born_high, None if row.born is None else "estimated"


def whole_age(age: float, person: Person) -> int:
    """Return an age in whole years: those lived where the birthday is known, else rounded."""
    exact = person.born_date is not None and len(person.born_date) > len("1984-05")
    return int(age if exact else age + 0.5)
