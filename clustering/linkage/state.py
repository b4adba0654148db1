"""The clusters while they merge: centroid statistics, and what forbids two of them to merge.

A cluster goes by its lowest row. The average squared distance between clusters A and B needs no
pairs: with m a mean vector and s the mean squared distance of the rows to it,

    mean of |a - b|^2 over all a in A, b in B  =  |m_A - m_B|^2 + s_A + s_B,

which is the same number as q_A + q_B - 2 m_A.m_B (q the mean squared norm) but keeps its digits
when the clusters are near each other, and is exactly 0 between copies of one vector.
"""

import numpy as np
from numpy.typing import NDArray

from clustering.linkage.conflicts import Conflicts
from clustering.linkage.constraints import Floats, Ints, Rules
from clustering.linkage.storage import MEMORY, Storage

Doubles = NDArray[np.float64]
Ids = NDArray[np.integer]

_CHUNK_BYTES = 2 << 20


class Clusters:
    """Statistics and constraints of clusters, each of which starts as a row.

    Parameters
    ----------
    vectors : ndarray of float32 or float64, shape (n, d)
        Kept by reference: a row's own vector is its mean until it merges.
    rules : Rules
        Checked constraints on the n rows. `must_link` is not applied here.
    variance : ndarray of float64, shape (n,)
        What each row is away from every other besides the distance of the vectors.
    count : ndarray of int64, shape (n,), optional
        Number of vectors that each row stands for; 1 if not given.
    storage : Storage
        Where the means of clusters of several rows lie.
    """

    def __init__(
        self,
        vectors: Floats,
        rules: Rules,
        variance: Doubles,
        count: Ints | None = None,
        storage: Storage = MEMORY,
    ) -> None:
        n = len(vectors)
        self.vectors = vectors
        self._storage = storage
        storage.adopt(vectors)
        self.count = np.ones(n, np.int64) if count is None else count.copy()
        self.scatter = variance.copy()
        self._height = np.zeros(n)
        self._slot = np.full(n, -1, np.int64)
        self._pool: Doubles = storage.empty((0, vectors.shape[1]), np.float64)
        self._free: list[int] = []
        self._conflicts = Conflicts(n, rules)

    def __len__(self) -> int:
        return len(self.count)

    @property
    def alive(self) -> Ints:
        """Ids of the clusters that were not merged into another."""
        return np.flatnonzero(self.count)

    def means(self, ids: Ids) -> Doubles:
        """Return the mean vectors of clusters as float64, shape (len(ids), d)."""
        out = self.vectors[ids].astype(np.float64)
        slots = self._slot[ids]
        merged = slots >= 0
        out[merged] = self._pool[slots[merged]]
        self._storage.touched(len(ids), self.vectors)
        self._storage.touched(int(merged.sum()), self._pool)
        return out

    def matrix(self, ids: Ids) -> NDArray[np.float32]:
        """Return the mean vectors of many clusters, rounded to float32."""
        out = self._storage.empty((len(ids), self.vectors.shape[1]), np.float32)
        for part in chunks(len(ids), self.vectors.shape[1]):
            out[part] = self.means(ids[part])
        return out

    def distances(self, a: Ids, b: Ids) -> Doubles:
        """Return the average squared distances between clusters a[i] and b[i], float64."""
        out = np.empty(len(a))
        for part in chunks(len(a), self.vectors.shape[1]):
            gap = self.means(a[part])
            gap -= self.means(b[part])
            out[part] = np.einsum("ij,ij->i", gap, gap)
        return out + self.scatter[a] + self.scatter[b]

    def forbidden(self, a: Ids, b: Ids) -> NDArray[np.bool_]:
        """Return whether clusters a[i] and b[i] hold a forbidden pair of rows."""
        return self._conflicts.between(a, b)

    def merge(self, a: Ids, b: Ids, heights: Doubles) -> Doubles:
        """Merge cluster b[i] into a[i], for disjoint pairs with a[i] < b[i].

        Returns
        -------
        ndarray of float64
            The heights, raised to those of earlier merges where rounding put them below.
        """
        heights = np.maximum(heights, np.maximum(self._height[a], self._height[b]))
        self._height[a] = heights
        slots = self._claim(self._slot[a], self._slot[b])
        freed = self._slot[b[(self._slot[a] >= 0) & (self._slot[b] >= 0)]]
        for part in chunks(len(a), self.vectors.shape[1]):
            self._merge(a[part], b[part], slots[part])
        # Only now: a place freed by one pair may not be written before that pair was read.
        self._free.extend(freed.tolist())
        self._conflicts.merge(a, b)
        return heights

    def _claim(self, of_a: Ints, of_b: Ints) -> Ints:
        """Return a place in the pool of means for each merged pair: a's, else b's, else new."""
        slots = np.where(of_a >= 0, of_a, of_b)
        new = np.flatnonzero(slots < 0)
        short = len(new) - len(self._free)
        if short > 0:
            size = len(self._pool)
            self._pool = self._storage.grown(self._pool, size + max(short, size // 4))
            self._free.extend(range(size, len(self._pool)))
        slots[new] = [self._free.pop() for _ in range(len(new))]
        return slots

    def _merge(self, a: Ids, b: Ids, slots: Ints) -> None:
        share = self.count[b] / (self.count[a] + self.count[b])
        mean = self.means(a)
        gap = self.means(b) - mean
        spread = share * (1 - share) * np.einsum("ij,ij->i", gap, gap)
        gap *= share[:, None]
        mean += gap
        self.scatter[a] = (1 - share) * self.scatter[a] + share * self.scatter[b] + spread
        self.count[a] += self.count[b]
        self.count[b] = 0
        self._slot[a] = slots
        self._slot[b] = -1
        self._pool[slots] = mean
        self._storage.touched(len(slots), self._pool)


def chunks(n: int, width: int, itemsize: int = 8) -> list[slice]:
    """Cut n rows of `width` numbers into slices of a few MiB."""
    size = max(1, _CHUNK_BYTES // (width * itemsize))
    return [slice(at, min(at + size, n)) for at in range(0, n, size)]
