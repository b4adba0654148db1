"""The questions worth asking the user, best first, and what is done with the answers.

The Python twin of `album suggest`. A question is worth the number of faces that its answer is
expected to put right: the probability that something changes, times the faces that change.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from album.calibration import question_calibration
from album.candidates import Candidates, candidates, owners
from album.people import Person, fractional_year, person_record, said_years, to_person
from album.reasons import apart, facts, reasons
from clustering import questions
from clustering.continuation import EIGHTY, Lives, continuation_scores
from db.library import Library
from db.people import people as person_rows
from db.questions import Placements, placements, verdicts
from db.rows import PersonRow
from db.settings import get_setting

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]

KINDS = ("same", "split", "name")
SKIPPED = "suggest.skipped"
SUREST = 0.99
"""Two who are apart although they look like one are apart for a reason, perhaps."""
LEAST = 0.01
"""Questions whose answer is surer than this are not asked."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A question to the user.

    Attributes
    ----------
    kind : {'same', 'split', 'name'}
        Are two people one; are all faces of a person theirs; who is this.
    people : tuple of Person
        Two, or one.
    faces : tuple of int
        For 'split', the ids of the faces that may be somebody else's.
    probability : float or None
        That it is one person; None for 'name'.
    settled : float
        Faces that the answer is expected to put right or to name.
    why : tuple of str
        Reasons in words.
    anchors : tuple of int
        A face of each person, by which whoever is merged later can be found.
    skipped : bool
        The user left it for later once.
    """

    kind: str
    people: tuple[Person, ...]
    faces: tuple[int, ...]
    probability: float | None
    settled: float
    why: tuple[str, ...]
    anchors: tuple[int, ...]
    skipped: bool = False

    @property
    def key(self) -> str:
        """What names the question whatever else is asked: 12,31 or 12:4711 or 12."""
        ids = ",".join(str(person.id) for person in self.people)
        return f"{ids}:{min(self.faces)}" if self.faces else ids


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """What a library knows, by position of a person.

    Attributes
    ----------
    ids : ndarray of int64, shape (k,)
        Of the people, ascending.
    rows : tuple of PersonRow, length k
    count : ndarray of int64, shape (k,)
        Faces on disk.
    anchors : ndarray of int64, shape (k,)
        A face of each.
    """

    ids: Ints
    rows: tuple[PersonRow, ...]
    count: Ints
    anchors: Ints
    now: Placements

    def person(self, position: int) -> Person:
        """Return a person as the program shows it."""
        return to_person(self.rows[position])

    def flags(self, name: str) -> NDArray[np.bool_]:
        """Return one column of everybody as truth values."""
        return np.array([bool(getattr(row, name)) for row in self.rows], bool)


def suggestions(
    library: Library,
    *,
    limit: int = 20,
    kinds: Iterable[str] = ("same", "split"),
    again: bool = False,
) -> list[Suggestion]:
    """Return the questions worth asking, best first.

    Never asked are pairs that share a photo, were said to be different, or have two names, two
    birth dates or two genders by the user's word; people who are hidden; and passers-by, unless
    they may be somebody known.

    Parameters
    ----------
    library : Library
        What is found is kept in it if it can be written.
    limit : int
    kinds : iterable of str
        Some of `KINDS`.
    again : bool
        With the questions that were skipped, after all others.
    """
    now = placements(library)
    found = candidates(library, now) if len(now) else None
    view = _view(library, now)
    wanted, asked = set(kinds), verdicts(library)
    skipped = skipped_parts(library)
    result: list[Suggestion] = []
    if found is not None and len(found.face_id) and len(view.ids):
        owner = owners(found, now)
        if "same" in wanted:
            result += _pairs(view, found, owner, asked, limit=limit, again=again)
        if "split" in wanted:
            result += _doubts(view, found, owner, skipped, again=again)
    if "name" in wanted:
        result += _nameless(view, skipped, again=again)
    result.sort(key=lambda one: (one.skipped, -one.settled, one.key))
    return result[:limit]


def _view(library: Library, now: Placements) -> _View:
    rows = {row.person_id: row for row in person_rows(library, hidden=True, passers_by=True)}
    ids, first, count = np.unique(now.person_id, return_index=True, return_counts=True)
    found = tuple(rows[one] for one in ids.tolist())
    return _View(ids, found, count, now.face_id[first], now)


def _positions(view: _View, ids: Ints) -> Ints:
    """Return where people are in the view; -1 for those who are not."""
    at = np.minimum(np.searchsorted(view.ids, ids), len(view.ids) - 1)
    return np.where(view.ids[at] == ids, at, -1)


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


def _lives(rows: Iterable[PersonRow]) -> Lives:
    """Return what is known of people in time; their age is that in the middle of their photos."""
    return Lives(*np.array([_life(row) for row in rows], np.float64).reshape(-1, 3).T)


def _life(row: PersonRow) -> tuple[float, float, float]:
    low, high = (
        said_years(row.born_override) if row.born_override else (row.born_low, row.born_high)
    )
    if low is None or high is None or row.first_at is None or row.last_at is None:
        return np.nan, np.nan, np.nan
    born = (low + high) / 2 if row.born_override or row.born is None else row.born
    middle = (fractional_year(row.first_at) + fractional_year(row.last_at)) / 2
    return born, (high - low) / 2 / EIGHTY, middle - born


def _pairs(
    view: _View,
    found: Candidates,
    owner: Ints,
    asked: Mapping[tuple[int, int], str],
    *,
    limit: int,
    again: bool,
) -> list[Suggestion]:
    """Return the best pairs of people to compare."""
    pairs = questions.pooled(found.pairs, _positions(view, owner), found.count)
    chance = pair_scores(pairs, view.count, _lives(view.rows))
    settled = chance * _gained(view, pairs)
    allowed = _allowed(view, pairs) & (chance >= LEAST)
    order = np.flatnonzero(allowed)
    order = order[np.lexsort((order, -settled[order]))]
    photos = _Photos(view)
    rank_a, rank_b = questions.ranks(pairs)
    result: list[Suggestion] = []
    later: list[Suggestion] = []
    for i in order.tolist():
        a, b = int(pairs.a[i]), int(pairs.b[i])
        verdict = asked.get((int(view.ids[a]), int(view.ids[b])))
        if verdict == "different" or (verdict == "skipped" and not again):
            continue
        if photos.shared(a, b):
            continue
        two = (view.person(a), view.person(b))
        why = reasons(*two, float(pairs.distance[i]), nearer=(int(rank_a[i]), int(rank_b[i])))
        faces = (int(view.anchors[a]), int(view.anchors[b]))
        one = Suggestion("same", two, (), float(chance[i]), float(settled[i]), why, faces)
        (later if verdict else result).append(replace(one, skipped=bool(verdict)))
        if len(result) == limit:
            break
    return result + later[:limit]


def _gained(view: _View, pairs: questions.Pairs) -> Doubles:
    """Return the faces that a yes puts right: those of the smaller, or of who has no name yet."""
    named = view.flags("name")
    a, b = view.count[pairs.a], view.count[pairs.b]
    gained = np.where(named[pairs.a], b, np.where(named[pairs.b], a, np.minimum(a, b)))
    return gained.astype(np.float64)


def _allowed(view: _View, pairs: questions.Pairs) -> NDArray[np.bool_]:
    """Return which pairs may be asked about, but for what is in the photos and was answered."""
    hidden, passing, named = (view.flags(name) for name in ("hidden", "passer_by", "name"))
    passing &= ~named
    allowed = ~(hidden[pairs.a] | hidden[pairs.b]) & ~(passing[pairs.a] & passing[pairs.b])
    allowed &= ~(named[pairs.a] & named[pairs.b])
    for column in ("gender_override", "born_override"):
        said = np.array([getattr(row, column) or "" for row in view.rows])
        one, other = said[pairs.a], said[pairs.b]
        allowed &= (one == "") | (other == "") | (one == other)
    return np.asarray(allowed)


class _Photos:
    """The photos of people, looked up as they are needed."""

    def __init__(self, view: _View) -> None:
        order = np.argsort(view.now.person_id, kind="stable")
        self._photo = view.now.photo_id[order]
        self._ends = np.searchsorted(view.now.person_id[order], [view.ids, view.ids + 1])
        self._seen: dict[int, set[int]] = {}

    def _of(self, position: int) -> set[int]:
        if position not in self._seen:
            first, last = self._ends[:, position].tolist()
            self._seen[position] = set(self._photo[first:last].tolist()) - {-1}
        return self._seen[position]

    def shared(self, a: int, b: int) -> bool:
        """Tell whether two people are in one photo."""
        return not self._of(a).isdisjoint(self._of(b))


def _doubts(
    view: _View, found: Candidates, owner: Ints, skipped: frozenset[str], *, again: bool
) -> list[Suggestion]:
    """Return the parts of people that may be somebody else, where nothing has moved since."""
    parts = np.split(found.half_faces, np.cumsum(found.half_size)[:-1])
    halves = questions.Halves(found.half_group, found.half_distance, tuple(parts))
    if not len(halves):
        return []
    chance = question_calibration().half(questions.half_features(halves, found.count))
    person = dict(zip(view.now.face_id.tolist(), view.now.person_id.tolist(), strict=True))
    placed = set(view.now.face_id[view.now.placed].tolist())
    position = _positions(view, owner[halves.group])
    result = []
    for i in np.flatnonzero((1 - chance >= LEAST) & (position >= 0)).tolist():
        row, faces = view.rows[position[i]], tuple(halves.small[i].tolist())
        theirs = all(person.get(face) == row.person_id for face in faces)
        passing = row.passer_by and not row.name
        if not theirs or placed.issuperset(faces) or row.hidden or passing:
            continue
        if view.count[position[i]] <= len(faces):
            continue
        who = to_person(row)
        why = (apart(len(faces), who, float(halves.distance[i])),)
        settled = (1 - float(chance[i])) * len(faces)
        anchor = (int(view.anchors[position[i]]),)
        one = Suggestion("split", (who,), faces, float(chance[i]), settled, why, anchor)
        if again or one.key not in skipped:
            result.append(replace(one, skipped=one.key in skipped))
    return result


def _nameless(view: _View, skipped: frozenset[str], *, again: bool) -> list[Suggestion]:
    result = []
    for row, count, anchor in zip(
        view.rows, view.count.tolist(), view.anchors.tolist(), strict=True
    ):
        who = to_person(row)
        if who.name or who.hidden or who.passer_by:
            continue
        one = Suggestion("name", (who,), (), None, float(count), facts(who), (anchor,))
        if again or one.key not in skipped:
            result.append(replace(one, skipped=one.key in skipped))
    return result


def skipped_parts(library: Library) -> frozenset[str]:
    """Return the keys of the doubtful parts that were left for later."""
    return frozenset((get_setting(library, SKIPPED) or "").split())


def suggestion_record(number: int, one: Suggestion) -> dict[str, Any]:
    """Return a question as JSON has it."""
    return {
        "number": number,
        "key": one.key,
        "kind": one.kind,
        "question": question_text(one),
        "people": [person_record(person) for person in one.people],
        "face_ids": list(one.faces),
        "probability_same": None if one.probability is None else round(one.probability, 3),
        "faces_settled": round(one.settled, 2),
        "why": list(one.why),
        "skipped": one.skipped,
    }


def question_text(one: Suggestion) -> str:
    """Return the question as a sentence."""
    first = one.people[0].label
    if one.kind == "same":
        return f"Are {first} and {one.people[1].label} the same person?"
    if one.kind == "name":
        return f"Who is {first}?"
    if len(one.faces) == 1:
        return f"Is face {one.faces[0]} really {first}?"
    return f"Are these {len(one.faces)} faces really {first}?"
