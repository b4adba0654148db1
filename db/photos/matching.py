"""Which face of a photo is which, when the photo is analysed again."""

import numpy as np
from numpy.typing import NDArray

SAME_FACE = 0.5
"""Least overlap (intersection over union) of two boxes around one face."""
SAME_VECTOR = 0.1
"""Largest squared distance of two mean vectors of one person in one clip, found by two analyses
under one contract: they differ only by the frames that were looked at."""


def overlaps(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the intersection over union of boxes.

    Parameters
    ----------
    a : ndarray of float, shape (n, 4)
        Left, top, right, bottom in pixels.
    b : ndarray of float, shape (m, 4)
        Likewise.

    Returns
    -------
    ndarray of float64, shape (n, m)
        0 to 1; 0 for boxes without area.
    """
    first, second = a.astype(np.float64)[:, None], b.astype(np.float64)[None]
    low = np.maximum(first[..., :2], second[..., :2])
    high = np.minimum(first[..., 2:], second[..., 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    area_a = np.prod(np.clip(first[..., 2:] - first[..., :2], 0, None), axis=2)
    area_b = np.prod(np.clip(second[..., 2:] - second[..., :2], 0, None), axis=2)
    union = area_a + area_b - shared
    return np.asarray(np.where(union > 0, shared / np.where(union > 0, union, 1), 0), np.float64)


def same_faces(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Tell which boxes are of one face, shape (n, m).

    They are if they overlap by `SAME_FACE`, or if each holds the middle of the other, as with
    detectors that draw boxes of different sizes: two faces are never so close.
    """
    return (overlaps(a, b) >= SAME_FACE) | (_holds(a, b) & _holds(b, a).T)


def match_boxes(
    old: NDArray[np.floating],
    new: NDArray[np.floating],
    *,
    old_times: NDArray[np.int64] | None = None,
    new_times: NDArray[np.int64] | None = None,
) -> NDArray[np.int64]:
    """Find each new box among the old ones, best overlap first, each old one used once.

    Which may be one face is for `same_faces` to say.

    Parameters
    ----------
    old : ndarray of float, shape (n, 4)
    new : ndarray of float, shape (m, 4)
    old_times, new_times : ndarray of int64, shape (n,) and (m,), optional
        Milliseconds in a clip; boxes of different times are never the same.

    Returns
    -------
    ndarray of int64, shape (m,)
        The row in `old`, or -1 where none of those that are left is of the same face.
    """
    shared, same = overlaps(old, new), same_faces(old, new)
    if old_times is not None and new_times is not None:
        same &= old_times[:, None] == new_times[None]
    return _pair(-shared, same)


def match_vectors(
    old: NDArray[np.floating], new: NDArray[np.floating], *, limit: float = SAME_VECTOR
) -> NDArray[np.int64]:
    """Find each new unit vector among the old ones, nearest first, each old one used once.

    Parameters
    ----------
    old : ndarray of float, shape (n, d)
    new : ndarray of float, shape (m, d)
    limit : float
        Largest squared distance.

    Returns
    -------
    ndarray of int64, shape (m,)
        The row in `old`, or -1 where all that are left are further away than `limit`.
    """
    apart = old.astype(np.float64)[:, None] - new.astype(np.float64)[None]
    far = (apart**2).sum(axis=2)
    return _pair(far, far <= limit)


def _pair(distances: NDArray[np.float64], allowed: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Pair rows with columns as allowed, nearest first; return the row of each column, or -1."""
    found = np.full(distances.shape[1], -1, np.int64)
    used = np.zeros(len(distances), bool)
    rows, columns = np.nonzero(allowed)
    for best in np.argsort(distances[rows, columns], kind="stable"):
        row, column = rows[best], columns[best]
        if found[column] < 0 and not used[row]:
            found[column], used[row] = row, True
    return found


def _holds(outer: NDArray[np.floating], inner: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Tell which outer boxes hold the middle of which inner ones."""
    middle = (inner[None, :, :2] + inner[None, :, 2:]) / 2
    inside = (outer[:, None, :2] < middle) & (middle < outer[:, None, 2:])
    return np.asarray(inside.all(axis=2))
