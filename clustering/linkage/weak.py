"""Rows that say little join clusters, but found none and bridge none.

Blurred faces are near to each other whoever they are, and far from clear faces of the same person:
left to themselves they found clusters of strangers, and one of them in the middle can bring two
people together. So the clear rows are clustered first, as if the weak ones were not there; then the
weak ones may join what there is.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clustering.linkage.assign import join_or_found
from clustering.linkage.constraints import Constraints, Ints
from clustering.linkage.graph import Resources
from clustering.linkage.storage import take

Mask = NDArray[np.bool_]


def join_weak_last(
    vectors: NDArray[np.floating],
    labels: Ints,
    threshold: float,
    *,
    weak: Mask,
    constraints: Constraints,
    variance: ArrayLike,
    resources: Resources | None = None,
) -> Ints:
    """Do as `clustering.linkage.assign.join_or_found`, with weak rows after all others.

    Parameters
    ----------
    vectors, labels, threshold, constraints, variance, resources
        As there; with labels that are all -1 it is the clustering of all rows.
    weak : ndarray of bool, shape (n,)
        Rows that say little. Those that are in a cluster already stay there.

    Returns
    -------
    ndarray of int64, shape (n,)
        As there; a weak row that joins nobody has a label of its own.
    """
    extra = np.asarray(variance, np.float64)
    late = weak & (labels < 0)
    storage = (resources or Resources()).storage
    storage.adopt(vectors)
    if late.any():
        clear = np.flatnonzero(~late)
        labels = labels.copy()
        labels[clear] = join_or_found(
            take(storage, vectors, clear),
            labels[clear],
            threshold,
            constraints=among(constraints, clear, len(labels)),
            variance=extra[clear],
            resources=resources,
        )
    known = int(labels.max(initial=-1)) + 1
    out = join_or_found(
        *(vectors, labels, threshold),
        constraints=constraints,
        variance=extra,
        resources=resources,
    )
    alone = late & (out >= known)
    out[alone] = known + np.arange(int(alone.sum()))
    return out


def among(constraints: Constraints, rows: Ints, n: int) -> Constraints:
    """Return the rules that concern some of n rows only, which are numbered anew.

    Parameters
    ----------
    constraints : Constraints
        Without rows that are to stay apart.
    rows : ndarray of int64, shape (m,)
    n : int
    """
    at = np.full(n, -1)
    at[rows] = np.arange(len(rows))

    def pairs(given: ArrayLike | None, columns: int) -> Ints | None:
        if given is None:
            return None
        kept = np.asarray(given, np.int64).reshape(-1, 2).copy()
        kept[:, :columns] = at[kept[:, :columns]]
        return np.asarray(kept[(kept[:, :columns] >= 0).all(axis=1)])

    def column(given: ArrayLike | None) -> NDArray[np.generic] | None:
        return None if given is None else np.asarray(given)[rows]

    return replace(
        constraints,
        groups=column(constraints.groups),
        cannot_link=pairs(constraints.cannot_link, 2),
        must_link=pairs(constraints.must_link, 2),
        intervals=column(constraints.intervals),
        members=pairs(constraints.members, 1),
    )
