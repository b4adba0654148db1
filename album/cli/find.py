"""``album find``: the paths of photos, by who is in them and when."""

import os
import sys
from collections.abc import Callable, Iterable
from typing import Any

import click

from album.cli import text
from album.cli.common import Session, echo_json_rows, everywhere, opened
from album.people.ranges import NotARange, parse_date, parse_range, parse_years
from album.people.search import Query, find_paths, find_photos, match_record


class Parsed(click.ParamType):  # type: ignore[type-arg]
    """A value that one of the parsers of `album.people.ranges` reads."""

    def __init__(self, name: str, parse: Callable[[str], Any]) -> None:
        self.name = name
        self.parse: Callable[[str], Any] = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the value, or say how it is written."""
        try:
            return self.parse(value) if isinstance(value, str) else value
        except NotARange as error:
            return self.fail(str(error), param, ctx)


RANGE = Parsed("range", parse_range)
YEARS = Parsed("years", parse_years)
DATE = Parsed("date", parse_date)
GENDER = click.Choice(["f", "m"])


@click.command(epilog="For example:  album find --person Ana --age 3..6 -0 | xargs -0 cp -t out/")
@click.option(
    "--person", "people", multiple=True, metavar="WHO", help="Who must be in it; again for more."
)
@click.option(
    "--with", "beside", multiple=True, metavar="WHO", help="Who must be in it, too, at any age."
)
@click.option("--any-of", multiple=True, metavar="WHO", help="At least one of these must be in it.")
@click.option("--without", multiple=True, metavar="WHO", help="Who must not be in it.")
@click.option("--only", is_flag=True, help="No face but of those that were named.")
@click.option("--unnamed", is_flag=True, help="Somebody in it has no name yet.")
@click.option("--faces", type=RANGE, metavar="N..M", help="How many faces; 0 for none.")
@click.option("--year", type=YEARS, metavar="Y..Z", help="The year, or the years from and to.")
@click.option(
    "--from", "start", type=DATE, metavar="DATE", help="Not before this day, month or year."
)
@click.option("--to", "end", type=DATE, metavar="DATE", help="Not after this day, month or year.")
@click.option("--any-date", is_flag=True, help="Believe dates that only the file has, too.")
@click.option("--age", "ages", type=RANGE, metavar="A..B", help="How old at that time, in years.")
@click.option("--gender", type=GENDER, help="Female or male.")
@click.option(
    "--emotion",
    "emotions",
    type=click.Choice(["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]),
    multiple=True,
    help="What they express; again for one of several.",
)
@click.option(
    "--duplicates/--no-duplicates",
    "repeats",
    default=None,
    help="Only photos that nearly repeat another, as of a burst; or none of these.",
)
@click.option("--gone", is_flag=True, help="Also what is not on the disk any more.")
@click.option(
    "--sort",
    type=click.Choice(["date", "path"]),
    default="date",
    help="Oldest first, or by path.  [default: date]",
)
@click.option("-0", "--print0", is_flag=True, help="End each path with a zero byte, for xargs -0.")
@click.option("--count", is_flag=True, help="Print only how many there are.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document, with people and ages.")
@everywhere
@click.pass_obj
def command(session: Session, /, print0: bool, count: bool, as_json: bool, **filters: Any) -> None:
    """Print the paths of photos and clips, one a line: of all in the library, unless narrowed.

    WHO is an id or a name. Age, gender and emotion are of everybody given by --person; else of one
    of --any-of; else of anybody in the photo. A range is 3, 3..6, 3.. or ..6. Dates that can't be
    trusted meet no --age, --year, --from or --to. A photo that lies in several places is printed
    once. Finding nothing is no error.
    """
    if print0 + count + as_json > 1:
        raise click.UsageError("--print0, --count and --json exclude each other.")
    query = _query(**filters)
    with opened(session) as library:
        if as_json:
            echo_json_rows("photos", map(match_record, find_photos(library, query)))
            return
        paths = find_paths(library, query)
    if count:
        click.echo(len(paths))
    else:
        _print(paths, "\0" if print0 else "\n")


def _query(*, year: tuple[Any, Any] | None, start: Any, end: Any, **filters: Any) -> Query:
    """Put the options together; of two ends of time, the narrower counts."""
    after, before = year or (None, None)
    first = max((one for one in (after, start and start[0]) if one), default=None)
    last = min((one for one in (before, end and end[1]) if one), default=None)
    if first and last and first >= last:
        raise click.UsageError("The time ends before it starts; check --year, --from and --to.")
    given = {key: value for key, value in filters.items() if value is not None}
    return Query(start=first, end=last, **given)


def _print(paths: Iterable[str], end: str) -> None:
    """Write paths as the file system gave them; a terminal gets them without what steers it."""
    if end == "\n" and is_terminal():
        for path in paths:
            click.echo(text.path_text(path))
        return
    sys.stdout.buffer.write(b"".join(os.fsencode(path + end) for path in paths))
    sys.stdout.buffer.flush()


def is_terminal() -> bool:
    """Tell whether the output goes to a terminal."""
    return sys.stdout.isatty()
