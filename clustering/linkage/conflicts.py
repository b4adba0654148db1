"""Which clusters may not merge: shared photos, forbidden pairs of rows, intervals that do not meet.

Every rule is inherited by unions. A forbidden pair of rows is a group of its own with these two
members, so that one test serves both: clusters conflict when they share a group. Intervals need
only their intersection, because intervals that meet pairwise have a common point (Helly).
"""

import numpy as np
from numpy.typing import NDArray

from clustering.linkage.constraints import Ints, Rules

_CHUNK = 2_000_000


class Conflicts:
    """The groups and the interval of each of n clusters, which start as single rows.

    Parameters
    ----------
    n : int
        Number of rows.
    rules : Rules
        Checked constraints.
    """

    def __init__(self, n: int, rules: Rules) -> None:
        clusters, groups, self._n_groups = _memberships(rules)
        # One sorted number per membership; a photo with one face can't conflict and is left out.
        self._n = n
        self._arrange(clusters, groups)
        self._low = self._high = None
        if rules.intervals is not None:
            self._low, self._high = rules.intervals.T.copy()

    def between(self, a: NDArray[np.integer], b: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Return whether clusters a[i] and b[i] may not merge."""
        out = np.zeros(len(a), bool)
        if self._low is not None and self._high is not None:
            low = np.maximum(self._low[a], self._low[b])
            out |= low > np.minimum(self._high[a], self._high[b])
        if len(self._keys):
            out |= self._share_group(a.astype(np.int64), b.astype(np.int64))
        return out

    def merge(self, a: NDArray[np.integer], b: NDArray[np.integer]) -> None:
        """Let a[i] inherit what forbids b[i]."""
        if self._low is not None and self._high is not None:
            self._low[a] = np.maximum(self._low[a], self._low[b])
            self._high[a] = np.minimum(self._high[a], self._high[b])
        if len(self._keys):
            parent = np.arange(self._n)
            parent[b] = a
            clusters, groups = np.divmod(self._keys, self._n_groups)
            self._arrange(parent[clusters], groups)

    def _arrange(self, clusters: Ints, groups: Ints) -> None:
        """Sort the memberships, which nearly are so after a merge, and note where each begins."""
        self._keys = np.sort(clusters * self._n_groups + groups, kind="stable")
        self._starts = np.zeros(self._n + 1, np.int64)
        np.cumsum(np.bincount(clusters, minlength=self._n), out=self._starts[1:])

    def _share_group(self, a: Ints, b: Ints) -> NDArray[np.bool_]:
        start_a, size_a = self._spans(a)
        start_b, size_b = self._spans(b)
        swap = size_b < size_a
        start = np.where(swap, start_b, start_a)
        size = np.where(swap, size_b, size_a)
        # Nothing to look for where either has no group at all.
        size[(size_a == 0) | (size_b == 0)] = 0
        other = np.where(swap, a, b)
        out = np.zeros(len(a), bool)
        todo = np.flatnonzero(size)
        ends = np.cumsum(size[todo])
        cuts = np.searchsorted(ends, np.arange(0, int(size.sum()), _CHUNK))
        for part in np.split(todo, np.unique(cuts)):
            out[self._hits(part, start[part], size[part], other[part])] = True
        return out

    def _spans(self, clusters: Ints) -> tuple[Ints, Ints]:
        start = self._starts[clusters]
        return start, self._starts[clusters + 1] - start

    def _hits(self, pairs: Ints, start: Ints, size: Ints, other: Ints) -> Ints:
        """Return those pairs of which one of the groups keys[start : start + size] is in other."""
        before = np.cumsum(size) - size
        at = np.arange(int(size.sum())) + np.repeat(start - before, size)
        wanted = np.repeat(other, size) * self._n_groups + self._keys[at] % self._n_groups
        found = np.searchsorted(self._keys, wanted)
        found[found == len(self._keys)] = 0
        return np.asarray(np.repeat(pairs, size)[self._keys[found] == wanted])


def _memberships(rules: Rules) -> tuple[Ints, Ints, int]:
    """Return cluster and group of every membership that can conflict, and the number of groups."""
    rows, numbers = rules.members.T
    shared = np.bincount(numbers)[numbers] > 1 if len(numbers) else np.zeros(0, bool)
    photos = int(numbers.max()) + 1 if len(numbers) else 0
    pairs = np.arange(len(rules.cannot_link)) + photos
    clusters = np.concatenate([rows[shared], rules.cannot_link.ravel()])
    groups = np.concatenate([numbers[shared], np.repeat(pairs, 2)])
    return clusters, groups, photos + len(pairs)
