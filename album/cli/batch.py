"""``album batch``: index and group many libraries on one cluster."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from album.cli import text
from album.cli.cluster_options import cluster_options, place_of, pool_of
from album.cli.common import FAILED, PATH, SOME_FILES_FAILED, echo_json, everywhere
from album.cli.progress import Pauses
from album.events import Progress, WorkersChanged

if TYPE_CHECKING:
    from album.distributed.batch import BatchEvent, Ended
    from album.distributed.batch_config import Batch

COLUMNS = (
    text.Column("Library", stretch=True),
    text.Column("Photos", right=True),
    text.Column("Clips", right=True),
    text.Column("Faces", right=True),
    text.Column("People", right=True),
    text.Column("Failed", right=True),
    text.Column("Took", right=True),
    text.Column("State"),
)


@click.command(epilog="For example:  album batch customers.toml --workers 4")
@click.argument("config", type=PATH, metavar="CONFIG.toml")
@click.option("--only", multiple=True, metavar="NAME", help="Only this library; may be repeated.")
@cluster_options
@click.option("--json", "as_json", is_flag=True, help="One JSON document at the end.")
@everywhere
@click.pass_context
def command(
    context: click.Context, /, config: Path, only: tuple[str, ...], as_json: bool, **options: Any
) -> None:
    """Index and group the libraries that a file names, side by side on the same workers.

    The workers are those of --scheduler, or --workers processes here, or what the file says. What
    stopped goes on with the same command. The exit code is 1 when a library failed, 3 when some
    files could not be read. The file is described in docs/batch.md.
    """
    from album.distributed.batch_config import read_config

    batch = _chosen(read_config(config), only, config)
    where = _where(options, batch)
    ended = _run(batch, where)
    if as_json:
        echo_json({"format": 1, "libraries": [_record(one) for one in ended]})
    else:
        for line in _report(ended):
            click.echo(line)
    if any(one.error is not None or not one.is_begun for one in ended):
        context.exit(FAILED)
    if any(one.report.failures for one in ended):
        context.exit(SOME_FILES_FAILED)


def _chosen(batch: "Batch", only: Sequence[str], config: Path) -> "Batch":
    names = [job.name for job in batch.jobs]
    for name in only:
        if name not in names:
            raise click.UsageError(f"{config} has no library {name!r}.")
    if not only:
        return batch
    return batch.model_copy(update={"jobs": [job for job in batch.jobs if job.name in only]})


def _where(options: dict[str, Any], batch: "Batch") -> dict[str, Any]:
    """Return where the workers are: as the options say, else as the file does, else here."""
    import os

    if options["workers"] is None and options["scheduler"] is None:
        options = {**options, **batch.cluster.model_dump(exclude_unset=True)}
    if options["workers"] is None and options["scheduler"] is None:
        options = {**options, "workers": os.cpu_count() or 1}
    place_of(options)
    return options


def _run(batch: "Batch", where: dict[str, Any]) -> "list[Ended]":
    from album.distributed.batch import Ended, run_batch
    from album.media.allocation import keep_large_blocks

    keep_large_blocks()
    ended: list[Ended] = []
    lines = _Lines(len(batch.jobs))
    with pool_of(where) as pool:
        assert pool is not None
        with closing(run_batch(batch, pool)) as events:  # type: ignore[type-var]
            for event in events:
                lines.add(event)
                if isinstance(event, Ended):
                    ended.append(event)
    order = {job.name: number for number, job in enumerate(batch.jobs)}
    return sorted(ended, key=lambda one: order[one.job.name])


class _Lines:
    """A line for each library that ends, and how far the others are now and then."""

    def __init__(self, libraries: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._libraries, self._ended = clock, libraries, 0
        self._pauses = Pauses(clock)
        self._running: dict[str, Progress] = {}
        self._said: set[str] = set()

    def add(self, event: "BatchEvent") -> None:
        """Count an event, and print what there is to say."""
        from album.distributed.batch import Advanced, Begun, Ended

        name = event.job.name
        if isinstance(event, Begun):
            self._running[name] = Progress(self._clock())
        elif isinstance(event, Ended):
            self._ended += 1
            self._running.pop(name, None)
            self._say(f"{name}: {_state(event)} ({self._ended} of {self._libraries}).")
        elif isinstance(event, Advanced):
            self._count(name, event.event)

    def _count(self, name: str, event: object) -> None:
        if self._running[name].add(event, self._clock()) and self._pauses.is_over():
            self._say(
                ", ".join(
                    f"{name} {text.number(one.done)} of {text.number(one.total)}"
                    for name, one in self._running.items()
                    if one.total
                )
            )
        match event:
            case WorkersChanged(problem=problem) if problem and problem not in self._said:
                self._said.add(problem)
                self._say(problem)

    def _say(self, line: str) -> None:
        click.echo(text.safe(line), err=True)


def _state(ended: "Ended") -> str:
    from album.cli.remedies import sentence

    if not ended.is_begun:
        return "not begun, since the workers are gone"
    if ended.error is not None:
        return " ".join(sentence(ended.error).split())
    return f"stopped at its {ended.limit}, goes on next time" if ended.limit else "done"


def _report(ended: "Sequence[Ended]") -> Iterator[str]:
    yield from text.table(COLUMNS, map(_row, ended))
    failed = [one for one in ended if one.error is not None or not one.is_begun]
    stopped = [one for one in ended if one.limit and one.error is None]
    done = len(ended) - len(failed) - len(stopped)
    yield ""
    counts = [(done, "done"), (len(stopped), "stopped at a limit"), (len(failed), "failed")]
    libraries = text.count(len(ended), "library", "libraries")
    yield f"{libraries}: {', '.join(f'{n} {what}' for n, what in counts if n)}."
    for one in failed:
        yield f"  {text.safe(one.job.name)}: {text.safe(_state(one))}"


def _row(ended: "Ended") -> tuple[str, ...]:
    report = ended.report
    state = "failed" if ended.error is not None else _state(ended)
    counts = (report.photos, report.clips, report.faces, report.people, len(report.failures))
    return (
        text.safe(ended.job.name),
        *map(text.number, counts),
        text.duration(report.seconds),
        "not begun" if not ended.is_begun else state.partition(",")[0],
    )


def _record(ended: "Ended") -> dict[str, object]:
    from album.errors import shown

    report = ended.report
    counts = asdict(replace(report, tags=None, failures=[]))
    counts.pop("tags")
    failures = [{"path": shown(one.path), "reason": shown(one.reason)} for one in report.failures]
    failed = ended.error is not None or not ended.is_begun
    return {
        "name": ended.job.name,
        "state": "failed" if failed else "limit" if ended.limit else "done",
        "limit": ended.limit or None,
        "problem": _state(ended) if failed else None,
        **counts,
        "seconds": round(report.seconds, 3),
        "failures": failures,
    }
