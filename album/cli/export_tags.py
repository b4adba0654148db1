"""``album export --xmp``: names into sidecars and into the photos' own tags."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from album.cli import text
from album.cli.common import SOME_FILES_FAILED, Session
from album.cli.progress import counting
from album.errors import MissingFolder
from album.metadata.regular_files import is_missing

if TYPE_CHECKING:
    from album.tags.write import Tagged

F = TypeVar("F", bound=Callable[..., Any])
SAME, FAILED = "same", "failed"
DONE = {
    "write": ("sidecar written", "sidecars written"),
    "embed": ("photo tagged", "photos tagged"),
    "remove": ("sidecar removed", "sidecars removed"),
}


def tag_options(command: F) -> F:
    """Add the options of tags to ``album export``."""
    options = (
        click.option("--xmp", is_flag=True, help="Write names into tags, not into a folder."),
        click.option("--embed", is_flag=True, help="With --xmp: into the photos themselves."),
        click.option(
            "--sidecar-style",
            type=click.Choice(["full", "adobe"]),
            default="full",
            show_default=True,
            help="With --xmp: photo.jpg.xmp, or photo.xmp as Adobe's programs have it.",
        ),
        click.option("--iptc-regions", is_flag=True, help="With --xmp: IPTC's regions, too."),
        click.option(
            "--remove", is_flag=True, help="With --xmp: take away what this program wrote."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def write(
    context: click.Context,
    paths: tuple[Path, ...],
    *,
    everyone: bool,
    dry_run: bool,
    embed: bool,
    sidecar_style: str,
    iptc_regions: bool,
    remove: bool,
) -> None:
    """Write tags, show how far it is, and leave with 3 where a file has failed."""
    from album.tags.plan import TagOptions
    from album.tags.write import Planned, write_tags
    from db.library import Library

    session = context.ensure_object(Session)
    for path in paths:
        if is_missing(path):
            raise MissingFolder(path)
    roots = [os.path.normpath(path.absolute()) for path in paths]
    options = TagOptions(embed, sidecar_style, iptc_regions, everyone, remove, dry_run)
    done: Counter[str] = Counter()
    files = 0
    with (
        Library.open(session.path, create=False) as library,
        counting("Writing tags", "file") as advance,
    ):
        for event in write_tags(library, roots, options):
            if isinstance(event, Planned):
                files = event.files
                advance(0, files)
                continue
            done[event.action] += 1
            for line in _lines(event, dry_run=dry_run):
                click.echo(line, err=event.action == FAILED)
            advance(done.total(), files)
    click.echo(_summary(done, dry_run=dry_run))
    if done[FAILED]:
        context.exit(SOME_FILES_FAILED)


def _lines(event: "Tagged", *, dry_run: bool) -> Iterator[str]:
    path = text.path_text(event.path)
    if event.action == FAILED:
        yield f"{path} {text.safe(event.reason)}"
    elif dry_run and event.action != SAME:
        yield f"{path}:"
        yield from (f"  {text.safe(change)}" for change in event.changes)


def _summary(done: Counter[str], *, dry_run: bool) -> str:
    parts = [text.count(done[key], *nouns) for key, nouns in DONE.items() if done[key]]
    if done[SAME]:
        parts.append(f"{text.number(done[SAME])} right already")
    if done[FAILED]:
        parts.append(f"{text.number(done[FAILED])} failed")
    if not parts:
        return "Nobody with a name is in these photos; give names with album name, or take --all."
    return f"{'Would be done: ' if dry_run else ''}{', '.join(parts)}."
