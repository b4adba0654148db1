"""How well a clustering matches the true people.

Everything follows from the contingency table, of which only the cells that are not empty are kept.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clustering.linkage.constraints import Ints

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scores:
    """Measures of a clustering against the truth, all but the last two best at 1.

    Attributes
    ----------
    bcubed_precision, bcubed_recall, bcubed_f : float
        Mean over rows of the share of the row's cluster that is of its class, of the share of its
        class that is in its cluster, and the harmonic mean of these two means (Bagga & Baldwin).
    pair_precision, pair_recall, pair_f : float
        Of the pairs of rows in one cluster, the share of one class; and the other way round.
    ari, ami : float
        Rand index and mutual information (arithmetic mean normaliser), both adjusted for chance.
    homogeneity, completeness : float
        Shares of the entropy of the classes that the clusters explain, and the other way round.
    clusters_per_class : float
        Number of clusters over number of classes, K/C.
    violations : int or None
        Pairs of rows of one photo in one cluster; None when the photos are not known.
    """

    bcubed_precision: float
    bcubed_recall: float
    bcubed_f: float
    pair_precision: float
    pair_recall: float
    pair_f: float
    ari: float
    ami: float
    homogeneity: float
    completeness: float
    clusters_per_class: float
    violations: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Contingency:
    """Cells of the table of classes by clusters that are not empty.

    Attributes
    ----------
    count : ndarray of int64, shape (m,)
        Rows in each cell.
    row, column : ndarray of int64, shape (m,)
        Class and cluster of each cell.
    classes, clusters : ndarray of int64
        Sizes.
    """

    count: Ints
    row: Ints
    column: Ints
    classes: Ints
    clusters: Ints


def evaluate(truth: ArrayLike, predicted: ArrayLike, *, photos: ArrayLike | None = None) -> Scores:
    """Compare a clustering with the true classes.

    Parameters
    ----------
    truth, predicted : array of int, shape (n,)
        Class and cluster of each row.
    photos : array of int, shape (n,), optional
        Photo of each row, to count violations; -1 for none.

    Returns
    -------
    Scores

    Raises
    ------
    ValueError
        If the arrays differ in length or are empty.
    """
    table = contingency(truth, predicted)
    homogeneity, completeness = homogeneity_completeness(table)
    return Scores(
        *bcubed(table),
        *pairwise(table),
        adjusted_rand(table),
        adjusted_mutual_information(table),
        homogeneity,
        completeness,
        len(table.clusters) / len(table.classes),
        None if photos is None else violations(predicted, photos),
    )


def contingency(truth: ArrayLike, predicted: ArrayLike) -> Contingency:
    """Count rows by class and cluster."""
    first, second = np.asarray(truth), np.asarray(predicted)
    if first.ndim != 1 or first.shape != second.shape or not len(first):
        raise ValueError(f"two label arrays of one length, not {first.shape} and {second.shape}")
    _, row, classes = np.unique(first, return_inverse=True, return_counts=True)
    _, column, clusters = np.unique(second, return_inverse=True, return_counts=True)
    cells, count = np.unique(row * len(clusters) + column, return_counts=True)
    return Contingency(count, *np.divmod(cells, len(clusters)), classes, clusters)


def bcubed(table: Contingency) -> tuple[float, float, float]:
    """Return BCubed precision, recall and F."""
    n = int(table.count.sum())
    squares = table.count.astype(np.float64) ** 2
    precision = float((squares / table.clusters[table.column]).sum() / n)
    recall = float((squares / table.classes[table.row]).sum() / n)
    return precision, recall, _harmonic(precision, recall)


def pairwise(table: Contingency) -> tuple[float, float, float]:
    """Return precision, recall and F over pairs of rows; no pairs at all count as right."""
    both = _pairs(table.count)
    precision = _share(both, _pairs(table.clusters))
    recall = _share(both, _pairs(table.classes))
    return precision, recall, _harmonic(precision, recall)


def adjusted_rand(table: Contingency) -> float:
    """Return the adjusted Rand index (Hubert & Arabie 1985)."""
    both, classes, clusters = map(_pairs, (table.count, table.classes, table.clusters))
    n = int(table.count.sum())
    expected = classes * clusters / (n * (n - 1) / 2) if n > 1 else 0.0
    largest = (classes + clusters) / 2
    return 1.0 if largest == expected else (both - expected) / (largest - expected)


def homogeneity_completeness(table: Contingency) -> tuple[float, float]:
    """Return homogeneity and completeness (Rosenberg & Hirschberg 2007)."""
    information = mutual_information(table)
    return (
        _share(information, _entropy(table.classes)),
        _share(information, _entropy(table.clusters)),
    )


def mutual_information(table: Contingency) -> float:
    """Return the mutual information of class and cluster, in nats."""
    n = int(table.count.sum())
    share = table.count / n
    independent = table.classes[table.row] / n * (table.clusters[table.column] / n)
    return max(0.0, float((share * np.log(share / independent)).sum()))


def adjusted_mutual_information(table: Contingency) -> float:
    """Return the adjusted mutual information (Vinh, Epps & Bailey 2010), arithmetic mean."""
    classes, clusters = len(table.classes), len(table.clusters)
    n = int(table.count.sum())
    if classes == clusters and classes in (1, n):
        return 1.0
    expected = _expected_information(table)
    largest = (_entropy(table.classes) + _entropy(table.clusters)) / 2
    # Below this the difference is rounding, whose sign would decide the result.
    room = np.copysign(max(abs(largest - expected), np.finfo(float).eps), largest - expected)
    return float((mutual_information(table) - expected) / room)


def violations(predicted: ArrayLike, photos: ArrayLike) -> int:
    """Count pairs of rows of one photo that share a cluster.

    Parameters
    ----------
    predicted, photos : array of int, shape (n,)
        Cluster and photo of each row; photo -1 stands for none.

    Returns
    -------
    int
    """
    cluster, photo = np.asarray(predicted), np.asarray(photos)
    known = photo >= 0
    if not known.any():
        return 0
    return int(_pairs(contingency(photo[known], cluster[known]).count))


def _expected_information(table: Contingency) -> float:
    """Return the mean mutual information of random tables with these sizes.

    It depends on the sizes alone, so equal sizes are done together.
    """
    n = int(table.count.sum())
    total = 0.0
    clusters, times = np.unique(table.clusters, return_counts=True)
    for size, number in zip(*np.unique(table.classes, return_counts=True), strict=True):
        total += float(number * (times * _cells_information(int(size), clusters, n)).sum())
    return total


def _cells_information(a: int, b: Ints, n: int) -> Doubles:
    """Return the expected term of a cell between a class of size a and clusters of sizes b."""
    from scipy.special import gammaln

    low = np.maximum(1, a + b - n)
    length = np.minimum(a, b) - low + 1
    at = np.repeat(np.arange(len(b)), length)
    k = np.arange(int(length.sum())) - np.repeat(np.cumsum(length) - length, length) + low[at]
    b_at = b[at]
    log_chance = (
        gammaln(a + 1) + gammaln(b_at + 1) + gammaln(n - a + 1) + gammaln(n - b_at + 1)
        - gammaln(n + 1) - gammaln(k + 1) - gammaln(a - k + 1) - gammaln(b_at - k + 1)
        - gammaln(n - a - b_at + k + 1)
    )  # fmt: skip
    term = k / n * np.log(n * k / (a * b_at)) * np.exp(log_chance)
    return np.asarray(np.bincount(at, term, len(b)), np.float64)


def _pairs(counts: Ints) -> float:
    return float((counts * (counts - 1) // 2).sum())


def _entropy(counts: Ints) -> float:
    share = counts / counts.sum()
    return max(0.0, float(-(share * np.log(share)).sum()))


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 1.0


def _harmonic(first: float, second: float) -> float:
    return 2 * first * second / (first + second) if first + second else 0.0
