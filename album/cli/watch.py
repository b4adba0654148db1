"""``album watch``: index what comes into folders, as it comes."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from album.cli import text
from album.cli.common import PATH, Session, echo_traces, everywhere
from album.cli.index import WAIT_S
from album.cli.nets_options import engine_of, nets_options
from album.errors import AlbumError, MissingFolder, shown
from album.metadata.regular_files import is_missing

if TYPE_CHECKING:
    from album.indexing.watching import Batch, Changes

STEP_MS = 500
"""How often it is looked whether to stop, and whether files have been written to their end."""


@click.command(epilog="For example:  album watch ~/Photos")
@click.argument("paths", nargs=-1, required=True, type=PATH, metavar="PATH…")
@nets_options
@click.option("--no-clips", is_flag=True, help="Leave clips out; those read before stay.")
@click.option(
    "--poll", is_flag=True, help="Look at the folders again and again: for network disks."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document a line.")
@everywhere
@click.pass_obj
def command(session: Session, /, paths: tuple[Path, ...], **options: Any) -> None:
    """Index folders, and then whatever comes into them, until Ctrl-C.

    New and changed files are read once they are completely written; what is moved or deleted is
    noticed, too, and so are sidecars with dates. Stopping it at any moment loses nothing.
    """
    from album.media.allocation import keep_large_blocks
    from album.paths import make_folder
    from db.library import Library

    for path in paths:
        if is_missing(path):
            raise MissingFolder(path)
    make_folder(session.path)
    keep_large_blocks()
    stop = threading.Event()
    before = _stop_on_signals(stop)
    try:
        with Library.open(session.path, wait_s=WAIT_S) as library:
            for batch in _batches(library, paths, options, stop):
                _report(batch, as_json=options["as_json"])
                echo_traces(session, batch.report.failures)
    except KeyboardInterrupt:
        pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if not options["as_json"]:
        click.echo("Stopped; nothing is lost.", err=True)


def _stop_on_signals(stop: threading.Event) -> dict[int, Any]:
    """Have both ways of ending a program end it here; return what was there before."""

    def end(*_: object) -> None:
        stop.set()
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        return {}
    return {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}


def _batches(
    library: Any, paths: Sequence[Path], options: dict[str, Any], stop: threading.Event
) -> "Iterator[Batch]":
    # Imported late: the nets are not needed to refuse a wrong option.
    from contextlib import closing

    from album.indexing.index import IndexOptions, index
    from album.indexing.watching import Patience, watch
    from album.media.clips.frames import Sampling

    engine = engine_of(library, options)
    how = IndexOptions(
        jobs=int(options["jobs"]),
        clips=None if options["no_clips"] else Sampling(),
        emotions=bool(options["emotions"]),
    )
    quiet = float(os.environ.get("ALBUM_WATCH_QUIET_S", "2"))
    patience = Patience(quiet_s=quiet, steady_s=quiet)

    def run(places: Sequence[Path]) -> Iterator[Any]:
        with closing(index(library, engine, places, how)) as events:  # type: ignore[type-var]
            yield from events

    start = _start(stop, poll=bool(options["poll"]))
    for batch in watch(paths, run, start, patience=patience, stop=stop):
        _refresh_dates(library, batch.paths)
        yield batch


def _start(stop: threading.Event, *, poll: bool) -> "Callable[[Sequence[Path]], Changes]":
    """Return what begins to watch folders; see `album.indexing.watching.watch`."""
    from watchfiles import watch as changes_in
    from watchfiles._rust_notify import WatchfilesRustInternalError

    from album.indexing.watching import Looking

    begun = False

    def start(roots: Sequence[Path]) -> "Changes":
        nonlocal begun
        # watchfiles takes only paths in UTF-8.
        looking = Looking([root for root in roots if not _is_utf_8(root)])
        try:
            for found in changes_in(
                *filter(_is_utf_8, roots),
                watch_filter=None,
                debounce=200,
                rust_timeout=STEP_MS,
                yield_on_timeout=True,
                stop_event=stop,
                force_polling=poll or None,
                raise_interrupt=True,
                recursive=True,
            ):
                begun = True
                yield {*found, *(("", path) for path in looking.changed())}
        except (WatchfilesRustInternalError, OSError) as error:
            # A file has come whose name is not UTF-8, or a root has gone in this very moment.
            if not begun and not _is_about_a_name(error):
                raise
            if not stop.wait(STEP_MS / 1000):
                yield None

    return start


def _is_utf_8(path: Path) -> bool:
    try:
        os.fspath(path).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _is_about_a_name(error: Exception) -> bool:
    return str(error).startswith("Unable to decode path")


def _refresh_dates(library: Any, changed: Sequence[str]) -> None:
    """Read the dates again of photos beside sidecars that have changed."""
    from album.edits.dating import find_dated, refresh_dates

    beside = {os.fspath(Path(p).parent) for p in changed if p.lower().endswith((".xmp", ".json"))}
    for folder in sorted(beside):
        try:
            for _ in refresh_dates(library, find_dated(library, [folder])):
                pass
        except AlbumError:  # no photo beside it
            continue


def _report(batch: "Batch", *, as_json: bool) -> None:
    report = batch.report
    if as_json:
        import json

        counts = asdict(report)
        counts["failures"] = [
            {"path": shown(one.path), "reason": shown(one.reason)} for one in report.failures
        ]
        counts["replaced"] = [shown(path) for path in report.replaced]
        click.echo(json.dumps({"format": 1, "first": batch.first, **counts}))
        sys.stdout.flush()
        return
    parts = [
        (report.photos, "new photo"),
        (report.clips, "new clip"),
        (report.known, "copy or moved file"),
        (report.edited, "edited photo"),
        (len(report.replaced), "photo re-saved"),
        (report.gone, "file gone"),
        (len(report.failures), "file that could not be read"),
    ]
    many = {"copy or moved file": "copies and moved files", "file gone": "files gone",
            "photo re-saved": "photos re-saved",
            "file that could not be read": "files that could not be read"}  # fmt: skip
    words = [text.count(n, one, many.get(one, f"{one}s")) for n, one in parts if n]
    words.append(text.count(report.faces, "face"))
    if batch.first:
        click.echo("Watching; stop with Ctrl-C.", err=True)
    click.echo(
        f"{', '.join(words)}; {text.count(report.people, 'person', 'people')} in the library."
    )
    for one in report.failures:
        click.echo(f"  {text.path_text(os.fspath(one.path))} {text.safe(one.reason)}")
    sys.stdout.flush()
