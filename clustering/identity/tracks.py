"""Following faces through the frames of a clip: by overlap from frame to frame, and by identity.

Boxes are left, top, right, bottom in pixels, the same in all frames.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clustering.linkage.constraints import Ints, RowError

Doubles = NDArray[np.float64]

LEAST_OVERLAP = 0.3
PATIENCE = 2


class Tracker:
    """Links boxes of consecutive frames that overlap, each box once, the best overlaps together.

    Parameters
    ----------
    least : float
        Intersection over union, 0 to 1, at which two boxes may be one face.
    patience : int
        Frames for which a face may be missed without its track ending.
    """

    def __init__(self, *, least: float = LEAST_OVERLAP, patience: int = PATIENCE) -> None:
        self._least, self._patience = least, patience
        self._ids = np.zeros(0, np.int64)
        self._boxes = np.zeros((0, 4))
        self._missed = np.zeros(0, np.int64)
        self._next = 0

    def step(self, boxes: ArrayLike, *, cut: bool = False) -> Ints:
        """Take the boxes of the next frame and say which track each belongs to.

        Parameters
        ----------
        boxes : array of float, shape (n, 4)
            Of one frame.
        cut : bool
            The frame does not follow the one before: all tracks end.

        Returns
        -------
        ndarray of int64, shape (n,)
            Tracks are numbered from 0; no number comes twice in a frame.
        """
        found = np.asarray(boxes, np.float64).reshape(-1, 4)
        if cut:
            self._ids, self._boxes, self._missed = self._ids[:0], self._boxes[:0], self._missed[:0]
        old, new = match(self._boxes, found, least=self._least)
        tracks = np.full(len(found), -1, np.int64)
        tracks[new] = self._ids[old]
        fresh = np.flatnonzero(tracks < 0)
        tracks[fresh] = self._next + np.arange(len(fresh))
        self._next += len(fresh)
        missed = np.ones(len(self._ids), bool)
        missed[old] = False
        missed &= self._missed < self._patience
        self._ids = np.concatenate([self._ids[missed], tracks])
        self._boxes = np.concatenate([self._boxes[missed], found])
        self._missed = np.concatenate([self._missed[missed] + 1, np.zeros(len(found), np.int64)])
        return tracks


def match(a: Doubles, b: Doubles, *, least: float) -> tuple[Ints, Ints]:
    """Pair boxes so that the sum of overlaps is largest; pairs below `least` are left out.

    Parameters
    ----------
    a : ndarray of float, shape (n, 4)
    b : ndarray of float, shape (m, 4)
    least : float
        Intersection over union, 0 to 1.

    Returns
    -------
    tuple of ndarray of int64, shape (k,)
        Rows of `a` and of `b`.
    """
    if not len(a) or not len(b):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    from scipy.optimize import linear_sum_assignment

    shared = overlaps(a, b)
    rows, columns = linear_sum_assignment(-np.where(shared >= least, shared, 0))
    kept = shared[rows, columns] >= least
    return rows[kept].astype(np.int64), columns[kept].astype(np.int64)


def overlaps(a: Doubles, b: Doubles) -> Doubles:
    """Return the intersection over union of each pair of boxes, shape (n, m); 0 without area."""
    low, high = np.maximum(a[:, None, :2], b[:, :2]), np.minimum(a[:, None, 2:], b[:, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    area_a, area_b = (np.prod(np.clip(x[:, 2:] - x[:, :2], 0, None), axis=1) for x in (a, b))
    union = area_a[:, None] + area_b - shared
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=union > 0))


def split_by_identity(tracks: ArrayLike, vectors: ArrayLike, threshold: float) -> Ints:
    """Cut tracks where the face becomes another: overlap alone would go on when heads cross.

    Parameters
    ----------
    tracks : array of int, shape (n,)
        Track of each row, rows in the order of time.
    vectors : array of float, shape (n, d)
        Identity.
    threshold : float
        A track is cut between two of its rows that follow each other where their squared distance
        is larger.

    Returns
    -------
    ndarray of int64, shape (n,)
        New tracks, numbered from 0 in the order of their first rows.

    Raises
    ------
    RowError
        If the lengths differ.
    """
    numbers, rows = np.asarray(tracks, np.int64), np.asarray(vectors)
    if rows.ndim != 2 or len(numbers) != len(rows):
        raise RowError(f"{len(numbers)} tracks for vectors of shape {rows.shape}")
    order = np.argsort(numbers, kind="stable")
    starts = np.ones(len(numbers), bool)
    far = ((rows[order[1:]] - rows[order[:-1]]) ** 2).sum(axis=1) > threshold
    starts[1:] = (np.diff(numbers[order]) != 0) | far
    pieces = np.empty(len(numbers), np.int64)
    pieces[order] = np.cumsum(starts) - 1
    _, first, which = np.unique(pieces, return_index=True, return_inverse=True)
    ranks = np.argsort(np.argsort(first))
    return np.asarray(ranks[which.reshape(-1)], np.int64)


def together(tracks: ArrayLike, frames: ArrayLike) -> Ints:
    """Return the pairs of tracks that share a frame, and so are of different people.

    Parameters
    ----------
    tracks, frames : array of int, shape (n,)
        Track and frame of each box.

    Returns
    -------
    ndarray of int64, shape (k, 2)
        Each pair once, the lower number first.
    """
    which, when = np.asarray(tracks, np.int64), np.asarray(frames, np.int64)
    order = np.argsort(when, kind="stable")
    bounds = np.flatnonzero(np.diff(when[order])) + 1
    pairs: set[tuple[int, int]] = set()
    for rows in np.split(order, bounds):
        present = np.unique(which[rows])
        first, second = np.triu_indices(len(present), 1)
        pairs.update(zip(present[first].tolist(), present[second].tolist(), strict=True))
    return np.array(sorted(pairs), np.int64).reshape(-1, 2)
