"""New rows join clusters that exist already, or found new ones; no other row moves.

It is one run of average linkage over the existing clusters, each standing for all of its rows, and
the new rows. Two existing clusters never merge. New rows so group among themselves first where they
are nearest to each other, and a whole group joins a cluster when its *average* distance to the
cluster's rows is within the threshold. That none of the clusters is near is a normal outcome.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clustering.linkage.constraints import (
    Constraints,
    Floats,
    Ints,
    RowError,
    Rules,
    check_constraints,
    check_threshold,
    check_variance,
    check_vectors,
    refuse,
)
from clustering.linkage.graph import Resources
from clustering.linkage.linkage import cluster
from clustering.linkage.storage import MEMORY, Storage, parts

Doubles = NDArray[np.float64]

_ROWS = 4096
_BLOCK = 4_000_000


@dataclass(frozen=True, slots=True, eq=False)
class ClusterStats:
    """What the average distance to all rows of each of k clusters follows from.

    Attributes
    ----------
    count : ndarray of int64, shape (k,)
        Number of rows; at least 1.
    mean : ndarray of float64, shape (k, d)
        Mean vector.
    scatter : ndarray of float64, shape (k,)
        Mean squared distance of the rows to it, and mean of their variances.
    """

    count: Ints
    mean: Doubles
    scatter: Doubles


def cluster_stats(
    vectors: ArrayLike,
    labels: ArrayLike,
    *,
    variance: ArrayLike | None = None,
    storage: Storage = MEMORY,
) -> ClusterStats:
    """Summarise clusters.

    Parameters
    ----------
    vectors : array of float, shape (n, d)
    labels : array of int, shape (n,)
        Cluster of each row, 0 to k - 1, none of them empty; rows with -1 are left out.
    variance : array of float, shape (n,), optional
        As in `clustering.linkage.linkage.average_linkage`.
    storage : Storage
        Where the means are to lie.

    Returns
    -------
    ClusterStats

    Raises
    ------
    RowError
        If vectors, labels or variances can't be used.
    """
    rows = check_vectors(vectors)
    label = _labels(labels, len(rows))
    extra = check_variance(variance, len(rows))
    known = np.flatnonzero(label >= 0)
    order = known[np.argsort(label[known], kind="stable")]
    count = np.bincount(label[known])
    if (count == 0).any():
        raise RowError(f"no row has the label {int(np.argmin(count))}")
    mean: Doubles = storage.empty((len(count), rows.shape[1]), np.float64)
    for some in parts(len(mean)):
        mean[some] = 0
    for part in _parts(order):
        here, start = np.unique(label[part], return_index=True)
        mean[here] += np.add.reduceat(rows[part], start, axis=0, dtype=np.float64)
        storage.touched(len(part), rows)
        storage.touched(len(here), mean)
    for some in parts(len(mean)):
        mean[some] /= count[some, None]
    scatter = np.bincount(label[known], extra[known])
    for part in _parts(order):
        gap = rows[part] - mean[label[part]]
        far = np.einsum("ij,ij->i", gap, gap)
        storage.touched(len(part), rows)
        scatter += np.bincount(label[part], far, len(count))
    return ClusterStats(count, mean, scatter / np.maximum(count, 1))


def join_or_found(
    vectors: ArrayLike,
    labels: ArrayLike,
    threshold: float,
    *,
    constraints: Constraints | None = None,
    variance: ArrayLike | None = None,
    resources: Resources | None = None,
) -> Ints:
    """Put new rows into existing clusters, or into new ones, by constrained average linkage.

    Parameters
    ----------
    vectors : array of float32 or float64, shape (n, d)
        Rows of the existing clusters, and new ones.
    labels : array of int, shape (n,)
        Cluster of each row, from 0; -1 for new rows.
    threshold : float
        Largest average squared distance at which rows join.
    constraints : Constraints, optional
        On the n rows. What concerns a row of an existing cluster concerns the cluster: nothing
        joins it that may not share a cluster with that row. Rows that share an existing cluster
        against a rule stay together.
    variance : array of float, shape (n,), optional
        As in `clustering.linkage.linkage.average_linkage`.
    resources : Resources, optional
        As in `clustering.linkage.linkage.average_linkage`.

    Returns
    -------
    ndarray of int64, shape (n,)
        As `labels` for rows that had one. Founded clusters have the numbers after the highest
        label, in the order of their first rows. The order of the rows matters to nothing else.

    Raises
    ------
    RowError
        If vectors, labels or constraints can't be used, or no common value is left of the intervals
        of a cluster's rows.
    ValueError
        If the threshold is not a finite number of at least 0.
    """
    rows = check_vectors(vectors)
    label = _labels(labels, len(rows))
    stop = check_threshold(threshold)
    rules, storage = check_constraints(constraints, len(rows)), (resources or Resources()).storage
    storage.adopt(rows)
    items = _items(rows, label, rules, variance, storage)
    k = len(items.names)
    if k == len(items.vectors):
        return label
    found = cluster(
        items.vectors,
        stop,
        constraints=items.constraints(),
        variance=items.variance,
        count=items.count,
        allow_zero=True,
        resources=resources,
    )
    # Labels are in the order of first rows, so that the clusters that were there keep 0 to k - 1.
    names = np.concatenate(
        [items.names, np.arange(found.max() + 1 - k) + label.max(initial=-1) + 1]
    )
    return np.asarray(names[found[items.of_row]], np.int64)


def within_reach(vectors: ArrayLike, labels: ArrayLike, threshold: float) -> NDArray[np.bool_]:
    """Tell which clusters new rows can possibly join: some new row is within the threshold of them.

    The others can be left out without any change of what `join_or_found` gives, also where further
    columns or variances, which only add to distances, are left out here.

    Parameters
    ----------
    vectors : array of float, shape (n, d)
    labels : array of int, shape (n,)
        As in `join_or_found`.
    threshold : float
        In squared distance.

    Returns
    -------
    ndarray of bool, shape (n,)
        True for new rows and for all rows of the clusters within reach.
    """
    rows = check_vectors(vectors)
    label = _labels(labels, len(rows))
    new = np.flatnonzero(label < 0)
    names, at = np.unique(label[label >= 0], return_inverse=True)
    out = label < 0
    if not len(names) or not len(new):
        return out
    short = np.full(len(rows), -1)
    short[label >= 0] = at.reshape(-1)
    count = np.bincount(at.reshape(-1))
    mean, square = _sums(rows, short, len(names))
    mean /= count[:, None]
    square /= count
    # Sums are float32, so a cluster that is only nearly within reach counts, too.
    limit = (threshold - square) + 1e-4 * (threshold + square)
    near = np.zeros(len(names), bool)
    for part in _parts(new, max(1, _BLOCK // len(names))):
        x = rows[part].astype(np.float32)
        far = np.einsum("ij,ij->i", x, x)[:, None] - 2 * (x @ mean.T)
        near |= (far <= limit).any(axis=0)
    out[label >= 0] = near[at.reshape(-1)]
    return out


def _sums(rows: Floats, label: Ints, k: int) -> tuple[NDArray[np.float32], Doubles]:
    """Return the sums of the rows of each cluster and of their squared norms."""
    from scipy.sparse import csr_array

    known = np.flatnonzero(label >= 0)
    total = np.zeros((k, rows.shape[1]), np.float32)
    square = np.zeros(k)
    for part in _parts(known):
        x = rows[part].astype(np.float32, copy=False)
        here, at = np.unique(label[part], return_inverse=True)
        ones = np.ones(len(part), np.float32)
        which = csr_array((ones, (at.reshape(-1), np.arange(len(part)))), (len(here), len(part)))
        total[here] += which @ x
        square += np.bincount(label[part], np.einsum("ij,ij->i", x, x), k)
    return total, square


@dataclass(frozen=True, slots=True, eq=False)
class _Items:
    """Existing clusters first, then the new rows, as the rows of a linkage."""

    vectors: Floats
    count: Ints
    variance: Doubles
    names: Ints
    of_row: Ints
    rules: Rules

    def constraints(self) -> Constraints:
        """Carry the rules over from rows to items."""
        apart = len(self.names)
        row, group = self.rules.members.T
        first, second = self.of_row[self.rules.cannot_link].T
        met = None
        if self.rules.intervals is not None:
            met = _met(self.of_row, self.rules.intervals, len(self.count))
            refuse("clusters whose rows have intervals that do not meet", met[:, 0] > met[:, 1])
        between = first != second
        # Of two that stay apart anyway nothing need be said.
        between &= (first >= apart) | (second >= apart)
        return Constraints(
            cannot_link=np.column_stack([first, second])[between],
            must_link=self.of_row[self.rules.must_link],
            intervals=met,
            members=np.column_stack([self.of_row[row], group]),
            apart=apart,
        )


def _items(
    rows: Floats, label: Ints, rules: Rules, variance: ArrayLike | None, storage: Storage
) -> _Items:
    extra = check_variance(variance, len(rows))
    known, new = np.flatnonzero(label >= 0), np.flatnonzero(label < 0)
    names, at = np.unique(label[known], return_inverse=True)
    of_row = np.empty(len(rows), np.int64)
    of_row[known] = at.reshape(-1)
    of_row[new] = np.arange(len(new)) + len(names)
    if not len(known):
        ones = np.ones(len(rows), np.int64)
        return _Items(rows, ones, extra, names, of_row, rules)
    stats = cluster_stats(rows, np.where(label >= 0, of_row, -1), variance=extra, storage=storage)
    vectors = _stacked(stats.mean, rows, new, storage)
    count = np.concatenate([stats.count, np.ones(len(new), np.int64)])
    return _Items(vectors, count, np.concatenate([stats.scatter, extra[new]]), names, of_row, rules)


def _stacked(means: Doubles, rows: Floats, new: Ints, storage: Storage) -> Floats:
    """Return the means, and then the new rows."""
    k = len(means)
    out: Floats = storage.empty((k + len(new), rows.shape[1]), rows.dtype)
    for part in parts(k):
        out[part] = means[part]
        storage.touched(part.stop - part.start, out)
    for part in parts(len(new)):
        out[k + part.start : k + part.stop] = rows[new[part]]
        storage.touched(part.stop - part.start, out)
        storage.touched(part.stop - part.start, rows)
    return out


def _labels(labels: ArrayLike, n: int) -> Ints:
    values = np.asarray(labels)
    if values.shape != (n,) or (n and not np.issubdtype(values.dtype, np.integer)):
        raise RowError(f"labels must be {n} integers, not {values.dtype} of shape {values.shape}")
    refuse("rows with a label below -1", values < -1)
    return values.astype(np.int64)


def _parts(order: Ints, size: int = _ROWS) -> list[Ints]:
    return [order[at : at + size] for at in range(0, len(order), size)]


def _met(of_row: Ints, intervals: Doubles, k: int) -> Doubles:
    """Return the intersection of the intervals of each item's rows."""
    met = np.tile([-np.inf, np.inf], (k, 1))
    np.maximum.at(met[:, 0], of_row, intervals[:, 0])
    np.minimum.at(met[:, 1], of_row, intervals[:, 1])
    return met
