"""All pairs of clusters whose average squared distance is within a threshold.

Blocked float32 matrix products over the upper triangle; only the pairs found are ever stored.
A distance found this way is off by rounding, so what is returned is a lower bound that is at most
`slack` below the true distance: no pair within the threshold is missed.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustering.constraints import Floats, Ints

Singles = NDArray[np.float32]
Rows = NDArray[np.int32]
Forbid = Callable[[Ints, Ints], NDArray[np.bool_]]

_ROWS, _COLUMNS = 512, 4096
_UNIT = 2.0**-24
_COARSE_FROM, _COARSE_TO = 512, 96
_COARSE_ROWS = 20_000
_COARSE_SHARE = 0.002


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


class _Points:
    """Vectors made ready for the products.

    Squared distance = 2 (h_i + h_j - x_i.x_j) with h half the mean squared norm.
    """

    def __init__(self, vectors: Floats, scatter: NDArray[np.float64]) -> None:
        self.vectors = vectors.astype(np.float32, copy=False)
        squares = np.concatenate(
            [np.einsum("ij,ij->i", x, x, dtype=np.float64) for x in _blocks(vectors)]
        )
        self.exact_half = (squares + scatter) / 2
        self.half = self.exact_half.astype(np.float32)
        terms = vectors.shape[1] + 16
        # A dot product of d terms errs by at most d units of rounding times the product of norms.
        self.slack = 4 * terms * _UNIT * float(self.exact_half.max(initial=0.0))

    def products(self, rows: slice, columns: slice) -> Singles:
        """Return x_i.x_j - h_j for a block of pairs."""
        out: Singles = np.matmul(self.vectors[rows], self.vectors[columns].T)
        np.subtract(out, self.half[columns], out=out)
        return out

    def floors(self, rows: slice, threshold: float) -> Singles:
        """Return, for each row, the product above which a pair may be within the threshold."""
        floor = self.exact_half[rows] - (threshold + self.slack) / 2
        return np.asarray(np.nextafter(floor.astype(np.float32), np.float32(-np.inf))[:, None])


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
    points = _Points(_centred(vectors, threshold), scatter)
    coarse = _coarse(points, scatter) if n - apart >= _COARSE_ROWS else None
    found = _Found(threshold, max_pairs)
    for row in range(0, n, _ROWS):
        rows = slice(row, min(row + _ROWS, n))
        for column in range(max(row, apart), n, _COLUMNS):
            columns = slice(column, min(column + _COLUMNS, n))
            a, b, bound = _search(points, coarse, rows, columns, found.threshold)
            if forbidden is not None and len(a):
                allowed = ~forbidden(a, b)
                a, b, bound = a[allowed], b[allowed], bound[allowed]
            found.add(a, b, bound)
    return found.graph(points.slack)


def _search(
    points: _Points, coarse: _Points | None, rows: slice, columns: slice, threshold: float
) -> tuple[Ints, Ints, Singles]:
    """Return the pairs (row < column) of one block within the threshold, with lower bounds."""
    if coarse is not None:
        block = coarse.products(rows, columns)
        a, b = _where(block >= coarse.floors(rows, threshold), rows, columns)
        if len(a) < _COARSE_SHARE * block.size:
            return _checked(points, a, b, threshold)
    block = points.products(rows, columns)
    hits = block >= points.floors(rows, threshold)
    a, b = _where(hits, rows, columns)
    dots = block[a - rows.start, b - columns.start]
    return a, b, _bounds(points.exact_half[a] - dots, points.slack)


def _where(hits: NDArray[np.bool_], rows: slice, columns: slice) -> tuple[Ints, Ints]:
    flat = np.flatnonzero(hits)
    a, b = np.divmod(flat, hits.shape[1])
    a += rows.start
    b += columns.start
    if columns.start < rows.stop:
        upper = a < b
        a, b = a[upper], b[upper]
    return a, b


def _bounds(half: NDArray[np.float64], slack: float) -> Singles:
    """Turn half a distance into a lower bound on the distance."""
    return np.nextafter((2 * half - slack).astype(np.float32), np.float32(-np.inf))


def _checked(points: _Points, a: Ints, b: Ints, threshold: float) -> tuple[Ints, Ints, Singles]:
    """Look at the full vectors of pairs that the coarse ones could not rule out."""
    dots = np.einsum("ij,ij->i", points.vectors[a], points.vectors[b])
    bound = _bounds(points.exact_half[a] + points.exact_half[b] - dots, points.slack)
    near = bound <= threshold
    return a[near], b[near], bound[near]


def _blocks(vectors: Floats, size: int = 1024) -> list[Floats]:
    return [vectors[at : at + size] for at in range(0, max(len(vectors), 1), size)]


def _centred(vectors: Floats, threshold: float) -> Floats:
    """Move vectors towards the origin where their length would cost digits.

    Unit vectors stay as they are. A year of birth as a column does not.
    """
    longest = max(float(np.einsum("ij,ij->i", x, x).max(initial=0.0)) for x in _blocks(vectors))
    if longest <= 4 * threshold:
        return vectors
    centre = vectors.mean(axis=0, dtype=np.float64)
    out = np.empty(vectors.shape, np.float32)
    for part, block in zip(_blocks(out), _blocks(vectors), strict=True):
        part[:] = block - centre
    return out


def _coarse(points: _Points, scatter: NDArray[np.float64]) -> _Points | None:
    """Project long vectors so that distances can only shrink.

    x becomes (P x, |x - P x|) with P the main axes of a sample. By Cauchy-Schwarz the squared
    distance between two of these is at most that between the vectors themselves.
    """
    n, d = points.vectors.shape
    if d < _COARSE_FROM:
        return None
    sample = points.vectors[:: max(1, n // 4096)].astype(np.float64)
    axes = np.linalg.eigh(sample.T @ sample)[1][:, -_COARSE_TO:]
    out = np.empty((n, _COARSE_TO + 1))
    for part, block in zip(_blocks(out), _blocks(points.vectors), strict=True):
        wide = block.astype(np.float64)
        part[:, :-1] = wide @ axes
        rest = np.einsum("ij,ij->i", wide, wide) - np.einsum("ij,ij->i", part[:, :-1], part[:, :-1])
        part[:, -1] = np.sqrt(np.maximum(rest, 0))
    return _Points(out, scatter)


class _Found:
    """Collects pairs, and lowers the threshold when there are too many."""

    def __init__(self, threshold: float, limit: int) -> None:
        self.threshold = threshold
        self._limit = max(1, limit)
        self._count = 0
        self._parts: list[tuple[Rows, Rows, Singles]] = []

    def add(self, a: Ints, b: Ints, bound: Singles) -> None:
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
