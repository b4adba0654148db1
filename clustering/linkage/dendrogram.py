"""The merges of one run, to be cut at any threshold up to the one it was made with."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustering.linkage.constraints import Ints, check_threshold


@dataclass(frozen=True, slots=True, eq=False)
class Dendrogram:
    """Merges by average linkage, lowest first.

    Attributes
    ----------
    n : int
        Number of rows.
    merges : ndarray of int64, shape (m, 2)
        The lowest row of each of the two clusters that merged, the lower first.
    heights : ndarray of float64, shape (m,)
        Average squared distance between the two clusters, never decreasing; 0 where the rows had
        to be linked.
    threshold : float
        Clusters further apart on average were not merged.
    """

    n: int
    merges: Ints
    heights: NDArray[np.float64]
    threshold: float

    def cut(self, threshold: float | None = None) -> Ints:
        """Return the cluster of each row when merges above a threshold are undone.

        Parameters
        ----------
        threshold : float, optional
            In squared distance, at most that of the run, which is the default.

        Returns
        -------
        ndarray of int64, shape (n,)
            Labels 0, 1, ... in the order of each cluster's first row.

        Raises
        ------
        ValueError
            If the threshold is above the one that the run was made with.
        """
        at = self.threshold if threshold is None else check_threshold(threshold)
        if at > self.threshold:
            raise ValueError(f"cannot cut at {at}: the run stopped at {self.threshold}")
        made = int(np.searchsorted(self.heights, at, side="right"))
        lowest = _lowest(self.merges[:made], self.n)
        return np.asarray(np.unique(lowest, return_inverse=True)[1].reshape(self.n), np.int64)


def _lowest(merges: Ints, n: int) -> Ints:
    """Return the lowest row of each row's cluster.

    No cluster is merged into another twice, so the merges are a forest whose roots are these rows.
    """
    parent = np.arange(n)
    parent[merges[:, 1]] = merges[:, 0]
    while True:
        above = parent[parent]
        if (above == parent).all():
            return parent
        parent = above
