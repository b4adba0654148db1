"""``album index``: read the photos, find the faces, group them into people."""

import os
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from album.cli import import_tags, text
from album.cli.cluster_options import cluster_options, place_of, pool_of
from album.cli.common import (
    MEMORY,
    PLACE,
    SOME_FILES_FAILED,
    Session,
    bytes_of,
    echo_json,
    echo_traces,
    everywhere,
)
from album.cli.nets_options import CLIP_EVERY, FILE_TIMEOUT, choice_of, nets_options
from album.cli.progress import display
from album.errors import MissingFolder, is_remote, shown
from album.events import IndexReport
from album.metadata.regular_files import is_missing

if TYPE_CHECKING:
    from album.distributed.pool import Pool
    from album.indexing.sources import Source
    from album.models.engines import Choice

WAIT_S = 60.0
"""How long an index waits for others that write, of which there may be many on a server."""
SHOWN_PATHS = 5


@click.command(epilog="For example:  album index ~/Photos /media/card --jobs 4")
@click.argument("paths", nargs=-1, required=True, type=PLACE, metavar="PATH…")
@nets_options
@click.option(
    "--clustering",
    type=click.Choice(["default", "paper"]),
    default="default",
    help="How faces are grouped; paper is the published method in two steps, for few faces.",
)
@click.option("--no-clips", is_flag=True, help="Leave clips out; those read before stay.")
@CLIP_EVERY
@click.option(
    "--clip-budget",
    type=click.IntRange(min=0),
    default=1800,
    show_default=True,
    help="Frames of one clip to look at, spread over it; 0 means all of them.",
)
@FILE_TIMEOUT
@cluster_options
@MEMORY
@click.option("--retry", is_flag=True, help="Read again what could not be read before.")
@click.option(
    "--read-tags",
    is_flag=True,
    help="Bring in names that other programs have written into the photos; see album import-tags.",
)
@click.option("--no-group", is_flag=True, help="Find faces only; leave the people as they are.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document at the end.")
@everywhere
@click.pass_context
def command(context: click.Context, /, paths: tuple[Path | str, ...], **options: object) -> None:
    """Find the faces in photos and clips and group them into people.

    Folders are searched to any depth. Only what is new or changed is read; the photos themselves
    are never changed. Stop at any time with Ctrl-C and go on later with the same command. The exit
    code is 3 when some files could not be read.
    """
    session = context.ensure_object(Session)
    place_of(options)
    for path in paths:
        if not is_remote(path) and is_missing(path):
            raise MissingFolder(path)
    _refuse_afar(paths, options)
    report, failed = run(session, paths, options)
    echo_traces(session, report.failures)
    if options["as_json"]:
        echo_json(_record(report, failed))
    else:
        for line in summary(report, failed):
            click.echo(line)
    if report.failures or (report.tags is not None and report.tags.report.failures):
        context.exit(SOME_FILES_FAILED)


def _refuse_afar(paths: tuple[Path | str, ...], options: dict[str, object]) -> None:
    """Refuse what reads photos a second time of those on servers, rather than leave them out."""
    afar = next((path for path in paths if is_remote(path)), None)
    asked = next((name for name in ("emotions", "read_tags") if options[name]), None)
    if afar is not None and asked is not None:
        raise click.UsageError(
            f"--{asked.replace('_', '-')} reads photos again, which works on a disk only; "
            f"leave it out, or mount {shown(afar)} as a folder."
        )


def run(
    session: Session, paths: tuple[Path | str, ...], options: dict[str, object]
) -> tuple[IndexReport, int]:
    """Index, showing progress; return what was done and how many files in all have failed."""
    # Imported late: the nets are not needed to refuse a wrong option.
    from album.indexing.index import IndexOptions, index
    from album.indexing.sources import Threads
    from album.media.allocation import keep_large_blocks
    from album.media.clips.frames import Sampling
    from album.models.engines import build
    from album.paths import make_folder
    from db.library import Library
    from db.photos.status import status

    started = time.monotonic()
    every: tuple[int, int] = options["clip_every"]  # type: ignore[assignment]
    how = IndexOptions(
        jobs=int(str(options["jobs"])),
        retry=bool(options["retry"]),
        group=not options["no_group"],
        method=str(options["clustering"]),
        file_timeout=float(str(options["file_timeout"])),
        read_tags=bool(options["read_tags"]),
        emotions=bool(options["emotions"]),
        memory=bytes_of(options["memory"]),  # type: ignore[arg-type]
        clips=None if options["no_clips"] else Sampling(*every, int(str(options["clip_budget"]))),
    )
    make_folder(session.path)
    keep_large_blocks()
    report = IndexReport()
    with Library.open(session.path, wait_s=WAIT_S) as library:
        choice = choice_of(library, options)
        engine = build(choice, threads=max(how.jobs, 1))
        # Closed before the library is: its threads and its transaction must have ended by then.
        with display() as shown, pool_of(options) as pool:
            source = Threads() if pool is None else _workers(pool, choice)
            with closing(index(library, engine, paths, how, source)) as events:  # type: ignore[type-var]
                for event in events:
                    report.add(event)
                    shown.add(event)
        failed = status(library).failures
    report.seconds = time.monotonic() - started
    return report, failed


def _workers(pool: "Pool", choice: "Choice") -> "Source":
    from album.distributed.source import ClusterSource

    return ClusterSource(pool, choice)


def _record(report: IndexReport, failed: int) -> dict[str, object]:
    from album.people.records import path_record

    failures = [
        {**path_record(os.fspath(one.path)), "reason": shown(one.reason)} for one in report.failures
    ]
    replaced = [path_record(os.fspath(path)) for path in report.replaced]
    counts = asdict(replace(report, tags=None)) | {"failures": failures, "replaced": replaced}
    counts["seconds"] = round(report.seconds, 3)
    if report.tags is None:
        counts.pop("tags")
    else:
        counts["tags"] = import_tags.record(report.tags.report, report.tags.change, dry_run=False)
    return {"format": 1, **counts, "failed_in_all": failed}


def summary(report: IndexReport, failed: int) -> Iterator[str]:
    """Say in a few lines what was done."""
    took = text.duration(report.seconds)
    read = [
        *([text.count(report.photos, "new photo")] if report.photos else []),
        *([text.count(report.clips, "new clip")] if report.clips else []),
    ]
    if read:
        found = text.count(report.faces, "face")
        yield f"Read {' and '.join(read)} in {took}: {found}."
    elif not report.found:
        yield "There are no files in there."
    else:
        yield f"No new photos in {text.count(report.found, 'file')} ({took})."
    copies = report.known - report.moved
    parts = [
        (report.unchanged, f"{text.number(report.unchanged)} unchanged"),
        (copies, text.count(copies, "copy of known photos", "copies of known photos")),
        (report.moved, f"{text.number(report.moved)} moved"),
        (report.gone - report.moved, f"{text.number(report.gone - report.moved)} gone"),
        (report.forgotten, f"{text.number(report.forgotten)} forgotten"),
        (report.elsewhere, f"{text.number(report.elsewhere)} read by other processes"),
    ]
    if counts := [what for n, what in parts if n > 0]:
        yield f"{', '.join(counts)}."
    yield from _changes_by_others(report)
    if report.live:
        yield f"{text.count(report.live, 'clip belongs', 'clips belong')} to Live Photos."
    if report.skipped_clips:
        yield f"{text.count(report.skipped_clips, 'clip')} left out."
    yield from _failures(report, failed)
    yield from report.problems
    if report.emotions:
        yield f"What {text.count(report.emotions, 'face')} of earlier runs express is known now."
    if report.without_emotion:
        unknown = text.count(report.without_emotion, "face")
        yield f"What {unknown} express is not known; --emotions tells it."
    if report.tags is not None:
        yield from import_tags.summary(report.tags.report, report.tags.change, dry_run=False)
    if report.reassigned:
        faces = text.count(report.reassigned, "face")
        yield f"{faces} changed person, none of anybody whom you have named or corrected."
    if report.people or report.passers_by:
        people = text.count(report.people, "person", "people")
        passing = text.count(report.passers_by, "passer-by", "passers-by")
        yield f"{people} and {passing} in the library; `album people` lists them."


def _changes_by_others(report: IndexReport) -> Iterator[str]:
    if report.edited:
        edited = text.count(report.edited, "photo was", "photos were")
        yield f"{edited} edited by another program; faces and names stay."
    if replaced := len(report.replaced):
        photos = text.count(replaced, "photo was", "photos were")
        yield f"{photos} re-saved by another program; faces and names stay:"
        for path in report.replaced[:SHOWN_PATHS]:
            yield f"  {text.path_text(path)}"
        if replaced > SHOWN_PATHS:
            yield f"  … and {text.number(replaced - SHOWN_PATHS)} more."


def _failures(report: IndexReport, failed: int) -> Iterator[str]:
    now = len(report.failures)
    if now:
        yield f"{text.count(now, 'file')} could not be read; `album status` says why:"
        for one in report.failures[:SHOWN_PATHS]:
            yield f"  {text.path_text(one.path)}: {text.path_text(one.reason)}"
        if now > SHOWN_PATHS:
            yield f"  … and {text.number(now - SHOWN_PATHS)} more."
    elif failed:
        files = text.count(failed, "file")
        yield f"{files} could not be read before; `album status` says why, --retry tries again."
