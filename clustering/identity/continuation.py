"""The same child over the years: which groups of faces continue each other.

Children change so much that their faces end up in several groups, each within the threshold, which
are further apart than that from each other. What tells two such groups from two people is how
their distance goes with the difference in age, whether their birth years agree, and whether anybody
else is nearer. A logistic function of these gives the probability that two groups are one person;
its figures come from development data.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustering.identity.questions import Pairs, pair_features

Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

REACH = 1.7
"""Largest distance of groups to be looked at, in units of the threshold."""
EIGHTY = 1.2816
"""Half the width of an 80 % interval in standard deviations."""
_CHANCE = 1.0
"""Years that birth years may differ by besides what is known of their errors."""
_FAR = 4.0
"""Standard deviations beyond which birth years only differ, however much."""
_IMPOSSIBLE = 3.0
"""Standard deviations between birth years beyond which nothing else counts."""
_OLDER = 30.0
"""Years beyond which a greater difference in age excuses no more; development data end there."""


@dataclass(frozen=True, slots=True, eq=False)
class Lives:
    """What is known of k groups of faces in time.

    Attributes
    ----------
    born, sigma : ndarray of float64, shape (k,)
        Estimated birth year and its standard deviation, in years; NaN where no date is known.
    age : ndarray of float64, shape (k,)
        Mean age in the photos, in years.
    """

    born: Doubles
    sigma: Doubles
    age: Doubles

    @property
    def known(self) -> Mask:
        """Which groups have a birth year, shape (k,)."""
        return np.isfinite(self.born)


def continuation_features(pairs: Pairs, count: Ints, lives: Lives) -> Doubles:
    """Return what tells whether two groups are one person at two ages.

    Parameters
    ----------
    pairs : Pairs
        Of groups whose birth years are known.
    count : ndarray of int64, shape (k,)
        Faces of each group.
    lives : Lives

    Returns
    -------
    ndarray of float64, shape (m, 7)
        The four of `clustering.identity.questions.pair_features`; the difference in birth years in
        standard deviations, and its square; the difference in age in decades, at most three.
    """
    a, b = pairs.a, pairs.b
    sigma = np.sqrt(lives.sigma[a] ** 2 + lives.sigma[b] ** 2 + _CHANCE**2)
    off = np.minimum(np.abs(lives.born[a] - lives.born[b]) / sigma, _FAR)
    older = np.minimum(np.abs(lives.age[a] - lives.age[b]), _OLDER) / 10
    return np.column_stack([pair_features(pairs, count), off, off**2 / _FAR, older])


def continuation_scores(
    score: Callable[[Doubles], Doubles], pairs: Pairs, count: Ints, lives: Lives
) -> Doubles:
    """Return the probability that two groups are one person at two ages.

    Parameters
    ----------
    score : callable
        Gives it for features, where birth years can agree.
    pairs, count, lives
        As in `continuation_features`; also pairs of which nothing is known.

    Returns
    -------
    ndarray of float64, shape (m,)
        0 where birth years are more than three standard deviations apart, NaN where one of them is
        not known.
    """
    features = continuation_features(pairs, count, lives)
    known = np.asarray(np.isfinite(features).all(axis=1))
    found = score(np.where(known[:, None], features, 0))
    found = np.where(features[:, 4] > _IMPOSSIBLE, 0, found)
    return np.where(known, found, np.nan)


def best_first(pairs: Pairs, score: Doubles, allowed: Callable[[int, int], bool]) -> Pairs:
    """Choose pairs to merge: those with the best score first, and no group twice.

    Parameters
    ----------
    pairs : Pairs
    score : ndarray of float64, shape (m,)
    allowed : callable
        Whether two groups, given by position, may be one.

    Returns
    -------
    Pairs
        By falling score. Of equal scores the first pair in the order given goes first.
    """
    used: set[int] = set()
    chosen = []
    for row in np.argsort(-score, kind="stable").tolist():
        a, b = int(pairs.a[row]), int(pairs.b[row])
        if a not in used and b not in used and allowed(a, b):
            used |= {a, b}
            chosen.append(row)
    return pairs.take(np.array(chosen, np.int64))
