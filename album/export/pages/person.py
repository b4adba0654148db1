"""The page of one person: faces by year, with age, date and path."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import PurePath

from album.export.pages import facts
from album.export.pages.rendering import render
from album.people.faces import Face, moment_texts
from album.people.people import Person, whole_age

MOST = 300
"""Faces on one page, which then has some 4 MB."""
ENOUGH = 7
"""Faces that make a part of the page; a year with fewer is joined by the next one."""


@dataclass(frozen=True, slots=True)
class Life:
    """A person and the faces that their page shows.

    Attributes
    ----------
    person : Person
    faces : tuple of Face
        Those on the page, by date.
    left_out : int
        Further faces that are not on the page.
    cover : Face
        The face beside the name.
    """

    person: Person
    faces: tuple[Face, ...]
    left_out: int
    cover: Face


@dataclass(frozen=True, slots=True)
class Figure:
    """A face on the page.

    Attributes
    ----------
    jpeg : bytes or None
        None where the photo can't be read.
    age : int or None
        In whole years.
    alt, caption : str
        What takes the place of the picture, and what stands below it.
    path, path_below : str
        Of the photo: the whole of it, and what is left without the folder of all photos.
    """

    jpeg: bytes | None
    age: int | None
    alt: str
    caption: str
    path: str
    path_below: str


@dataclass(frozen=True, slots=True)
class Section:
    """The faces of some years, None for those without a date."""

    first: int | None
    last: int | None
    figures: tuple[Figure, ...]

    @property
    def title(self) -> str:
        """The years."""
        if self.first is None:
            return "Without a date"
        return str(self.first) if self.first == self.last else f"{self.first}–{self.last}"

    @property
    def anchor(self) -> str:
        """What links within the page lead to."""
        return "undated" if self.first is None else f"y{self.first}"

    @property
    def ages(self) -> str:
        """How old the person is in these years; empty where that is not known."""
        ages = [figure.age for figure in self.figures if figure.age is not None]
        if not ages:
            return ""
        low, high = min(ages), max(ages)
        return age_text(low) if low == high else f"{low} to {age_text(high)}"


def person_page(life: Life, jpegs: Sequence[bytes | None], cover: bytes | None) -> Iterator[str]:
    """Yield the page of a person.

    Parameters
    ----------
    life : Life
    jpegs : sequence of bytes or None
        The pictures of `life.faces`; None where a photo can't be read.
    cover : bytes or None
    """
    person, folder = life.person, common_folder(life.faces)
    figures = (
        (year_of(face), _figure(person, face, jpeg, folder))
        for face, jpeg in zip(life.faces, jpegs, strict=True)
    )
    return render(
        "person.html",
        life=life,
        cover=cover,
        folder=folder,
        facts=_facts(person),
        sections=sections(figures),
    )


def _facts(person: Person) -> list[tuple[str, str]]:
    known = (
        ("Born", facts.born(person)),
        ("Gender", facts.gender(person)),
        ("Photos", f"{person.photos:,}"),
        ("Years", facts.years(person)),
    )
    return [(term, value) for term, value in known if value]


def year_of(face: Face) -> int | None:
    """Return the year of a photo, None where its date is not to be trusted."""
    return face.date.year if face.date is not None and face.date_trusted else None


def sections(dated: Iterable[tuple[int | None, Figure]]) -> list[Section]:
    """Divide faces by years; a year with few faces shares a section with the next ones.

    Parameters
    ----------
    dated : iterable of tuple
        Year, None where it is not known, and face; by date.

    Returns
    -------
    list of Section
        By date; the faces without one come last.
    """
    ordered = sorted(dated, key=lambda one: one[0] or 9999)
    found: list[Section] = []
    for year, members in groupby(ordered, key=lambda one: one[0]):
        figures = tuple(figure for _, figure in members)
        last = found[-1] if found else None
        if last is not None and year is not None and len(last.figures) < ENOUGH:
            found[-1] = Section(last.first, year, (*last.figures, *figures))
        else:
            found.append(Section(year, year, figures))
    return found


def age_text(age: int) -> str:
    """Write an age in words."""
    return "in the first year" if age == 0 else "1 year old" if age == 1 else f"{age} years old"


def _figure(person: Person, face: Face, jpeg: bytes | None, folder: str) -> Figure:
    day, age = day_text(face), None if face.age is None else whole_age(face.age, person)
    facts = [part for part in (day, None if age is None else f"age {age}") if part]
    alt = ", ".join([person.label, *facts])
    facts += [f"clip, {moment}" for moment in moment_texts(face)[:1]]
    assert face.path is not None
    below = face.path.removeprefix(folder).lstrip(os.sep) if folder else face.path
    return Figure(jpeg, age, alt, " · ".join(facts), face.path, below)


def day_text(face: Face) -> str:
    """Write the day of a photo as far as it is known and trusted."""
    if face.date is None or not face.date_trusted:
        return ""
    pattern = {"year": "%Y", "month": "%Y-%m"}.get(face.date_precision, "%Y-%m-%d")
    return face.date.strftime(pattern)


def common_folder(faces: Sequence[Face]) -> str:
    """Return the deepest folder in which all photos lie, so that it need be named only once."""
    folders = {str(PurePath(face.path).parent) for face in faces if face.path is not None}
    try:
        found = os.path.commonpath(folders)
    except ValueError:  # on several drives
        return ""
    return "" if found == PurePath(found).anchor else found
