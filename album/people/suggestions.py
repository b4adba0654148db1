"""The questions worth asking the user, best first, and what is done with the answers.

The Python twin of `album suggest`. A question is worth the number of faces that its answer is
expected to put right: the probability that something changes, times the faces that change.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from album.grouping.candidates import Packed, keep_measured, measured, owners
from album.people.people import Person, person_record, to_person
from album.people.ranking import (
    Draft,
    View,
    rank_nameless,
    rank_pairs,
    rank_parts,
    top,
    view_of,
    with_rejections,
)
from album.people.reasons import apart, facts, hinted, reasons
from db.library import Library
from db.people.people import people_by_id
from db.people.questions import placements, traits, verdicts
from db.people.suggestions import skipped_questions
from db.people.verdicts import rejections
from db.photos.hints import hinted_names
from db.rows import PersonRow

KINDS = ("same", "split", "name")


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
        """See `question_key`."""
        return question_key([person.id for person in self.people], self.faces)


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
    with library.snapshot() as moment:
        found, packed = _suggestions(moment, limit, set(kinds), again=again)
    if packed is not None:
        keep_measured(library, packed)
    return found


def _suggestions(
    library: Library, limit: int, wanted: Set[str], *, again: bool
) -> tuple[list[Suggestion], Packed | None]:
    """Return the questions, and candidates that were measured for them and should be kept."""
    everything = placements(library)
    now = everything.on_disk()
    view = view_of(everything, traits(library))
    drafts = list[Draft]()
    skipped = skipped_parts(library)
    found, packed = measured(library, now) if len(now) else (None, None)
    if found is not None and len(found.face_id):
        owner = view.positions(owners(found, now))
        if "same" in wanted:
            said = with_rejections(verdicts(library), rejections(library), everything)
            drafts += islice(rank_pairs(view, found, owner, said, again=again), limit)
        if "split" in wanted:
            drafts += _first(rank_parts(view, found, owner), view, skipped, limit, again=again)
    if "name" in wanted and len(now):
        drafts += _first(rank_nameless(view), view, skipped, limit, again=again)
    chosen = top(drafts, limit)
    ids = {int(view.traits.person_id[at]) for one in chosen for at in one.positions}
    rows = people_by_id(library, ids)
    hints = hinted_names(library, list(ids)) if "name" in wanted else {}
    return [_worded(one, view, rows, hints) for one in chosen], packed


def _first(
    drafts: Iterable[Draft], view: View, skipped: frozenset[str], limit: int, *, again: bool
) -> Iterator[Draft]:
    """Yield the first questions that were not skipped, and then perhaps those that were."""
    left, later = limit, []
    for one in drafts:
        if question_key([int(view.traits.person_id[one.positions[0]])], one.faces) in skipped:
            later.append(replace(one, skipped=True))
        elif left:
            left -= 1
            yield one
        if not left and not again:
            return
    if again:
        yield from later[:limit]


def _worded(
    one: Draft,
    view: View,
    rows: Mapping[int, PersonRow],
    hints: Mapping[int, Sequence[tuple[str, int]]],
) -> Suggestion:
    ids = [int(view.traits.person_id[at]) for at in one.positions]
    people = tuple(to_person(rows[person]) for person in ids)
    if one.kind == "same":
        why = reasons(people[0], people[1], one.distance, nearer=one.nearer)
    elif one.kind == "split":
        why = (apart(len(one.faces), people[0], one.distance),)
    else:
        why = (*facts(people[0]), *hinted(hints.get(people[0].id, ())))
    anchors = tuple(int(view.anchors[at]) for at in one.positions)
    return Suggestion(
        one.kind, people, one.faces, one.chance, one.settled, why, anchors, one.skipped
    )


def question_key(ids: Sequence[int], faces: Sequence[int]) -> str:
    """Return what names a question whatever else is asked: 12,31 or 12:4711 or 12."""
    people = ",".join(map(str, ids))
    return f"{people}:{min(faces)}" if faces else people


def skipped_parts(library: Library) -> frozenset[str]:
    """Return the keys of the questions about one person that were left for later."""
    skipped = skipped_questions(library)
    return frozenset(question_key([person], [face] if face else []) for person, face in skipped)


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
