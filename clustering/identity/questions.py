"""What to ask a person about groups of faces, so that each answer settles as many as it can.

Two kinds of question: are two groups one person (`near_pairs`), and is one group two people, cut
where its parts are furthest apart (`halves`). Distances are average squared ones, as in linkage,
so after a merge they are known without looking at a vector again (`pooled`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clustering.linkage.constraints import Ints
from clustering.linkage.graph import Resources, pairs_within
from clustering.linkage.storage import MEMORY, Storage

Doubles = NDArray[np.float64]
Mask = NDArray[np.bool_]

REACH = 1.6
"""Groups further apart than this many thresholds are never asked about."""
NEIGHBOURS = 12
"""Nearest groups kept of each: who is further down the list is hardly ever the same person."""
_MOST = 300
"""Faces of a group that are linked to find its parts; the rest go to the nearer part."""


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Statistics of k groups of rows.

    Attributes
    ----------
    count : ndarray of int64, shape (k,)
    mean : ndarray of float32, shape (k, d)
    scatter : ndarray of float64, shape (k,)
        Mean squared distance of the rows to the mean, their variances included.
    """

    count: Ints
    mean: NDArray[np.float32]
    scatter: Doubles


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs of groups.

    Attributes
    ----------
    a, b : ndarray of int64, shape (m,)
        Positions of the groups, a < b; no pair comes twice.
    distance : ndarray of float64, shape (m,)
        Average squared distance between their rows, in units of the threshold.
    """

    a: Ints
    b: Ints
    distance: Doubles

    def __len__(self) -> int:
        return len(self.a)

    def take(self, which: Mask | Ints) -> "Pairs":
        """Return some of the pairs."""
        return Pairs(self.a[which], self.b[which], self.distance[which])


@dataclass(frozen=True, slots=True, eq=False)
class Halves:
    """Groups cut in two where their parts are furthest apart.

    Attributes
    ----------
    group : ndarray of int64, shape (m,)
    distance : ndarray of float64, shape (m,)
        Average squared distance between the two parts, in units of the threshold.
    small : tuple of ndarray of int64, length m
        Rows of the smaller part.
    """

    group: Ints
    distance: Doubles
    small: tuple[Ints, ...]

    def __len__(self) -> int:
        return len(self.group)


@dataclass(frozen=True, slots=True)
class Logistic:
    """A probability as a logistic function of features: 1 / (1 + exp(-(bias + weights . x)))."""

    bias: float
    weights: tuple[float, ...]

    def __call__(self, features: Doubles) -> Doubles:
        """Return the probability of each row of features, shape (m, len(weights))."""
        odds = self.bias + features @ np.array(self.weights)
        return np.asarray(1 / (1 + np.exp(-np.clip(odds, -60, 60))))


def summarise(
    vectors: NDArray[np.floating],
    labels: Ints,
    variance: ArrayLike,
    *,
    prepare: Callable[[NDArray[Any]], NDArray[Any]] | None = None,
    storage: Storage = MEMORY,
) -> Groups:
    """Return the statistics of groups.

    Parameters
    ----------
    vectors : ndarray of float, shape (n, d)
    labels : ndarray of int64, shape (n,)
        Group of each row, 0 to k - 1, each at least once; rows with -1 are left out.
    variance : array of float, shape (n,)
        As in `clustering.linkage.linkage.average_linkage`.
    prepare : callable, optional
        Makes rows of what is stored.
    storage : Storage
        Where the vectors lie.
    """
    order = np.flatnonzero(labels >= 0)
    order = order[np.argsort(labels[order], kind="stable")]
    count = np.bincount(labels[order])
    k, d = len(count), vectors.shape[1]
    mean, square = np.zeros((k, d)), np.zeros(k)
    for part in np.array_split(order, len(order) // 4096 + 1):
        if not len(part):
            continue
        x = vectors[part] if prepare is None else prepare(vectors[part])
        x = x.astype(np.float64)
        storage.touched(len(part), vectors)
        label, start = np.unique(labels[part], return_index=True)
        mean[label] += np.add.reduceat(x, start, axis=0)
        square[label] += np.add.reduceat(np.einsum("ij,ij->i", x, x), start)
    square += np.bincount(labels[order], np.asarray(variance, np.float64)[order], k)
    mean /= count[:, None]
    scatter = square / count - np.einsum("ij,ij->i", mean, mean)
    return Groups(count, mean.astype(np.float32), np.maximum(scatter, 0))


def near_pairs(
    groups: Groups,
    threshold: float,
    *,
    reach: float = REACH,
    neighbours: int = NEIGHBOURS,
    resources: Resources | None = None,
) -> Pairs:
    """Return the pairs of groups that may be one person.

    Parameters
    ----------
    groups : Groups
    threshold : float
        The largest average squared distance at which groups were merged.
    reach : float
        Largest distance to look at, in units of the threshold.
    neighbours : int
        A pair is kept where one of the two is among so many nearest of the other.
    resources : Resources, optional
        As in `clustering.linkage.graph.pairs_within`.
    """
    found = pairs_within(
        groups.mean,
        reach * threshold,
        scatter=groups.scatter,
        max_pairs=max(100_000, 200 * len(groups.count)),
        resources=resources,
    )
    a, b = found.a.astype(np.int64), found.b.astype(np.int64)
    pairs = Pairs(a, b, np.maximum(found.bound, 0).astype(np.float64) / threshold)
    rank_a, rank_b = ranks(pairs)
    return pairs.take((rank_a < neighbours) | (rank_b < neighbours))


def ranks(pairs: Pairs) -> tuple[Ints, Ints]:
    """Return how many groups are nearer to a than b is, and nearer to b than a is."""
    m = len(pairs)
    end = np.concatenate([pairs.a, pairs.b])
    order = np.lexsort((np.tile(np.arange(m), 2), np.tile(pairs.distance, 2), end))
    sorted_end = end[order]
    first = np.searchsorted(sorted_end, sorted_end)
    place = np.empty(2 * m, np.int64)
    place[order] = np.arange(2 * m) - first
    return place[:m], place[m:]


def pair_features(pairs: Pairs, count: Ints) -> Doubles:
    """Return what tells whether the two of a pair are one person, shape (m, 4).

    The distance; how many others are nearer to either; the logarithms of the numbers of faces of
    the smaller and of the larger group.
    """
    rank_a, rank_b = ranks(pairs)
    sizes = np.sort(np.stack([count[pairs.a], count[pairs.b]]), axis=0)
    nearer = np.log1p(rank_a) + np.log1p(rank_b)
    return np.column_stack([pairs.distance, nearer, *np.log(sizes)])


def half_features(halves: Halves, count: Ints) -> Doubles:
    """Return what tells whether the two parts of a group are one person, shape (m, 3).

    The distance, and the logarithms of the numbers of faces of the two parts.
    """
    small = np.array([len(rows) for rows in halves.small], np.int64)
    large = count[halves.group] - small
    return np.column_stack([halves.distance, np.log(small), np.log(large)])


def pooled(pairs: Pairs, owner: Ints, count: Ints, *, reach: float = REACH) -> Pairs:
    """Return the pairs of groups that some of the groups have merged into.

    The distance of a merged group is the average over all pairs of rows, exactly; of pairs of
    groups that are not among `pairs` all that is known is that they are not near, so they count as
    `reach`.

    Parameters
    ----------
    pairs : Pairs
        Of k groups.
    owner : ndarray of int64, shape (k,)
        Merged group of each group; -1 for groups that are not there any more.
    count : ndarray of int64, shape (k,)
        Rows of each group.
    reach : float
        In units of the threshold.
    """
    a, b = owner[pairs.a], owner[pairs.b]
    there = (a >= 0) & (b >= 0) & (a != b)
    weight = (count[pairs.a] * count[pairs.b])[there].astype(np.float64)
    total = np.bincount(owner[owner >= 0], count[owner >= 0]).astype(np.float64)
    low, high = np.minimum(a, b)[there], np.maximum(a, b)[there]
    key, which = np.unique(low * (len(total) + 1) + high, return_inverse=True)
    low, high = np.divmod(key, len(total) + 1)
    known = np.bincount(which, weight, len(key))
    near = np.bincount(which, weight * pairs.distance[there], len(key))
    all_of = total[low] * total[high]
    return Pairs(low, high, (near + np.maximum(all_of - known, 0) * reach) / all_of)


def halves(
    vectors: NDArray[np.floating],
    labels: Ints,
    variance: ArrayLike,
    threshold: float,
    *,
    storage: Storage = MEMORY,
) -> Halves:
    """Cut every group of two rows or more where its parts are furthest apart.

    Parameters
    ----------
    vectors, labels, variance, storage
        As in `summarise`.
    threshold : float
        As in `near_pairs`.
    """
    extra = np.asarray(variance, np.float64)
    order = np.argsort(labels, kind="stable")
    order = order[labels[order] >= 0]
    names, start = np.unique(labels[order], return_index=True)
    found: list[tuple[int, float, Ints]] = []
    for name, rows in zip(names.tolist(), np.split(order, start[1:]), strict=True):
        if len(rows) > 1:
            far, part = _parts(vectors[rows].astype(np.float64), extra[rows])
            found.append((name, far / threshold, rows[part]))
            storage.touched(len(rows), vectors)
    return Halves(
        np.array([name for name, _, _ in found], np.int64),
        np.array([far for _, far, _ in found], np.float64),
        tuple(part for *_, part in found),
    )


def _parts(x: Doubles, variance: Doubles) -> tuple[float, Mask]:
    """Return how far the two parts of a group are from each other, and which rows are the less."""
    chosen = np.arange(len(x))
    if len(x) > _MOST:
        gap = x - x.mean(axis=0)
        order = np.argsort(-(np.einsum("ij,ij->i", gap, gap) + variance), kind="stable")
        # Those furthest out, and some of all others, in whom the rest is seen.
        others = np.linspace(_MOST // 2, len(x) - 1, _MOST - _MOST // 2).astype(np.int64)
        chosen = np.concatenate([order[: _MOST // 2], order[others]])
    second = _last_merge(x[chosen], variance[chosen])
    mask = np.zeros(len(x), bool)
    mask[chosen[second]] = True
    if len(x) > _MOST:
        one, two = x[chosen[~second]].mean(axis=0), x[mask].mean(axis=0)
        rest = np.setdiff1d(np.arange(len(x)), chosen)
        mask[rest] = ((x[rest] - two) ** 2).sum(axis=1) < ((x[rest] - one) ** 2).sum(axis=1)
    if 2 * mask.sum() > len(x):
        mask = ~mask
    one, two = x[~mask], x[mask]
    far = float((one**2).sum(axis=1).mean() + (two**2).sum(axis=1).mean())
    far += float(variance[~mask].mean() + variance[mask].mean())
    far -= 2 * float(one.mean(axis=0) @ two.mean(axis=0))
    return max(far, 0.0), mask


def _last_merge(x: Doubles, variance: Doubles) -> Mask:
    """Return which rows are on the second side of the last merge by average linkage."""
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import pdist

    if len(x) == 2:
        return np.array([False, True])
    upper = np.triu_indices(len(x), 1)
    far = pdist(x, "sqeuclidean") + variance[upper[0]] + variance[upper[1]]
    merges = linkage(far, "average")[:, :2].astype(np.int64)
    second = np.zeros(len(x), bool)
    waiting = [int(merges[-1, 1])]
    while waiting:
        node = waiting.pop()
        if node < len(x):
            second[node] = True
        else:
            waiting += merges[node - len(x)].tolist()
    return second
