"""Ranking of `album.people.suggestions`: which are allowed, how likely, and worth how much.

All on arrays of people by position; who they are is looked up later, for those at the top.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from album.dates.calendar import year_bounds
from album.grouping.candidates import Candidates
from album.models.calibration import question_calibration
from clustering.identity import questions
from clustering.identity.continuation import EIGHTY, Lives, continuation_scores
from db.people.questions import Placements, Traits
from db.rows import Pairs as FacePairs

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]

SUREST = 0.99
"""Upper bound: who resemble each other and are apart all the same may be so for a reason."""
LEAST = 0.01
"""Questions whose answer is surer than this are not asked."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A question before it is put into words.

    Attributes
    ----------
    kind : str
        As `album.people.suggestions.Suggestion` has it.
    positions : tuple of int
        Of the people in the view.
    faces : tuple of int
    chance : float or None
        Probability of one person.
    corrected : float
        Faces that the answer is expected to correct.
    distance : float
        In units of the threshold.
    nearer : tuple of int
        How many people are nearer to each than the other is.
    skipped : bool
    """

    kind: str
    positions: tuple[int, ...]
    faces: tuple[int, ...]
    chance: float | None
    corrected: float
    distance: float = 0.0
    nearer: tuple[int, int] = (0, 0)
    skipped: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """The people of a library who have a face on disk.

    Attributes
    ----------
    traits : Traits
        Of k people, by ascending id.
    count : ndarray of int64, shape (k,)
        Faces on disk.
    anchors : ndarray of int64, shape (k,)
        A face of each.
    everything : Placements
        Also of photos that are gone: two people in one of those are two people still.
    """

    traits: Traits
    count: Ints
    anchors: Ints
    everything: Placements

    def positions(self, ids: Ints) -> Ints:
        """Return where people are in the view; -1 for those who are not."""
        known = self.traits.person_id
        at = np.minimum(np.searchsorted(known, ids), len(known) - 1)
        return np.where(known[at] == ids, at, -1)


def view_of(everything: Placements, traits: Traits) -> View:
    """Return the people who have a face on disk."""
    now = everything.on_disk()
    ids, first, count = np.unique(now.person_id, return_index=True, return_counts=True)
    there = np.isin(ids, traits.person_id)  # all, unless somebody is changing the library
    rows = np.searchsorted(traits.person_id, ids[there])
    return View(traits.take(rows), count[there], now.face_id[first[there]], everything)


def pair_scores(pairs: questions.Pairs, count: Ints, lives: Lives) -> Doubles:
    """Return the probability that two people are one: the one place where it is decided.

    Where both birth years are known, it also depends on them and on the difference in age, since a
    child at two ages may be as far apart as two adults.

    Parameters
    ----------
    pairs : Pairs
        Of people, by position.
    count : ndarray of int64, shape (k,)
        Faces of each person.
    lives : Lives
        Of the k people.
    """
    use = question_calibration()
    chance = use.pair(questions.pair_features(pairs, count))
    aged = continuation_scores(use.aged, pairs, count, lives)
    return np.where(np.isnan(aged), chance, np.minimum(aged, SUREST))


def lives_of(traits: Traits) -> Lives:
    """Return what is known of people in time; their age is that in the middle of their photos."""
    born, low, high = (traits.years[:, i].copy() for i in range(3))
    for i in np.flatnonzero(traits.born != "").tolist():
        low[i], high[i] = year_bounds(str(traits.born[i]))
        born[i] = (low[i] + high[i]) / 2
    middle = traits.years[:, 3:].mean(axis=1)
    known = np.isfinite(born + low + high + middle)
    born[~known] = np.nan
    return Lives(born, (high - low) / 2 / EIGHTY, middle - born)


def rank_pairs(
    view: View,
    found: Candidates,
    owner: Ints,
    compared: Mapping[tuple[int, int], str],
    *,
    again: bool,
) -> Iterator[Draft]:
    """Yield the pairs of people to compare, best first; those that were skipped come last."""
    pairs = questions.pooled(found.pairs, owner, found.count)
    chance = pair_scores(pairs, view.count, lives_of(view.traits))
    corrected = chance * _gained(view, pairs)
    order = np.flatnonzero(_allowed(view, pairs) & (chance >= LEAST))
    order = order[np.lexsort((order, -corrected[order]))]
    photos, ids = _Photos(view), view.traits.person_id
    rank_a, rank_b = questions.ranks(pairs)
    later = []
    for i in order.tolist():
        a, b = int(pairs.a[i]), int(pairs.b[i])
        verdict = compared.get((int(ids[a]), int(ids[b])))
        if verdict == "different" or (verdict == "skipped" and not again) or photos.shared(a, b):
            continue
        one = Draft(
            kind="same",
            positions=(a, b),
            faces=(),
            chance=float(chance[i]),
            corrected=float(corrected[i]),
            distance=float(pairs.distance[i]),
            nearer=(int(rank_a[i]), int(rank_b[i])),
            skipped=verdict is not None,
        )
        if one.skipped:
            later.append(one)
        else:
            yield one
    yield from later


def _gained(view: View, pairs: questions.Pairs) -> Doubles:
    """Return the faces that a yes corrects: those of the smaller, or of who has no name yet."""
    named = view.traits.named
    a, b = view.count[pairs.a], view.count[pairs.b]
    gained = np.where(named[pairs.a], b, np.where(named[pairs.b], a, np.minimum(a, b)))
    return gained.astype(np.float64)


def _allowed(view: View, pairs: questions.Pairs) -> NDArray[np.bool_]:
    """Return which pairs may be asked about, but for what is in the photos and was answered."""
    traits, a, b = view.traits, pairs.a, pairs.b
    allowed = ~(traits.hidden[a] | traits.hidden[b]) & ~(traits.passer_by[a] & traits.passer_by[b])
    allowed &= ~(traits.named[a] & traits.named[b])
    for given in (traits.gender, traits.born):
        allowed &= (given[a] == "") | (given[b] == "") | (given[a] == given[b])
    return np.asarray(allowed)


class _Photos:
    """The photos of people, looked up as they are needed."""

    def __init__(self, view: View) -> None:
        person, ids = view.everything.person_id, view.traits.person_id
        order = np.argsort(person, kind="stable")
        self._photo = view.everything.photo_id[order]
        self._ends = np.searchsorted(person[order], [ids, ids + 1])
        self._seen: dict[int, set[int]] = {}

    def _of(self, position: int) -> set[int]:
        if position not in self._seen:
            first, last = self._ends[:, position].tolist()
            self._seen[position] = set(self._photo[first:last].tolist()) - {-1}
        return self._seen[position]

    def shared(self, a: int, b: int) -> bool:
        """Tell whether two people are in one photo."""
        return not self._of(a).isdisjoint(self._of(b))


def rank_parts(view: View, found: Candidates, owner: Ints) -> Iterator[Draft]:
    """Yield the parts of people that may be somebody else, best first, where nothing has moved."""
    if not len(found.half_group):
        return
    parts = np.split(found.half_faces, np.cumsum(found.half_size)[:-1])
    halves = questions.Halves(found.half_group, found.half_distance, tuple(parts))
    chance = question_calibration().half(questions.half_features(halves, found.count))
    corrected = (1 - chance) * found.half_size
    position = owner[found.half_group]
    asked = (position >= 0) & (1 - chance >= LEAST) & _whole(view, found, position)
    asked &= ~(view.traits.hidden | view.traits.passer_by)[position]
    order = np.flatnonzero(asked)
    for i in order[np.lexsort((order, -corrected[order]))].tolist():
        faces = tuple(parts[i].tolist())
        yield Draft(
            kind="split",
            positions=(int(position[i]),),
            faces=faces,
            chance=float(chance[i]),
            corrected=float(corrected[i]),
            distance=float(found.half_distance[i]),
        )


def _whole(view: View, found: Candidates, position: Ints) -> NDArray[np.bool_]:
    """Return which parts are still their person's, not by the user's word, and not all of them."""
    now = view.everything
    part = np.repeat(np.arange(len(position)), found.half_size)
    at = np.minimum(np.searchsorted(now.face_id, found.half_faces), len(now) - 1)
    mine = (now.face_id[at] == found.half_faces) & now.present[at]
    mine &= now.person_id[at] == view.traits.person_id[position[part]]
    theirs = np.bincount(part, mine, len(position)) == found.half_size
    by_hand = np.bincount(part, now.placed[at], len(position)) == found.half_size
    return np.asarray(theirs & ~by_hand & (view.count[position] > found.half_size))


def rank_nameless(view: View) -> Iterator[Draft]:
    """Yield who has no name, those with most faces first."""
    traits = view.traits
    asked = np.flatnonzero(~(traits.named | traits.hidden | traits.passer_by))
    for i in asked[np.lexsort((asked, -view.count[asked]))].tolist():
        yield Draft("name", (i,), (), None, float(view.count[i]))


def with_rejections(
    compared: Mapping[tuple[int, int], str], rejected: FacePairs, now: Placements
) -> dict[tuple[int, int], str]:
    """Add that people are different where the user rejected a face of the one for the other."""
    result = dict(compared)
    if len(rejected) and len(now):
        at = np.minimum(np.searchsorted(now.face_id, rejected.face_id), len(now) - 1)
        known = now.face_id[at] == rejected.face_id
        people = zip(
            now.person_id[at[known]].tolist(), rejected.person_id[known].tolist(), strict=True
        )
        result |= {(min(pair), max(pair)): "different" for pair in people}
    return result


def top(drafts: Iterable[Draft], limit: int) -> list[Draft]:
    """Return the best of several rankings, those skipped before at the end."""
    return sorted(drafts, key=lambda one: (one.skipped, -one.corrected, one.kind, one.positions))[
        :limit
    ]
