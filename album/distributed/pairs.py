"""The search for near pairs of faces on the workers of a cluster.

A clustering divides it into tiles (`clustering.linkage.tiles`): all pairs of one chunk of rows with
another. Chunks go to the workers once and from worker to worker after that; edges come back as 12
bytes a pair, and everything is decided here, so the people are the same whoever searched.
"""

import logging
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field

from album.distributed.cluster import Reply, SchedulerLost
from album.distributed.pool import Pool, Share
from album.errors import ClusterError
from album.media.allocation import keep_large_blocks
from clustering.linkage.tiles import Chunk, Graph, Terms, Tiles, search_tile

SIDE = 16
"""Chunks of a square of tiles. A square is begun when the last one is submitted, so that the
workers hold no more than twice this and what is still being searched."""
TRIES = 3
"""A tile that fails so often on workers is searched here."""

Tile = tuple[int, int]


@dataclass(frozen=True, slots=True)
class PairSearch:
    """Searches tiles on workers; implements `clustering.linkage.tiles.TileSearch`.

    Parameters
    ----------
    pool : Pool
    """

    pool: Pool

    def __call__(self, tiles: Tiles) -> Iterator[Graph]:
        """Yield the graph of each tile, as they come.

        Parameters
        ----------
        tiles : Tiles
        """
        with self.pool.share() as share:
            search = _Search(tiles, share)
            try:
                yield from search.on_workers()
            except ClusterError:  # nobody is left
                logging.getLogger(__name__).debug("no workers", exc_info=True)
            yield from search.here()


@dataclass(slots=True)
class _Search:
    """The tiles of one search: which wait, which are in flight, and the chunks on workers."""

    tiles: Tiles
    share: Share
    _waiting: deque[Tile] = field(init=False)
    _in_flight: "dict[Future[Reply[Graph]], Tile]" = field(default_factory=dict)
    _chunks: dict[int, Chunk] = field(default_factory=dict)
    _failures: Counter[Tile] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._waiting = deque(sorted(self.tiles.tiles, key=_square))

    def on_workers(self) -> Iterator[Graph]:
        """Have workers search; yield what they find, and search what fails on them."""
        while self._waiting or self._in_flight:
            while self._waiting and self._submit(self._waiting[0]):
                self._waiting.popleft()
            for future in self.share.completed():
                tile = self._in_flight.pop(future)
                error = future.exception()
                if error is None:
                    yield future.result().value
                    continue
                for number in tile:  # it may be gone with its worker
                    self._chunks.pop(number, None)
                self._failures[tile] += not isinstance(error, SchedulerLost)
                if self._failures[tile] < TRIES:
                    self._waiting.appendleft(tile)
                else:
                    yield self._search(tile)

    def here(self) -> Iterator[Graph]:
        """Search the tiles that are left in this process."""
        for tile in (*self._waiting, *self._in_flight.values()):
            yield self._search(tile)

    def _submit(self, tile: Tile) -> bool:
        """Submit a tile; return whether there was room."""
        if not self.share.has_room:
            return False
        square = _square(tile)
        self._chunks = {at: one for at, one in self._chunks.items() if at // SIDE in square}
        try:
            left, right = (self._chunk(number) for number in tile)
        except SchedulerLost:
            return False
        future = self.share.submit((), search_on_worker, left, right, self.tiles.terms)
        if future is not None:
            self._in_flight[future] = tile
        return future is not None

    def _chunk(self, number: int) -> Chunk:
        if number not in self._chunks:
            cluster, workers = self.share.pool.cluster, self.share.workers
            self._chunks[number] = cluster.scatter(workers, self.tiles.chunk(number))
        return self._chunks[number]

    def _search(self, tile: Tile) -> Graph:
        left, right = (self.tiles.chunk(number) for number in tile)
        return search_tile(left, right, self.tiles.terms)


def search_on_worker(left: Chunk, right: Chunk, terms: Terms) -> Graph:
    """Search one tile; see `clustering.linkage.tiles.search_tile`."""
    # Dask sets its workers up to give memory back at once, and a tile is a thousand small products.
    keep_large_blocks()
    return search_tile(left, right, terms)


def _square(tile: Tile) -> tuple[int, int]:
    return tile[0] // SIDE, tile[1] // SIDE
