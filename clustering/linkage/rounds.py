"""Average linkage over a graph: in every round all reciprocal nearest neighbours merge at once.

An edge carries a lower bound on the average squared distance of its two clusters. A bound is close
(off by rounding alone) or partial (some pairs between the clusters are not in the graph; all that
is known of them is that they are further apart than the threshold). A merge is made only when
distances computed in float64 from the centroid statistics prove that the two clusters are each
other's nearest; bounds only save computing most of the others.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustering.linkage.points import Singles
from clustering.linkage.state import Clusters, Doubles, Ids
from clustering.linkage.tiles import Graph, Rows

Mask = NDArray[np.bool_]

_PART = 3_000_000
_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True, eq=False)
class Merges:
    """Merges made in one round.

    Attributes
    ----------
    rows : ndarray of int64, shape (m, 2)
        Lowest row of each of the two clusters, the lower first.
    heights : ndarray of float64, shape (m,)
        Average squared distance at which they merged.
    """

    rows: NDArray[np.int64]
    heights: Doubles


@dataclass(slots=True, eq=False)
class _Edges:
    """Pairs of clusters a < b that may still merge, each pair once."""

    a: Rows
    b: Rows
    bound: Singles
    partial: Mask

    def __len__(self) -> int:
        return len(self.a)

    def take(self, which: Mask | Ids) -> "_Edges":
        return _Edges(self.a[which], self.b[which], self.bound[which], self.partial[which])


def merge_all(clusters: Clusters, graph: Graph) -> list[Merges]:
    """Merge clusters until no allowed pair of them is within the threshold on average.

    Parameters
    ----------
    clusters : Clusters
        Changed in place.
    graph : Graph
        All allowed pairs of living clusters within the threshold, by cluster id.

    Returns
    -------
    list of Merges
        One for each round in which something merged.
    """
    edges = _Edges(graph.a, graph.b, graph.bound, np.zeros(len(graph.a), bool))
    edges = edges.take(edges.bound <= graph.threshold)
    rounds = []
    while len(edges):
        reach = _reach(edges, len(clusters), graph)
        ready, chosen = _to_measure(edges, reach)
        lengths = _measure(clusters, edges, chosen)
        candidates = chosen[lengths <= graph.threshold]
        a, b, heights = _reciprocal(
            edges, candidates, lengths[lengths <= graph.threshold], reach, ready
        )
        edges = edges.take(_remaining(clusters, edges, chosen, lengths, graph.threshold))
        if len(a):
            edges, merges = _merge(clusters, edges, (a, b, heights), graph.threshold)
            rounds.append(merges)
    return rounds


def _reach(edges: _Edges, n: int, graph: Graph) -> Singles:
    """Return, for each cluster, a distance that its nearest neighbour is very likely within."""
    ceiling = np.nextafter(np.float32(graph.threshold), np.float32(np.inf))
    reach = np.full(n, ceiling, np.float32)
    near = edges.bound + np.float32(graph.slack)
    near[edges.partial] = np.inf
    np.minimum.at(reach, edges.a, near)
    np.minimum.at(reach, edges.b, near)
    return reach


def _to_measure(edges: _Edges, reach: Singles) -> tuple[Mask, Ids]:
    """Choose the edges whose length has to be known.

    Returns
    -------
    ready : ndarray of bool, shape (n,)
        Clusters that seem to have a reciprocal nearest neighbour. *Every* edge of these that can
        be within reach is chosen, so that what is nearest among the chosen is nearest of all.
    chosen : ndarray of int
        Positions of edges.
    """
    in_a = edges.bound <= reach[edges.a]
    in_b = edges.bound <= reach[edges.b]
    both = in_a & in_b
    pairs = np.flatnonzero(both & ~edges.partial)
    ready = np.zeros(len(reach), bool)
    ready[edges.a[pairs]] = True
    ready[edges.b[pairs]] = True
    in_a &= ready[edges.a]
    in_b &= ready[edges.b]
    both &= edges.partial
    return ready, np.flatnonzero(in_a | in_b | both)


def _measure(clusters: Clusters, edges: _Edges, chosen: Ids) -> Doubles:
    """Compute lengths, infinite where forbidden, and write them back as the bounds."""
    a, b = edges.a[chosen], edges.b[chosen]
    lengths = np.full(len(chosen), np.inf)
    allowed = np.flatnonzero(~clusters.forbidden(a, b))
    lengths[allowed] = clusters.distances(a[allowed], b[allowed])
    edges.bound[chosen] = _below(lengths)
    edges.partial[chosen] = False
    return lengths


def _below(lengths: Doubles) -> Singles:
    """Round to float32, downwards: a bound stays a bound."""
    out = lengths.astype(np.float32)
    finite = np.isfinite(out)
    out[finite] = np.nextafter(out[finite], np.float32(-np.inf))
    return out


def _reciprocal(
    edges: _Edges, candidates: Ids, lengths: Doubles, reach: Singles, ready: Mask
) -> tuple[Ids, Ids, Doubles]:
    """Return the pairs of clusters that are each other's nearest, each cluster at most once."""
    a, b = edges.a[candidates], edges.b[candidates]
    nearest = np.full(len(reach), np.inf)
    np.minimum.at(nearest, a, lengths)
    np.minimum.at(nearest, b, lengths)
    sure = (lengths <= nearest[a]) & (lengths <= nearest[b])
    sure &= (lengths <= reach[a]) & (lengths <= reach[b]) & ready[a] & ready[b]
    a, b, lengths = a[sure].astype(np.int64), b[sure].astype(np.int64), lengths[sure]
    # Among ties, rows pair up 0-1, 2-3 and so on. The lowest neighbour for all would let equally
    # distant clusters merge one at a time.
    tie = a ^ b
    first = np.full(len(reach), _NEVER)
    np.minimum.at(first, a, tie)
    np.minimum.at(first, b, tie)
    chosen = (tie == first[a]) & (tie == first[b])
    return a[chosen], b[chosen], lengths[chosen]


def _remaining(
    clusters: Clusters, edges: _Edges, chosen: Ids, lengths: Doubles, threshold: float
) -> Mask:
    """Return which edges may still lead to a merge.

    A cluster that was found to have one forbidden neighbour often has many: all its edges are
    tested together instead of one in each round.
    """
    keep = np.ones(len(edges), bool)
    keep[chosen[lengths > threshold]] = False
    forbidden = chosen[np.isinf(lengths)]
    if len(forbidden):
        suspect = np.zeros(len(clusters), bool)
        suspect[edges.a[forbidden]] = True
        suspect[edges.b[forbidden]] = True
        tested = np.flatnonzero(keep & (suspect[edges.a] | suspect[edges.b]))
        keep[tested] = ~clusters.forbidden(edges.a[tested], edges.b[tested])
    return keep


def _merge(
    clusters: Clusters, edges: _Edges, pairs: tuple[Ids, Ids, Doubles], threshold: float
) -> tuple[_Edges, Merges]:
    """Merge the pairs and carry the edges over to the merged clusters."""
    a, b, heights = pairs
    parent = np.arange(len(clusters), dtype=np.int32)
    parent[b] = a
    changed = np.zeros(len(clusters), bool)
    changed[a] = changed[b] = True
    old_count = clusters.count.astype(np.float64)
    heights = clusters.merge(a, b, heights)
    touched = changed[edges.a] | changed[edges.b]
    parts = [edges.take(~touched)]
    rest = edges.take(touched)
    weight = old_count[rest.a] * old_count[rest.b]
    first, second = parent[rest.a], parent[rest.b]
    rest.a, rest.b = np.minimum(first, second), np.maximum(first, second)
    for part in _parts(rest, len(clusters)):
        parts.append(_united(clusters, rest.take(part), weight[part], threshold))
    return _joined(parts), Merges(np.column_stack([a, b]), heights)


def _parts(edges: _Edges, n: int) -> list[Ids]:
    """Split edges so that equal ones stay together, to bound the memory that uniting them takes."""
    inner = edges.a != edges.b
    pieces = len(edges) // _PART + 1
    if pieces == 1:
        return [np.flatnonzero(inner)]
    piece = (edges.a.astype(np.int64) + edges.b) % pieces
    return [np.flatnonzero(inner & (piece == number)) for number in range(pieces)]


def _united(clusters: Clusters, edges: _Edges, weight: Doubles, threshold: float) -> _Edges:
    """Make one edge of all those that now join the same two clusters.

    The average over all pairs is the average of the edges, weighted by their numbers of pairs,
    with the threshold standing in for the pairs that have no edge.
    """
    if not len(edges):
        return edges
    key = edges.a.astype(np.int64) * len(clusters) + edges.b
    order = np.argsort(key)
    key = key[order]
    start = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
    weight = weight[order]
    known = np.add.reduceat(weight, start)
    total = np.add.reduceat(weight * edges.bound[order], start)
    partial = np.logical_or.reduceat(edges.partial[order], start)
    a, b = edges.a[order[start]], edges.b[order[start]]
    pairs = clusters.count[a].astype(np.float64) * clusters.count[b]
    bound = _below((total + (pairs - known) * threshold) / pairs)
    return _Edges(a, b, bound, partial | (known < pairs))


def _joined(parts: list[_Edges]) -> _Edges:
    return _Edges(
        np.concatenate([part.a for part in parts]),
        np.concatenate([part.b for part in parts]),
        np.concatenate([part.bound for part in parts]),
        np.concatenate([part.partial for part in parts]),
    )
