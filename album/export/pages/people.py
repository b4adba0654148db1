"""The page of all people, from which the others are reached."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from album.export.pages import parts
from album.export.pages.parts import text
from album.people.people import Person

WITH_FACES = 1000
"""People who are shown with a face; a list of names follows."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A person on the page of all people, and the file of their own page."""

    person: Person
    file: str


def people_page(entries: Sequence[Entry], jpegs: Sequence[bytes | None]) -> Iterator[str]:
    """Yield the page of all people.

    Parameters
    ----------
    entries : sequence of Entry
    jpegs : sequence of bytes or None
        The pictures of the first `WITH_FACES` of them.
    """
    yield from parts.head("People")
    photos = [entry.person for entry in entries]
    yield f"<header>\n<h1>People</h1>\n<p class='lead'>{_lead(photos)}</p>\n</header>\n<main>\n"
    yield '<ul class="people">\n'
    for entry, jpeg in zip(entries, jpegs, strict=False):
        yield f"<li>{_card(entry, parts.picture(jpeg, ''))}</li>\n"
    yield "</ul>\n"
    if further := entries[len(jpegs) :]:
        yield '<section aria-labelledby="further">\n<h2 id="further">Further people</h2>\n'
        yield '<ul class="people">\n'
        for entry in further:
            yield f"<li>{_card(entry, '')}</li>\n"
        yield "</ul>\n</section>\n"
    yield "</main>\n" + parts.foot()


def _lead(people: Sequence[Person]) -> str:
    named = sum(person.name is not None for person in people)
    who = "1 person" if len(people) == 1 else f"{len(people):,} people"
    return who + (f", {named:,} with a name" if 0 < named < len(people) else "")


def _card(entry: Entry, picture: str) -> str:
    person = entry.person
    facts = [parts.count(person.photos, "photo"), parts.years(person)]
    born = f"born {parts.born_short(person)}" if person.born is not None else ""
    lines = (" · ".join(fact for fact in facts if fact), born, person.gender)
    small = "".join(f"<small>{text(line)}</small>" for line in lines if line)
    name = f'<span class="name" dir="auto">{text(person.label)}</span>'
    return f'<a href="{parts.link(entry.file)}">{_framed(picture)}{name}{small}</a>'


def _framed(picture: str) -> str:
    return f"<figure>{picture}</figure>" if picture else ""
