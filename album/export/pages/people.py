"""The page of all people, from which the others are reached."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from album.export.pages import facts
from album.export.pages.rendering import render
from album.people.people import Person

WITH_FACES = 1000
"""People who are shown with a face; a list of names follows."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A person on the page of all people, and the file of their own page."""

    person: Person
    file: str

    @property
    def facts(self) -> list[str]:
        """What stands below the name, line by line."""
        person = self.person
        photos = [facts.count(person.photos, "photo"), facts.years(person)]
        born = f"born {facts.born_short(person)}" if person.born is not None else ""
        lines = (" · ".join(fact for fact in photos if fact), born, person.gender)
        return [line for line in lines if line]


def people_page(entries: Sequence[Entry], jpegs: Sequence[bytes | None]) -> Iterator[str]:
    """Yield the page of all people.

    Parameters
    ----------
    entries : sequence of Entry
    jpegs : sequence of bytes or None
        The pictures of the first `WITH_FACES` of them.
    """
    return render(
        "people.html",
        lead=_lead([entry.person for entry in entries]),
        shown=list(zip(entries, jpegs, strict=False)),
        further=entries[len(jpegs) :],
    )


def _lead(people: Sequence[Person]) -> str:
    named = sum(person.name is not None for person in people)
    who = "1 person" if len(people) == 1 else f"{len(people):,} people"
    return who + (f", {named:,} with a name" if 0 < named < len(people) else "")
