"""The groups that the faces of one person fall into."""

import numpy as np
from numpy.typing import NDArray

from album.models.calibration import IdentityCalibration, identity_calibration
from album.models.contracts import NetsUsed
from db.rows import FaceTable

Ints = NDArray[np.int64]

STRICTEST = 0.5
"""Part of the library's threshold below which groups are not split any more."""
MOST_GROUPS = 8


def subclusters(table: FaceTable, nets: NetsUsed) -> list[list[int]]:
    """Return the face ids of each group that is split off, the largest first.

    Average linkage with the threshold of the library, under which the faces may already be several
    groups (a merge by hand does that). Where they are one, it is cut where linkage climbs most from
    one merge to the next, between half of the threshold and all of it. Of more than eight groups
    the smallest stay together.
    The largest group stays, and so does a single face that was placed by hand: faces unlike the
    others are the ones that have to be placed by hand.

    Parameters
    ----------
    table : FaceTable
        The faces of the person, with vectors.
    nets : NetsUsed

    Returns
    -------
    list of list of int
        Empty where there is only one group.
    """
    if len(table) < 2:
        return []
    labels = _labels(table, identity_calibration(nets.embedder, nets.attributes))
    sizes = np.bincount(labels)
    by_hand = np.bincount(labels, weights=table.placed)
    leaves = (sizes > 1) | (by_hand == 0)
    leaves[sizes.argmax()] = False
    groups = [table.face_id[labels == label].tolist() for label in np.flatnonzero(leaves)]
    return sorted(groups, key=lambda group: (-len(group), group))[: MOST_GROUPS - 1]


def _labels(table: FaceTable, use: IdentityCalibration) -> Ints:
    from album.grouping.features import unit
    from clustering.linkage.linkage import average_linkage

    assert table.vectors is not None
    vectors, threshold = unit(table.vectors), use.identity_threshold
    variance = None if use.nearness is None else use.nearness.variance(vectors)
    tree = average_linkage(vectors, threshold, variance=variance)
    whole = tree.cut()
    if whole.max() > 0:
        return whole
    return tree.cut(best_cut(tree.heights, threshold))


def best_cut(heights: NDArray[np.float64], threshold: float) -> float:
    """Return the threshold that cuts below the highest climb between two merges.

    Parameters
    ----------
    heights : ndarray of float64, shape (m,)
        Of the merges, rising, the last of which makes one group of all.
    threshold : float
        Of the library; merges below `STRICTEST` of it are never undone.

    Returns
    -------
    float
        The threshold itself, which cuts nothing, where no merge can be undone.
    """
    floor = STRICTEST * threshold
    last = heights[-(MOST_GROUPS - 1) :]
    below = np.concatenate([[0.0], heights[:-1]])[-len(last) :] if len(last) else last
    climbs = np.where(last > floor, last - np.maximum(below, floor), 0.0)
    if not climbs.any():
        return threshold
    return float(below[np.argmax(climbs)])
