"""What may share a cluster, what must, and what is refused at the door."""

from collections.abc import Callable, Sequence, Sized
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.floating]
Ints = NDArray[np.int64]
Test = Callable[[Floats], NDArray[np.bool_]]


class RowError(ValueError):
    """Bad vectors or contradicting constraints; the message names the rows.

    Attributes
    ----------
    rows : tuple of int
        The first rows concerned (at most ten), counted from 0.
    """

    def __init__(self, message: str, rows: tuple[int, ...] = ()) -> None:
        super().__init__(message)
        self.rows = rows


@dataclass(frozen=True, slots=True, eq=False)
class Constraints:
    """Rules on which rows may share a cluster. Each may be left out.

    A forbidden pair of rows counts as infinitely far apart, and so does every pair of clusters
    that holds one, whatever the average over their other pairs.

    Attributes
    ----------
    groups : array of int, shape (n,), optional
        The photo of each row: two rows of one group never share a cluster. -1 exempts a row.
    cannot_link : array of int, shape (m, 2), optional
        Pairs of rows that never share a cluster.
    must_link : array of int, shape (m, 2), optional
        Pairs of rows that always share a cluster, whatever their distance.
    intervals : array of float, shape (n, 2), optional
        Lowest and highest value possible for each row, both included (say, the years in which this
        person can have been born). Rows whose intervals do not meet never share a cluster; the
        interval of a cluster is the intersection. Infinities are fine.
    members : array of int, shape (k, 2), optional
        Further groups that rows are in: pairs of a row and a group, numbered as in `groups`. A row
        that stands for a whole cluster is in all of its photos.
    apart : int
        The first so many rows never share a cluster, say because they stand for known people.
    """

    groups: ArrayLike | None = None
    cannot_link: ArrayLike | None = None
    must_link: ArrayLike | None = None
    intervals: ArrayLike | None = None
    members: ArrayLike | None = None
    apart: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """Constraints after checking: complete arrays for n rows, without contradictions.

    Attributes
    ----------
    groups : ndarray of int64, shape (n,)
        Group of each row, numbered from 0; -1 for none.
    members : ndarray of int64, shape (l, 2)
        Every row with every group that it is in, each pair once; those of `groups` are included,
        and one more group that holds the rows which are to stay apart.
    cannot_link : ndarray of int64, shape (m, 2)
    must_link : ndarray of int64, shape (k, 2)
    intervals : ndarray of float64, shape (n, 2), or None
    pieces : ndarray of int64, shape (n,)
        Rows tied by `must_link` have one number here, the lowest of their rows.
    apart : int
        Number of rows at the beginning that stay apart.
    """

    groups: Ints
    members: Ints
    cannot_link: Ints
    must_link: Ints
    intervals: NDArray[np.float64] | None
    pieces: Ints
    apart: int


def check_vectors(vectors: ArrayLike, *, allow_zero: bool = False) -> Floats:
    """Check that vectors can be clustered and return them as floating-point numbers.

    Parameters
    ----------
    vectors : array of float, shape (n, d)
        float16, float32 and float64 arrays are returned as they are.
    allow_zero : bool
        Whether a row may be all zeros. A face vector that is all zeros means that no network ran.

    Returns
    -------
    ndarray of float16, float32 or float64, shape (n, d)

    Raises
    ------
    RowError
        If the shape is wrong, a row is missing or of another length than most, or a row holds NaN
        or infinity or is all zeros.
    """
    if isinstance(vectors, (list, tuple)):
        _refuse_ragged(vectors)
    rows = np.asarray(vectors)
    if rows.ndim != 2 or rows.shape[1] == 0:
        raise RowError(f"vectors must have the shape (rows, length), not {rows.shape}")
    if not np.issubdtype(rows.dtype, np.number) or np.iscomplexobj(rows):
        raise RowError(f"vectors must be real numbers, not {rows.dtype}")
    if rows.dtype not in (np.float16, np.float32, np.float64):
        rows = rows.astype(np.float64)
    refuse("rows with NaN or infinite values", ~_by_block(rows, _finite))
    if not allow_zero:
        refuse("rows that are all zeros", ~_by_block(rows, _nonzero))
    return rows


def _refuse_ragged(vectors: Sequence[object]) -> None:
    """Refuse a list of vectors in which some are None or differ in length."""
    refuse("rows without a vector", np.array([row is None for row in vectors], bool))
    if not all(isinstance(row, Sized) for row in vectors):
        return  # numbers, say: told of as a wrong shape
    lengths = np.array([len(row) for row in vectors if isinstance(row, Sized)], np.int64)
    if len(lengths):
        usual = int(np.bincount(lengths).argmax())
        refuse(f"rows of another length than {usual}, which most have", lengths != usual)


def check_threshold(threshold: float) -> float:
    """Return the threshold if it is a finite number of at least 0, else raise `ValueError`."""
    if not (np.isfinite(threshold) and threshold >= 0):
        raise ValueError(f"the threshold must be a finite number of at least 0, not {threshold}")
    return float(threshold)


def check_variance(variance: ArrayLike | None, n: int) -> NDArray[np.float64]:
    """Return the extra distance of each row, 0 if not given; `RowError` if it can't be used."""
    if variance is None:
        return np.zeros(n)
    values = np.asarray(variance, np.float64)
    if values.shape != (n,):
        raise RowError(f"variance must have the shape ({n},), not {values.shape}")
    refuse(
        "rows with a variance that is negative, NaN or infinite",
        ~((values >= 0) & (values < np.inf)),
    )
    return values


def _finite(block: Floats) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(block).all(axis=1))


def _nonzero(block: Floats) -> NDArray[np.bool_]:
    return np.asarray(block.any(axis=1))


def _by_block(rows: Floats, test: Test, size: int = 2048) -> NDArray[np.bool_]:
    parts = [test(rows[at : at + size]) for at in range(0, len(rows), size)]
    return np.concatenate(parts) if parts else np.zeros(0, bool)


def refuse(what: str, bad: NDArray[np.bool_]) -> None:
    """Raise `RowError` with a sentence that lists the rows which are bad, if any are.

    Parameters
    ----------
    what : str
        What is wrong with them, such as "rows that are all zeros".
    bad : ndarray of bool, shape (n,)
    """
    if bad.any():
        rows = tuple(int(row) for row in np.flatnonzero(bad)[:10])
        more = int(bad.sum()) - len(rows)
        listed = ", ".join(map(str, rows)) + (f" and {more} more" if more else "")
        raise RowError(f"{what}: {listed}", rows)


def check_constraints(constraints: Constraints | None, n: int) -> Rules:
    """Check constraints against the number of rows and against each other.

    Parameters
    ----------
    constraints : Constraints, optional
    n : int
        Number of rows.

    Returns
    -------
    Rules

    Raises
    ------
    RowError
        If a shape or a row number is wrong, an interval is empty or NaN, or rows that must share a
        cluster may not.
    """
    given = constraints or Constraints()
    must_link = _pairs(given.must_link, n, "must_link")
    rules = Rules(
        *_groups(given, n),
        _pairs(given.cannot_link, n, "cannot_link"),
        must_link,
        _intervals(given.intervals, n),
        components(must_link, n),
        given.apart,
    )
    _refuse_contradictions(rules)
    return rules


def components(pairs: Ints, n: int) -> Ints:
    """Label rows by the connected component that the pairs put them in.

    Parameters
    ----------
    pairs : ndarray of int, shape (m, 2)
    n : int
        Number of rows.

    Returns
    -------
    ndarray of int64, shape (n,)
        The lowest row of each row's component.
    """
    if not len(pairs):
        return np.arange(n)
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    links = coo_matrix((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    labels = connected_components(links, directed=False)[1]
    return np.asarray(np.unique(labels, return_index=True)[1][labels], np.int64)


def check_count(count: ArrayLike | None, n: int) -> Ints:
    """Return how many vectors each row stands for, 1 if not given; `RowError` if it can't be."""
    if count is None:
        return np.ones(n, np.int64)
    values = np.asarray(count)
    if values.shape != (n,) or not np.issubdtype(values.dtype, np.integer):
        raise RowError(f"count must be {n} integers, not {values.dtype} of shape {values.shape}")
    refuse("rows that stand for fewer than one vector", values < 1)
    return values.astype(np.int64)


def _groups(given: Constraints, n: int) -> tuple[Ints, Ints]:
    """Return the group of each row, numbered from 0, and all rows with all their groups."""
    values = np.full(n, -1) if given.groups is None else np.asarray(given.groups)
    if values.shape != (n,) or not np.issubdtype(values.dtype, np.integer):
        raise RowError(f"groups must be {n} integers, not {values.dtype} of shape {values.shape}")
    refuse("rows with a group below -1", values < -1)
    if not 0 <= given.apart <= n:
        raise RowError(f"{given.apart} rows are to stay apart, but there are {n}")
    first, more = np.flatnonzero(values >= 0), _members(given.members, n)
    rows = np.concatenate([first, more[:, 0], np.arange(given.apart)])
    kinds, found = np.unique(np.concatenate([values[first], more[:, 1]]), return_inverse=True)
    numbers = np.concatenate([found.reshape(-1), np.full(given.apart, len(kinds))])
    numbered = np.full(n, -1)
    numbered[first] = numbers[: len(first)]
    pairs = np.column_stack([rows, numbers]).astype(np.int64)
    return numbered, np.unique(pairs, axis=0) if len(more) else pairs


def _members(members: ArrayLike | None, n: int) -> Ints:
    values = np.zeros((0, 2), np.int64) if members is None else np.asarray(members)
    if not values.size:
        return np.zeros((0, 2), np.int64)
    if values.ndim != 2 or values.shape[1] != 2 or not np.issubdtype(values.dtype, np.integer):
        raise RowError(f"members must be pairs of row and group, not {values.shape}")
    _refuse_outside(values[:, 0], n, "members")
    bad = values[:, 1] < 0
    if bad.any():
        rows = tuple(int(row) for row in np.unique(values[bad, 0])[:10])
        raise RowError(f"members names groups below 0, for rows {rows}", rows)
    return values.astype(np.int64)


def _refuse_outside(rows: NDArray[np.integer], n: int, name: str) -> None:
    outside = (rows < 0) | (rows >= n)
    if outside.any():
        listed = tuple(int(row) for row in np.unique(rows[outside])[:10])
        raise RowError(f"{name} names rows that do not exist (0 to {n - 1} do): {listed}", listed)


def _pairs(pairs: ArrayLike | None, n: int, name: str) -> Ints:
    values = np.zeros((0, 2), np.int64) if pairs is None else np.asarray(pairs)
    if not values.size:
        return np.zeros((0, 2), np.int64)
    if values.ndim != 2 or values.shape[1] != 2 or not np.issubdtype(values.dtype, np.integer):
        raise RowError(f"{name} must be pairs of row numbers, not {values.dtype} {values.shape}")
    _refuse_outside(values, n, name)
    return values.astype(np.int64)


def _intervals(intervals: ArrayLike | None, n: int) -> NDArray[np.float64] | None:
    if intervals is None:
        return None
    values = np.asarray(intervals, np.float64)
    if values.shape != (n, 2):
        raise RowError(f"intervals must have the shape ({n}, 2), not {values.shape}")
    refuse("rows with an interval that is NaN or empty", ~(values[:, 0] <= values[:, 1]))
    return values


def _refuse_contradictions(rules: Rules) -> None:
    first, second = rules.cannot_link.T
    for i, j in rules.cannot_link[rules.pieces[first] == rules.pieces[second]][:1].tolist():
        raise RowError(f"rows {i} and {j} must and cannot share a cluster", (i, j))
    if not len(rules.must_link):
        return
    row, group = rules.members.T
    order = np.lexsort((group, rules.pieces[row]))
    same = (np.diff(rules.pieces[row[order]]) == 0) & (np.diff(group[order]) == 0)
    for at in np.flatnonzero(same)[:1]:
        i, j = sorted(map(int, row[order[at : at + 2]]))
        raise RowError(f"rows {i} and {j} must share a cluster but are of one group", (i, j))
    if rules.intervals is not None:
        _refuse_disjoint(rules.pieces, rules.intervals)


def _refuse_disjoint(pieces: Ints, intervals: NDArray[np.float64]) -> None:
    low, high = np.full(len(pieces), -np.inf), np.full(len(pieces), np.inf)
    np.maximum.at(low, pieces, intervals[:, 0])
    np.minimum.at(high, pieces, intervals[:, 1])
    for piece in np.flatnonzero(low > high)[:1]:
        rows = np.flatnonzero(pieces == piece)
        i = int(rows[np.argmax(intervals[rows, 0])])
        j = int(rows[np.argmin(intervals[rows, 1])])
        raise RowError(
            f"rows {i} and {j} must share a cluster but their intervals do not meet", (i, j)
        )
