"""Pages from templates, which escape everything that is put into them."""

from base64 import b64encode
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from album.errors import shown
from album.export.pages.facts import count

TEMPLATES = Path(__file__).parent / "templates"


def render(template: str, **values: Any) -> Iterator[str]:
    """Yield a page piece by piece."""
    return _environment().get_template(template).generate(**values)


@lru_cache(maxsize=1)
def style() -> str:
    """Return the style sheet of all pages."""
    return (TEMPLATES / "style.css").read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=_printable,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.globals.update(style=Markup(style()))
    made.filters.update(base64=_base64, count=count, link=_link)
    return made


def _printable(value: object) -> object:
    """Replace the bytes of a path that are not UTF-8, which no page can hold."""
    return value if isinstance(value, Markup) else shown(str(value))


def _base64(content: bytes) -> Markup:
    return Markup(b64encode(content).decode("ascii"))


def _link(name: str) -> str:
    """Return the address of a file in the same folder."""
    return "./" + quote(name.encode("utf-8", "surrogateescape"))
