"""An approximate search for the pairs within a threshold, for very many rows. An option.

`clustering.linkage.graph.pairs_within` compares every row with every other. Here faiss (an inverted
file: rows are sorted into cells around centres, and a row is compared with those in the nearest
cells) compares each row with a few hundredths of the others, and misses some pairs for that. It
pays from some 300,000 rows on (half the processor time there, and one pair in eight missed; a
quarter more memory): benchmarks/approximate.md.

What is lost, and what is not
-----------------------------
A missed pair counts as further apart than the threshold of the search, so clusters may merge in
another order, and a merge that needed this pair may not happen in that round. Every merge that is
made is made at its true average distance, computed in float64 over all pairs of the two clusters,
and only within the threshold; constraints hold as they do in exact linkage. Once fewer than
`APPROXIMATE_FROM` clusters are left the search is exact again, and looks at all of them anew, so
what was missed at first can still merge then. The result does depend on the centres, which come
from a fixed seed, but may differ from one version or machine to another.
"""

import importlib.util
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from clustering.linkage.constraints import Floats, Ints
from clustering.linkage.points import Forbid, Points, Singles, centred, single
from clustering.linkage.sieve import survey
from clustering.linkage.tiles import Found, Graph

APPROXIMATE_FROM = 30_000
"""Rows below which the search is exact: it takes no longer there."""

_CELLS, _PROBES = 4.0, 8
_TRAIN_ROWS, _TRAIN_ROUNDS = 40, 6
_QUERIES = 2048


class PackageMissing(Exception):  # noqa: N818 - named as what the user is told
    """An option was asked for whose package is not installed; the message says how to get it."""


def require_faiss() -> None:
    """Raise `PackageMissing` where faiss is not installed."""
    if importlib.util.find_spec("faiss") is None:
        raise PackageMissing(
            "the approximate search for pairs needs faiss: pip install 'album-people[approximate]'"
        )


def approximate_pairs(
    vectors: Floats,
    threshold: float,
    *,
    scatter: NDArray[np.float64] | None = None,
    forbidden: Forbid | None = None,
    max_pairs: int = 30_000_000,
    apart: int = 0,
) -> Graph:
    """Find most pairs of items whose average squared distance is within a threshold.

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
        As from `pairs_within`, but for the pairs that were missed. No pair comes twice, and none
        is further apart than its threshold.
    """
    n = len(vectors)
    scatter = np.zeros(n) if scatter is None else scatter
    points = Points.of(centred(vectors, threshold), scatter)
    start, sieve = survey(points, threshold, forbidden=forbidden, max_pairs=max_pairs)
    # Distances can only shrink in what the sieve looks at first, so it finds no fewer pairs.
    short = single(points.vectors) if sieve is None else sieve.short
    radius = start + points.slack - 2 * float(scatter.min(initial=np.inf))
    # Both rows of a pair may find it, so there is room for twice as many.
    found = Found(start, 2 * max_pairs)
    for a, b in _neighbours(short, max(radius, 0.0)):
        one_way = (a != b) & (np.maximum(a, b) >= apart)
        low, high = np.minimum(a, b)[one_way], np.maximum(a, b)[one_way]
        if sieve is not None:
            low, high = sieve.look_again(low, high, found.threshold)
        bound = points.bounds(low, high)
        near = bound <= found.threshold
        low, high, bound = low[near], high[near], bound[near]
        if forbidden is not None and len(low):
            allowed = ~forbidden(low, high)
            low, high, bound = low[allowed], high[allowed], bound[allowed]
        found.add(low, high, bound)
    return _once(found.graph(points.slack), n)


def _neighbours(rows: Singles, radius: float) -> Iterator[tuple[Ints, Ints]]:
    """Yield arrays of pairs of rows whose squared distance is within a radius; some come twice."""
    import faiss

    n, d = rows.shape
    cells = int(_CELLS * np.sqrt(n))
    centres = faiss.IndexFlatL2(d)
    index = faiss.IndexIVFFlat(centres, d, cells)
    index.cp.niter, index.cp.max_points_per_centroid = _TRAIN_ROUNDS, _TRAIN_ROWS
    index.cp.min_points_per_centroid = 1
    rows = np.ascontiguousarray(rows)
    index.train(rows)
    index.add(rows)
    index.nprobe = min(_PROBES, cells)
    for at in range(0, n, _QUERIES):
        starts, _, others = index.range_search(rows[at : at + _QUERIES], radius)
        counts = np.diff(starts.astype(np.int64))
        yield np.repeat(np.arange(at, at + len(counts)), counts), others.astype(np.int64)


def _once(graph: Graph, n: int) -> Graph:
    """Leave each pair in once."""
    keys = graph.a.astype(np.int64) * n + graph.b
    first: Ints = np.unique(keys, return_index=True)[1]
    return Graph(graph.a[first], graph.b[first], graph.bound[first], graph.threshold, graph.slack)
