"""Vectors made ready for comparing all pairs of them, and a sieve that rules most pairs out early.

All distances here are squared, in float32, and off by rounding: by at most `Points.slack`.

The sieve compares a few numbers per row first. With P the projection on the main axes of the rows,
x becomes (P x, |x - P x|); by Cauchy-Schwarz the distance between two of these is at most that
between the vectors themselves, so a pair that is too far apart here needs no second look. How many
axes pay is worked out from the distances within a sample of the rows.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from clustering.constraints import Floats, Ints

Singles = NDArray[np.float32]
Doubles = NDArray[np.float64]
Mask = NDArray[np.bool_]
Forbid = Callable[[Ints, Ints], Mask]

SURVEY_FROM = 20_000
"""Rows from which a survey costs less than it saves."""

_UNIT = 2.0**-24
_SAMPLE = 2048
_AXES_SAMPLE = 4096
_WIDTHS = (8, 16, 24, 32, 48, 64, 96, 128)
_MIDDLE, _MIDDLE_FROM = 192, 512
_FEWEST = 16
_FILL = 0.75

# Nanoseconds per pair, as measured on one core; only their proportions matter.
_BLOCK, _BLOCK_TERM = 1.8, 0.028
_LOOK, _LOOK_TERM = 40.0, 0.6


class Points:
    """Vectors made ready for the products.

    Squared distance = 2 (h_i + h_j - x_i.x_j) with h half the mean squared norm.

    Parameters
    ----------
    vectors : ndarray of float32 or float64, shape (n, d)
        float32 is not copied.
    scatter : ndarray of float64, shape (n,)
        Added to each row's squared norm.
    """

    def __init__(self, vectors: Floats, scatter: Doubles) -> None:
        self.vectors = vectors.astype(np.float32, copy=False)
        self.scatter = scatter
        squares = np.concatenate([_squares(x) for x in blocks(vectors)])
        self.exact_half = (squares + scatter) / 2
        self.half = self.exact_half.astype(np.float32)
        self.slack = rounding(vectors.shape[1], 2 * float(self.exact_half.max(initial=0.0)))

    def products(self, rows: slice, columns: slice) -> Singles:
        """Return x_i.x_j - h_j for a block of pairs."""
        out: Singles = np.matmul(self.vectors[rows], self.vectors[columns].T)
        np.subtract(out, self.half[columns], out=out)
        return out

    def floors(self, rows: slice, threshold: float) -> Singles:
        """Return, for each row, the product above which a pair may be within the threshold."""
        floor = self.exact_half[rows] - (threshold + self.slack) / 2
        return np.asarray(np.nextafter(floor.astype(np.float32), np.float32(-np.inf))[:, None])

    def bounds(self, a: Ints, b: Ints) -> Singles:
        """Return, for single pairs, a lower bound on the distance, off by at most 2 slack."""
        out = np.empty(len(a), np.float32)
        step = max(64, (1 << 18) // self.vectors.shape[1])
        for at in range(0, len(a), step):
            i, j = a[at : at + step], b[at : at + step]
            dots = np.einsum("ij,ij->i", self.vectors[i], self.vectors[j])
            out[at : at + step] = self.below(self.exact_half[i] + self.exact_half[j] - dots)
        return out

    def below(self, half: Doubles) -> Singles:
        """Turn half a distance into a lower bound on the distance."""
        return np.nextafter((2 * half - self.slack).astype(np.float32), np.float32(-np.inf))


class Sieve:
    """Compares a few numbers per row, to rule out most pairs.

    Parameters
    ----------
    points : Points
    axes : ndarray of float64, shape (d, k)
        Orthonormal, the most telling first.
    width : int
        Number of axes for the first look, which all pairs get.
    """

    def __init__(self, points: Points, axes: Doubles, width: int) -> None:
        self._first = _projected(points, axes[:, :width])
        self._second = None
        d = points.vectors.shape[1]
        if d >= _MIDDLE_FROM:
            self._second = _projected(points, axes[:, :_MIDDLE])
        # Two arrays, so that one product gives x_i.x_j - h_j without another pass over the block.
        ones = np.ones((len(points.vectors), 1), np.float32)
        self._left = np.hstack([self._first.vectors, ones])
        self._right = np.hstack([self._first.vectors, -self._first.half[:, None]])
        self.most = _full_cost(d) / _look_cost(d)
        """Share of the pairs of a block from which comparing whole vectors is cheaper."""

    @property
    def short(self) -> Singles:
        """Rows between which distances are those of the first look, shape (n, width + 1)."""
        return self._first.vectors

    def hits(self, rows: slice, columns: slice, threshold: float) -> Mask:
        """Return which pairs of a block may be within the threshold."""
        block = np.matmul(self._left[rows], self._right[columns].T)
        return np.asarray(block >= self._first.floors(rows, threshold))

    def look_again(self, a: Ints, b: Ints, threshold: float) -> tuple[Ints, Ints]:
        """Return those pairs that a second look, with more axes, does not rule out."""
        if self._second is None:
            return a, b
        near = self._second.bounds(a, b) <= threshold
        return a[near], b[near]


def survey(
    points: Points, threshold: float, *, forbidden: Forbid | None, max_pairs: int
) -> tuple[float, Sieve | None]:
    """Look at a sample of the rows, to say how best to go through all pairs.

    Parameters
    ----------
    points : Points
    threshold : float
    forbidden : callable, optional
        Given positions a and b (int64 arrays), tells which pairs do not count.
    max_pairs : int

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
    return threshold, _sieve(points, picked, threshold)


def _sieve(points: Points, picked: Ints, threshold: float) -> Sieve | None:
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
    return Sieve(points, axes, best)


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
    half = (_squares(rows) + scatter).astype(np.float32)
    out += half
    out += half[:, None]
    return out


def _axes(vectors: Singles) -> Doubles:
    """Return the main axes of a sample of the rows, the most telling first."""
    sample = vectors[:: max(1, len(vectors) // _AXES_SAMPLE)]
    total = np.zeros((vectors.shape[1], vectors.shape[1]))
    for block in blocks(sample):
        wide = block.astype(np.float64)
        total += wide.T @ wide
    return np.ascontiguousarray(np.linalg.eigh(total)[1][:, ::-1][:, :_MIDDLE])


def _projected(points: Points, axes: Doubles) -> Points:
    out = np.empty((len(points.vectors), axes.shape[1] + 1), np.float32)
    for part, block in zip(blocks(out), blocks(points.vectors), strict=True):
        part[:] = _with_rest(block.astype(np.float64), axes)
    return Points(out, points.scatter)


def _with_rest(wide: Doubles, axes: Doubles) -> Doubles:
    """Return rows as their coordinates on the axes and the length of what is left."""
    along = wide @ axes
    rest = _squares(wide) - _squares(along)
    return np.column_stack([along, np.sqrt(np.maximum(rest, 0))])


def _squares(rows: Floats) -> Doubles:
    return np.asarray(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))


def rounding(d: int, longest: float) -> float:
    """Return what to allow for when squared distances of rows are computed in float32.

    A dot product of d terms errs by at most d units of rounding times the product of norms.

    Parameters
    ----------
    d : int
        Length of the vectors.
    longest : float
        The largest squared norm.
    """
    return 2 * (d + 16) * _UNIT * longest


def blocks(vectors: Floats, size: int = 1024) -> Iterator[Floats]:
    """Yield the rows in blocks, at least one."""
    for at in range(0, max(len(vectors), 1), size):
        yield vectors[at : at + size]


def centred(vectors: Floats, threshold: float) -> Floats:
    """Move vectors towards the origin where their length would cost digits that matter.

    Unit vectors stay as they are. A year of birth as a plain column does not.
    """
    longest = max(float(_squares(x).max(initial=0.0)) for x in blocks(vectors))
    if rounding(vectors.shape[1], longest) <= threshold / 256:
        return vectors
    centre = vectors.mean(axis=0, dtype=np.float64)
    out = np.empty(vectors.shape, np.float32)
    for part, block in zip(blocks(out), blocks(vectors), strict=True):
        part[:] = block - centre
    return out
