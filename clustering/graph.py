"""All pairs of clusters whose average squared distance is within a threshold.

Blocked float32 matrix products over the upper triangle; only the pairs found are ever stored.
A distance found this way is off by rounding, so what is returned is a lower bound that is at most
`slack` below the true distance: no pair within the threshold is missed.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustering.constraints import Floats, Ints
from clustering.points import (
    SURVEY_FROM,
    Forbid,
    Points,
    Sieve,
    Singles,
    centred,
    survey,
)

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


def pairs_within(
    vectors: Floats,
    threshold: float,
    *,
    scatter: NDArray[np.float64] | None = None,
    forbidden: Forbid | None = None,
    max_pairs: int = 30_000_000,
    apart: int = 0,
) -> Graph:
    """Find all pairs of items whose average squared distance is within a threshold.

    Parameters
    ----------
    vectors : ndarray of float32 or float64, shape (n, d)
        The items: single rows, or the means of clusters.
    threshold : float
        In squared distance.
    scatter : ndarray of float64, shape (n,), optional
        Mean squared distance of each cluster's rows to its mean; 0 for single rows.
    forbidden : callable, optional
        Given positions a and b (int64 arrays), tells which pairs are to be left out.
    max_pairs : int
        Where more are found, the threshold is lowered until at most this many remain.
    apart : int
        The first so many items are not compared with each other.

    Returns
    -------
    Graph
    """
    n = len(vectors)
    scatter = np.zeros(n) if scatter is None else scatter
    points = Points(centred(vectors, threshold), scatter)
    start, sieve = threshold, None
    if n - apart >= SURVEY_FROM:
        start, sieve = survey(points, threshold, forbidden=forbidden, max_pairs=max_pairs)
    found = Found(start, max_pairs)
    for row in range(0, n, _ROWS):
        rows = slice(row, min(row + _ROWS, n))
        for column in range(max(row, apart), n, _COLUMNS):
            columns = slice(column, min(column + _COLUMNS, n))
            a, b, bound = _search(points, sieve, rows, columns, found.threshold)
            if forbidden is not None and len(a):
                allowed = ~forbidden(a, b)
                a, b, bound = a[allowed], b[allowed], bound[allowed]
            found.add(a, b, bound)
    return found.graph(points.slack)


def _search(
    points: Points, sieve: Sieve | None, rows: slice, columns: slice, threshold: float
) -> tuple[Ints, Ints, Singles]:
    """Return the pairs (row < column) of one block within the threshold, with lower bounds."""
    if sieve is not None:
        a, b = _where(hits := sieve.hits(rows, columns, threshold), rows, columns)
        a, b = sieve.look_again(a, b, threshold)
        if len(a) < sieve.most * hits.size:
            bound = points.bounds(a, b)
            near = bound <= threshold
            return a[near], b[near], bound[near]
    block = points.products(rows, columns)
    a, b = _where(block >= points.floors(rows, threshold), rows, columns)
    dots = block[a - rows.start, b - columns.start]
    return a, b, points.below(points.exact_half[a] - dots)


def _where(hits: NDArray[np.bool_], rows: slice, columns: slice) -> tuple[Ints, Ints]:
    flat = np.flatnonzero(hits)
    a, b = np.divmod(flat, hits.shape[1])
    a += rows.start
    b += columns.start
    if columns.start < rows.stop:
        upper = a < b
        a, b = a[upper], b[upper]
    return a, b


class Found:
    """Collects pairs, and lowers the threshold when there are too many."""

    def __init__(self, threshold: float, limit: int) -> None:
        self.threshold = threshold
        self._limit = max(1, limit)
        self._count = 0
        self._parts: list[tuple[Rows, Rows, Singles]] = []

    def add(self, a: Ints, b: Ints, bound: Singles) -> None:
        """Take in pairs that are within the threshold."""
        if not len(a):
            return
        self._parts.append((a.astype(np.int32), b.astype(np.int32), bound))
        self._count += len(a)
        if self._count > self._limit:
            self._tighten()

    def _tighten(self) -> None:
        bounds = np.concatenate([bound for *_, bound in self._parts])
        middle = float(np.partition(bounds, len(bounds) // 2)[len(bounds) // 2])
        self.threshold = max(middle, 0.0)
        kept = [(part, part[2] <= self.threshold) for part in self._parts]
        self._parts = [(a[near], b[near], bound[near]) for (a, b, bound), near in kept]
        before, self._count = self._count, sum(len(a) for a, *_ in self._parts)
        if self._count == before:
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
