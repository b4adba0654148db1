"""Big sets of synthetic faces: identities of realistic sizes, scattered as real vectors are.

A model says how the means of people vary, how the faces of one person vary around the mean, and
by how much that differs from person to person. It is either fitted to real vectors with labels
(`fitted`) or the documented Gaussian one (`gaussian`). Sizes of people follow a power law: a few
people fill the album, most are seen a few times, and one face in ten belongs to a stranger.

    python benchmarks/synthetic.py 100000 faces.npz [real.npz]

writes `vectors` (float32, unit length), `person` and `photo`. A real .npz holds `vectors` and
`person` (or `labels`).
"""

import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """How face vectors vary.

    Attributes
    ----------
    centre : ndarray of float64, shape (d,)
        Mean of the means of people.
    between : ndarray of float64, shape (d, d)
        Matrix that turns white noise into the deviation of a person's mean.
    within : ndarray of float64, shape (d, d)
        Matrix that turns white noise into the deviation of a face from the person's mean.
    spread : ndarray of float64, shape (k,)
        Factors on `within`, one of which is drawn for each person.
    """

    centre: Floats
    between: Floats
    within: Floats
    spread: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """Synthetic faces.

    Attributes
    ----------
    vectors : ndarray of float32, shape (n, d)
        Unit length.
    person : ndarray of int64, shape (n,)
    photo : ndarray of int64, shape (n,)
        No photo has two faces of one person.
    """

    vectors: NDArray[np.float32]
    person: NDArray[np.int64]
    photo: NDArray[np.int64]


def gaussian(d: int, *, within: float = 0.75, dimensions: float = 60.0) -> Model:
    """Return a Gaussian model without real data.

    The variances along the axes fall geometrically, so that the effective number of dimensions
    (squared sum of the variances over the sum of their squares) is `dimensions` or the most that
    d axes have. Squared distances are `within` on average between faces of one person (people
    differ, with a standard deviation of a quarter of that) and 2 between people.

    Parameters
    ----------
    d : int
        Length of the vectors.
    within : float
        Mean squared distance between two faces of one person.
    dimensions : float
        Effective number of dimensions. 60 lets some hundred-thousandths of the pairs of different
        people come within 1.1, as happens with real descriptors.

    Returns
    -------
    Model
    """
    variances = np.exp(-np.arange(d) * 2 / dimensions)
    axes = np.sqrt(variances / variances.sum())
    share = within / 2
    spread = np.random.default_rng(7).normal(1, 0.125, 200).clip(0.6, 1.5)
    return Model(
        np.zeros(d), np.diag(axes * np.sqrt(1 - share)), np.diag(axes * np.sqrt(share)), spread
    )


def fitted(vectors: NDArray[np.floating], labels: NDArray[np.integer]) -> Model:
    """Fit a model to real vectors.

    Parameters
    ----------
    vectors : ndarray of float, shape (n, d)
        Unit vectors.
    labels : ndarray of int, shape (n,)
        The person of each. People with one face tell about `between` only.

    Returns
    -------
    Model
    """
    _, person, count = np.unique(labels, return_inverse=True, return_counts=True)
    means = np.zeros((len(count), vectors.shape[1]))
    np.add.at(means, person, vectors.astype(np.float64))
    means /= count[:, None]
    many = count > 1
    left = (vectors - means[person])[many[person]]
    left *= np.sqrt(count / np.maximum(count - 1, 1))[person[many[person]], None]
    squares = np.bincount(person[many[person]], (left**2).sum(1), len(count))[many] / count[many]
    within = left.T @ left / len(left)
    # The mean of a few faces scatters with them: take that part out of the scatter of the means.
    between = np.cov(means.T) - within * np.mean(1 / count)
    return Model(means.mean(0), _root(between), _root(within), np.sqrt(squares / squares.mean()))


def _root(covariance: Floats) -> Floats:
    values, axes = np.linalg.eigh(covariance)
    return axes * np.sqrt(np.maximum(values, 0))


def sizes(n: int, rng: np.random.Generator, *, exponent: float = 1.0) -> NDArray[np.int64]:
    """Return numbers of faces per person that sum to n: a power law and a tenth of strangers."""
    strangers = n // 10
    people = max(1, int((n - strangers) / 20))
    law = (np.arange(people) + 3.0) ** -exponent
    drawn = rng.multinomial(n - strangers, law / law.sum())
    return np.concatenate([drawn[drawn > 0], np.ones(strangers, np.int64)])


def faces(n: int, model: Model, *, seed: int = 0) -> Faces:
    """Make n faces in photos of 1 to 8.

    Parameters
    ----------
    n : int
    model : Model
    seed : int

    Returns
    -------
    Faces
    """
    rng = np.random.default_rng(seed)
    counts = sizes(n, rng)
    person = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    d = len(model.centre)
    means = model.centre + rng.standard_normal((len(counts), d)) @ model.between.T
    spread = rng.choice(model.spread, len(counts))
    vectors = np.empty((n, d), np.float32)
    for at in range(0, n, 8192):
        who = person[at : at + 8192]
        x = means[who] + spread[who, None] * (rng.standard_normal((len(who), d)) @ model.within.T)
        vectors[at : at + 8192] = x / np.linalg.norm(x, axis=1, keepdims=True)
    return Faces(vectors, person, _photos(person, rng))


def ages_and_years(
    made: Faces, *, seed: int = 1
) -> tuple[NDArray[np.float32], Floats, NDArray[np.float64]]:
    """Make up what a net says of the ages of the faces, and when the photos were taken.

    Parameters
    ----------
    made : Faces
    seed : int

    Returns
    -------
    ages : ndarray of float32, shape (n, 100)
        Probability of each age, 5 years wide about an estimate that is 4 years off.
    years : ndarray of float64, shape (n,)
        2003 to 2024, by photo; people were born 1930 to 2003.
    sigma : ndarray of float64, shape (n,)
        Standard deviation of the dates in years; infinite for a tenth of the photos.
    """
    rng = np.random.default_rng(seed)
    photos = int(made.photo.max()) + 1
    born = rng.uniform(1930, 2003, int(made.person.max()) + 1)[made.person]
    years = rng.uniform(2003, 2024, photos)[made.photo]
    sigma = rng.choice([0.001, 0.3, np.inf], photos, p=[0.8, 0.1, 0.1])[made.photo]
    looks = np.clip(years - born + rng.normal(0, 4, len(born)), 0, 99)
    ages = np.empty((len(born), 100), np.float32)
    for at in range(0, len(born), 8192):
        gap = np.arange(1, 101) - looks[at : at + 8192, None]
        bump = np.exp(-(gap**2) / 50)
        ages[at : at + 8192] = bump / bump.sum(axis=1, keepdims=True)
    return ages, years, sigma


def _photos(person: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Put consecutive faces into photos; a second face of one person gets a photo of its own."""
    n = len(person)
    photo = np.repeat(np.arange(n), rng.choice([1, 1, 2, 2, 3, 4, 6, 8], n))[:n]
    order = np.lexsort((person, photo))
    twice = (np.diff(photo[order]) == 0) & (np.diff(person[order]) == 0)
    again = order[1:][twice]
    photo[again] = photo.max() + 1 + np.arange(len(again))
    return photo


def model_for(d: int, real: str | None = None) -> Model:
    """Return the model fitted to a file of real vectors, or the Gaussian one."""
    if real is None:
        return gaussian(d)
    stored = np.load(real)
    return fitted(stored["vectors"], stored["person" if "person" in stored else "labels"])


if __name__ == "__main__":
    made = faces(int(sys.argv[1]), model_for(128, *sys.argv[3:4]))
    np.savez(sys.argv[2], vectors=made.vectors, person=made.person, photo=made.photo)
