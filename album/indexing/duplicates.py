"""Photos that nearly repeat others: shots of one burst, and one picture at another size.

Exact copies are one photo anyway. Of those that are nearly the same, the largest stands for all,
the others are marked with it; nothing is ever hidden or deleted for that.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from album.dates.sources import is_trusted
from album.media.perceptual_hash import bits_apart
from db.library import Library
from db.photos.copies import SAME_BITS
from db.photos.duplicates import PhotoHashes, photo_hashes, save_marks

Ints = NDArray[np.int64]

BURST_BITS, BURST_SECONDS = 14, 10
"""Shots of one moment: taken so close together by a date to the second, and that alike."""
PARTS = 5
"""One more than these bits, so that two such hashes are the same in one part at least."""
SAME_SHAPE = 0.02
"""Difference of the ratio of width to height up to which two pictures may be one."""
LARGEST_BUCKET = 2000
"""Hashes of blank pictures fall together; beyond this many in one part they are not compared."""


def mark_duplicates(library: Library) -> int:
    """Mark the photos of a library that nearly repeat others; return how many there are."""
    found = photo_hashes(library)
    leader = groups(found)
    best = representatives(found, leader)
    marks = np.where(best == found.photo_id, 0, best)
    changed = np.flatnonzero(marks != found.marked)
    save_marks(library, {int(found.photo_id[i]): int(marks[i]) for i in changed})
    return int((marks != 0).sum())


def groups(found: PhotoHashes) -> Ints:
    """Return a number for each photo that is the same for those that nearly repeat each other.

    Pairs join groups, so two shots of a long burst may be alike through others only.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = len(found)
    pairs = np.array([*bursts(found), *same_pictures(found)], np.int64).reshape(-1, 2)
    ones = np.ones(len(pairs), np.int8)
    graph = coo_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    labels: Ints = connected_components(graph, directed=False)[1].astype(np.int64)
    return labels


def bursts(found: PhotoHashes) -> Iterator[tuple[int, int]]:
    """Yield pairs of photos taken within seconds that look alike."""
    known = ~np.isnat(found.taken) & (found.precision == "second")
    pairs = np.unique(np.stack([found.source, found.precision], axis=1), axis=0)
    good = {source for source, precision in pairs.tolist() if is_trusted(source, precision)}
    rows = np.flatnonzero(known & np.isin(found.source, list(good)))
    rows = rows[np.argsort(found.taken[rows], kind="stable")]
    when = found.taken[rows].astype("datetime64[ms]").astype(np.int64)
    for step in range(1, len(rows)):
        near = np.flatnonzero(when[step:] - when[:-step] <= BURST_SECONDS * 1000)
        if not len(near):
            return
        a, b = rows[near], rows[near + step]
        alike = bits_apart(found.phash[a], found.phash[b]) <= BURST_BITS
        yield from zip(a[alike].tolist(), b[alike].tolist(), strict=True)


def same_pictures(found: PhotoHashes) -> Iterator[tuple[int, int]]:
    """Yield pairs of photos that are one picture at two sizes, or saved twice.

    Hashes that differ in at most `SAME_BITS` bits are the same in at least one of `PARTS` parts.
    """
    bits = found.phash.view(np.uint64)
    width = -(-64 // PARTS)
    mask = np.uint64((1 << width) - 1)
    parts = [(bits >> np.uint64(width * at)) & mask for at in range(PARTS)]
    shape = found.width / np.maximum(found.height, 1)
    for part in parts:
        order = np.argsort(part, kind="stable")
        edges = np.flatnonzero(np.diff(part[order])) + 1
        for bucket in np.split(order, edges):
            if not 1 < len(bucket) <= LARGEST_BUCKET:
                continue
            a, b = (bucket[side] for side in np.triu_indices(len(bucket), 1))
            fits = bits_apart(found.phash[a], found.phash[b]) <= SAME_BITS
            fits &= np.abs(shape[a] - shape[b]) <= SAME_SHAPE * shape[a]
            yield from zip(a[fits].tolist(), b[fits].tolist(), strict=True)


def representatives(found: PhotoHashes, group: Ints) -> Ints:
    """Return for each photo the id of the one that stands for its group: the largest, the first."""
    pixels = found.width * found.height
    order = np.lexsort((found.photo_id, -pixels, group))
    first = np.unique(group[order], return_index=True)[1]
    best = found.photo_id[order[first]]
    return np.asarray(best[group], np.int64)
