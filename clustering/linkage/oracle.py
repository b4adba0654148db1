"""The plain versions that the fast ones are tested against. Small inputs only."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clustering.linkage.constraints import (
    Constraints,
    Ints,
    check_constraints,
    check_count,
    check_variance,
    check_vectors,
)
from clustering.linkage.dendrogram import Dendrogram

Doubles = NDArray[np.float64]


def scipy_linkage(vectors: ArrayLike, threshold: float) -> Ints:
    """Cluster by SciPy's average linkage on squared Euclidean distance.

    Parameters
    ----------
    vectors : array of float, shape (n, d)
    threshold : float
        In squared distance.

    Returns
    -------
    ndarray of int64, shape (n,)
        Labels 0, 1, ... in the order of each cluster's first row.
    """
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import pdist

    rows = np.asarray(vectors, np.float64)
    if len(rows) < 2:
        return np.zeros(len(rows), np.int64)
    tree = linkage(pdist(rows, "sqeuclidean"), "average")
    return in_order(fcluster(tree, threshold, "distance"))


def greedy_linkage(
    vectors: ArrayLike,
    threshold: float,
    *,
    constraints: Constraints | None = None,
    variance: ArrayLike | None = None,
    count: ArrayLike | None = None,
) -> Ints:
    """Merge the nearest two allowed clusters, one pair at a time, in O(n^3).

    Parameters
    ----------
    vectors : array of float, shape (n, d)
    threshold : float
        In squared distance.
    constraints : Constraints, optional
    variance : array of float, shape (n,), optional
    count : array of int, shape (n,), optional
        As in `average_linkage`.

    Returns
    -------
    ndarray of int64, shape (n,)
        Labels 0, 1, ... in the order of each cluster's first row.
    """
    far = pair_distances(vectors, constraints)
    extra = check_variance(variance, len(far))
    far += extra[:, None] + extra
    labels = np.arange(len(far))
    counts = check_count(count, len(far)).astype(np.float64)
    for a, b in _must_link(constraints, len(far)):
        _unite(far, counts, labels, a, b)
    while len(far):
        a, b = sorted(map(int, np.unravel_index(np.argmin(far), far.shape)))
        if not far[a, b] <= threshold:
            break
        _unite(far, counts, labels, a, b)
    return in_order(labels)


def is_greedy(
    dendrogram: Dendrogram,
    vectors: ArrayLike,
    *,
    constraints: Constraints | None = None,
    tolerance: float = 1e-9,
) -> bool:
    """Tell whether a dendrogram is one that greedy average linkage can give, whatever the ties.

    Replays the merges: each must be of two clusters that are as near as any allowed two, at the
    height it claims, and at the end none may be left within the threshold.

    Parameters
    ----------
    dendrogram : Dendrogram
    vectors : array of float, shape (n, d)
    constraints : Constraints, optional
    tolerance : float
        Differences in squared distance that count as a tie.

    Returns
    -------
    bool
    """
    far = pair_distances(vectors, constraints)
    labels = np.arange(len(far))
    count = np.ones(len(far))
    forced = len(_must_link(constraints, len(far)))
    for step, ((a, b), height) in enumerate(
        zip(dendrogram.merges.tolist(), dendrogram.heights.tolist(), strict=True)
    ):
        near = abs(far[a, b] - far.min()) <= tolerance and abs(far[a, b] - height) <= tolerance
        if step >= forced and not near:
            return False
        _unite(far, count, labels, a, b)
    return not len(far) or bool(far.min() > dendrogram.threshold - tolerance)


def pair_distances(vectors: ArrayLike, constraints: Constraints | None = None) -> Doubles:
    """Return all squared distances, infinite on the diagonal and between forbidden rows.

    Parameters
    ----------
    vectors : array of float, shape (n, d)
    constraints : Constraints, optional
        `must_link` is not applied.

    Returns
    -------
    ndarray of float64, shape (n, n)
    """
    rows = check_vectors(vectors, allow_zero=True).astype(np.float64)
    rules = check_constraints(constraints, len(rows))
    far: Doubles = ((rows[:, None] - rows[None]) ** 2).sum(axis=2)
    groups = [set(rules.members[rules.members[:, 0] == row, 1].tolist()) for row in range(len(far))]
    same = np.array([[bool(a & b) for a in groups] for b in groups], bool).reshape(far.shape)
    if rules.intervals is not None:
        low, high = rules.intervals.T
        same |= np.maximum(low[:, None], low) > np.minimum(high[:, None], high)
    far[same] = np.inf
    first, second = rules.cannot_link.T
    far[first, second] = far[second, first] = np.inf
    np.fill_diagonal(far, np.inf)
    return far


def in_order(labels: ArrayLike) -> Ints:
    """Renumber labels 0, 1, ... in the order of their first row."""
    _, first, inverse = np.unique(np.asarray(labels), return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse.reshape(-1)]


def _must_link(constraints: Constraints | None, n: int) -> list[tuple[int, int]]:
    """Return the merges that tie every piece together, each onto its lowest row."""
    pieces = check_constraints(constraints, n).pieces
    return [(int(piece), row) for row, piece in enumerate(pieces) if piece != row]


def _unite(far: Doubles, count: Doubles, labels: Ints, a: int, b: int) -> None:
    """Merge b into a. Infinite distances stay so: an average with infinity is infinite."""
    mean = (count[a] * far[a] + count[b] * far[b]) / (count[a] + count[b])
    far[a], far[:, a] = mean, mean
    far[b], far[:, b] = np.inf, np.inf
    far[a, a] = np.inf
    count[a] += count[b]
    labels[labels == b] = a


def greedy_join(
    vectors: ArrayLike,
    labels: ArrayLike,
    threshold: float,
    *,
    constraints: Constraints | None = None,
    variance: ArrayLike | None = None,
) -> Ints:
    """Put new rows into existing clusters or new ones as `join_or_found` does, in O(n^3).

    Averages are taken over pairs of rows, one by one; for parameters see there.

    Returns
    -------
    ndarray of int64, shape (n,)
        Labels 0, 1, ... in the order of each cluster's first row.
    """
    old = np.asarray(labels)
    far = pair_distances(vectors, constraints)
    extra = check_variance(variance, len(far))
    far += extra[:, None] + extra
    far[(old[:, None] != old) & (old[:, None] >= 0) & (old >= 0)] = np.inf
    clusters = [np.flatnonzero(old == name) for name in np.unique(old[old >= 0])]
    clusters += [np.array([row]) for row in np.flatnonzero(old < 0)]
    while len(clusters) > 1:
        mean = [
            (far[np.ix_(a, b)].mean(), i, j)
            for i, a in enumerate(clusters)
            for j, b in enumerate(clusters[:i])
        ]
        nearest, i, j = min(mean)
        if not nearest <= threshold:
            break
        clusters[j] = np.concatenate([clusters[j], clusters[i]])
        del clusters[i]
    out = np.empty(len(far), np.int64)
    for number, rows in enumerate(clusters):
        out[rows] = number
    return in_order(out)
