"""The options of commands that read photos on several workers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from album.cli.common import PATH

if TYPE_CHECKING:
    from album.distributed.pool import Pool
    from album.distributed.source import Place

F = TypeVar("F", bound=Callable[..., Any])

TLS = (
    click.option("--tls-ca", type=PATH, help="Certificate of whom to trust, for tls://."),
    click.option("--tls-cert", type=PATH, help="Our own certificate."),
    click.option("--tls-key", type=PATH, help="Its key."),
    click.option(
        "--insecure",
        is_flag=True,
        help="Allow tcp:// to other machines, which lets everyone on the network run programs "
        "here.",
    ),
)
WHERE = (
    click.option(
        "--workers",
        type=click.IntRange(min=1, max=1024),
        metavar="N",
        help="Read in N processes instead of --jobs threads; see docs/scale.md.",
    ),
    click.option(
        "--scheduler",
        metavar="ADDRESS",
        help="Read on the workers of a dask scheduler, tls://host:8786 say.",
    ),
)


def tls_options(command: F) -> F:
    """Add the options that secure connections to a command."""
    for option in reversed(TLS):
        command = option(command)
    return command


def cluster_options(command: F) -> F:
    """Add the options that name workers to a command."""
    command = tls_options(command)
    for option in reversed(WHERE):
        command = option(command)
    return command


def address_of(given: str) -> str:
    """Return the address of a scheduler in full.

    Raises
    ------
    ClusterError
        It is none.
    """
    from album.distributed.addresses import bracketed, split

    protocol, host, port = split(given)
    return f"{protocol}://{bracketed(host)}:{port}"


def place_of(options: dict[str, Any]) -> "Place | None":
    """Return where the workers are; None where this process reads by itself.

    Raises
    ------
    click.UsageError
        Two places are named.
    ClusterError
        An address is none, or that of another machine without encryption.
    """
    if options["workers"] is None and options["scheduler"] is None:
        return None
    if options["workers"] is not None and options["scheduler"] is not None:
        raise click.UsageError("Name --workers or --scheduler, not both.")
    from album.distributed.addresses import Tls
    from album.distributed.source import Place

    address = address_of(options["scheduler"]) if options["scheduler"] else ""
    tls = Tls(
        ca=options["tls_ca"],
        cert=options["tls_cert"],
        key=options["tls_key"],
        insecure=options["insecure"],
    )
    if address:
        tls.refuse_plain(address)
    return Place(options["workers"] or 0, address, tls)


@contextmanager
def pool_of(options: dict[str, Any]) -> "Iterator[Pool | None]":
    """Open the cluster that was named; None where none was."""
    place = place_of(options)
    if place is None:
        yield None
        return
    from album.distributed.source import open_pool

    with open_pool(place) as pool:
        yield pool
