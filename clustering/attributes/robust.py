"""Robust location of many small groups at once."""

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]

HUBER = 1.345
"""Deviations in sigmas from which a value loses weight: 95 % as efficient as the mean if normal."""
PRIOR = 4.0


def huber(
    born: Doubles, weight: Doubles, sigma: Doubles, who: Ints, people: int
) -> tuple[Doubles, Doubles]:
    """Return Huber's estimate of location for each person, and the weights it ended with.

    Parameters
    ----------
    born : ndarray of float64, shape (n,)
        Values.
    weight : ndarray of float64, shape (n,)
        Positive.
    sigma : ndarray of float64, shape (n,)
        Standard deviation of each value.
    who : ndarray of int64, shape (n,)
        Person of each value.
    people : int

    Returns
    -------
    estimate : ndarray of float64, shape (people,)
        NaN for people without values.
    trust : ndarray of float64, shape (n,)
        At most `weight`; less for values further than 1.345 sigma from the estimate.
    """
    estimate = weighted_median(born, weight, who, people)
    trust = weight
    with np.errstate(invalid="ignore", divide="ignore"):
        for _ in range(20):
            off = np.abs(born - estimate[who]) / sigma
            trust = weight * np.minimum(1, HUBER / np.maximum(off, 1e-9))
            estimate = np.bincount(who, trust * born, people) / np.bincount(who, trust, people)
    return estimate, trust


def weighted_median(values: Doubles, weight: Doubles, who: Ints, people: int) -> Doubles:
    """Return the lowest value of each person at which half of the weight is reached.

    Parameters
    ----------
    values, weight : ndarray of float64, shape (n,)
    who : ndarray of int64, shape (n,)
    people : int

    Returns
    -------
    ndarray of float64, shape (people,)
        NaN for people without values.
    """
    order = np.lexsort((values, who))
    person = who[order]
    total = np.bincount(who, weight, people)
    # Shares sum to 1 for each person, so that people before this one are a whole number.
    before = np.cumsum(np.concatenate([[0], np.diff(person) != 0])[: len(person)])
    reached = np.cumsum(weight[order] / total[person]) - before
    out = np.full(people, np.nan)
    half = np.flatnonzero(reached >= 0.5 - 1e-9)[::-1]
    out[person[half]] = values[order][half]
    return out


def variance_scale(
    born: Doubles, estimate: Doubles, sigma: Doubles, who: Ints, people: int
) -> Doubles:
    """Return how much larger the variance of the faces is than their sigmas say.

    As if four more faces had been seen that differ just as they should. No face counts as more
    than 3 sigma off.

    Parameters
    ----------
    born, sigma : ndarray of float64, shape (n,)
    estimate : ndarray of float64, shape (people,)
    who : ndarray of int64, shape (n,)
    people : int

    Returns
    -------
    ndarray of float64, shape (people,)
    """
    off = np.minimum(((born - estimate[who]) / sigma) ** 2, 9.0)
    n = np.bincount(who, minlength=people)
    return (PRIOR + np.bincount(who, off, people)) / (PRIOR + np.maximum(n - 1, 0))
