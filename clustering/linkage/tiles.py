"""A search for near pairs cut into tiles, so that somebody else can do them one by one.

A chunk is some consecutive rows, made ready to be compared; a tile is all pairs of one chunk with
another or with itself. Whoever searches a tile needs its two chunks and nothing else, and may
round differently: what is found is a lower bound on a distance, off by at most `Graph.slack`
whatever the order of the sums, and every decision is taken later, on distances in float64.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustering.linkage.constraints import Ints
from clustering.linkage.points import Forbid, Points, Singles
from clustering.linkage.sieve import Sieve

Rows = NDArray[np.int32]

_ROWS, _COLUMNS = 512, 2048


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """The pairs within a threshold.

    Attributes
    ----------
    a, b : ndarray of int32, shape (m,)
        Positions of the two items of each pair, a < b.
    bound : ndarray of float32, shape (m,)
        At most the squared distance, and at least the squared distance minus `slack`.
    threshold : float
        Every pair within this is here. Lower than what was asked for if that gave too many pairs.
    slack : float
        Rounding error allowed for.
    """

    a: Rows
    b: Rows
    bound: Singles
    threshold: float
    slack: float


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Consecutive rows with what they are sieved by.

    Attributes
    ----------
    start : int
        Position of the first row.
    points : Points
    sieve : Sieve or None
        None where comparing whole vectors is cheaper.
    """

    start: int
    points: Points
    sieve: Sieve | None

    def __len__(self) -> int:
        return len(self.points.vectors)

    def part(self, rows: slice) -> "Chunk":
        """Return some of the rows; see `Points.part`."""
        sieve = None if self.sieve is None else self.sieve.part(rows)
        return Chunk(self.start + rows.start, self.points.part(rows), sieve)


@dataclass(frozen=True, slots=True)
class Terms:
    """What pairs of a tile are looked for.

    Attributes
    ----------
    threshold : float
        In squared distance.
    limit : int
        Where more pairs are found, the threshold is lowered until at most this many remain.
    apart : int
        Rows before this are not compared with each other.
    """

    threshold: float
    limit: int
    apart: int


def search_tile(left: Chunk, right: Chunk, terms: Terms, forbidden: Forbid | None = None) -> Graph:
    """Find the near pairs of one chunk with another that is not before it, or with itself.

    Parameters
    ----------
    left, right : Chunk
    terms : Terms
    forbidden : callable, optional
        Given positions a and b (int64 arrays), tells which pairs are to be left out.

    Returns
    -------
    Graph
        Its threshold is that of the terms or a lower one.
    """
    found = Found(terms.threshold, terms.limit)
    for row in range(0, len(left), _ROWS):
        rows = slice(row, min(row + _ROWS, len(left)))
        first = row if left.start == right.start else 0
        for column in range(max(first, terms.apart - right.start), len(right), _COLUMNS):
            columns = slice(column, min(column + _COLUMNS, len(right)))
            a, b, bound = _search(left, right, rows, columns, found.threshold)
            found.add(*allowed(a + left.start, b + right.start, bound, forbidden))
    return found.graph(left.points.slack)


def allowed(
    a: Ints, b: Ints, bound: Singles, forbidden: Forbid | None
) -> tuple[Ints, Ints, Singles]:
    """Leave out the pairs that are forbidden."""
    if forbidden is None or not len(a):
        return a, b, bound
    may = ~forbidden(a, b)
    return a[may], b[may], bound[may]


def _search(
    left: Chunk, right: Chunk, rows: slice, columns: slice, threshold: float
) -> tuple[Ints, Ints, Singles]:
    """Return the pairs of one block within the threshold, by their places in the two chunks.

    Of a chunk with itself, only those whose first row is the lower one.
    """
    upper = left.start == right.start
    points, others = left.points, right.points
    if left.sieve is not None:
        hits = left.sieve.hits(rows, columns, threshold, right.sieve)
        a, b = left.sieve.look_again(*_where(hits, rows, columns, upper), threshold, right.sieve)
        if len(a) < left.sieve.most * hits.size:
            bound = points.bounds(a, b, others)
            near = bound <= threshold
            return a[near], b[near], bound[near]
    block = points.products(rows, columns, others)
    a, b = _where(block >= points.floors(rows, threshold), rows, columns, upper)
    dots = block[a - rows.start, b - columns.start]
    return a, b, points.below(points.exact_half[a] - dots)


def _where(hits: NDArray[np.bool_], rows: slice, columns: slice, upper: bool) -> tuple[Ints, Ints]:
    flat = np.flatnonzero(hits)
    a, b = np.divmod(flat, hits.shape[1])
    a += rows.start
    b += columns.start
    if upper and columns.start < rows.stop:
        later = a < b
        a, b = a[later], b[later]
    return a, b


class Found:
    """Collects pairs, and lowers the threshold when there are too many."""

    def __init__(self, threshold: float, limit: int) -> None:
        self.threshold = threshold
        self._limit = max(1, limit)
        self._count = 0
        self._parts: list[tuple[Rows, Rows, Singles]] = []

    def add(self, a: Ints | Rows, b: Ints | Rows, bound: Singles) -> None:
        """Take in pairs that are within the threshold, and perhaps some that are not."""
        near = bound <= self.threshold
        if not near.all():
            a, b, bound = a[near], b[near], bound[near]
        if not len(a):
            return
        self._parts.append((a.astype(np.int32, copy=False), b.astype(np.int32, copy=False), bound))
        self._count += len(a)
        if self._count > self._limit:
            self._tighten(self._middle())

    def lower(self, threshold: float) -> None:
        """Let go of all pairs above a threshold."""
        if threshold < self.threshold:
            self._tighten(threshold)

    def _middle(self) -> float:
        bounds = np.concatenate([bound for *_, bound in self._parts])
        return max(float(np.partition(bounds, len(bounds) // 2)[len(bounds) // 2]), 0.0)

    def _tighten(self, threshold: float) -> None:
        self.threshold = threshold
        kept = [(part, part[2] <= self.threshold) for part in self._parts]
        self._parts = [(a[near], b[near], bound[near]) for (a, b, bound), near in kept]
        before, self._count = self._count, sum(len(a) for a, *_ in self._parts)
        if self._count == before > self._limit:
            self._limit *= 2  # All at one distance: no threshold parts them.

    def graph(self, slack: float) -> Graph:
        """Return what was found, emptying the collection as it goes."""
        a, b = np.empty(self._count, np.int32), np.empty(self._count, np.int32)
        bound = np.empty(self._count, np.float32)
        at = 0
        for part in reversed(self._parts):
            end = at + len(part[0])
            a[at:end], b[at:end], bound[at:end] = part
            at = end
        self._parts.clear()
        return Graph(a, b, bound, self.threshold, 2 * slack + 1e-6 * self.threshold + 1e-30)


TileSearch = Callable[["Tiles"], Iterator[Graph]]
"""Has all tiles of a search searched, wherever, and yields what each gave in any order."""


class Tiles:
    """A search by tiles.

    Parameters
    ----------
    whole : Chunk
        All n rows.
    size : int
        Rows of a chunk.
    terms : Terms
        For tiles that are searched first; `terms` may get lower while results come.
    """

    def __init__(self, whole: Chunk, size: int, terms: Terms) -> None:
        self._whole, self._size, self.terms = whole, max(1, size), terms
        n, before = len(whole), terms.apart
        self.chunks = -(-n // self._size)
        ends = [min(at + self._size, n) for at in range(0, n, self._size)]
        self.tiles = [
            (i, j) for i in range(self.chunks) for j in range(i, self.chunks) if ends[j] > before
        ]

    def chunk(self, number: int) -> Chunk:
        """Return a chunk: views of all rows."""
        start = number * self._size
        return self._whole.part(slice(start, min(start + self._size, len(self._whole))))
