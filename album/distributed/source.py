"""A cluster as the source of an index."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from album.analysis.analyse import Task
from album.distributed.addresses import Tls
from album.distributed.pairs import PairSearch
from album.distributed.pool import Pool
from album.distributed.reader import Reader
from album.distributed.work import Recipe, contracts
from album.indexing.sources import Read, ReadEvent, ReadSettings
from album.models.engines import Choice
from clustering.linkage.tiles import TileSearch

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
def open_pool(place: Place) -> Iterator[Pool]:
    """Join a scheduler, or start workers on this machine; end with it.

    Raises
    ------
    ClusterError
        There is no such scheduler, or dask is not installed.
    """
    from album.distributed import dask

    if place.scheduler:
        cluster = dask.connect(place.scheduler, place.tls)
    else:
        cluster = dask.start(place.workers)
    try:
        yield Pool(cluster)
    finally:
        cluster.close()


@dataclass(frozen=True, slots=True)
class ClusterSource:
    """Reads the files of one index on a pool of workers; implements `Source`.

    Parameters
    ----------
    pool : Pool
    choice : Choice
        The nets that the workers build.
    weight, limit
        Of its share, see `Pool.share`.
    """

    pool: Pool
    choice: Choice
    weight: float = 1.0
    limit: int | None = None
    at_once: int = AT_ONCE

    @property
    def tile_search(self) -> TileSearch:
        """Have the workers search for near faces."""
        return PairSearch(self.pool)

    def start(self, settings: ReadSettings) -> Read:
        """Return what reads tasks."""
        contract, emotions = contracts(settings.engine)
        recipe = Recipe(
            choice=self.choice,
            contract=contract,
            emotions=emotions,
            view=settings.view,
            clips=settings.clips,
            file_timeout=settings.file_timeout,
            now=datetime.now(),
        )
        reader = Reader(recipe, settings)

        def read(tasks: Iterable[Task]) -> Iterator[ReadEvent]:
            with self.pool.share(weight=self.weight, limit=self.limit) as share:
                yield from reader.read(share, tasks)

        return read
