"""A cluster as the source of an index."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from album.analysis.analyse import Task
from album.distributed.addresses import Tls
from album.distributed.dealing import Dealer
from album.distributed.pairs import PairSearch
from album.distributed.pool import Pool
from album.distributed.work import Recipe, contracts
from album.indexing.sources import Read, Told, Wanted
from album.models.engines import Choice
from clustering.linkage.tiles import Graph, Spread, Tiles

AT_ONCE = 256
"""Tasks that are claimed together where several processes share a library."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the workers are.

    Attributes
    ----------
    workers : int
        So many on this machine; 0: those of a scheduler.
    scheduler : str
        Its address.
    tls : Tls
    """

    workers: int = 0
    scheduler: str = ""
    tls: Tls = field(default_factory=Tls)


@contextmanager
def opened(place: Place) -> Iterator[Pool]:
    """Join a scheduler, or start workers on this machine; end with it.

    Raises
    ------
    ClusterError
        There is no such scheduler, or dask is not installed.
    """
    from album.distributed import dask

    carrier = dask.at(place.scheduler, place.tls) if place.scheduler else dask.local(place.workers)
    try:
        yield Pool(carrier)
    finally:
        carrier.close()


def spread_over(pool: Pool) -> Spread:
    """Have the workers of a pool search for near faces when a library is grouped."""

    def search(tiles: Tiles) -> Iterator[Graph]:
        yield from PairSearch(pool.transport.client)(tiles)

    return search


@dataclass(frozen=True, slots=True)
class Workers:
    """Reads the files of one index on a pool of workers; implements `Source`.

    Parameters
    ----------
    pool : Pool
    choice : Choice
        The nets, as the workers put them together.
    name : str
        Of the owner in the pool.
    weight, most
        Of its share, see `Pool.owner`.
    """

    pool: Pool
    choice: Choice
    name: str = "index"
    weight: float = 1.0
    most: int | None = None
    at_once: int = AT_ONCE

    @property
    def spread(self) -> Spread:
        """Have the workers search for near faces."""
        return spread_over(self.pool)

    def start(self, wanted: Wanted) -> Read:
        """Return what reads tasks."""
        recipe = Recipe(
            self.choice,
            *contracts(wanted.engine),
            wanted.view,
            wanted.clips,
            wanted.file_timeout,
            datetime.now(),
        )
        dealer = Dealer(self.pool, self.name, recipe, wanted)

        def read(tasks: Iterable[Task]) -> Iterator[Told]:
            with self.pool.owner(self.name, weight=self.weight, most=self.most):
                yield from dealer.read(tasks)

        return read
