"""Vectors laid out in the plane so that what is near in many dimensions stays near.

A short form of UMAP (McInnes, Healy, Melville 2018): every row is drawn to its nearest neighbours
and pushed away from rows drawn at random, with the force of a Student t curve. Made for pictures of
some thousand faces; distances across such a picture mean nothing, neighbours do.
"""

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]

AXES = 50
"""Main axes in which neighbours are looked for."""
PUSHES = 4
"""Rows drawn at random for each neighbour."""
MORE_AXES, TURNS = 10, 4
"""By how many more axes, and how often, main axes are looked for: see `main_axes`."""
BLOCK = 512
LONGEST_STEP = 4.0


def layout(
    vectors: NDArray[np.floating], *, neighbours: int = 12, epochs: int = 200, seed: int = 0
) -> Doubles:
    """Return a place in the plane for each row.

    Parameters
    ----------
    vectors : ndarray of float, shape (n, d)
        Memory for n x 512 distances is needed at a time, time is that of n x n of them.
    neighbours : int
        By how many each row is drawn.
    epochs : int
        Steps; more give a more settled picture.
    seed : int
        The same seed gives the same picture.

    Returns
    -------
    ndarray of float64, shape (n, 2)
        Within -1 to 1, the longer side filled.

    Raises
    ------
    ValueError
        If the vectors are no matrix or not finite.
    """
    rows = np.asarray(vectors, np.float32)
    if rows.ndim != 2 or not np.isfinite(rows).all():
        raise ValueError("finite vectors of shape (n, d) are needed")
    n = len(rows)
    if n < 3:
        return np.column_stack([np.linspace(-1, 1, n) if n > 1 else np.zeros(n), np.zeros(n)])
    axes = main_axes(rows, min(AXES, n - 1, rows.shape[1]))
    places = 10 * axes[:, :2] / max(float(np.abs(axes[:, :2]).max()), 1e-12)
    if places.shape[1] < 2:
        places = np.column_stack([places, np.zeros(n)])
    pairs = near_pairs(axes, min(neighbours, n - 1))
    rng = np.random.default_rng(seed)
    places += rng.normal(scale=1e-3, size=places.shape)
    for epoch in range(epochs):
        step = 1.0 - epoch / epochs
        places += step * np.clip(_forces(places, pairs, rng), -LONGEST_STEP, LONGEST_STEP)
    places -= (places.max(axis=0) + places.min(axis=0)) / 2
    return np.asarray(places / max(float(np.abs(places).max()), 1e-12))


def main_axes(rows: NDArray[np.floating], count: int) -> Doubles:
    """Return the rows in their main axes, shape (n, count), largest variance first.

    By subspace iteration from a random start, which needs neither all axes nor their matrix (Halko,
    Martinsson, Tropp 2011); axes of nearly the same variance may be turned into each other.
    """
    centred = rows - rows.mean(axis=0)
    width = min(count + MORE_AXES, *rows.shape)
    basis = np.random.default_rng(0).normal(size=(rows.shape[1], width)).astype(centred.dtype)
    for _ in range(TURNS):
        basis, _ = np.linalg.qr(centred.T @ (centred @ basis))
    turned = (centred @ basis).astype(np.float64)
    _, axes = np.linalg.eigh(turned.T @ turned)
    return np.asarray(turned @ axes[:, ::-1][:, :count])


def near_pairs(rows: Doubles, count: int) -> Ints:
    """Return the pairs of each row with its nearest others, shape (n * count, 2)."""
    squares = np.einsum("ij,ij->i", rows, rows)
    found = []
    for start in range(0, len(rows), BLOCK):
        part = rows[start : start + BLOCK]
        far = squares - 2 * part @ rows.T
        far[np.arange(len(part)), np.arange(start, start + len(part))] = np.inf
        found.append(np.argpartition(far, count - 1, axis=1)[:, :count])
    near = np.concatenate(found)
    return np.column_stack([np.repeat(np.arange(len(rows)), count), near.ravel()])


def _forces(places: Doubles, pairs: Ints, rng: np.random.Generator) -> Doubles:
    """Return by how much each row is moved: the gradient of UMAP's cross entropy with a = b = 1."""
    n = len(places)
    left, right = pairs.T
    apart = places[left] - places[right]
    pull = -2 * apart / (1 + (apart**2).sum(axis=1, keepdims=True)) / 10
    moved = _sums(left, pull, n) - _sums(right, pull, n)
    others = rng.integers(0, n, (len(pairs), PUSHES))
    for column in others.T:
        apart = places[left] - places[column]
        square = (apart**2).sum(axis=1, keepdims=True)
        push = 2 * apart / ((0.01 + square) * (1 + square)) / 10
        moved += _sums(left, np.clip(push, -1, 1), n)
    return moved


def _sums(rows: Ints, values: Doubles, n: int) -> Doubles:
    return np.column_stack([np.bincount(rows, values[:, axis], n) for axis in range(2)])
