"""``album regroup``: group all faces anew, within what the user has said."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from album.cli import text
from album.cli.cluster_options import pool_of, tls_options
from album.cli.common import MEMORY, Session, bytes_of, echo_json, everywhere

if TYPE_CHECKING:
    from album.distributed.pool import Pool
    from album.grouping.regroup import Regrouped
    from clustering.linkage.tiles import TileSearch


@click.command(epilog="For example:  album regroup --dry-run")
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@MEMORY
@click.option(
    "--workers",
    type=click.IntRange(min=1, max=1024),
    metavar="N",
    help="Search for near faces in N processes; pays from a hundred thousand faces on.",
)
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Search for near faces on the workers of a dask scheduler, tls://host:8786 say.",
)
@tls_options
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@everywhere
@click.pass_obj
def command(
    session: Session,
    /,
    dry_run: bool,
    memory: float | None,
    as_json: bool,
    **cluster: object,
) -> None:
    """Group all faces anew; everything that you said of people stays true.

    Faces that you placed stay where they are, and those that you rejected don't come back. People
    with a name, or about whom you said anything else, remain and are never joined to each other.
    `album undo` takes it back.
    """
    # Imported late: what groups faces is not needed to refuse a wrong option.
    from album.grouping.memory import open_workspace
    from album.grouping.regroup import regroup
    from db.library import Library

    with (
        Library.open(session.path, create=False) as library,
        pool_of(cluster) as pool,
        open_workspace(library.path, bytes_of(memory), tile_search=_tile_search(pool)) as workspace,
    ):
        done = regroup(library, dry_run=dry_run, workspace=workspace)
    if as_json:
        echo_json({"format": 1, "dry_run": dry_run, **asdict(done)})
        return
    for line in _lines(done, dry_run):
        click.echo(line)


def _tile_search(pool: "Pool | None") -> "TileSearch | None":
    if pool is None:
        return None
    from album.distributed.pairs import PairSearch

    return PairSearch(pool)


def _lines(done: "Regrouped", dry_run: bool) -> Iterator[str]:
    before = text.count(done.before, "person", "people")
    after = f"{text.number(done.after)} {'then' if dry_run else 'now'}"
    yield f"{text.count(done.faces, 'face')}: {before} before, {after}."
    if not done.person_ids:
        yield "Nobody's faces change." if dry_run else "Nobody's faces have changed."
        return
    change = "would change" if dry_run else "changed"
    yield f"{text.count(done.moved, 'face')} {change} person."
    if done.event_id:
        yield "`album undo` takes it back."
