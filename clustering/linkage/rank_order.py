"""Rank-order clustering, for comparison: what is near is told by shared neighbours.

Zhu, Wen & Sun, "A rank-order distance based clustering algorithm for face tagging", CVPR 2011. Two
clusters merge when their lists of nearest clusters begin alike and they are near for where they
are; this is repeated until nothing merges. Memory is that of all pairs.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clustering.linkage.constraints import Ints, RowError, check_threshold

Doubles = NDArray[np.float64]


def rank_order(distances: ArrayLike, threshold: float, *, neighbours: int = 9) -> Ints:
    """Cluster by rank-order distance.

    Parameters
    ----------
    distances : array of float, shape (n, n)
        Symmetric, such as Euclidean distances of unit vectors.
    threshold : float
        Largest rank-order distance at which clusters merge; the authors use 14.
    neighbours : int
        Nearest faces over which the scale of distances around a face is averaged; 9 in the paper.

    Returns
    -------
    ndarray of int64, shape (n,)
        Labels 0, 1, ... in the order of each cluster's first row.

    Raises
    ------
    RowError
        If `distances` is not a square matrix of finite numbers.
    ValueError
        If the threshold is not a finite number of at least 0.
    """
    far = np.asarray(distances, np.float64)
    if far.ndim != 2 or far.shape[0] != far.shape[1] or not np.isfinite(far).all():
        raise RowError(f"not a square matrix of finite distances: shape {far.shape}")
    limit = check_threshold(threshold)
    labels = np.arange(len(far))
    if len(far) < 2:
        return labels
    near = min(neighbours, len(far) - 1)
    scale = np.partition(far + np.diag(np.full(len(far), np.inf)), near - 1, axis=1)
    scale = scale[:, :near].mean(axis=1)
    between = far.copy()
    while True:
        joined = _components(len(between), _merging(between, labels, scale, limit))
        if joined.max() + 1 == len(between):
            return np.unique(labels, return_inverse=True)[1].astype(np.int64)
        between = _nearest(between, joined)
        labels = joined[labels]


def rank_distances(order: Ints, rank: Ints, pairs: Ints) -> Doubles:
    """Return the symmetric rank-order distance of pairs of rows (equations 2 and 3 of the paper).

    For a and b it is (D(a, b) + D(b, a)) / min(rank of b for a, rank of a for b), where D(a, b)
    sums the ranks for b of all rows that a has no further away than b.

    Parameters
    ----------
    order : ndarray of int, shape (n, n)
        Row a lists all rows by their distance from a, itself first.
    rank : ndarray of int, shape (n, n)
        The inverse: place of column b in the list of row a.
    pairs : ndarray of int, shape (m, 2)
        Of different rows.

    Returns
    -------
    ndarray of float64, shape (m,)
    """
    found = np.zeros(len(pairs))
    for i, (a, b) in enumerate(pairs.tolist()):
        to_b, to_a = rank[a, b], rank[b, a]
        total = rank[b, order[a, : to_b + 1]].sum() + rank[a, order[b, : to_a + 1]].sum()
        found[i] = total / min(to_a, to_b)
    return found


def _merging(between: Doubles, labels: Ints, scale: Doubles, limit: float) -> Ints:
    """Return the pairs of clusters that are near for where they are, and near by rank."""
    size = np.bincount(labels)
    total = np.bincount(labels, scale)
    usual = (total[:, None] + total) / (size[:, None] + size)
    pairs = np.argwhere(np.triu(between < usual, 1))
    np.fill_diagonal(between, -1.0)  # a copy at distance 0 never comes before the row itself
    order = np.argsort(between, axis=1, kind="stable")
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(len(order))[None], axis=1)
    np.fill_diagonal(between, 0.0)
    return pairs[rank_distances(order, rank, pairs) < limit]


def _components(n: int, pairs: Ints) -> Ints:
    """Return the connected component of each of n clusters, by their first."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def _nearest(between: Doubles, joined: Ints) -> Doubles:
    """Return the distances of joined clusters: those of their nearest faces."""
    order = np.argsort(joined, kind="stable")
    starts = np.searchsorted(joined[order], np.arange(joined.max() + 1))
    rows = np.minimum.reduceat(between[order], starts, axis=0)
    return np.asarray(np.minimum.reduceat(rows[:, order], starts, axis=1))
