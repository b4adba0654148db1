"""What many faces say together: ages from distributions, gender and birth year of a person.

Only NumPy is imported, so that a table of people starts fast. Eq. 1 and 2 are those of Savchenko,
"Efficient facial representations for age, gender and identity recognition in organizing photo
albums using multi-output ConvNet", PeerJ Computer Science 5:e197, 2019.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clustering.attributes.robust import huber, variance_scale
from clustering.linkage.constraints import RowError, refuse

Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]

_EIGHTY = 1.2815515655446004
"""Half the width of the central 80 % of a normal distribution, in standard deviations."""


@dataclass(frozen=True, slots=True)
class GenderCalibration:
    """How far the faces of one person are to be believed together.

    Attributes
    ----------
    correlation : float
        Of the log odds of two faces of one person, 0 to 1. At 0 every face is a vote of its own
        (the product rule), at 1 all together are worth one.
    temperature : float
        The fused log odds are divided by this.
    bias : float
        Added to the fused log odds of being male.
    clip : float
        A face is never believed more than 1 - clip.
    """

    correlation: float = 0.0
    temperature: float = 1.0
    bias: float = 0.0
    clip: float = 1e-3


@dataclass(frozen=True, slots=True)
class AgeCalibration:
    """Errors of estimated ages, measured on development data.

    Attributes
    ----------
    ages : tuple of float
        Estimated ages, rising, at which the next two are given; straight lines in between, and
        constant beyond.
    offsets : tuple of float
        Years to add to the estimate: minus its mean error.
    sigmas : tuple of float
        Standard deviation of one corrected estimate, in years, without `shared`.
    shared : float
        Standard deviation, in years, of the error that all faces of a person have in common:
        people look older or younger than they are. More photos do not reduce it.
    trusted : float
        Dates with at most this standard deviation, in years, are taken to be right: nobody is in a
        photo before being born.
    """

    ages: tuple[float, ...] = (0.0, 100.0)
    offsets: tuple[float, ...] = (0.0, 0.0)
    sigmas: tuple[float, ...] = (3.0, 9.0)
    shared: float = 2.0
    trusted: float = 1.0


@dataclass(frozen=True, slots=True)
class BirthYear:
    """When a person was born, as a fractional year: 1990.5 is the middle of 1990.

    Attributes
    ----------
    estimate : float
    low, high : float
        The truth is between them with a probability of 80 %.
    n : int
        Number of faces used.
    """

    estimate: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True, eq=False)
class BirthYears:
    """Birth years of many people, as in `BirthYear`; NaN for those without faces.

    Attributes
    ----------
    estimate, low, high : ndarray of float64, shape (people,)
    n : ndarray of int64, shape (people,)
    """

    estimate: Doubles
    low: Doubles
    high: Doubles
    n: Ints


def expected_ages(age_probs: ArrayLike, top: int = 3) -> Doubles:
    """Return the expectation over the most likely ages, their probabilities made to sum to 1.

    Parameters
    ----------
    age_probs : array of float, shape (n, k)
        Output i is the probability of the age i + 1.
    top : int
        How many of the largest outputs count, 1 to k (L in eq. 2).

    Returns
    -------
    ndarray of float64, shape (n,)
        Years.

    Raises
    ------
    ValueError
        If the shape or `top` is out of range, or a row has no probability that is finite and
        positive.
    """
    probs = np.asarray(age_probs)
    if probs.ndim != 2 or not 1 <= top <= probs.shape[1]:
        raise ValueError(f"top {top} of ages of shape {probs.shape}")
    best = np.argpartition(probs, probs.shape[1] - top, axis=1)[:, -top:]
    weight = np.take_along_axis(probs, best, axis=1).astype(np.float64)
    total = weight.sum(axis=1)
    refuse(
        "rows of ages without a finite, positive probability", ~(np.isfinite(total) & (total > 0))
    )
    return np.asarray((weight * (best + 1)).sum(axis=1) / total)


def fuse_gender(p_male: ArrayLike, calibration: GenderCalibration | None = None) -> float:
    """Return the probability that a person is male, given that of each face.

    Parameters
    ----------
    p_male : array of float, shape (m,)
        At least one face.
    calibration : GenderCalibration, optional
        The default is the product rule of eq. 1.

    Returns
    -------
    float
    """
    p = np.atleast_1d(np.asarray(p_male, np.float64))
    if not len(p):
        raise ValueError("no face to tell the gender from")
    return float(fuse_genders(p, np.zeros(len(p), np.int64), 1, calibration)[0])


def fuse_genders(
    p_male: ArrayLike, person: ArrayLike, people: int, calibration: GenderCalibration | None = None
) -> Doubles:
    """Return the probability of being male for many people at once.

    The product rule in logs: the log odds of the faces add up. Faces of one person err together,
    so m of them count as m / (1 + (m - 1) * correlation) independent ones.

    Parameters
    ----------
    p_male : array of float, shape (n,)
        Of each face.
    person : array of int, shape (n,)
        Person of each face, 0 to people - 1.
    people : int
    calibration : GenderCalibration, optional

    Returns
    -------
    ndarray of float64, shape (people,)
        NaN for people without faces.
    """
    use = calibration or GenderCalibration()
    p, who = _grouped(people, person, p_male)
    refuse("rows with a probability outside 0 to 1", ~((p >= 0) & (p <= 1)))
    p = p.clip(use.clip, 1 - use.clip)
    n = np.bincount(who, minlength=people)
    total = np.bincount(who, np.log(p) - np.log1p(-p), people)
    odds = (total / (1 + (n - 1) * use.correlation) + use.bias) / use.temperature
    # tanh does not overflow where exp would.
    return np.where(n > 0, (1 + np.tanh(odds / 2)) / 2, np.nan)


def male_votes(p_male: ArrayLike, person: ArrayLike, people: int, *, at: float = 0.6) -> Doubles:
    """Return the share of each person's faces that count as male, for comparison.

    Parameters
    ----------
    p_male : array of float, shape (n,)
    person : array of int, shape (n,)
    people : int
    at : float
        A face counts as male from this probability on; 0.6 in the paper.

    Returns
    -------
    ndarray of float64, shape (people,)
        NaN for people without faces.
    """
    p, who = _grouped(people, person, p_male)
    n = np.bincount(who, minlength=people)
    votes = np.bincount(who, p >= at, people)
    return np.where(n > 0, votes / np.maximum(n, 1), np.nan)


def corrected_ages(ages: ArrayLike, calibration: AgeCalibration) -> tuple[Doubles, Doubles]:
    """Return ages with the known bias removed, at least 0, and their standard deviations.

    Parameters
    ----------
    ages : array of float, shape (n,)
        As estimated, in years.
    calibration : AgeCalibration

    Returns
    -------
    corrected, sigma : ndarray of float64, shape (n,)
    """
    age = np.asarray(ages, np.float64)
    offset = np.interp(age, calibration.ages, calibration.offsets)
    return np.maximum(age + offset, 0), np.interp(age, calibration.ages, calibration.sigmas)


def fuse_birth_year(
    ages: ArrayLike,
    photo_years: ArrayLike,
    date_sigma: ArrayLike,
    *,
    calibration: AgeCalibration | None = None,
    weights: ArrayLike | None = None,
) -> BirthYear:
    """Return when a person was born, from the estimated age in each photo.

    Parameters
    ----------
    ages : array of float, shape (m,)
        Estimated ages in years, at least one.
    photo_years : array of float, shape (m,)
        When each photo was taken, as a fractional year.
    date_sigma : array of float, shape (m,), or float
        Standard deviation of those dates, in years.
    calibration : AgeCalibration, optional
    weights : array of float, shape (m,), optional
        How much each face counts, such as less for each of a burst.

    Returns
    -------
    BirthYear
    """
    age = np.atleast_1d(np.asarray(ages, np.float64))
    if not len(age):
        raise ValueError("no face to tell the birth year from")
    found = fuse_birth_years(
        age,
        photo_years,
        date_sigma,
        np.zeros(len(age), np.int64),
        1,
        calibration=calibration,
        weights=weights,
    )
    return BirthYear(float(found.estimate[0]), float(found.low[0]), float(found.high[0]), len(age))


def fuse_birth_years(
    ages: ArrayLike,
    photo_years: ArrayLike,
    date_sigma: ArrayLike,
    person: ArrayLike,
    people: int,
    *,
    calibration: AgeCalibration | None = None,
    weights: ArrayLike | None = None,
) -> BirthYears:
    """Return when many people were born.

    Each face says photo year minus corrected age, with the variance of age and date. A person's
    estimate is Huber's (from the weighted median on), so that single wrong faces or dates do not
    pull it. Its variance has three parts: that of the weighted mean, scaled by how much the faces
    really differ; the error that a person's faces share; and the mean uncertainty of the dates,
    which is shared too, as all scans of one day carry the same wrong date.

    Parameters
    ----------
    ages : array of float, shape (n,)
    photo_years : array of float, shape (n,)
    date_sigma : array of float, shape (n,), or float
    person : array of int, shape (n,)
        Person of each face, 0 to people - 1.
    people : int
    calibration : AgeCalibration, optional
    weights : array of float, shape (n,), optional

    Returns
    -------
    BirthYears
        No estimate is after the earliest photo with a trusted date.
    """
    use = calibration or AgeCalibration()
    age, who = _grouped(people, person, ages)
    year, unsure, given = (
        np.broadcast_to(np.asarray(values, np.float64), age.shape)
        for values in (photo_years, date_sigma, 1.0 if weights is None else weights)
    )
    refuse("rows with an unusable age, date or weight", _unusable(age, year, unsure, given))
    corrected, sigma = corrected_ages(age, use)
    born = year - corrected
    sigma = np.hypot(sigma, unsure)
    weight = given / sigma**2
    estimate, trust = huber(born, weight, sigma, who, people)
    total = np.bincount(who, trust, people)
    n = np.bincount(who, minlength=people)
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = variance_scale(born, estimate, sigma, who, people)
        dates = np.bincount(who, trust * unsure, people) / total
        # Weights above 1 make a face count for more, not its age surer.
        votes = np.bincount(who, trust / np.maximum(given, 1e-12), people)
        spread = np.sqrt(scale / np.minimum(total, votes) + use.shared**2 + dates**2)
    cap = np.full(people, np.inf)
    sure = unsure <= use.trusted
    np.minimum.at(cap, who[sure], year[sure])
    low, high = estimate - _EIGHTY * spread, estimate + _EIGHTY * spread
    estimate, high = np.minimum(estimate, cap), np.minimum(high, cap)
    return BirthYears(estimate, np.minimum(low, estimate), high, n)


def birth_intervals(
    ages: ArrayLike, photo_years: ArrayLike, date_sigma: ArrayLike, *, margin: ArrayLike
) -> Doubles:
    """Return the years in which the person of each face can have been born.

    For `Constraints.intervals`: faces whose intervals do not meet can't be of one person. The
    upper end is never after the photo was taken, with three standard deviations for its date.

    Parameters
    ----------
    ages : array of float, shape (n,)
        Corrected ages in years.
    photo_years : array of float, shape (n,)
    date_sigma : array of float, shape (n,), or float
    margin : array of float, shape (n,), or float
        How wrong an age may be, in years.

    Returns
    -------
    ndarray of float64, shape (n, 2)
    """
    age, year, unsure, wrong = np.broadcast_arrays(
        *(np.asarray(values, np.float64) for values in (ages, photo_years, date_sigma, margin))
    )
    slack = 3 * unsure
    low = year - age - wrong - slack
    high = np.minimum(year - age + wrong, year) + slack
    return np.column_stack([np.minimum(low, high), high])


def _grouped(people: int, person: ArrayLike, values: ArrayLike) -> tuple[Doubles, Ints]:
    value, who = np.asarray(values, np.float64), np.asarray(person)
    if value.ndim != 1 or who.shape != value.shape:
        raise RowError(f"values of shape {value.shape} for people of shape {who.shape}")
    if len(who) and not np.issubdtype(who.dtype, np.integer):
        raise RowError(f"people must be numbered by integers, not {who.dtype}")
    who = who.astype(np.int64)
    refuse(f"people outside 0 to {people - 1} in rows", (who < 0) | (who >= people))
    return value, who


def _unusable(age: Doubles, year: Doubles, unsure: Doubles, given: Doubles) -> NDArray[np.bool_]:
    finite = np.isfinite(age) & np.isfinite(year) & np.isfinite(unsure) & np.isfinite(given)
    return ~finite | (age < 0) | (unsure < 0) | (given <= 0)
