"""All pairs of clusters whose average squared distance is within a threshold.

Blocked float32 matrix products over the upper triangle; only the pairs found are ever stored.
A distance found this way is off by rounding, so what is returned is a lower bound that is at most
`slack` below the true distance: no pair within the threshold is missed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from clustering.linkage.constraints import Floats
from clustering.linkage.points import Forbid, Points, centred
from clustering.linkage.sieve import SURVEY_FROM, survey
from clustering.linkage.storage import MEMORY, OnDisk, Storage
from clustering.linkage.tiles import (
    Chunk,
    Found,
    Graph,
    Terms,
    Tiles,
    TileSearch,
    allowed,
    search_tile,
)

PAIR_BYTES = 60
"""What a pair takes while clusters merge."""
_LEAST_PAIRS, _LEAST_CHUNK, _CHUNKS = 100_000, 4096, 16
_WIDENED = 16_384
"""Rows of float16 that are widened at a time, where nothing else is asked for."""


@dataclass(frozen=True, slots=True, eq=False)
class Resources:
    """With what a clustering is done. It decides memory and time, not the result.

    Attributes
    ----------
    max_pairs : int, optional
        Limit on the pairs of rows within the threshold held at one time, at about 60 bytes each;
        40 per row if not given. Where there are more, the clustering goes by stages.
    storage : Storage
        Where what is as large as all vectors lies.
    chunk : int, optional
        Rows that are compared with as many others before the next ones come; all if not given.
    tile_search : callable, optional
        Has tiles searched elsewhere; see `clustering.linkage.tiles`. Of rows fewer than
        `SURVEY_FROM` all tiles are searched here.
    """

    max_pairs: int | None = None
    storage: Storage = MEMORY
    chunk: int | None = None
    tile_search: TileSearch | None = None


def within_memory(storage: OnDisk, memory: int, shape: tuple[int, int]) -> Resources:
    """Return resources that keep a clustering of n rows of d numbers within so many bytes.

    Half is for pairs, a quarter for pages of files. About 300 bytes a row are needed besides, and
    can't be spared.

    Parameters
    ----------
    storage : OnDisk
    memory : int
        In bytes.
    shape : tuple of int
        n and d.
    """
    n, d = shape
    storage.resident = memory // 4
    rows = memory // 8 // (8 * (d + 1))
    chunk = max(_LEAST_CHUNK, min(rows, -(-n // _CHUNKS)))
    return Resources(max(_LEAST_PAIRS, memory // 2 // PAIR_BYTES), storage, chunk)


def pairs_within(
    vectors: Floats,
    threshold: float,
    *,
    scatter: NDArray[np.float64] | None = None,
    forbidden: Forbid | None = None,
    max_pairs: int = 30_000_000,
    apart: int = 0,
    resources: Resources | None = None,
) -> Graph:
    """Find all pairs of items whose average squared distance is within a threshold.

    Parameters
    ----------
    vectors : ndarray of float16, float32 or float64, shape (n, d)
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
    resources : Resources, optional
        Its `max_pairs` is not looked at.

    Returns
    -------
    Graph
    """
    n = len(vectors)
    using = resources or Resources()
    scatter = np.zeros(n) if scatter is None else scatter
    points = Points.of(centred(vectors, threshold, using.storage), scatter, using.storage)
    start, sieve = threshold, None
    many = n - apart >= SURVEY_FROM
    if many:
        start, sieve = survey(
            points, threshold, forbidden=forbidden, max_pairs=max_pairs, storage=using.storage
        )
    whole, terms = Chunk(0, points, sieve), Terms(start, max_pairs, apart)
    size = using.chunk or (n if points.vectors.dtype == np.float32 else _WIDENED)
    if using.tile_search is None and size >= n:
        return search_tile(whole, whole, terms, forbidden)
    found, tiles = Found(start, max_pairs), Tiles(whole, size, terms)
    if using.tile_search is not None and many:
        parts = _searched(tiles, using.tile_search, forbidden)
    else:
        parts = _in_turn(tiles, using.storage, forbidden)
    for part in parts:
        found.lower(part.threshold)
        found.add(part.a, part.b, part.bound)
        tiles.terms = replace(tiles.terms, threshold=found.threshold)
    return found.graph(points.slack)


def _in_turn(tiles: Tiles, storage: Storage, forbidden: Forbid | None) -> Iterator[Graph]:
    row, left = -1, None
    for i, j in tiles.tiles:
        if left is None or i != row:
            row, left = i, tiles.chunk(i)
        right = left if i == j else tiles.chunk(j)
        yield search_tile(left, right, tiles.terms, forbidden)
        storage.release()


def _searched(tiles: Tiles, tile_search: TileSearch, forbidden: Forbid | None) -> Iterator[Graph]:
    for part in tile_search(tiles):
        a, b, bound = allowed(
            part.a.astype(np.int64), part.b.astype(np.int64), part.bound, forbidden
        )
        yield replace(part, a=a.astype(np.int32), b=b.astype(np.int32), bound=bound)
