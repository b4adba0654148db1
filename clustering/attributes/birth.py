"""When a face's person was born, as feature columns that linkage can weigh beside identity.

Savchenko appends the predicted birth year to the identity features with a weight. Here the whole
distribution goes in, as the mean of a Gaussian bump over all birth years it holds possible (a
kernel mean embedding), so that far-off years count no more than clearly different ones, and a vague
age or an untrusted date says little.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clustering.linkage.storage import parts

Doubles = NDArray[np.float64]

STEP = 3.0
"""Years between two columns; less than half of any sensible width."""


def birth_columns(
    age_probs: ArrayLike,
    photo_years: ArrayLike,
    date_sigma: ArrayLike,
    *,
    width: float,
    offsets: ArrayLike | None = None,
    born: ArrayLike | None = None,
    grid: Doubles | None = None,
) -> Doubles:
    r"""Return columns in which two faces are far apart where their birth years differ.

    With phi the columns, phi_i . phi_j is the expectation of exp(-(b_i - b_j)^2 / (2 width^2)) over
    the birth years b that the two faces hold possible: 1 for the same certain year, 0 for years
    that are several widths apart, and near 0 where one of them is uncertain.

    Parameters
    ----------
    age_probs : array of float, shape (n, k)
        Probability of each age; output i is the age i + 1. Rows of NaN know nothing.
    photo_years : array of float, shape (n,)
        When each photo was taken, as a fractional year; NaN where not known.
    date_sigma : array of float, shape (n,)
        Standard deviation of that date, in years; infinite where not known.
    width : float
        Difference in years at which two birth years begin to differ.
    offsets : array of float, shape (k,), optional
        Years to add to each age, to correct a known bias.
    born : array of float, shape (n,), optional
        The birth year of each face where it is known for certain, as a fractional year, else NaN.
        Age and date of such a face are not looked at.
    grid : ndarray of float64, shape (m,), optional
        From `birth_grid` of all faces, where these are some of them.

    Returns
    -------
    ndarray of float64, shape (n, m)
        Rows of zeros for faces of which nothing is known.
    """
    probs = np.asarray(age_probs, np.float64)
    year, sigma = np.asarray(photo_years, np.float64), np.asarray(date_sigma, np.float64)
    ages = _ages(probs.shape[1], offsets)
    sure, told, known = _known(probs, year, sigma, born)
    if grid is None:
        grid = birth_grid(probs, year, sigma, width=width, offsets=offsets, born=born)
    columns = np.zeros((len(probs), len(grid)))
    columns[known] = _bumps(probs[known], year[known], sigma[known], ages, grid, width)
    one, exact = np.ones((int(told.sum()), 1)), np.zeros(int(told.sum()))
    columns[told] = _bumps(one, sure[told], exact, np.zeros(1), grid, width)
    return columns


def birth_grid(
    age_probs: ArrayLike,
    photo_years: ArrayLike,
    date_sigma: ArrayLike,
    *,
    width: float,
    offsets: ArrayLike | None = None,
    born: ArrayLike | None = None,
) -> Doubles:
    """Return the birth years that the columns stand for, shape (m,); one if nothing is known.

    Parameters
    ----------
    age_probs, photo_years, date_sigma, width, offsets, born
        As in `birth_columns`.
    """
    probs = np.asarray(age_probs)
    year, sigma = np.asarray(photo_years, np.float64), np.asarray(date_sigma, np.float64)
    sure, told, known = _known(probs, year, sigma, born)
    if not (known | told).any():
        return np.zeros(1)
    oldest = _ages(probs.shape[1], offsets).max()
    first = float(np.concatenate([year[known] - oldest, sure[told]]).min())
    last = float(np.concatenate([year[known], sure[told]]).max())
    return np.arange(first - 3 * width, last + 3 * width, STEP, dtype=np.float64)


def _ages(k: int, offsets: ArrayLike | None) -> Doubles:
    ages = np.arange(1, k + 1) + 0.5
    shifted = ages + (0 if offsets is None else np.asarray(offsets, np.float64))
    return np.asarray(np.maximum(shifted, 0), np.float64)


def _known(
    probs: NDArray[Any], year: Doubles, sigma: Doubles, born: ArrayLike | None
) -> tuple[Doubles, NDArray[np.bool_], NDArray[np.bool_]]:
    """Return birth years that are certain, where they are, and where there is age and date."""
    sure = np.full(len(probs), np.nan) if born is None else np.asarray(born, np.float64)
    told = np.isfinite(sure)
    known = np.isfinite(year) & np.isfinite(sigma) & ~told
    rows = np.flatnonzero(known)
    for part in parts(len(rows)):
        known[rows[part]] = np.isfinite(probs[rows[part]]).all(axis=1)
    return sure, told, known


def _bumps(
    probs: NDArray[Any], year: Doubles, sigma: Doubles, ages: Doubles, grid: Doubles, width: float
) -> Doubles:
    """Sum a bump over the grid for each possible age, as wide as the date leaves open.

    The product of two bumps of variance width^2 / 2 about b and c, summed over the grid, is
    proportional to exp(-(b - c)^2 / (2 width^2)).
    """
    narrow = width**2 / 2
    wide = narrow + sigma**2
    height = np.sqrt(STEP / np.sqrt(np.pi * narrow)) * np.sqrt(narrow / wide)
    total = np.zeros((len(probs), len(grid)))
    for column, age in enumerate(ages):
        gap = (year - age)[:, None] - grid
        total += probs[:, column, None] * np.exp(-(gap**2) / (2 * wide[:, None]))
    norm = probs.sum(axis=1)
    scaled: Doubles = total * (height / np.where(norm > 0, norm, 1))[:, None]
    return scaled


def birth_variance(columns: Doubles, *, unknown: float) -> Doubles:
    """Return what faces of which little is known are away from every other face.

    To half of the squared distance of the columns this is added for both faces of a pair: two faces
    of which nothing is known are then `unknown` apart, where the same certain birth year is 0 and
    a different one 1.

    Parameters
    ----------
    columns : ndarray of float64, shape (n, m)
        From `birth_columns`.
    unknown : float
        0 to 1.

    Returns
    -------
    ndarray of float64, shape (n,)
        Not negative.
    """
    return np.asarray(unknown / 2 * np.maximum(1 - (columns**2).sum(axis=1), 0))
