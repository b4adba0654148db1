"""The page of one person: faces by year, with age, date and path."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import PurePath

from album.export.pages import parts
from album.export.pages.parts import text
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
class Section:
    """The faces of some years, None for those without a date."""

    first: int | None
    last: int | None
    members: tuple[tuple[Face, bytes | None], ...]

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
    yield from parts.head(person.label)
    yield f'<nav aria-label="People"><a href="{parts.link("index.html")}">← All people</a></nav>\n'
    yield "<header>\n"
    yield from _top(person, cover)
    if life.left_out:
        yield f'<p class="lead">{_remainder(life)}</p>\n'
    if folder:
        yield f'<p class="lead">The photos are in {text(folder)}.</p>\n'
    yield "</header>\n<main>\n"
    parted = sections(zip(life.faces, jpegs, strict=True))
    if len(parted) > 3:
        yield from _years([section for section in parted if section.first is not None])
    for section in parted:
        yield from _section(person, section, folder)
    yield "</main>\n" + parts.foot()


def _remainder(life: Life) -> str:
    shown, every = f"{len(life.faces):,}", parts.count(len(life.faces) + life.left_out, "face")
    return f"This page shows {shown} of {every}: the clearest of equal stretches of time."


def _top(person: Person, cover: bytes | None) -> Iterator[str]:
    yield f'<div class="top">\n{parts.picture(cover, "")}\n<div>\n'
    yield f'<h1 dir="auto">{text(person.label)}</h1>\n<dl>\n'
    for term, value in (
        ("Born", parts.born(person)),
        ("Gender", parts.gender(person)),
        ("Photos", f"{person.photos:,}"),
        ("Years", parts.years(person)),
    ):
        if value:
            yield f"<div><dt>{term}</dt><dd>{text(value)}</dd></div>\n"
    yield "</dl>\n</div>\n</div>\n"


def year_of(face: Face) -> int | None:
    """Return the year of a photo, None where its date is not to be trusted."""
    return face.date.year if face.date is not None and face.date_trusted else None


def sections(shown: Iterable[tuple[Face, bytes | None]]) -> list[Section]:
    """Part faces by years; a year with few faces shares a part with the next ones.

    Parameters
    ----------
    shown : iterable of tuple
        Faces with their pictures, by date.

    Returns
    -------
    list of Section
        By date; the faces without one come last.
    """
    ordered = sorted(shown, key=lambda one: year_of(one[0]) or 9999)
    found: list[Section] = []
    for year, members in groupby(ordered, key=lambda one: year_of(one[0])):
        last = found[-1] if found else None
        if last is not None and year is not None and len(last.members) < ENOUGH:
            found[-1] = Section(last.first, year, (*last.members, *members))
        else:
            found.append(Section(year, year, tuple(members)))
    return found


def _years(found: Sequence[Section]) -> Iterator[str]:
    yield '<nav aria-label="Years"><ul class="years">\n'
    for section in found:
        yield f'<li><a href="#{section.anchor}">{section.title}</a></li>\n'
    yield "</ul></nav>\n"


def _section(person: Person, section: Section, folder: str) -> Iterator[str]:
    ages = [whole_age(face.age, person) for face, _ in section.members if face.age is not None]
    note = f"<small>{_span(min(ages), max(ages))}</small>" if ages else ""
    yield f'<section aria-labelledby="{section.anchor}">\n'
    yield f'<h2 id="{section.anchor}">{section.title} {note}</h2>\n<ol class="faces">\n'
    for face, jpeg in section.members:
        yield _figure(person, face, jpeg, folder)
    yield "</ol>\n</section>\n"


def _span(low: int, high: int) -> str:
    return age_text(low) if low == high else f"{low} to {age_text(high)}"


def age_text(age: int) -> str:
    """Write an age in words."""
    return "in the first year" if age == 0 else "1 year old" if age == 1 else f"{age} years old"


def _figure(person: Person, face: Face, jpeg: bytes | None, folder: str) -> str:
    day, age = day_text(face), None if face.age is None else whole_age(face.age, person)
    told = [part for part in (day, None if age is None else f"age {age}") if part]
    alt = ", ".join([person.label, *told])
    told += [f"clip, {moment}" for moment in moment_texts(face)[:1]]
    assert face.path is not None
    path = face.path.removeprefix(folder).lstrip(os.sep) if folder else face.path
    caption = " · ".join(text(part) for part in told)
    return (
        f"<li><figure>{parts.picture(jpeg, alt)}<figcaption>{caption}"
        f'<span class="path" title="{text(face.path)}">{text(path)}</span>'
        "</figcaption></figure></li>\n"
    )


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
