"""Pages from templates. Everything that is put into one is escaped by the templates themselves."""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from album import __version__
from album.errors import shown
from album.people.labels import person_label
from album.people.people import Person
from album.web.images import face_url
from album.web.texts import text

HERE = Path(__file__).parent


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Return the environment of the templates: everything escaped, nothing undefined."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(t=text, person_label=person_label, version=__version__, face_url=face_url)
    made.filters.update(
        shown=shown,
        thousands=lambda n: f"{n:,}".replace(",", "\u202f"),
        day=day,
        born=born,
        clock=clock,
    )
    return made


def render(
    request: Request, name: str, values: Mapping[str, Any], *, status: int = 200
) -> HTMLResponse:
    """Return a page.

    Parameters
    ----------
    request : Request
    name : str
        Of the template.
    values : mapping
        What the template needs beside what `album/web/templates/base.html` does.
    status : int
    """
    shelf = request.app.state.shelf
    base = {
        "csrf": shelf.access.csrf,
        "read_only": shelf.read_only,
        "here": request.scope["path"],
        "query": "",
    }
    page = environment().get_template(name).render({**base, **values})
    return HTMLResponse(page, status, {"vary": "cookie"})


def day(when: datetime | None) -> str:
    """Return a date as people read it everywhere: 2004-05-06."""
    return "" if when is None else when.strftime("%Y-%m-%d")


def date_text(when: datetime | None, precision: str = "day") -> str:
    """Return a date as exactly as it is known: 2004, 2004-05 or 2004-05-06."""
    if when is None:
        return ""
    return when.strftime({"year": "%Y", "month": "%Y-%m"}.get(precision, "%Y-%m-%d"))


def clock(ms: int) -> str:
    """Return a time in a clip as players show it."""
    minutes, seconds = divmod(ms // 1000, 60)
    return f"{minutes}:{seconds:02}"


def born(person: Person) -> str:
    """Return the birth year with how far off it may be: ``1984 ± 2``; empty where unknown."""
    if person.born_date:
        return person.born_date
    if person.born is None:
        return ""
    off = 0.0 if person.born_low is None else (person.born_high or 0) - person.born_low
    return f"{int(person.born)} ± {max(off / 2, 1):.0f}"


def fact(person: Person) -> str:
    """Say in a few words how often somebody is seen, of which gender and when they were born."""
    one = person.photos == 1
    facts = [text("person.photo") if one else text("person.photos", n=f"{person.photos:,}")]
    if person.gender:
        facts.append(text(f"gender.{person.gender}"))
    if when := born(person):
        facts.append(text("person.born", year=when))
    return " · ".join(facts)
