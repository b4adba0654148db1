"""How near a face is to strangers, to be taken off its distance to everybody.

Blurred faces, babies and faces without anything special are near to many people, so one threshold
on the distance is too lax for them and too strict for others. Speaker verification normalises for
this: the distance of two recordings is taken relative to how far each is from its nearest strangers
in a cohort (AS-norm; Cumani et al., "Comparison of speaker recognition approaches for real
applications", Interspeech 2011). Here that distance is not looked up in a cohort, which would be
vectors of people, but predicted by a linear function of the vector, fitted once on development
data. What is left is one number for each face that adds to all its distances, which is what
`variance` is in `clustering.linkage.linkage`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
Vectors = NDArray[np.floating]


@dataclass(frozen=True, slots=True, eq=False)
class Nearness:
    """Predicts the mean squared distance of a vector to its nearest strangers.

    Attributes
    ----------
    weights : ndarray of float64, shape (d,)
    intercept : float
    far : float
        From this distance on a face is given nothing.
    strength : float
        Share of the distance to strangers that counts, 0 to 1.
    """

    weights: Doubles
    intercept: float
    far: float
    strength: float

    def variance(self, vectors: Vectors) -> Doubles:
        """Return what each face is further away from every other than its vector says.

        Parameters
        ----------
        vectors : ndarray of float, shape (n, d)
            Unit vectors.

        Returns
        -------
        ndarray of float64, shape (n,)
            Squared distances, not negative.
        """
        strangers = vectors @ self.weights + self.intercept
        return np.asarray(self.strength * np.maximum(self.far - strangers, 0), np.float64)


def distance_to_strangers(vectors: Vectors, *, nearest: int, block: int = 1024) -> Doubles:
    """Return the mean squared distance of each vector to its nearest others.

    Parameters
    ----------
    vectors : ndarray of float, shape (n, d)
        Unit vectors, each of another person.
    nearest : int
        How many of the others count, less than n.
    block : int
        Rows compared at a time.

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    out = np.empty(len(vectors))
    for at in range(0, len(vectors), block):
        rows = np.arange(at, min(at + block, len(vectors)))
        products = vectors[rows] @ vectors.T
        products[np.arange(len(rows)), rows] = -np.inf
        top = np.partition(products, -nearest, axis=1)[:, -nearest:]
        out[rows] = 2 - 2 * top.mean(axis=1)
    return out


def fit_nearness(
    vectors: Vectors, *, nearest: int, ridge: float, strength: float, far: float = 0.99
) -> Nearness:
    """Fit `Nearness` by ridge regression to a cohort of faces of different people.

    Parameters
    ----------
    vectors : ndarray of float, shape (n, d)
        Unit vectors.
    nearest : int
        As in `distance_to_strangers`.
    ridge : float
        Penalty on the squared weights, positive.
    strength : float
        See `Nearness`.
    far : float
        `Nearness.far` as a quantile of what is predicted for the cohort.

    Returns
    -------
    Nearness
    """
    x = np.asarray(vectors, np.float64)
    y = distance_to_strangers(vectors, nearest=nearest)
    centre, level = x.mean(axis=0), y.mean()
    gram = (x - centre).T @ (x - centre) + ridge * np.eye(x.shape[1])
    weights = np.linalg.solve(gram, (x - centre).T @ (y - level))
    intercept = float(level - centre @ weights)
    return Nearness(weights, intercept, float(np.quantile(x @ weights + intercept, far)), strength)
