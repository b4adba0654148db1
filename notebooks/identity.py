"""The identity features that notebook 06 compares, and their scores."""

from collections.abc import Mapping

import numpy as np
from features import f_score, smoothed, unit
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

GRID = np.linspace(0.1, 1.1, 101)
"""Thresholds, in shares of the median squared distance of two faces of LFW."""

Columns = Mapping[str, np.ndarray]


def mirrored(columns: Columns, net: str) -> np.ndarray:
    """The mean of a face and its mirror image, of unit length."""
    return unit(columns[net] + columns[f"{net} mirror"])


def power(vectors: np.ndarray, exponent: float = 0.5) -> np.ndarray:
    return unit(np.maximum(vectors, 0) ** exponent)


def fused(first: np.ndarray, second: np.ndarray, weight: float) -> np.ndarray:
    """Side by side; squared distances of the second count `weight` times those of the first."""
    return np.hstack([first, np.sqrt(weight) * second]) / np.sqrt(1 + weight)


def variants(columns: Columns) -> dict[str, np.ndarray]:
    plain, twice = columns["faceres"], mirrored(columns, "faceres")
    small, small_twice = columns["resnet29"], mirrored(columns, "resnet29")
    found = {
        "faceres": plain,
        "faceres^½": power(plain),
        "faceres mirrored": twice,
        "faceres mirrored^½": power(twice),
        "resnet29": small,
        "resnet29 mirrored": small_twice,
    }
    for weight in (1, 2.25, 4, 9):
        found[f"fused 1:{weight:g}"] = fused(plain, small, weight)
        found[f"fused 1:{weight:g} ^½"] = fused(power(plain), small, weight)
        found[f"fused 1:{weight:g} mirrored"] = fused(twice, small_twice, weight)
        found[f"fused 1:{weight:g} mirrored ^½"] = fused(power(twice), small_twice, weight)
    return found


def squared_distances(vectors: np.ndarray) -> np.ndarray:
    """All pairs, as SciPy wants them."""
    rows = vectors.astype(np.float32)
    norms = (rows**2).sum(axis=1)
    far = np.maximum(norms[:, None] + norms - 2 * rows @ rows.T, 0)
    np.fill_diagonal(far, 0)
    return squareform(far, checks=False)


def curve(vectors: np.ndarray, people: np.ndarray, usual: float) -> np.ndarray:
    """BCubed F of average linkage at every threshold of the grid, smoothed."""
    tree = linkage(squared_distances(vectors), "average")
    labels = (fcluster(tree, t, "distance") for t in GRID * usual)
    return smoothed(np.array([f_score(people, found) for found in labels]))


def usual_distance(vectors: np.ndarray) -> float:
    return float(np.median(squared_distances(vectors[::4])))


def within(vectors: np.ndarray, people: np.ndarray, shrink: float) -> np.ndarray:
    """Covariance of the faces of a person about their mean, drawn towards a sphere."""
    _, who, count = np.unique(people, return_inverse=True, return_counts=True)
    means = np.zeros((len(count), vectors.shape[1]))
    np.add.at(means, who, vectors)
    rest = (vectors - (means / count[:, None])[who])[count[who] > 1]
    cov = rest.T @ rest / len(rest)
    sphere = np.trace(cov) / len(cov) * np.eye(len(cov))
    return (1 - shrink) * cov + shrink * sphere


def wccn(vectors: np.ndarray, people: np.ndarray, shrink: float = 0.2) -> np.ndarray:
    """Matrix after which the faces of a person scatter alike in all directions."""
    values, axes = np.linalg.eigh(within(vectors, people, shrink))
    return axes / np.sqrt(values)


def lda(vectors: np.ndarray, people: np.ndarray, shrink: float = 0.2, dim: int = 128) -> np.ndarray:
    """`wccn`, then the directions in which the means of people differ most."""
    white = wccn(vectors, people, shrink)
    names = np.unique(people)
    means = np.stack([(vectors[people == name] @ white).mean(axis=0) for name in names])
    means -= means.mean(axis=0)
    axes = np.linalg.svd(means, full_matrices=False)[2][: min(dim, len(names) - 1)]
    return white @ axes.T


def int8(vectors: np.ndarray) -> np.ndarray:
    """Each vector as bytes with a scale of its own, and back."""
    scale = np.abs(vectors).max(axis=1, keepdims=True) / 127
    return np.round(vectors / scale).astype(np.int8) * scale.astype(np.float32)
