"""The pieces of which pages are made, and how facts are told on them. All text is escaped here."""

import html
from base64 import b64encode
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

from album.errors import shown
from album.people.people import Person

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'"
"""What a browser may do with a page: show it. Nothing is fetched, whatever a name says."""


def text(value: object) -> str:
    """Return text that means itself in HTML, also within quotes."""
    return html.escape(shown(str(value)))


def link(name: str) -> str:
    """Return the address of a file in the same folder."""
    return text("./" + quote(name.encode("utf-8", "surrogateescape")))


def picture(jpeg: bytes | None, alt: str) -> str:
    """Return a picture that is part of the page, or a field that says it is missing."""
    if jpeg is None:
        return f'<span class="blank" role="img" aria-label="{text(alt)}">photo can’t be read</span>'
    data = b64encode(jpeg).decode("ascii")
    return f'<img src="data:image/jpeg;base64,{data}" alt="{text(alt)}">'


@lru_cache(maxsize=1)
def style() -> str:
    """Return the style sheet of all pages."""
    return (Path(__file__).parent / "style.css").read_text(encoding="utf-8")


def head(title: str) -> Iterator[str]:
    """Yield the start of a page."""
    yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    yield f'<meta http-equiv="Content-Security-Policy" content="{text(POLICY)}">\n'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    yield '<meta name="referrer" content="no-referrer">\n<meta name="robots" content="noindex">\n'
    yield f"<title>{text(title)}</title>\n<style>\n{style()}</style>\n</head>\n<body>\n"


def foot() -> str:
    """Return the end of a page."""
    return "<footer>Made by album-people on this computer.</footer>\n</body>\n</html>\n"


def gender(person: Person) -> str:
    """Write a gender, with its probability where it was estimated."""
    if person.gender is None:
        return ""
    if person.gender_probability is None:
        return person.gender
    return f"{person.gender}, {min(round(100 * person.gender_probability), 99)} %"


def born(person: Person) -> str:
    """Write when somebody was born: the date that was said, or a year with its interval."""
    if person.born_date is not None or person.born_low is None or person.born_high is None:
        return born_short(person)
    low, high = int(person.born_low), int(person.born_high)
    return born_short(person) + (f" ({low}–{high})" if low != high else "")


def born_short(person: Person) -> str:
    """Write when somebody was born without the interval; nothing where it is not known."""
    if person.born_date is not None:
        return person.born_date
    return "" if person.born is None else f"about {int(person.born)}"


def years(person: Person) -> str:
    """Write the years of somebody's photos: 2009–2011."""
    if person.first is None or person.last is None:
        return ""
    first, last = person.first.year, person.last.year
    return str(first) if first == last else f"{first}–{last}"


def count(number: int, noun: str) -> str:
    """Write a number with its noun: 1 photo, 1,204 photos."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
