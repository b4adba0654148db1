"""``album worker``: read photos for an index that runs elsewhere."""

import os
from pathlib import Path

import click

from album.cli import text
from album.cli.cluster_options import address_of, tls_options
from album.cli.common import everywhere


@click.command(epilog="For example:  album worker tcp://127.0.0.1:8786")
@click.argument("scheduler", metavar="ADDRESS")
@click.option(
    "--workers",
    type=click.IntRange(min=1, max=1024),
    default=os.cpu_count() or 1,
    show_default="one for each core",
    metavar="N",
    help="Processes that read.",
)
@tls_options
@everywhere
def command(
    scheduler: str,
    workers: int,
    tls_ca: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    insecure: bool,
) -> None:
    """Read photos for `album index --scheduler ADDRESS`, until stopped with Ctrl-C.

    The scheduler is dask's (`dask scheduler`). The photos have to lie at the same paths as for the
    index. Whoever can reach the scheduler can run anything here, so one on another machine has to
    be reached by tls://, with certificates; see docs/scale.md.
    """
    from album.distributed.addresses import Tls
    from album.distributed.dask import serve

    def report(line: str) -> None:
        click.echo(text.safe(line), err=True)

    tls = Tls(ca=tls_ca, cert=tls_cert, key=tls_key, insecure=insecure)
    serve(address_of(scheduler), tls, workers=workers, report=report)
