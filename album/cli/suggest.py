"""``album suggest``: what the program would like to know."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from album.cli import text
from album.cli.common import PATH, Session, echo_json, everywhere, opened

if TYPE_CHECKING:
    from album.people.suggestions import Suggestion
    from db.library import Library

COLUMNS = (
    text.Column("N", right=True),
    text.Column("Question"),
    text.Column("Same", right=True),
    text.Column("Faces", right=True),
    text.Column("Picture", stretch=True),
)


@click.command(epilog="For example:  album suggest  and then  album suggest --answer 1 yes")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True)
@click.option(
    "--kind",
    "kinds",
    type=click.Choice(["same", "split", "name"]),
    multiple=True,
    help="Only such questions: are two people one, are all faces of a person theirs, who is this. "
    "[default: same and split]",
)
@click.option("--again", is_flag=True, help="With the questions that you skipped, at the end.")
@click.option(
    "--answer",
    "answers",
    nargs=2,
    multiple=True,
    metavar="N ANSWER",
    help="Answer a question of the last list: yes, no or skip, or a name. N may be two ids: 12,31.",
)
@click.option("--ask", is_flag=True, help="Ask one question after the other, by single keys.")
@click.option("--pictures", type=PATH, metavar="DIR", help="Write the pictures of faces there.")
@click.option("--no-pictures", is_flag=True, help="Write no pictures.")
@click.option(
    "--images",
    type=click.Choice(["auto", "kitty", "iterm", "sixel", "none"]),
    default="auto",
    help="How --ask shows pictures in the terminal.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@everywhere
@click.pass_obj
def command(session: Session, /, **options: Any) -> None:
    """List the questions worth asking, best first, and take the answers.

    Same is the probability that it is one person; Faces, how many faces the answer is expected to
    put right. Distances are in units of the threshold up to which the program takes faces for one
    person. People in one photo are never asked about, nor those that you said are different. A yes
    merges, a no keeps apart or splits off, and both can be taken back with `album undo`.
    """
    if bool(options["answers"]) + bool(options["ask"]) > 1:
        raise click.UsageError("--answer and --ask exclude each other.")
    with writable(session) as library:
        if options["answers"]:
            _answer(library, options["answers"], as_json=options["as_json"])
        elif options["ask"]:
            from album.cli.ask import ask

            ask(library, options)
        else:
            _list(library, options)


@contextmanager
def writable(session: Session) -> "Iterator[Library]":
    """Open a library for writing, or for reading where it can't be written."""
    from db.errors import CAN_BE_READ
    from db.library import Library

    try:
        library = Library.open(session.path, create=False)
    except CAN_BE_READ:
        with opened(session) as library:
            yield library
        return
    with library:
        yield library


def find(library: "Library", options: dict[str, Any]) -> "list[Suggestion]":
    """Return the questions that the options ask for."""
    from album.people.suggestions import suggestions

    kinds = options["kinds"] or ("same", "split")
    return suggestions(library, limit=options["limit"], kinds=kinds, again=options["again"])


def _list(library: "Library", options: dict[str, Any]) -> None:
    from album.people.suggestions import suggestion_record
    from db.errors import LibraryError
    from db.people.suggestions import save_questions

    found = find(library, options)
    numbered = True
    try:
        save_questions(library, found)
    except LibraryError:  # nobody can write to it now; the answers can name the ids
        numbered = False
    paths = _pictures(library, found, options)
    if options["as_json"]:
        from album.people.records import path_record

        records = [
            {"number": number} | suggestion_record(one) | {"picture": path_record(path)["path"]}
            for number, (one, path) in enumerate(zip(found, paths, strict=True), 1)
        ]
        echo_json({"format": 1, "questions": records})
        return
    if not found:
        click.echo(f"There is nothing to ask: {_nothing(options)}.")
        return
    for line in _table(found, paths):
        click.echo(line)
    click.echo()
    click.echo("Answer with `album suggest --answer N yes`, no or skip, or with --ask.")
    if not numbered:
        click.echo("The library can't be written, so that numbers are not kept.", err=True)


def _nothing(options: dict[str, Any]) -> str:
    if set(options["kinds"]) == {"name"}:
        return "everybody has a name, but for passers-by"
    return "nobody is near enough to somebody else"


def _table(found: "list[Suggestion]", paths: list[str | None]) -> Iterator[str]:
    """Lay out the questions, each with its reasons on a line below."""
    from album.people.suggestions import question_text

    rows = []
    for number, (one, path) in enumerate(zip(found, paths, strict=True), 1):
        percent = text.NOTHING if one.probability is None else f"{100 * one.probability:.0f} %"
        rows.append(
            (
                str(number),
                question_text(one),
                percent,
                f"{one.faces_settled:.1f}",
                text.path_text(path),
            )
        )
    header, *lines = text.table(COLUMNS, rows)
    yield header
    indent = " " * (len(str(len(found))) + 2)
    for line, one in zip(lines, found, strict=True):
        yield line
        if why := "; ".join((*one.why, *(["skipped before"] if one.skipped else []))):
            yield click.style(f"{indent}{text.safe(why)}", dim=True)


def _pictures(
    library: "Library", found: "list[Suggestion]", options: dict[str, Any]
) -> list[str | None]:
    """Write the pictures; return their paths."""
    if options["no_pictures"] or not found:
        return [None] * len(found)
    from album.thumbnails.question_pictures import write_pictures

    folder: Path | None = options["pictures"]
    paths: list[str | None] = []
    missing: dict[str, None] = {}
    try:
        for path, reasons in write_pictures(library, found, folder, jobs=os.cpu_count() or 1):
            paths.append(os.fspath(path))
            missing |= dict.fromkeys(reasons)
    except OSError as error:
        if folder is not None:
            raise
        click.echo(f"The pictures can't be written ({error.strerror}).", err=True)
        return [None] * len(found)
    for sentence in list(missing)[:5]:
        click.echo(text.safe(sentence), err=True)
    if len(missing) > 5:
        click.echo(f"… and {text.count(len(missing) - 5, 'more photo')}.", err=True)
    return paths


def _answer(library: "Library", answers: list[tuple[str, str]], *, as_json: bool) -> None:
    from album.edits.answers import answer, find_question

    done = [answer(library, find_question(library, which), reply) for which, reply in answers]
    if as_json:
        records = [
            {"summary": one.summary, "event": one.change.event_id if one.change else None}
            for one in done
        ]
        echo_json({"format": 1, "answers": records})
        return
    for one in done:
        click.echo(text.safe(one.summary))
    sys.stdout.flush()
