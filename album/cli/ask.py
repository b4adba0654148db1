"""``album suggest --ask``: one question after the other, answered by single keys."""

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from album.cli import text
from album.cli.images import encoded, protocol

if TYPE_CHECKING:
    from album.edits.answers import Answered
    from album.people.suggestions import Suggestion
    from album.thumbnails.cache import Thumbnails
    from db.library import Library

KEYS = {"y": "yes", "n": "no", "s": "skip", "\r": "", "\x03": "q", "\x04": "q", "\x1b": "q"}
HELP = "y yes   n no   s skip   u undo   q quit"


def ask(library: "Library", options: dict[str, Any]) -> None:
    """Ask until the user has had enough, or nothing is left to ask."""
    from album.thumbnails.cache import Thumbnails

    how = options["images"]
    if how == "auto":
        how = protocol(os.environ) if sys.stdout.isatty() else "none"
    thumbnails = Thumbnails.of_library(library.path)
    seen: set[str] = set()
    queue: list[Suggestion] = []
    answers = 0
    while True:
        queue = queue or _next(library, options, seen)
        if not queue:
            click.echo("Nothing is left to ask.")
            break
        one = queue.pop(0)
        _show(library, one, how, thumbnails, options)
        reply = _reply_to(one)
        if reply == "q":
            break
        if reply == "u":
            _undo(library)
            seen.discard(one.key)
            queue = []
            continue
        seen.add(one.key)
        done = _do(library, one, reply)
        if done is None:
            queue = []
            continue
        answers += 1
        click.echo(text.safe(done.summary))
        if reply != "skip":
            queue = queue if reply == "no" and one.kind == "same" else []
    click.echo(f"{text.count(answers, 'answer')}; `album undo` takes the last one back.")


def _next(library: "Library", options: dict[str, Any], seen: set[str]) -> "list[Suggestion]":
    from album.cli.suggest import find

    found = find(library, options | {"limit": options["limit"] + len(seen)})
    return [one for one in found if one.key not in seen]


def _show(
    library: "Library",
    one: "Suggestion",
    how: str,
    thumbnails: "Thumbnails",
    options: dict[str, Any],
) -> None:
    from album.people.suggestions import question_text
    from album.thumbnails.question_pictures import draw_question, save_picture

    click.echo()
    if not options["no_pictures"]:
        drawn = draw_question(library, one)
        if how != "none":
            click.echo(encoded(drawn.image, how), nl=False)
        else:
            path = save_picture(drawn.image, one, thumbnails, options["pictures"])
            click.echo(text.path_text(path))
        for sentence in drawn.missing[:3]:
            click.echo(text.safe(sentence), err=True)
    click.secho(text.safe(question_text(one)), bold=True)
    if one.probability is not None:
        click.echo(f"  {100 * one.probability:.0f} % likely one person")
    for reason in one.why:
        click.echo(f"  {text.safe(reason)}")


def _reply_to(one: "Suggestion") -> str:
    """Return yes, no, skip, u, q, or a name."""
    if one.kind == "name":
        reply = _line("Name (empty: skip, q: quit): ").strip()
        return reply or "skip"
    while True:
        key = _key()
        reply = KEYS.get(key, key)
        if reply in ("yes", "no", "skip", "u", "q"):
            return reply
        click.echo(HELP)


def _key() -> str:
    """Read one key, or the first letter of a line where there is no terminal."""
    if sys.stdin.isatty():
        click.echo(f"  {HELP} ", nl=False)
        try:
            key = click.getchar().lower()
        except (KeyboardInterrupt, EOFError):
            key = "q"
        click.echo()
        return key
    line = sys.stdin.readline()
    return line.strip().lower()[:1] if line else "q"


def _line(prompt: str) -> str:
    if sys.stdin.isatty():
        return str(click.prompt(prompt, default="", show_default=False, prompt_suffix=""))
    return sys.stdin.readline() or "q"


def _do(library: "Library", one: "Suggestion", reply: str) -> "Answered | None":
    """Answer; after a refusal, which is printed, comes the next question."""
    from album.cli.remedies import sentence
    from album.edits.answers import answer
    from album.errors import Refused
    from db.errors import UnknownPersonError

    try:
        return answer(library, one, reply)
    except (Refused, UnknownPersonError) as refused:
        click.echo(text.safe(sentence(refused)))
        return None


def _undo(library: "Library") -> None:
    from album.edits.decisions import undo
    from db.errors import LibraryError

    try:
        click.echo(text.safe(undo(library).summary))
    except LibraryError as error:  # nothing to undo
        click.echo(text.safe(str(error)))
