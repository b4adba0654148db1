"""What the commands share: the options that all of them take, opening the library, JSON."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from album.events import PhotoFailed
    from db.library import Library

F = TypeVar("F", bound=Callable[..., Any])

PATH = click.Path(path_type=Path, readable=False)
"""A path that is not checked yet: what is wrong with it is reported in the program's own words."""


class _LibraryName(click.Path):
    """A path, or a URL of a library on a server, which is no path: // in it would become /."""

    name = "library"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> "Path | str":
        from db.places import is_url

        text = os.fspath(value)
        return text if is_url(text) else Path(text.removeprefix("sqlite:///"))


class _PlaceOfPhotos(click.Path):
    """A path, or an address of a server that `album.files.remote` reads."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> "Path | str":
        from album.errors import is_remote

        return os.fspath(value) if is_remote(value) else Path(value)


PLACE = _PlaceOfPhotos()
LIBRARY = _LibraryName()
MEMORY = click.option(
    "--memory",
    type=click.FloatRange(min=0.25),
    metavar="GB",
    help="Memory for grouping, half of what there is if not given; the rest lies in a file.",
)

FAILED = 1
SOME_FILES_FAILED = 3
INTERRUPTED = 130
READER_GONE = 141
"""What a shell says of a program that SIGPIPE ended."""


@dataclass(slots=True)
class Session:
    """The options that all commands share.

    Attributes
    ----------
    library : Path or str or None
        The file, or the URL of a library on a server; None: the default one.
    verbose : bool
        With tracebacks.
    """

    library: Path | str | None = None
    verbose: bool = False

    @property
    def path(self) -> Path | str:
        """The library file, or its URL, which may hold a password."""
        from album.paths import library_path

        return library_path(self.library)

    @property
    def has_library(self) -> bool:
        """Whether there is a file; a server is only known when it is asked."""
        path = self.path
        return isinstance(path, str) or path.exists()


def _remember_library(context: click.Context, _: click.Parameter, value: Path | str | None) -> None:
    if value is not None:
        context.ensure_object(Session).library = value


def _remember_verbose(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        context.ensure_object(Session).verbose = True


def everywhere(command: F) -> F:
    """Add the options that may stand before and after the name of the command."""
    library = click.option(
        "--library",
        type=LIBRARY,
        metavar="PATH",
        expose_value=False,
        callback=_remember_library,
        help="The library file, instead of ALBUM_LIBRARY and of the default one.",
    )
    verbose = click.option(
        "-v",
        "--verbose",
        is_flag=True,
        expose_value=False,
        callback=_remember_verbose,
        help="Show tracebacks.",
    )
    return library(verbose(command))


def echo_traces(session: Session, failures: "Iterable[PhotoFailed]") -> None:
    """Print what lies behind failures of single files, where ``-v`` asks for it."""
    from album.errors import shown

    for one in failures if session.verbose else ():
        if one.trace:
            click.echo(f"{shown(one.path)}\n{one.trace}", err=True)


def bytes_of(gigabytes: float | None) -> int | None:
    """Return the value of `MEMORY` in bytes."""
    return None if gigabytes is None else int(gigabytes * (1 << 30))


@contextmanager
def opened(session: Session) -> "Iterator[Library]":
    """Open an existing library to look into it; an old format is brought up to date first."""
    from db.errors import ReadOnlyLibraryError
    from db.library import Library

    path = session.path
    try:
        library = Library.open(path, create=False, read_only=True)
    except ReadOnlyLibraryError:  # of an older format, which only a writer may change
        library = Library.open(path, create=False)
    with library:
        yield library


def echo_json(record: Any) -> None:
    """Print one JSON document, in ASCII where the terminal or pipe is not UTF-8."""
    click.echo(json.dumps(record, indent=2, ensure_ascii=_only_ascii()))


def echo_json_rows(key: str, records: Iterable[Mapping[str, Any]]) -> None:
    """Print one JSON document with one long list, a record a line: ten times as fast."""
    as_ascii = _only_ascii()
    lines = (json.dumps(record, ensure_ascii=as_ascii) for record in records)
    click.echo(f'{{"format": 1, "{key}": [\n' + ",\n".join(lines) + "\n]}")


def _only_ascii() -> bool:
    encoding = (getattr(sys.stdout, "encoding", None) or "ascii").lower().replace("-", "")
    return encoding != "utf8"
