"""What is compared when faces are grouped, and what the calibration makes of it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from album.dates.sources import TRUSTED_YEARS
from album.models.calibration import IdentityCalibration
from clustering.attributes.birth import birth_columns, birth_grid, birth_variance
from clustering.attributes.fusion import birth_intervals, corrected_ages, expected_ages
from clustering.linkage.storage import MEMORY, Storage, parts, take

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]

BLURRED, SMALL, SIDEWAYS = 10.0, 24.0, 0.1
"""Sharpness, size in pixels and frontalness below which a face shows too little: where fewer than
nine in ten are still within the threshold of their own person (`benchmarks/quality.md`)."""

IMPOSSIBLE = 3.0
"""Standard deviations of an age beyond which a birth year is taken to be impossible."""


@dataclass(frozen=True, slots=True)
class Dated:
    """When the photos of n faces were taken.

    Attributes
    ----------
    years : ndarray of float64, shape (n,)
        Fractional years; NaN where not known.
    days : ndarray of float64, shape (n,)
        Days since 1970; NaN where no date is to be trusted.
    sigma : ndarray of float64, shape (n,)
        Standard deviation in years; infinite where there is no date.
    """

    years: Doubles
    days: Doubles
    sigma: Doubles

    @property
    def trusted(self) -> NDArray[np.bool_]:
        """Which dates can say something about birth years, shape (n,)."""
        return self.sigma <= TRUSTED_YEARS


@dataclass(frozen=True, slots=True)
class Faces:
    """What is compared when faces are grouped.

    Attributes
    ----------
    vectors : ndarray of float32, shape (n, d)
        Identity vectors of one contract.
    ages : ndarray of float32, shape (n, 100)
        Probability of each age.
    photos : ndarray of int64, shape (n,)
        Photo of each face; faces of one photo are of different people. -1 for none.
    weak : ndarray of bool, shape (n,), or None
        Faces that show too little to found a person; None where that is not known of any.
    """

    vectors: NDArray[np.float32]
    ages: NDArray[np.float32]
    photos: Ints
    weak: NDArray[np.bool_] | None = None

    @property
    def unclear(self) -> NDArray[np.bool_]:
        """Which faces are known to show too little, shape (n,)."""
        return np.zeros(len(self.photos), bool) if self.weak is None else self.weak


def take_rows(
    faces: Faces, dated: Dated, rows: Ints, storage: Storage = MEMORY
) -> tuple[Faces, Dated]:
    """Return the given rows of faces and dates."""
    vectors, ages = take(storage, faces.vectors, rows), take(storage, faces.ages, rows)
    return (
        Faces(vectors, ages, faces.photos[rows], faces.unclear[rows]),
        Dated(dated.years[rows], dated.days[rows], dated.sigma[rows]),
    )


def weak_faces(
    size: NDArray[np.float32], sharpness: NDArray[np.float32], frontal: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Return which faces show too little to found a person, by `nets.core.quality`.

    Parameters
    ----------
    size : ndarray of float32, shape (n,)
        In pixels of the photo.
    sharpness, frontal : ndarray of float32, shape (n,)
        NaN where not measured.
    """
    return (size < SMALL) | (sharpness < BLURRED) | (frontal < SIDEWAYS)


def all_finite(rows: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which rows of a large array are finite, shape (n,)."""
    out = np.empty(len(rows), bool)
    for part in parts(len(rows)):
        out[part] = np.isfinite(rows[part]).all(axis=1)
    return out


def apparent_ages(ages: NDArray[np.float32], rows: Ints) -> Doubles:
    """Return the expected ages of some faces, shape (len(rows),); ages may lie in a file."""
    found = [expected_ages(ages[rows[part]]) for part in parts(len(rows))]
    return np.concatenate([np.zeros(0), *found])


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return vectors scaled to unit length, which storing as float16 takes from them."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-9).astype(np.float32), np.float32)


def units(vectors: NDArray[np.float32], storage: Storage = MEMORY) -> NDArray[np.float32]:
    """Return many vectors scaled to unit length, part by part; see `unit`."""
    out: NDArray[np.float32] = storage.empty((len(vectors), vectors.shape[1]), np.float32)
    for part in parts(len(vectors)):
        out[part] = unit(vectors[part])
        storage.touched(part.stop - part.start, out)
    return out


def compared(
    faces: Faces,
    dated: Dated,
    use: IdentityCalibration,
    *,
    born: Doubles | None = None,
    storage: Storage = MEMORY,
) -> tuple[NDArray[np.float32], Doubles]:
    """Return the rows for linkage: identity with birth years beside it, and their variances.

    Parameters
    ----------
    faces : Faces
    dated : Dated
    use : IdentityCalibration
    born : ndarray of float64, shape (n,), optional
        Birth years that are known for certain, which override apparent ages; else NaN.
    storage : Storage
        Where the rows are to lie.

    Returns
    -------
    vectors : ndarray of float32, shape (n, d + birth columns)
    variance : ndarray of float64, shape (n,)
        What a face is away from every other besides: more for one that is near to strangers, and
        for one of whose birth year nothing is known.
    """
    sigma = np.where(dated.trusted, dated.sigma, np.inf)
    sure = np.full(len(sigma), np.nan) if born is None else born
    width, offsets = use.birth_width, _offsets(faces.ages, use)
    grid = birth_grid(faces.ages, dated.years, sigma, width=width, offsets=offsets, born=sure)
    n, d = faces.vectors.shape
    out: NDArray[np.float32] = storage.empty((n, d + len(grid)), np.float32)
    variance = np.empty(n)
    for part in parts(n):
        columns = birth_columns(
            faces.ages[part],
            dated.years[part],
            sigma[part],
            width=width,
            offsets=offsets,
            born=sure[part],
            grid=grid,
        )
        out[part, :d] = vectors = unit(faces.vectors[part])
        out[part, d:] = np.sqrt(use.birth_weight / 2) * columns
        variance[part] = use.birth_weight * birth_variance(columns, unknown=use.birth_unknown)
        variance[part] += strangers(vectors, use)
        storage.touched(part.stop - part.start, out)
    return out, variance


def strangers(vectors: NDArray[np.float32], use: IdentityCalibration) -> Doubles:
    """Return what being near to strangers adds to the distances of unit vectors, shape (n,)."""
    return np.zeros(len(vectors)) if use.nearness is None else use.nearness.variance(vectors)


def possible_births(faces: Faces, dated: Dated, use: IdentityCalibration) -> Doubles:
    """Return between which years the person of each face can have been born.

    Nobody is in a photo that was taken before their birth, and nobody who seems forty was born a
    few years before it: apparent ages may be `IMPOSSIBLE` standard deviations off, the error that
    the faces of one person share included.

    Returns
    -------
    ndarray of float64, shape (n, 2)
        Infinite where the date is not trusted or ages were not calibrated.
    """
    limits = np.tile([-np.inf, np.inf], (len(faces.ages), 1))
    rows = np.flatnonzero(dated.trusted & all_finite(faces.ages))
    if use.age is not None and len(rows):
        ages, sigma = corrected_ages(apparent_ages(faces.ages, rows), use.age)
        margin = IMPOSSIBLE * np.hypot(sigma, use.age.shared)
        limits[rows] = birth_intervals(ages, dated.years[rows], dated.sigma[rows], margin=margin)
    return limits


def _offsets(ages: NDArray[np.float32], use: IdentityCalibration) -> Doubles | None:
    """Return what to add to each age that the head can answer, in years."""
    if use.age is None:
        return None
    answers = np.arange(1, ages.shape[1] + 1) + 0.5
    return np.interp(answers, use.age.ages, use.age.offsets)
