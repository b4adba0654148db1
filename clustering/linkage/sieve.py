"""A sieve that rules out most pairs early, and the survey that says what it is to look at.

The sieve compares a few numbers per row first. With P the projection on the main axes of the rows,
x becomes (P x, |x - P x|); by Cauchy-Schwarz the distance between two of these is at most that
between the vectors themselves, so a pair that is too far apart here needs no second look. How many
axes pay is worked out from the distances within a sample of the rows.
"""

from dataclasses import dataclass

import numpy as np

from clustering.linkage.constraints import Floats, Ints
from clustering.linkage.points import (
    Doubles,
    Forbid,
    Halves,
    Mask,
    Points,
    Singles,
    blocks,
    single,
    squares,
)
from clustering.linkage.storage import MEMORY, Storage

SURVEY_FROM = 20_000
"""Rows from which a survey costs less than it saves."""

_SAMPLE = 2048
_AXES_SAMPLE = 4096
_WIDTHS = (8, 16, 24, 32, 48, 64, 96, 128)
_MIDDLE, _MIDDLE_FROM = 192, 512
_FEWEST = 16
_FILL = 0.75

# Nanoseconds per pair, as measured on one core; only their proportions matter.
_BLOCK, _BLOCK_TERM = 1.8, 0.028
_LOOK, _LOOK_TERM = 40.0, 0.6


@dataclass(frozen=True, slots=True, eq=False)
class Sieve:
    """Compares a few numbers per row, to rule out most pairs.

    Attributes
    ----------
    first : Points
        What all pairs are looked at by, of shape (n, width + 1).
    second : Points or None
        What those are looked at by that are left then.
    most : float
        Share of the pairs of a block from which comparing whole vectors is cheaper.
    table : ndarray of float32, shape (n, width + 2)
        `first.vectors` and -h, so that one product with rows that end in 1 gives x_i.x_j - h_j.
    """

    first: Points
    second: Points | None
    most: float
    table: Singles

    @classmethod
    def of(cls, points: Points, axes: Doubles, width: int, storage: Storage = MEMORY) -> "Sieve":
        """Project points on orthonormal axes, shape (d, k), the most telling first.

        The first `width` of them are for the first look, which all pairs get.
        """
        d = points.vectors.shape[1]
        table = storage.empty((len(points.vectors), width + 2), np.float32)
        first = _projected(points, axes[:, :width], table[:, :-1])
        table[:, -1] = -first.exact_half.astype(np.float32)
        second = None
        if d >= _MIDDLE_FROM:
            wider = storage.empty((len(table), min(_MIDDLE, axes.shape[1]) + 1), np.float32)
            second = _projected(points, axes[:, :_MIDDLE], wider)
        return cls(first, second, _full_cost(d) / _look_cost(d), table)

    def part(self, rows: slice) -> "Sieve":
        """Return some of the rows, to be compared only: what `table` has is not there twice."""
        table, whole = np.asarray(self.table[rows]), self.first
        first = Points(table[:, :0], whole.scatter[rows], whole.exact_half[rows], whole.slack)
        second = None if self.second is None else self.second.part(rows)
        return Sieve(first, second, self.most, table)

    @property
    def short(self) -> Singles:
        """Rows between which distances are those of the first look, shape (n, width + 1)."""
        return single(self.first.vectors)

    def hits(
        self, rows: slice, columns: slice, threshold: float, other: "Sieve | None" = None
    ) -> Mask:
        """Return which pairs of a block may be within the threshold."""
        left = self.table[rows].copy()
        left[:, -1] = 1
        block = np.matmul(left, (other or self).table[columns].T)
        return np.asarray(block >= self.first.floors(rows, threshold))

    def look_again(
        self, a: Ints, b: Ints, threshold: float, other: "Sieve | None" = None
    ) -> tuple[Ints, Ints]:
        """Return those pairs that a second look, with more axes, does not rule out."""
        if self.second is None:
            return a, b
        near = self.second.bounds(a, b, (other or self).second) <= threshold
        return a[near], b[near]


def survey(
    points: Points,
    threshold: float,
    *,
    forbidden: Forbid | None,
    max_pairs: int,
    storage: Storage = MEMORY,
) -> tuple[float, Sieve | None]:
    """Look at a sample of the rows, to say how best to go through all pairs.

    Parameters
    ----------
    points : Points
    threshold : float
    forbidden : callable, optional
        Given positions a and b (int64 arrays), tells which pairs do not count.
    max_pairs : int
    storage : Storage
        Where the sieve is to lie.

    Returns
    -------
    threshold : float
        The one given, or a lower one that some 3/4 of `max_pairs` pairs will be within.
    sieve : Sieve or None
        None where comparing whole vectors is cheaper.
    """
    n = len(points.vectors)
    picked = np.sort(np.random.default_rng(0).choice(n, min(n, _SAMPLE), replace=False))
    a, b = np.triu_indices(len(picked), 1)
    within = _distances(points.vectors[picked], points.scatter[picked])[a, b]
    within[within > threshold] = np.inf
    near = np.flatnonzero(np.isfinite(within))
    if forbidden is not None and len(near):
        near = near[~forbidden(picked[a[near]], picked[b[near]])]
    most = max_pairs * len(within) / (n * (n - 1) / 2)
    if len(near) > most >= _FEWEST:
        lowest = int(_FILL * most)
        threshold = min(threshold, float(np.partition(within[near], lowest)[lowest]))
    return threshold, _sieve(points, picked, threshold, storage)


def _sieve(points: Points, picked: Ints, threshold: float, storage: Storage) -> Sieve | None:
    d = points.vectors.shape[1]
    axes = _axes(points.vectors)
    sample = points.vectors[picked].astype(np.float64)
    scatter = points.scatter[picked]
    whole = 0.0
    if d >= _MIDDLE_FROM:
        left = _share(sample, axes[:, :_MIDDLE], scatter, threshold)
        whole, further = left * _look_cost(d), _look_cost(_MIDDLE)
    else:
        further = _look_cost(d)
    costs = {
        width: _BLOCK
        + _BLOCK_TERM * width
        + whole
        + further * _share(sample, axes[:, :width], scatter, threshold)
        for width in _WIDTHS
        if width < d
    }
    best = min(costs, key=lambda width: costs[width], default=None)
    if best is None or costs[best] > 0.8 * _full_cost(d):
        return None
    return Sieve.of(points, axes, best, storage)


def _full_cost(d: int) -> float:
    return _BLOCK + _BLOCK_TERM * d


def _look_cost(d: int) -> float:
    return _LOOK + _LOOK_TERM * d


def _share(sample: Doubles, axes: Doubles, scatter: Doubles, threshold: float) -> float:
    """Return the share of the pairs of a sample that these axes do not rule out."""
    left = _distances(_with_rest(sample, axes), scatter)
    np.fill_diagonal(left, np.inf)
    return float(np.count_nonzero(left <= threshold)) / max(left.size - len(left), 1)


def _distances(rows: Floats, scatter: Doubles) -> Singles:
    single = rows.astype(np.float32)
    out: Singles = single @ single.T
    out *= -2
    half = (squares(rows) + scatter).astype(np.float32)
    out += half
    out += half[:, None]
    return out


def _axes(vectors: Halves) -> Doubles:
    """Return the main axes of a sample of the rows, the most telling first."""
    sample = vectors[:: max(1, len(vectors) // _AXES_SAMPLE)]
    total = np.zeros((vectors.shape[1], vectors.shape[1]))
    for block in blocks(sample):
        wide = block.astype(np.float64)
        total += wide.T @ wide
    return np.ascontiguousarray(np.linalg.eigh(total)[1][:, ::-1][:, :_MIDDLE])


def _projected(points: Points, axes: Doubles, out: Singles) -> Points:
    for part, block in zip(blocks(out), blocks(points.vectors), strict=True):
        part[:] = _with_rest(block.astype(np.float64), axes)
    return Points.of(out, points.scatter)


def _with_rest(wide: Doubles, axes: Doubles) -> Doubles:
    """Return rows as their coordinates on the axes and the length of what is left."""
    along = wide @ axes
    rest = squares(wide) - squares(along)
    return np.column_stack([along, np.sqrt(np.maximum(rest, 0))])
