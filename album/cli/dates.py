"""``album dates``: what is believed of the dates of photos, and why; setting them by hand."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from album.cli import text
from album.cli.changes import changes, tell, writable
from album.cli.common import PATH, SOME_FILES_FAILED, Session, echo_json, everywhere, opened
from album.cli.progress import counting

if TYPE_CHECKING:
    from db.photos.dates import DatedPhoto

LIMIT = 40
WORDS = {
    "user": "set by you",
    "xmp-sidecar": "XMP sidecar",
    "exif-original": "EXIF, taken",
    "exif-digitized": "EXIF, digitized",
    "clip-creation-date": "clip, local time",
    "clip-creation-time": "clip, UTC",
    "xmp": "XMP in the file",
    "iptc": "IPTC",
    "gps": "GPS",
    "takeout": "Google Takeout",
    "exif-modified": "EXIF, last change",
    "file-name": "name of the file",
    "mtime": "time of the file",
    "none": "nothing",
}


@click.group(
    invoke_without_command=True,
    epilog="For example:  album dates set ~/Scans/1984 --date 1984-07",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@everywhere
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """Show what the dates of photos go by, set them by hand, and read them again.

    Without a further word: how many photos go by which source, and how far that is trusted.
    """
    if context.invoked_subcommand is not None:
        return
    from album.dates.sources import is_trusted, sigma_years
    from db.photos.dates import dated_photos
    from db.photos.status import date_counts

    with opened(context.ensure_object(Session)) as library:
        counts = date_counts(library)
        refused = sum(any(c["refusal"] for c in one.claims) for one in dated_photos(library))
    rows = [
        {
            "source": source,
            "precision": precision,
            "photos": n,
            "trusted": is_trusted(source, precision),
            "sigma_years": sigma_years(source, precision),
        }
        for source, precision, n in sorted(counts, key=lambda row: -row[2])
    ]
    if as_json:
        for row in rows:
            row["sigma_years"] = None if row["sigma_years"] == float("inf") else row["sigma_years"]
        echo_json({"format": 1, "sources": rows, "photos_with_refused_claims": refused})
        return
    for row in rows:
        source, precision = str(row["source"]), str(row["precision"])
        trusted = "" if row["trusted"] else "not to be trusted"
        n = text.number(int(str(row["photos"])))
        shown = f"{WORDS.get(source, source):<20} {precision:<8} {n:>9}  {trusted}"
        click.echo(shown.rstrip())
    if refused:
        photos = text.count(refused, "photo")
        click.echo(f"{photos} with a date that was refused: album dates list --refused")


@command.command("list", epilog="For example:  album dates list --refused")
@click.argument("paths", nargs=-1, type=PATH, metavar="[PATH…]")
@click.option("--refused", is_flag=True, help="Only photos of which some date was refused.")
@click.option("--undated", is_flag=True, help="Only photos without a date that is to be trusted.")
@click.option("--all", "everything", is_flag=True, help=f"List more than {LIMIT} photos.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document, with every photo.")
@everywhere
@click.pass_obj
def list_command(
    session: Session,
    paths: tuple[Path, ...],
    refused: bool,
    undated: bool,
    everything: bool,
    as_json: bool,
) -> None:
    """List photos with everything that claims a date, best first, and why it was refused.

    The one marked with * is what the photo goes by.
    """
    from album.dates.sources import is_trusted
    from album.edits.dating import find_dated
    from db.photos.dates import dated_photos

    with opened(session) as library:
        found = find_dated(library, paths) if paths else dated_photos(library)
    if refused:
        found = [one for one in found if any(claim["refusal"] for claim in one.claims)]
    if undated:
        found = [one for one in found if not is_trusted(one.date_source, one.date_precision)]
    if as_json:
        echo_json({"format": 1, "photos": [_record(one) for one in found]})
        return
    for one in found if everything else found[:LIMIT]:
        for line in _lines(one):
            click.echo(line)
    if len(found) > LIMIT and not everything:
        click.echo(f"… and {text.number(len(found) - LIMIT)} more (--all).")
    if not found:
        click.echo("No such photo.")


def _record(one: "DatedPhoto") -> dict[str, Any]:
    from album.people.records import path_record

    return {
        "photo_id": one.photo_id,
        **path_record(one.path),
        "date": one.taken_at.isoformat(timespec="seconds") if one.taken_at else None,
        "date_source": one.date_source,
        "date_precision": one.date_precision,
        "claims": [dict(claim) for claim in one.claims],
    }


def _when(moment: str | None, precision: str) -> str:
    if not moment:
        return ""
    length = {"year": 4, "month": 7, "day": 10}.get(precision, 19)
    return moment[:length].replace("T", " ")


def _lines(one: "DatedPhoto") -> Iterator[str]:
    yield text.path_text(one.path or f"photo {one.photo_id}")
    marked = False
    if one.date_source == "user":
        when = _when(one.taken_at.isoformat() if one.taken_at else None, one.date_precision)
        yield f"  * {WORDS['user']:<18} {when}"
        marked = True
    for claim in one.claims:
        chosen = not marked and not claim["refusal"] and claim["source"] == one.date_source
        marked = marked or chosen
        when = _when(claim["when"], claim["precision"]) or repr(claim["text"])
        why = f"  refused: {claim['refusal']}" if claim["refusal"] else ""
        source = WORDS.get(claim["source"], claim["source"])
        yield f"  {'*' if chosen else ' '} {source:<18} {text.safe(when)}{text.safe(why)}"
    if not marked:
        yield f"  * {WORDS.get(one.date_source, one.date_source)}"


@command.command("set", epilog="For example:  album dates set ~/Scans/1984 --date 1984")
@click.argument("paths", nargs=-1, required=True, type=PATH, metavar="PATH…")
@click.option("--date", "when", metavar="DATE", help="1984, 1984-05, 1984-05-17, with a time.")
@click.option("--shift", metavar="BY", help="By how much a clock was wrong: +1h, -30m, +1y.")
@changes
@click.pass_obj
def set_command(
    session: Session, paths: Sequence[Path], when: str | None, shift: str | None, as_json: bool
) -> None:
    """Set the date of photos by hand; of a folder, of all photos in it.

    It goes before whatever the files say, and stays when they are read again.
    """
    from album.edits.dating import find_dated, parse_date, parse_shift, set_dates, shift_dates

    if (when is None) == (shift is None):
        raise click.UsageError("Give either --date or --shift.")
    with writable(session) as library:
        found = find_dated(library, paths)
        if when is not None:
            change = set_dates(library, found, parse_date(when))
        else:
            change = shift_dates(library, found, parse_shift(str(shift)))
    tell(change, as_json=as_json)


@command.command("unset")
@click.argument("paths", nargs=-1, required=True, type=PATH, metavar="PATH…")
@changes
@click.pass_obj
def unset_command(session: Session, paths: Sequence[Path], as_json: bool) -> None:
    """Take dates back that were set by hand: what the files say counts again."""
    from album.edits.dating import find_dated, unset_dates

    with writable(session) as library:
        change = unset_dates(library, find_dated(library, paths))
    tell(change, as_json=as_json)


@command.command("refresh", epilog="For example:  album dates refresh ~/Takeout")
@click.argument("paths", nargs=-1, type=PATH, metavar="[PATH…]")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@everywhere
@click.pass_context
def refresh_command(context: click.Context, paths: Sequence[Path], as_json: bool) -> None:
    """Read dates again, quickly: sidecars and Takeout's JSON may have come or changed since."""
    from album.edits.dating import find_dated, refresh_dates
    from db.photos.dates import dated_photos

    with writable(context.ensure_object(Session)) as library:
        found = find_dated(library, paths) if paths else dated_photos(library)
        count: Counter[str] = Counter()
        with counting("Reading dates", "photo") as advance:
            for number, one in enumerate(refresh_dates(library, found), 1):
                advance(number, len(found))
                count["read"] += not one.problem
                count["changed"] += one.changed
                if one.problem:
                    count["failed"] += 1
                    click.echo(f"{text.path_text(one.path)} {text.safe(one.problem)}", err=True)
    if as_json:
        echo_json({"format": 1, **{key: count[key] for key in ("read", "changed", "failed")}})
    else:
        click.echo(f"{text.count(count['read'], 'photo')} read, {count['changed']:,} changed.")
    if count["failed"]:
        context.exit(SOME_FILES_FAILED)
