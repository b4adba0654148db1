"""The two-step clustering of the paper, by name, and the rule that tells passers-by.

A. V. Savchenko, "Efficient facial representations for age, gender and identity recognition in
organizing photo albums using multi-output ConvNet", PeerJ Computer Science 5:e197, 2019.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clustering.linkage.constraints import Ints, RowError, check_threshold, check_vectors

Doubles = NDArray[np.float64]

_FAR = 100.0
_YOUNGEST_SUM = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class PaperClusters:
    """What the two steps give.

    Attributes
    ----------
    labels : ndarray of int64, shape (n,)
        Cluster of each row, 0, 1, ... in the order of each cluster's first row.
    passers_by : ndarray of bool, shape (number of clusters,)
        Clusters that the paper leaves out: few photos, or all of them within a short time.
    """

    labels: Ints
    passers_by: NDArray[np.bool_]


def paper_clustering(
    distances: ArrayLike,
    threshold: float,
    photo_ids: ArrayLike,
    *,
    times: ArrayLike | None = None,
    linkage: str = "average",
    min_photos: int = 3,
    min_days: float = 2.0,
) -> PaperClusters:
    """Cluster as the paper does.

    Average linkage on all distances, cut at the threshold. Then complete linkage inside each
    cluster, with the faces of one photo set far apart, cut so that only these come apart. Last,
    small clusters and those seen within a short time only are marked.

    Parameters
    ----------
    distances : array of float, shape (n, n)
        Euclidean (not squared), such as from `paper_distances`.
    threshold : float
        In the unit of `distances`.
    photo_ids : array of int, shape (n,)
        Photo of each face; -1 for none.
    times : array of float, shape (n,), optional
        When each photo was taken, in days; NaN where unknown.
    linkage : str
        Method of the first step, any that SciPy has. The paper compares single, average, complete,
        weighted and median; its code uses single.
    min_photos : int
        See `passers_by`.
    min_days : float
        See `passers_by`.

    Returns
    -------
    PaperClusters

    Raises
    ------
    RowError
        If `distances` is not a square matrix of finite numbers, or `photo_ids` not one per row.
    """
    far = np.asarray(distances, np.float64)
    photos = np.asarray(photo_ids)
    if far.ndim != 2 or far.shape[0] != far.shape[1] or photos.shape != far.shape[:1]:
        raise RowError(f"distances {far.shape} and photos {photos.shape} do not fit together")
    if not np.isfinite(far).all():
        rows = tuple(int(row) for row in np.flatnonzero(~np.isfinite(far).all(axis=1))[:10])
        raise RowError(f"distances that are NaN or infinite in rows {rows}", rows)
    rough = _tree(far, linkage, check_threshold(threshold))
    labels = np.zeros(len(far), np.int64)
    for members in np.split(np.argsort(rough, kind="stable"), np.cumsum(np.bincount(rough))[:-1]):
        labels[members] = labels.max(initial=0) + 1 + _apart(far, members, photos)
    labels = np.unique(labels, return_inverse=True)[1]
    first = np.unique(labels, return_index=True)[1]
    labels = np.argsort(np.argsort(first))[labels]
    return PaperClusters(
        labels, passers_by(labels, photos, times, min_photos=min_photos, min_days=min_days)
    )


def paper_distances(
    vectors: ArrayLike,
    *,
    ages: ArrayLike | None = None,
    photo_years: ArrayLike | None = None,
    age_weight: float = 0.1,
) -> Doubles:
    """Return Euclidean distances, with the paper's term for age where ages are given.

    The term is age_weight * (a_i - a_j)^2 / (a_i + a_j), with a the ages at the later of the two
    photos. The sum of ages is taken as at least 2 years, because the term has no value at 0.

    Parameters
    ----------
    vectors : array of float, shape (n, d)
        Unit vectors.
    ages : array of float, shape (n,), optional
        Estimated age of each face in years.
    photo_years : array of float, shape (n,), optional
        When each photo was taken, in years. Without, ages are compared as they are.
    age_weight : float
        0.1 in the paper's code.

    Returns
    -------
    ndarray of float64, shape (n, n)
    """
    from scipy.spatial.distance import pdist, squareform

    rows = check_vectors(vectors).astype(np.float64)
    far: Doubles = squareform(pdist(rows)) if len(rows) > 1 else np.zeros((len(rows),) * 2)
    if ages is None:
        return far
    age = np.maximum(np.asarray(ages, np.float64), 0)
    year = np.zeros(len(age)) if photo_years is None else np.asarray(photo_years, np.float64)
    if age.shape != (len(rows),) or year.shape != age.shape:
        raise RowError(f"ages {age.shape} and photo years {year.shape} for {len(rows)} rows")
    later = np.maximum(year[:, None], year)
    mine = age[:, None] + later - year[:, None]
    sums = np.maximum(mine + mine.T, _YOUNGEST_SUM)
    return np.asarray(far + age_weight * (mine - mine.T) ** 2 / sums)


def passers_by(
    labels: ArrayLike,
    photo_ids: ArrayLike,
    times: ArrayLike | None = None,
    *,
    min_photos: int = 3,
    min_days: float = 2.0,
) -> NDArray[np.bool_]:
    """Tell which clusters are of passers-by: in few photos, or seen for a short time only.

    Parameters
    ----------
    labels : array of int, shape (n,)
        Cluster of each face from 0; -1 for none.
    photo_ids : array of int, shape (n,)
        Photo of each face; each face with -1 counts as a photo of its own.
    times : array of float, shape (n,), optional
        When each photo was taken, in days; NaN where unknown. Nothing is said of a time span
        unless two times are known.
    min_photos : int
        Clusters in fewer photos are of passers-by.
    min_days : float
        So are those whose first and last photo are less than this apart.

    Returns
    -------
    ndarray of bool, shape (number of clusters,)
    """
    label, photo = np.asarray(labels, np.int64), np.asarray(photo_ids, np.int64)
    n = int(label.max(initial=-1)) + 1
    known = label >= 0
    own = np.where(photo >= 0, photo, photo.max(initial=0) + 1 + np.arange(len(photo)))
    seen = np.unique(np.column_stack([label, own])[known], axis=0)
    few = np.bincount(seen[:, 0], minlength=n) < min_photos
    if times is None:
        return few
    time = np.asarray(times, np.float64)
    dated = known & np.isfinite(time)
    first, last = np.full(n, np.inf), np.full(n, -np.inf)
    np.minimum.at(first, label[dated], time[dated])
    np.maximum.at(last, label[dated], time[dated])
    enough = np.bincount(label[dated], minlength=n) > 1
    short = np.zeros(n, bool)
    short[enough] = last[enough] - first[enough] < min_days
    return few | short


def _tree(far: Doubles, method: str, threshold: float) -> Ints:
    """Cut SciPy's tree of a distance matrix; labels count from 0."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    if len(far) < 2:
        return np.zeros(len(far), np.int64)
    tree = linkage(squareform(far, checks=False), method)
    return np.asarray(fcluster(tree, threshold, "distance"), np.int64) - 1


def _apart(far: Doubles, members: Ints, photos: NDArray[np.integer]) -> Ints:
    """Split a cluster by complete linkage until no two of its faces are of one photo."""
    photo = photos[members]
    same = (photo[:, None] == photo) & (photo >= 0)
    np.fill_diagonal(same, False)
    if not same.any():
        return np.zeros(len(members), np.int64)
    inside = far[np.ix_(members, members)]
    step = _FAR + 2 * inside.max()
    return _tree(inside + step * same, "complete", step / 2)
