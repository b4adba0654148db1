"""Exact average linkage with constraints, without the matrix of all distances.

The distance between rows is the *squared* Euclidean one. Then the average over all pairs between
two clusters follows from their counts, means and mean squared norms, and no pairwise matrix is
kept. Three facts make the cut at a threshold exact:

1. A merge at an average <= t needs at least one pair <= t. So merges happen only along the graph
   of all pairs <= t (`clustering.linkage.graph`), and what that graph does not connect never meets.
2. Average linkage is reducible: two clusters that are each other's nearest stay so until they
   merge. So all of them may merge at once, round after round (`clustering.linkage.rounds`).
3. Merges happen in the order of their heights. So a run up to a lower threshold, followed by a run
   on its clusters up to the higher one, gives what one run gives. This bounds the memory: where
   the graph would have too many pairs, a lower threshold comes first.

A forbidden pair of rows counts as infinitely far apart. The average over pairs of clusters that
hold one is infinite too, which keeps linkage reducible: constraints are met during linkage, not
repaired afterwards.

What is guaranteed
------------------
*Exactness.* The result is that of greedy average linkage, which merges the nearest two allowed
clusters until none are within the threshold. Decisions are taken on float64 distances; float32 is
only used to find candidates, with its rounding error allowed for. With `pairs="approximate"`, and
only then, candidates can be missed; `clustering.linkage.approximate` says what that does.

*Ties.* Where no two candidate merges are equally near, there is only one such result, and the
partition is the same as SciPy's and does not depend on the order of the rows. Where candidates
tie, several results are valid and this is one of them, always the same for the same input: tied
clusters pair up by the lowest value of (lowest row of one) XOR (lowest row of the other). SciPy
breaks ties in the order of its own search, so it may give another of the valid results. Exact
copies of a vector merge first, at height 0, in both. "Equally near" includes distances that differ
by less than the rounding of float64 (about 1e-15 of the squared lengths): the order of such
merges, and whether a cluster within that of the threshold still merges, is decided by rounding,
here and in SciPy, not necessarily alike.

*Constraints* are never broken, whatever the ties.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clustering.linkage.approximate import APPROXIMATE_FROM, approximate_pairs, require_faiss
from clustering.linkage.constraints import (
    Constraints,
    Ints,
    check_constraints,
    check_count,
    check_threshold,
    check_variance,
    check_vectors,
)
from clustering.linkage.copies import copy_labels
from clustering.linkage.dendrogram import Dendrogram
from clustering.linkage.graph import Resources, pairs_within
from clustering.linkage.rounds import Merges, merge_all
from clustering.linkage.state import Clusters
from clustering.linkage.tiles import Graph

PAIRS_PER_ROW = 40
SEARCHES = ("exact", "approximate")


def average_linkage(
    vectors: ArrayLike,
    threshold: float,
    *,
    constraints: Constraints | None = None,
    variance: ArrayLike | None = None,
    count: ArrayLike | None = None,
    allow_zero: bool = False,
    resources: Resources | None = None,
    pairs: str = "exact",
) -> Dendrogram:
    """Cluster rows by average linkage on squared Euclidean distance, up to a threshold.

    Parameters
    ----------
    vectors : array of float16, float32 or float64, shape (n, d)
        Unit vectors, or unit vectors with feature columns appended, or any others. They are not
        copied, and may be mapped from a file.
    threshold : float
        Largest average squared distance at which clusters merge.
    constraints : Constraints, optional
        Rows that may not, or must, share a cluster.
    variance : array of float, shape (n,), optional
        Added to the squared distance of each row to every other, at least 0: the distance between
        rows i and j is |x_i - x_j|^2 + variance_i + variance_j. For vectors that are means of an
        uncertain quantity, whose expected squared distance this is.
    count : array of int, shape (n,), optional
        How many vectors each row stands for, 1 if not given. A row may be a whole cluster: its mean
        vector, with the mean squared distance of its vectors to that mean as `variance`.
    allow_zero : bool
        Whether a row may be all zeros.
    resources : Resources, optional
        How much memory is taken, and who searches; the result does not depend on it.
    pairs : {'exact', 'approximate'}
        How pairs of rows within the threshold are searched for. 'approximate' needs the package
        faiss and changes the result a little (`clustering.linkage.approximate` says how); it saves
        time from some 300,000 rows on.

    Returns
    -------
    Dendrogram

    Raises
    ------
    RowError
        If vectors or constraints can't be used; the message names the rows.
    ValueError
        If the threshold is not a finite number of at least 0, or `pairs` is neither of the two.
    PackageMissing
        If `pairs` is 'approximate' and faiss is not installed.
    """
    check_pairs(pairs)
    rows = check_vectors(vectors, allow_zero=allow_zero)
    rules = check_constraints(constraints, len(rows))
    stop = check_threshold(threshold)
    extra = check_variance(variance, len(rows))
    counts = check_count(count, len(rows))
    using = resources or Resources()
    clusters = Clusters(rows, rules, extra, counts, using.storage)
    rounds = _unite(clusters, rules.pieces)
    if not extra.any():
        rounds += _unite(clusters, copy_labels(rows, rules))
    max_pairs = using.max_pairs or max(100_000, PAIRS_PER_ROW * len(rows))
    reached = -1.0
    while reached < stop:
        graph = _graph(clusters, stop, max_pairs, rules.apart, pairs=pairs, using=using)
        made = merge_all(clusters, graph)
        if not made:
            max_pairs *= 2
        rounds += made
        reached = graph.threshold
    return _dendrogram(len(rows), rounds, stop)


def cluster(
    vectors: ArrayLike,
    threshold: float,
    *,
    constraints: Constraints | None = None,
    variance: ArrayLike | None = None,
    count: ArrayLike | None = None,
    allow_zero: bool = False,
    resources: Resources | None = None,
    pairs: str = "exact",
) -> Ints:
    """Return the labels of `average_linkage` cut at its threshold.

    Returns
    -------
    ndarray of int64, shape (n,)
        Labels 0, 1, ... in the order of each cluster's first row.
    """
    return average_linkage(
        vectors,
        threshold,
        constraints=constraints,
        variance=variance,
        count=count,
        allow_zero=allow_zero,
        resources=resources,
        pairs=pairs,
    ).cut()


def check_pairs(pairs: str) -> None:
    """Check that a search for pairs exists and is installed.

    Raises
    ------
    ValueError
        If there is no such search.
    PackageMissing
        If its package is not installed.
    """
    if pairs not in SEARCHES:
        raise ValueError(f"pairs must be one of {', '.join(SEARCHES)}, not {pairs!r}")
    if pairs == "approximate":
        require_faiss()


def _graph(
    clusters: Clusters,
    threshold: float,
    max_pairs: int,
    apart: int,
    *,
    pairs: str,
    using: Resources,
) -> Graph:
    """Find the pairs of living clusters that may merge, by cluster id.

    A cluster goes by its lowest row, so the first `apart` rows are living clusters still.
    """
    alive = clusters.alive
    search: Callable[..., Graph] = partial(pairs_within, resources=using)
    if pairs == "approximate" and len(alive) - apart >= APPROXIMATE_FROM:
        search = approximate_pairs
    if len(alive) == len(clusters):
        return search(
            clusters.vectors,
            threshold,
            scatter=clusters.scatter,
            forbidden=clusters.forbidden,
            max_pairs=max_pairs,
            apart=apart,
        )

    def forbidden(a: Ints, b: Ints) -> NDArray[np.bool_]:
        return clusters.forbidden(alive[a], alive[b])

    found = search(
        clusters.matrix(alive),
        threshold,
        scatter=clusters.scatter[alive],
        forbidden=forbidden,
        max_pairs=max_pairs,
        apart=apart,
    )
    ids = alive.astype(np.int32)
    return Graph(ids[found.a], ids[found.b], found.bound, found.threshold, found.slack)


def _unite(clusters: Clusters, labels: Ints) -> list[Merges]:
    """Merge the living clusters whose label is the same, at height 0."""
    rounds: list[Merges] = []
    ids = clusters.alive
    ids = ids[np.argsort(labels[ids], kind="stable")]
    while True:
        _, start, size = np.unique(labels[ids], return_index=True, return_counts=True)
        place = np.arange(len(ids)) - np.repeat(start, size)
        second = np.flatnonzero(place % 2 == 1)
        if not len(second):
            return rounds
        a, b = ids[second - 1], ids[second]
        heights = clusters.merge(a, b, np.zeros(len(a)))
        rounds.append(Merges(np.column_stack([a, b]), heights))
        ids = ids[place % 2 == 0]


def _dendrogram(n: int, rounds: list[Merges], threshold: float) -> Dendrogram:
    rows = [made.rows for made in rounds] or [np.zeros((0, 2), np.int64)]
    heights = np.concatenate([made.heights for made in rounds] or [np.zeros(0)])
    order = np.argsort(heights, kind="stable")
    return Dendrogram(n, np.concatenate(rows)[order], heights[order], threshold)
