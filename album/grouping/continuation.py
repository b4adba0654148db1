"""Joining the groups that one child left over the years, where that is as good as certain."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from album.grouping.features import Dated, Faces, all_finite, apparent_ages, strangers, unit
from album.models.calibration import IdentityCalibration
from clustering.attributes.fusion import fuse_birth_years
from clustering.identity.continuation import EIGHTY, REACH, Lives, best_first, continuation_scores
from clustering.identity.questions import Groups, Pairs, near_pairs, summarise
from clustering.linkage.graph import Resources
from clustering.linkage.storage import parts

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]

ROUNDS = 20
GROWN = 20.0
"""Mean age in years from which a group is of an adult. Two groups of adults are never joined: they
hardly change, so who is further apart than the threshold mostly is somebody else."""


@dataclass(frozen=True, slots=True)
class Barriers:
    """What keeps groups of n faces apart besides common photos.

    Attributes
    ----------
    kept : int
        The first so many groups are known people, no two of whom become one.
    apart : ndarray of int64, shape (m, 2)
        Rows that are not of one person.
    members : ndarray of int64, shape (l, 2)
        A row, and a photo in which its person is with a face that has no row.
    births : ndarray of float64, shape (n, 2), or None
        Between which years the person of each face can have been born.
    """

    kept: int = 0
    apart: Ints = field(default_factory=lambda: np.zeros((0, 2), np.int64))
    members: Ints = field(default_factory=lambda: np.zeros((0, 2), np.int64))
    births: Doubles | None = None


def continued(
    labels: Ints,
    faces: Faces,
    dated: Dated,
    use: IdentityCalibration,
    barriers: Barriers | None = None,
    resources: Resources | None = None,
) -> Ints:
    """Merge groups that are one person at different ages; what has no date stays as it is.

    Round by round, the likeliest first, as long as a pair is at least as likely as
    `ContinuationCalibration.certain`, shares no photo and nothing else keeps it apart.

    Parameters
    ----------
    labels : ndarray of int64, shape (n,)
        Group of each face, 0 to k - 1.
    faces : Faces
    dated : Dated
    use : IdentityCalibration
    barriers : Barriers, optional
    resources : Resources, optional
        As in `clustering.linkage.linkage.average_linkage`.

    Returns
    -------
    ndarray of int64, shape (n,)
        Groups are numbered anew, from 0; those of known people keep their numbers.
    """
    if use.continuation is None or not dated.trusted.any():
        return labels
    for _ in range(ROUNDS):
        pairs, score = continuations(labels, faces, dated, use, resources)
        age = lives_of(labels, faces, dated, use).age
        growing = np.minimum(age[pairs.a], age[pairs.b]) < GROWN
        certain = (score >= use.continuation.certain) & growing
        together = _Barred(labels, faces.photos, barriers or Barriers())
        chosen = best_first(pairs.take(certain), score[certain], together.allowed)
        if not len(chosen):
            break
        target = np.arange(labels.max() + 1)
        target[chosen.b] = chosen.a
        labels = np.unique(target[labels], return_inverse=True)[1].reshape(-1)
    return labels


def continuations(
    labels: Ints,
    faces: Faces,
    dated: Dated,
    use: IdentityCalibration,
    resources: Resources | None = None,
) -> tuple[Pairs, Doubles]:
    """Return the pairs of groups that may be one person at two ages, and how likely they are.

    Parameters
    ----------
    labels, faces, dated, use, resources
        As in `continued`; `use` has a calibration for this.

    Returns
    -------
    pairs : Pairs
        Of m pairs of groups with dates; distances are of identity alone.
    probability : ndarray of float64, shape (m,)
    """
    assert use.continuation is not None
    groups = identities(labels, faces, use, resources)
    lives = lives_of(labels, faces, dated, use)
    pairs = near_pairs(groups, use.identity_threshold, reach=REACH, resources=resources)
    pairs = pairs.take(lives.known[pairs.a] & lives.known[pairs.b])
    return pairs, continuation_scores(use.continuation.score, pairs, groups.count, lives)


def identities(
    labels: Ints, faces: Faces, use: IdentityCalibration, resources: Resources | None = None
) -> Groups:
    """Return statistics of the identity vectors of groups, without birth years."""
    storage = (resources or Resources()).storage
    variance = np.empty(len(labels))
    for part in parts(len(labels)):
        variance[part] = strangers(unit(faces.vectors[part]), use)
    storage.release()
    return summarise(faces.vectors, labels, variance, prepare=unit, storage=storage)


def lives_of(labels: Ints, faces: Faces, dated: Dated, use: IdentityCalibration) -> Lives:
    """Return birth years and ages of groups, from the faces whose dates are trusted."""
    k = int(labels.max(initial=-1)) + 1
    rows = np.flatnonzero(dated.trusted & all_finite(faces.ages))
    who, years = labels[rows], dated.years[rows]
    found = fuse_birth_years(
        apparent_ages(faces.ages, rows), years, dated.sigma[rows], who, k, calibration=use.age
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        age = np.bincount(who, years, k) / np.bincount(who, minlength=k) - found.estimate
    return Lives(found.estimate, (found.high - found.low) / 2 / EIGHTY, age)


class _Barred:
    """Which groups can't be one person."""

    def __init__(self, labels: Ints, photos: Ints, barriers: Barriers) -> None:
        known = np.flatnonzero(photos >= 0)
        rows = np.concatenate([known, barriers.members[:, 0]])
        where = np.concatenate([photos[known], barriers.members[:, 1]])
        self._photos: dict[int, set[int]] = {}
        for label, photo in zip(labels[rows].tolist(), where.tolist(), strict=True):
            self._photos.setdefault(label, set()).add(photo)
        self._apart = set(map(tuple, np.sort(labels[barriers.apart], axis=1).tolist()))
        self._kept = barriers.kept
        k = int(labels.max(initial=-1)) + 1
        self._low, self._high = np.full(k, -np.inf), np.full(k, np.inf)
        if barriers.births is not None:
            np.maximum.at(self._low, labels, barriers.births[:, 0])
            np.minimum.at(self._high, labels, barriers.births[:, 1])

    def allowed(self, a: int, b: int) -> bool:
        """Tell whether two groups may be one; a < b."""
        apart = b < self._kept or (a, b) in self._apart
        born = max(self._low[a], self._low[b]) <= min(self._high[a], self._high[b])
        shared = not self._photos.get(a, set()).isdisjoint(self._photos.get(b, set()))
        return bool(born) and not apart and not shared
