"""``album export``: people and faces for other programs, and into tags."""

from collections import Counter
from pathlib import Path
from typing import Any

import click

from album.cli import text
from album.cli.common import PATH, SOME_FILES_FAILED, Session, everywhere, opened
from album.cli.export_tags import tag_options, write
from album.export.export import ALL_FORMATS, FORMATS, LINKS, ExportOptions, Step, export

SHOWN_NOTES = 10
VERBS = {"write": "write", "link": "link", "copy": "copy", "remove": "remove"}


@click.command(epilog="For example:  album export ~/people --format csv --format folders")
@click.argument("places", type=PATH, nargs=-1, metavar="OUT | --xmp [PATH]...")
@click.option(
    "--format",
    "formats",
    type=click.Choice(ALL_FORMATS),
    multiple=True,
    help="What to write; may be given several times.  [default: csv, json and folders]",
)
@click.option(
    "--link",
    type=click.Choice(LINKS),
    default=LINKS[0],
    show_default=True,
    help="How photos come into the folders of people; links take no space.",
)
@click.option(
    "--all",
    "everyone",
    is_flag=True,
    help="With passers-by and hidden people; strips of few years, too.",
)
@click.option("--dry-run", is_flag=True, help="Only list what would be done.")
@tag_options
@everywhere
@click.pass_context
def command(
    context: click.Context,
    /,
    places: tuple[Path, ...],
    formats: tuple[str, ...],
    link: str,
    everyone: bool,
    dry_run: bool,
    **tags: Any,
) -> None:
    """Write people and faces into the folder OUT.

    These are people.csv and faces.csv, album.json, and a folder for each person with links to the
    photos; with --format html a page for each person with their faces over the years, and with
    --format strip a picture of each person growing up, to be printed. Run it again to bring OUT up
    to date: only files that an earlier export made are replaced or removed. All of it is described
    in docs/export.md.

    With --xmp nothing goes to a folder: the names are written beside the photos and clips of the
    PATHs (without any, of all), or with --embed into the photos themselves, where digiKam,
    Lightroom, Immich, PhotoPrism and others find them. What others wrote stays; docs/tags.md says
    what goes where.
    """
    session = context.ensure_object(Session)
    if tags.pop("xmp"):
        if formats:
            raise click.UsageError("--xmp and --format do not go together.")
        write(context, places, everyone=everyone, dry_run=dry_run, **tags)
        return
    if any(value and value != "full" for value in tags.values()):
        raise click.UsageError("Options for tags need --xmp.")
    if len(places) != 1:
        raise click.UsageError("Give one folder OUT, or --xmp.")
    (out,) = places
    options = ExportOptions(formats or FORMATS, link, everyone)
    done: Counter[str] = Counter()
    with opened(session) as library:
        for step in export(library, out, options, dry_run=dry_run):
            done[step.action] += 1
            if dry_run or (step.action not in VERBS and done[step.action] <= SHOWN_NOTES):
                click.echo(_line(step), err=not dry_run)
    for action in ("missing", "unreadable", "changed"):
        if not dry_run and done[action] > SHOWN_NOTES:
            more = text.number(done[action] - SHOWN_NOTES)
            click.echo(f"… and {more} more (--dry-run lists all).", err=True)
    click.echo(_summary(done, options, out, dry_run=dry_run))
    if done["missing"] or done["unreadable"]:
        context.exit(SOME_FILES_FAILED)


def _line(step: Step) -> str:
    path = text.path_text(step.path)
    if step.action == "missing":
        return f"missing  {path}: {text.path_text(step.source)} {_why_missing(step.source)}"
    if step.action == "unreadable":
        return f"unread   {path}: {text.path_text(step.source)} can't be read."
    if step.action == "changed":
        return f"left     {path}: it is out of date, and was changed since it was exported."
    source = f"  ({text.path_text(step.source)})" if step.source else ""
    return f"{VERBS[step.action]:<7}  {path}{source}"


def _summary(done: Counter[str], options: ExportOptions, out: Path, *, dry_run: bool) -> str:
    nouns = {"write": "file written", "link": "link made", "copy": "photo copied"}
    many = {"write": "files written", "link": "links made", "copy": "photos copied"}
    parts = [text.count(done[key], nouns[key], many[key]) for key in nouns if done[key]]
    if done["remove"]:
        parts.append(f"{text.number(done['remove'])} removed")
    if not parts and not out.exists():
        seen = "seen in enough years" if options.formats == ("strip",) else "to be shown"
        more = "" if options.everyone else "; --all takes in more people"
        return f"There is nothing to write: nobody is {seen}{more}."
    if not parts:
        return f"{text.path_text(out)} is up to date."
    would = "Would be done: " if dry_run else ""
    return f"{would}{', '.join(parts)} in {text.path_text(out)}."


def _why_missing(source: str | None) -> str:
    from album.errors import OnServer, is_remote

    if source is not None and is_remote(source):
        return f"{OnServer.what}; {OnServer.hint}."
    return "is not there; is its disk connected?"
