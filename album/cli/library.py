"""``album library``: a library as a whole, copied to another place or another engine."""

from contextlib import closing

import click

from album.cli import text
from album.cli.common import LIBRARY, echo_json, everywhere
from album.errors import StrPath


@click.group(
    epilog="For example:  album library copy ~/library.db postgresql+psycopg://ana@host/db"
)
def command() -> None:
    """Copy a library to another place, or to or from a server."""


@command.command(
    "copy",
    epilog="For example:  album library copy ~/library.db postgresql+psycopg://ana@host/db",
)
@click.argument("source", type=LIBRARY, metavar="FROM")
@click.argument("target", type=LIBRARY, metavar="TO")
@click.option("--json", "as_json", is_flag=True, help="Say what was copied as JSON.")
@everywhere
def copy_command(source: StrPath, target: StrPath, as_json: bool) -> None:
    """Copy the library FROM to TO, where there must be none: everything, under the same ids.

    Both are paths of files or URLs of servers. FROM is only read, and may be in use; what changes
    there meanwhile is not copied. A copy that is broken off is no library until the same command
    has been run again, which goes on where it was.
    """
    rows = _copy(source, target)
    if as_json:
        echo_json({"format": 1, "rows": rows})
        return
    photos, faces = (text.count(rows[name], name[:-1]) for name in ("photos", "faces"))
    people = text.count(rows["people"], "person", "people")
    click.echo(f"Copied {photos} with {faces} of {people}. FROM is as it was.")


def _copy(source: StrPath, target: StrPath) -> dict[str, int]:
    from db.copying import BegunAnew, copy_library
    from db.errors import ReadOnlyLibraryError
    from db.library import Library

    try:
        old = Library.open(source, create=False, read_only=True)
    except ReadOnlyLibraryError:  # of an older format, which only a writer may change
        old = Library.open(source, create=False)
    rows = {"photos": 0, "faces": 0, "people": 0}
    kept = {"photo": "photos", "face": "faces", "person": "people"}
    with (
        old,
        Library.open(target, unfinished=True) as new,
        closing(copy_library(old, new)) as events,  # type: ignore[type-var]
    ):
        for event in events:
            if isinstance(event, BegunAnew):
                click.echo("FROM has changed meanwhile; the copy begins anew.", err=True)
                continue
            if event.table in kept:
                rows[kept[event.table]] = event.rows
            if event.rows < event.total:
                rows_done = f"{text.number(event.rows)} of {text.number(event.total)} rows"
                click.echo(f"{event.table}: {rows_done}", err=True)
    return rows
