"""Vectors made ready for comparing all pairs of them.

All distances here are squared, in float32, and off by rounding: by at most `Points.slack`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clustering.linkage.constraints import Floats, Ints
from clustering.linkage.storage import MEMORY, Storage

Singles = NDArray[np.float32]
Halves = NDArray[np.floating[Any]]
Doubles = NDArray[np.float64]
Mask = NDArray[np.bool_]
Forbid = Callable[[Ints, Ints], Mask]

_UNIT = 2.0**-24


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Vectors made ready for the products.

    Squared distance = 2 (h_i + h_j - x_i.x_j) with h half the mean squared norm.

    Attributes
    ----------
    vectors : ndarray of float32 or float16, shape (n, d)
        float16 is widened where it is looked at.
    scatter : ndarray of float64, shape (n,)
        Added to each row's squared norm.
    exact_half : ndarray of float64, shape (n,)
        Half the squared norm with the scatter.
    slack : float
        Rounding error of a distance allowed for.
    """

    vectors: Halves
    scatter: Doubles
    exact_half: Doubles
    slack: float

    @classmethod
    def of(cls, vectors: Floats, scatter: Doubles, storage: Storage = MEMORY) -> "Points":
        """Make vectors ready; those of float32 and float16 are not copied."""
        half = (np.concatenate([squares(x) for x in blocks(vectors)]) + scatter) / 2
        slack = rounding(vectors.shape[1], 2 * float(half.max(initial=0.0)))
        single: Halves = vectors
        if vectors.dtype not in (np.float32, np.float16):
            single = storage.empty(vectors.shape, np.float32)
            for part, block in zip(blocks(single), blocks(vectors), strict=True):
                part[:] = block
        return cls(single, scatter, half, slack)

    def part(self, rows: slice) -> "Points":
        """Return some of the rows, as float32; of float32 they are not copied."""
        return Points(
            np.asarray(single(self.vectors[rows])),
            self.scatter[rows],
            self.exact_half[rows],
            self.slack,
        )

    def products(self, rows: slice, columns: slice, other: "Points | None" = None) -> Singles:
        """Return x_i.x_j - h_j for a block of pairs, the j of other points if these are given."""
        other = other or self
        out: Singles = np.matmul(single(self.vectors[rows]), single(other.vectors[columns]).T)
        np.subtract(out, other.exact_half[columns].astype(np.float32), out=out)
        return out

    def floors(self, rows: slice, threshold: float) -> Singles:
        """Return, for each row, the product above which a pair may be within the threshold."""
        floor = self.exact_half[rows] - (threshold + self.slack) / 2
        return np.asarray(np.nextafter(floor.astype(np.float32), np.float32(-np.inf))[:, None])

    def bounds(self, a: Ints, b: Ints, other: "Points | None" = None) -> Singles:
        """Return, for single pairs, a lower bound on the distance, off by at most 2 slack."""
        other = other or self
        out = np.empty(len(a), np.float32)
        step = max(64, (1 << 18) // self.vectors.shape[1])
        for at in range(0, len(a), step):
            i, j = a[at : at + step], b[at : at + step]
            dots = np.einsum("ij,ij->i", single(self.vectors[i]), single(other.vectors[j]))
            out[at : at + step] = self.below(self.exact_half[i] + other.exact_half[j] - dots)
        return out

    def below(self, half: Doubles) -> Singles:
        """Turn half a distance into a lower bound on the distance."""
        return np.nextafter((2 * half - self.slack).astype(np.float32), np.float32(-np.inf))


def single(rows: Halves) -> Singles:
    """Return rows as float32."""
    return rows.astype(np.float32, copy=False)


def squares(rows: Floats) -> Doubles:
    """Return the squared norm of each row."""
    return np.asarray(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))


def rounding(d: int, longest: float) -> float:
    """Return what to allow for when squared distances of rows are computed in float32.

    A dot product of d terms errs by at most d units of rounding times the product of norms.

    Parameters
    ----------
    d : int
        Length of the vectors.
    longest : float
        The largest squared norm.
    """
    return 2 * (d + 16) * _UNIT * longest


def blocks(vectors: Floats, size: int = 1024) -> Iterator[Floats]:
    """Yield the rows in blocks, at least one."""
    for at in range(0, max(len(vectors), 1), size):
        yield vectors[at : at + size]


def centred(vectors: Floats, threshold: float, storage: Storage = MEMORY) -> Floats:
    """Move vectors towards the origin where their length would cost digits that matter.

    Unit vectors stay as they are. A year of birth as a plain column does not.
    """
    longest = max(float(squares(x).max(initial=0.0)) for x in blocks(vectors))
    if rounding(vectors.shape[1], longest) <= threshold / 256:
        return vectors
    centre = vectors.mean(axis=0, dtype=np.float64)
    out = storage.empty((len(vectors), vectors.shape[1]), np.float32)
    for part, block in zip(blocks(out), blocks(vectors), strict=True):
        part[:] = block - centre
    return out
