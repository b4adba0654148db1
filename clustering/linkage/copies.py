"""Exact copies of one vector, which merge before everything else.

An album holds photos twice. A thousand copies of one face are half a million pairs at distance 0,
which no threshold parts; merged up front they are one cluster.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from clustering.linkage.constraints import Floats, Ints, Rules


def copy_labels(rows: Floats, rules: Rules) -> Ints:
    """Label rows so that copies of one vector that may share a cluster have the same label.

    Copies within one photo must stay apart: the k-th copy of each photo goes to the k-th cluster.
    Rows of `cannot_link` and `must_link` and rows in several groups are left alone, as are copies
    whose intervals differ.

    Parameters
    ----------
    rows : ndarray of float16, float32 or float64, shape (n, d)
    rules : Rules

    Returns
    -------
    ndarray of int64, shape (n,)
        Lowest row with this label.
    """
    labels = np.arange(len(rows))
    free = np.ones(len(rows), bool)
    free[rules.cannot_link.ravel()] = False
    free[rules.must_link.ravel()] = False
    free[np.bincount(rules.members[:, 0], minlength=len(rows)) > (rules.groups >= 0)] = False
    found = np.flatnonzero(free)
    sums = _checksums(rows, found)
    found, same = _repeated(found, [sums])
    equal = _equal(rows, found, found[_first(same)])
    found, same = found[equal], same[equal]
    if rules.intervals is not None:
        found, same = _repeated(found, [same, *rules.intervals[found].T])
    groups = rules.groups[found]
    order = np.lexsort((found, groups, same))
    turn = np.zeros(len(found), np.int64)
    turn[order] = _place(same[order], groups[order])
    turn[groups < 0] = 0
    found, same = _repeated(found, [same, turn])
    labels[found] = found[_first(same)]
    return labels


def _checksums(rows: Floats, which: Ints, size: int = 256) -> NDArray[np.uint64]:
    """Return a number for each row that is the same for copies, whatever the block it is in."""
    word: type[np.unsignedinteger[Any]] = np.uint16 if rows.dtype == np.float16 else np.uint32
    words = rows.shape[1] * rows.dtype.itemsize // np.dtype(word).itemsize
    factors = np.random.default_rng(0).integers(
        0, 2**64, words, np.uint64, endpoint=False
    ) | np.uint64(1)
    out = np.empty(len(which), np.uint64)
    for at in range(0, len(which), size):
        block = np.ascontiguousarray(rows[which[at : at + size]]).view(word)
        out[at : at + size] = block.astype(np.uint64) @ factors
    return out


def _repeated(found: Ints, keys: list[NDArray[np.generic]]) -> tuple[Ints, Ints]:
    """Return the rows of which a key occurs more than once, in key order, and the key's number."""
    order = np.lexsort((found, *reversed(keys)))
    changes = np.ones(len(order), bool)
    changes[1:] = False
    for key in keys:
        changes[1:] |= key[order][1:] != key[order][:-1]
    number = np.cumsum(changes) - 1
    many = (np.bincount(number, minlength=1) > 1)[number] if len(number) else np.zeros(0, bool)
    return found[order][many], number[many]


def _first(numbers: Ints) -> Ints:
    """Return the position at which each run of equal numbers starts."""
    if not len(numbers):
        return numbers
    starts = np.flatnonzero(np.concatenate([[True], numbers[1:] != numbers[:-1]]))
    return np.repeat(starts, np.diff(np.append(starts, len(numbers))))


def _place(same: Ints, groups: Ints) -> Ints:
    """Return the place of each row among those of the same number and group, which adjoin."""
    if not len(same):
        return same
    runs = np.cumsum(np.concatenate([[0], (np.diff(same) != 0) | (np.diff(groups) != 0)]))
    return np.arange(len(same)) - _first(runs)


def _equal(rows: Floats, some: Ints, others: Ints, size: int = 256) -> NDArray[np.bool_]:
    out = np.ones(len(some), bool)
    for at in range(0, len(some), size):
        part = slice(at, at + size)
        out[part] = (rows[some[part]] == rows[others[part]]).all(axis=1)
    return out
