"""New faces join clusters that exist already, which stay as they are."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clustering.constraints import (
    Constraints,
    Ints,
    RowError,
    check_constraints,
    check_threshold,
    check_vectors,
)
from clustering.linkage import cluster

Doubles = NDArray[np.float64]

_BLOCK = 4_000_000


@dataclass(frozen=True, slots=True, eq=False)
class ClusterStats:
    """What is needed of k clusters to compare new vectors with all of their rows.

    Attributes
    ----------
    count : ndarray of int64, shape (k,)
        Number of rows.
    mean : ndarray of float64, shape (k, d)
        Mean vector.
    mean_square : ndarray of float64, shape (k,)
        Mean squared norm of the rows.
    members : ndarray of int64, shape (m, 2)
        Pairs of a cluster and a group (photo) that it has a row in, as far as they matter to the
        new rows.
    intervals : ndarray of float64, shape (k, 2), or None
        Intersection of the intervals of the rows.
    """

    count: Ints
    mean: Doubles
    mean_square: Doubles
    members: Ints
    intervals: Doubles | None = None


def cluster_stats(
    vectors: ArrayLike,
    labels: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    intervals: ArrayLike | None = None,
) -> ClusterStats:
    """Summarise clusters.

    Parameters
    ----------
    vectors : array of float, shape (n, d)
    labels : array of int, shape (n,)
        Cluster of each row, from 0; rows with -1 are left out.
    groups : array of int, shape (n,), optional
        Photo of each row; -1 for none.
    intervals : array of float, shape (n, 2), optional
        As in `Constraints`.

    Returns
    -------
    ClusterStats
        Of clusters 0 to the highest label. Empty clusters have count 0 and take no new rows.
    """
    rows = check_vectors(vectors)
    label = np.asarray(labels)
    if label.shape != (len(rows),):
        raise RowError(f"{len(rows)} vectors but labels of shape {label.shape}")
    rules = check_constraints(Constraints(intervals=intervals), len(rows))
    known = np.flatnonzero(label >= 0)
    order = known[np.argsort(label[known], kind="stable")]
    k = int(label.max(initial=-1)) + 1
    count = np.bincount(label[order], minlength=k)
    mean, square = np.zeros((k, rows.shape[1])), np.zeros(k)
    for part in np.array_split(order, len(order) // 4096 + 1):
        x = rows[part].astype(np.float64)
        np.add.at(mean, label[part], x)
        np.add.at(square, label[part], np.einsum("ij,ij->i", x, x))
    size = np.maximum(count, 1)
    return ClusterStats(
        count,
        mean / size[:, None],
        square / size,
        _members(label, groups),
        None if rules.intervals is None else _met(label, rules.intervals, k),
    )


def assign(
    vectors: ArrayLike,
    clusters: ClusterStats,
    threshold: float,
    *,
    groups: ArrayLike | None = None,
    intervals: ArrayLike | None = None,
    not_in: ArrayLike | None = None,
) -> Ints:
    """Put each new row into the cluster that it is nearest to on average, if it may join one.

    The clusters' statistics do not change on the way, so the order of the rows does not matter.
    Of several new rows of one photo that want the same cluster the nearest gets it, and the others
    go to the next nearest that is within the threshold.

    Parameters
    ----------
    vectors : array of float, shape (n, d)
        New rows.
    clusters : ClusterStats
    threshold : float
        Largest average squared distance to the rows of a cluster.
    groups : array of int, shape (n,), optional
        Photo of each new row, numbered as in `clusters.members`; -1 for none.
    intervals : array of float, shape (n, 2), optional
        As in `Constraints`. Used where the clusters have intervals too.
    not_in : array of int, shape (m, 2), optional
        Pairs of a new row and a cluster that it may not join.

    Returns
    -------
    ndarray of int64, shape (n,)
        Cluster of each new row, or -1.

    Raises
    ------
    RowError
        If vectors, groups, intervals or pairs can't be used.
    """
    rows = check_vectors(vectors)
    if rows.shape[1] != clusters.mean.shape[1]:
        raise RowError(f"vectors of length {rows.shape[1]}, clusters of {clusters.mean.shape[1]}")
    rules = check_constraints(Constraints(groups=groups, intervals=intervals), len(rows))
    row, to, far = _near(rows, clusters, check_threshold(threshold))
    allowed = ~_listed(row, to, _not_in(not_in, len(rows), len(clusters.count)))
    if rules.intervals is not None and clusters.intervals is not None:
        mine, theirs = rules.intervals[row], clusters.intervals[to]
        allowed &= np.maximum(mine[:, 0], theirs[:, 0]) <= np.minimum(mine[:, 1], theirs[:, 1])
    group = np.full(len(rows), -1) if groups is None else np.asarray(groups, np.int64)
    allowed &= ~(_listed(to, group[row], clusters.members) & (group[row] >= 0))
    order = np.lexsort((to, row, far))
    order = order[allowed[order]]
    return _settle(row[order], to[order], group)


def assign_or_found(
    vectors: ArrayLike,
    clusters: ClusterStats,
    threshold: float,
    *,
    groups: ArrayLike | None = None,
    intervals: ArrayLike | None = None,
    not_in: ArrayLike | None = None,
) -> Ints:
    """Assign new rows as `assign` does, and cluster those that are left among themselves.

    Parameters
    ----------
    vectors : array of float, shape (n, d)
    clusters : ClusterStats
    threshold : float
    groups : array of int, shape (n,), optional
    intervals : array of float, shape (n, 2), optional
    not_in : array of int, shape (m, 2), optional

    Returns
    -------
    ndarray of int64, shape (n,)
        Cluster of each new row; numbers from `len(clusters.count)` on are new clusters.
    """
    labels = assign(vectors, clusters, threshold, groups=groups, intervals=intervals, not_in=not_in)
    left = np.flatnonzero(labels < 0)
    if len(left):
        rules = Constraints(
            groups=None if groups is None else np.asarray(groups)[left],
            intervals=None if intervals is None else np.asarray(intervals)[left],
        )
        founded = cluster(np.asarray(vectors)[left], threshold, constraints=rules)
        labels[left] = founded + len(clusters.count)
    return labels


def _near(
    rows: NDArray[np.floating], clusters: ClusterStats, threshold: float
) -> tuple[Ints, Ints, Doubles]:
    """Return all pairs of row and cluster within the threshold, and their average distances."""
    k = len(clusters.count)
    found = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
    step = max(1, _BLOCK // max(k, 1))
    for at in range(0, len(rows) if k else 0, step):
        x = rows[at : at + step].astype(np.float64)
        far = x @ clusters.mean.T
        far *= -2
        far += clusters.mean_square
        far += np.einsum("ij,ij->i", x, x)[:, None]
        i, j = np.nonzero((far <= threshold) & (clusters.count > 0))
        found.append((i + at, j, far[i, j]))
    row, to, far = (np.concatenate(part) for part in zip(*found, strict=True))
    return row, to, far


def _settle(row: Ints, to: Ints, group: Ints) -> Ints:
    """Give every row its first choice, nearest first; one row of a photo for each cluster.

    `row` and `to` are the choices, nearest first.
    """
    labels = np.full(len(group), -1)
    while len(row):
        first = np.unique(row, return_index=True)[1]
        first.sort()
        wanted = np.column_stack(
            [to[first], np.where(group[row[first]] < 0, -1 - row[first], group[row[first]])]
        )
        winners = first[np.unique(wanted, axis=0, return_index=True)[1]]
        labels[row[winners]] = to[winners]
        taken = np.column_stack([to[winners], group[row[winners]]])
        taken = taken[taken[:, 1] >= 0]
        left = (labels[row] < 0) & ~_listed(to, group[row], taken)
        row, to = row[left], to[left]
    return labels


def _listed(first: Ints, second: Ints, pairs: Ints) -> NDArray[np.bool_]:
    """Return which (first[i], second[i]) are among the pairs."""
    if not len(pairs) or not len(first):
        return np.zeros(len(first), bool)
    width = int(max(second.max(), pairs[:, 1].max())) + 2
    wanted = first * width + second + 1
    return np.isin(wanted, pairs[:, 0] * width + pairs[:, 1] + 1)


def _members(label: NDArray[np.integer], groups: ArrayLike | None) -> Ints:
    if groups is None:
        return np.zeros((0, 2), np.int64)
    pairs = np.column_stack([label, np.asarray(groups)]).astype(np.int64)
    return np.unique(pairs[(pairs >= 0).all(axis=1)], axis=0)


def _met(label: NDArray[np.integer], intervals: Doubles, k: int) -> Doubles:
    met = np.tile([-np.inf, np.inf], (k, 1))
    known = label >= 0
    np.maximum.at(met[:, 0], label[known], intervals[known, 0])
    np.minimum.at(met[:, 1], label[known], intervals[known, 1])
    return met


def _not_in(pairs: ArrayLike | None, n: int, k: int) -> Ints:
    values = np.zeros((0, 2), np.int64) if pairs is None else np.asarray(pairs)
    if not values.size:
        return np.zeros((0, 2), np.int64)
    if values.ndim != 2 or values.shape[1] != 2 or not np.issubdtype(values.dtype, np.integer):
        raise RowError(f"not_in must be pairs of row and cluster, not {values.shape}")
    bad = (values < 0).any(axis=1) | (values[:, 0] >= n) | (values[:, 1] >= k)
    if bad.any():
        rows = tuple(int(row) for row in values[bad, 0][:10])
        raise RowError(f"not_in names rows or clusters that do not exist, for rows {rows}", rows)
    return values.astype(np.int64)
