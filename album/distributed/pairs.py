"""The search for near pairs of faces, spread over the workers of a cluster.

A clustering hands out tiles (`clustering.linkage.tiles`): all pairs of one chunk of rows with
another. Chunks go to the workers once and from worker to worker after that; edges come back as 12
bytes a pair, and everything is decided here, so the people are the same whoever searched.
"""

import time
from collections import deque
from collections.abc import Iterator
from queue import Empty, SimpleQueue
from typing import Any

import album
from album.media.allocation import keep_large_blocks
from clustering.linkage.tiles import Chunk, Graph, Terms, Tiles, search_tile

SIDE = 16
"""Chunks of a square of tiles. A square is begun when the last one is dealt out, so that the
workers hold no more than twice this and what is still being searched."""
AHEAD = 2
"""Tiles that a thread of a worker has before it, so that it never waits for one."""
TRIES = 3
"""A tile that fails so often on workers is searched here."""
LOOK_S = 2.0
"""Between two looks at who is there, while nothing comes back."""
ALONE_S = 60.0
"""How long there may be nobody before tiles are searched here."""
FETCH_S = 120.0
"""How long it may take to fetch what was found."""
HANGS_S = 900.0
"""How long nothing may come from anybody before what is left is searched here."""

Tile = tuple[int, int]


def version() -> str:
    """Return the version of the program, by which a worker tells that it is fit."""
    return album.__version__


class PairSearch:
    """Searches tiles on workers; implements `clustering.linkage.tiles.Spread`.

    Parameters
    ----------
    client : distributed.Client
        Connected. Only workers that have this version of the program get anything.
    alone : float
        Seconds without any fit worker after which tiles are searched here.
    """

    def __init__(self, client: Any, *, alone: float = ALONE_S) -> None:
        self._client, self._alone = client, alone
        self._fit: dict[str, int] = {}
        self._unfit: set[str] = set()
        self._seen = time.monotonic()

    def threads(self) -> int:
        """Return how many tiles the workers can search at a time."""
        self._look()
        return sum(self._fit.values())

    def __call__(self, tiles: Tiles) -> Iterator[Graph]:
        """Yield what each tile gave, as they come."""
        search = _Search(self._client, tiles)
        self._look()
        while search.is_open:
            alone = time.monotonic() - self._seen > self._alone
            if alone or search.hangs or not self._client_works():
                yield search.here()
                continue
            search.deal(self._fit)
            yield from search.came(LOOK_S)
            if search.is_stuck or not self._fit:
                self._look()

    def _client_works(self) -> bool:
        return str(self._client.status) == "running"

    def _look(self) -> None:
        """Find out who is there, and ask those who are new for their version."""
        try:
            there = {
                address: int(facts["nthreads"])
                for address, facts in self._client.scheduler_info(n_workers=-1)["workers"].items()
            }
            new = [one for one in there if one not in self._fit and one not in self._unfit]
            told = self._client.run(version, workers=new, on_error="return") if new else {}
        except Exception:  # the scheduler is busy or gone, which the client's state says
            return
        self._unfit |= {address for address, said in told.items() if said != version()}
        asked = {*self._fit, *told} - self._unfit
        self._fit = {address: threads for address, threads in there.items() if address in asked}
        if self._fit:
            self._seen = time.monotonic()


class _Search:
    """The tiles of one search: which wait, which are out, and the chunks that workers have."""

    def __init__(self, client: Any, tiles: Tiles) -> None:
        self._client, self._tiles = client, tiles
        self._waiting = deque(sorted(tiles.tiles, key=_square))
        self._out: dict[str, tuple[Tile, Any]] = {}
        self._chunks: dict[int, Any] = {}
        self._failures: dict[Tile, int] = {}
        self._came: SimpleQueue[str] = SimpleQueue()
        self._moved = time.monotonic()
        self.is_stuck = False

    @property
    def hangs(self) -> bool:
        """Whether nothing has come for very long."""
        return time.monotonic() - self._moved > HANGS_S

    @property
    def is_open(self) -> bool:
        """Whether anything is still to be searched."""
        return bool(self._waiting or self._out)

    def deal(self, workers: dict[str, int]) -> None:
        """Give tiles to workers, as many as they can have before them."""
        room = AHEAD * sum(workers.values())
        while self._waiting and len(self._out) < room:
            tile = self._waiting.popleft()
            try:
                self._submit(tile, list(workers))
            except Exception:  # the connection is going; whether it is gone shows in the client
                self._waiting.appendleft(tile)
                return

    def _submit(self, tile: Tile, workers: list[str]) -> None:
        mine = _square(tile)
        self._chunks = {at: one for at, one in self._chunks.items() if _touches(at, mine)}
        left, right = (self._chunk(at, workers) for at in tile)
        how = {"workers": workers, "allow_other_workers": False, "pure": False, "retries": 0}
        future = self._client.submit(_searched, left, right, self._tiles.terms, **how)
        self._out[future.key] = tile, future
        future.add_done_callback(lambda done: self._came.put(done.key))

    def _chunk(self, number: int, workers: list[str]) -> Any:
        known = self._chunks.get(number)
        if known is None or known.status != "finished":
            chunk = self._tiles.chunk(number)
            known = self._client.scatter(chunk, workers=workers, hash=False)
            self._chunks[number] = known
        return known

    def came(self, timeout: float) -> Iterator[Graph]:
        """Wait for tiles that were searched, and yield what they gave."""
        self.is_stuck = False
        try:
            key = self._came.get(timeout=timeout)
        except Empty:
            self.is_stuck = True
            return
        self._moved = time.monotonic()
        if key not in self._out:
            return  # searched here meanwhile
        tile, future = self._out.pop(key)
        try:
            found: Graph = future.result(timeout=FETCH_S)
        except BaseException as error:  # asyncio's CancelledError is no Exception
            if isinstance(error, (KeyboardInterrupt, SystemExit)):
                raise
            yield from self._failed(tile)
        else:
            yield found

    def _failed(self, tile: Tile) -> Iterator[Graph]:
        """Have a tile searched elsewhere: its worker has died, or the only one with a chunk."""
        self.is_stuck = True
        self._failures[tile] = self._failures.get(tile, 0) + 1
        if self._failures[tile] < TRIES:
            self._waiting.appendleft(tile)
        else:
            yield self._search(tile)

    def here(self) -> Graph:
        """Search the next tile in this process."""
        if not self._waiting:
            self._waiting.extend(tile for tile, _ in self._out.values())
            self._out.clear()
            self._came = SimpleQueue()
        return self._search(self._waiting.popleft())

    def _search(self, tile: Tile) -> Graph:
        left, right = (self._tiles.chunk(at) for at in tile)
        return search_tile(left, right, self._tiles.terms)


def _searched(left: Chunk, right: Chunk, terms: Terms) -> Graph:
    # Dask sets its workers up to give memory back at once, and a tile is a thousand small products.
    keep_large_blocks()
    return search_tile(left, right, terms)


def _square(tile: Tile) -> tuple[int, int]:
    return tile[0] // SIDE, tile[1] // SIDE


def _touches(chunk: int, square: tuple[int, int]) -> bool:
    return chunk // SIDE in square
