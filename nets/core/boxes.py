"""Arithmetic of axis-aligned boxes: overlap, non-maximum suppression, squares.

Boxes are float arrays of shape (n, 4): left, top, right, bottom in pixels, as everywhere in `nets`.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nets.core.api import Floats

BLOCK = 128
"""Boxes that `suppress` settles at a time; bounds its memory to `BLOCK` * n overlaps."""

Basis = Literal["union", "smaller"]


def areas(boxes: Floats) -> Floats:
    """Return the area of each box in square pixels; 0 for a box that is inside out.

    Parameters
    ----------
    boxes : ndarray, shape (n, 4)
        Left, top, right, bottom in pixels.

    Returns
    -------
    ndarray, shape (n,)
    """
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    found: Floats = sides[:, 0] * sides[:, 1]
    return found


def intersections(a: Floats, b: Floats) -> Floats:
    """Return the area common to each pair of boxes.

    Parameters
    ----------
    a : ndarray, shape (n, 4)
        Left, top, right, bottom in pixels.
    b : ndarray, shape (m, 4)
        Likewise.

    Returns
    -------
    ndarray, shape (n, m)
        In square pixels.
    """
    width, height = (
        np.maximum(
            np.minimum(a[:, None, axis + 2], b[:, axis + 2])
            - np.maximum(a[:, None, axis], b[:, axis]),
            0,
        )
        for axis in (0, 1)
    )
    common: Floats = width * height
    return common


def overlaps(a: Floats, b: Floats, *, of: Basis = "union") -> Floats:
    """Return how much each pair of boxes overlaps, 0 to 1.

    Parameters
    ----------
    a : ndarray, shape (n, 4)
        Left, top, right, bottom in pixels.
    b : ndarray, shape (m, 4)
        Likewise.
    of : {"union", "smaller"}
        What the common area is a share of: of the union of both (the Jaccard index, IoU) or of the
        smaller one, which finds boxes inside of others.

    Returns
    -------
    ndarray, shape (n, m)
        0 where both boxes are empty.
    """
    common = intersections(a, b)
    whole = _whole(areas(a)[:, None], areas(b), common, of)
    return np.divide(common, whole, out=np.zeros_like(common), where=whole > 0)


def suppress(
    boxes: Floats, scores: Floats, *, overlap: float, of: Basis = "union"
) -> NDArray[np.intp]:
    """Choose boxes greedily, best first, and drop those that overlap a chosen one too much.

    The same choice as the plain loop over boxes (`tests/nets/core/test_boxes.py` keeps that loop as
    the oracle), made a block of boxes at a time, with memory linear in their number.

    Parameters
    ----------
    boxes : ndarray, shape (n, 4)
        Left, top, right, bottom in pixels.
    scores : ndarray, shape (n,)
        Higher is better; of equal scores the earlier box is better.
    overlap : float
        A box is dropped when its overlap with a chosen one is larger than this, 0 to 1.
    of : {"union", "smaller"}
        See `overlaps`.

    Returns
    -------
    ndarray of int, shape (k,)
        Rows of the chosen boxes, best first.
    """
    order = np.argsort(-scores, kind="stable")
    boxes = np.ascontiguousarray(boxes[order])
    left = np.arange(len(order))
    chosen = [left[:0]]
    while len(left):
        block, left = left[:BLOCK], left[BLOCK:]
        block = block[_greedy(_too_close(boxes[block], boxes[block], overlap, of))]
        left = left[~_too_close(boxes[block], boxes[left], overlap, of).any(axis=0)]
        chosen.append(block)
    return order[np.concatenate(chosen)]


def squares(boxes: Floats) -> Floats:
    """Return the smallest squares around the centres of boxes that are as wide and high as they.

    Parameters
    ----------
    boxes : ndarray, shape (n, 4)
        Left, top, right, bottom in pixels.

    Returns
    -------
    ndarray, shape (n, 4)
        The sides are the longer sides of the boxes.
    """
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True) / 2
    return np.concatenate([centres - half, centres + half], axis=1)


def shift_edges(boxes: Floats, offsets: Floats) -> Floats:
    """Move the edges of boxes by shares of their width and height.

    Parameters
    ----------
    boxes : ndarray, shape (n, 4)
        Left, top, right, bottom in pixels.
    offsets : ndarray, shape (n, 4)
        For each edge, in units of the box's width (left, right) or height (top, bottom).

    Returns
    -------
    ndarray, shape (n, 4)
        In pixels.
    """
    sides = boxes[:, 2:] - boxes[:, :2]
    return boxes + offsets * np.tile(sides, 2)


def _whole(a: Floats, b: Floats, common: Floats, of: Basis) -> Floats:
    whole: Floats = np.minimum(a, b) if of == "smaller" else a + b - common
    return whole


def _too_close(a: Floats, b: Floats, overlap: float, of: Basis) -> NDArray[np.bool_]:
    # Multiplied rather than divided: faster, and empty boxes need no special case.
    common = intersections(a, b)
    close: NDArray[np.bool_] = common > overlap * _whole(areas(a)[:, None], areas(b), common, of)
    return close


def _greedy(close: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which of n boxes, best first, are chosen; `close` is their matrix (n, n).

    A box is chosen when no better chosen box is close to it. Starting from "all", each round gets
    at least one more of the leading boxes right for good, so that the rounds end at that choice.
    """
    better = np.triu(close, 1)
    chosen: NDArray[np.bool_] = np.ones(len(close), bool)
    while True:
        again = np.logical_not((better & chosen[:, None]).any(axis=0))
        if np.array_equal(again, chosen):
            return chosen
        chosen = again
