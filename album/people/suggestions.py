"""The questions worth asking the user, best first, and what is done with the answers.

The Python twin of `album suggest`. A question is worth the number of faces that its answer is
expected to correct: the probability that something changes, times the faces that change.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from album.grouping.candidates import Packed, measured, owners, save_measured
from album.people.faces import Face, chosen_faces, clearest_of_stretches
from album.people.people import Person, to_person
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
from album.people.records import person_record
from db.library import Library
from db.people.browse import FaceQuality, face_qualities
from db.people.people import people_by_id
from db.people.questions import placements, traits, verdicts
from db.people.suggestions import Question, question_key, skipped_questions
from db.people.verdicts import rejections
from db.photos.hints import hinted_names
from db.rows import PersonRow

KINDS = ("same", "split", "name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion(Question):
    """A question worth asking.

    Attributes
    ----------
    people : tuple of Person
    probability : float or None
        That it is one person; None for 'name'.
    faces_settled : float
        Faces that the answer is expected to correct or to name.
    why : tuple of str
        Reasons in words.
    skipped : bool
        The user left it for later once.
    """

    people: tuple[Person, ...]
    probability: float | None
    faces_settled: float
    why: tuple[str, ...]
    skipped: bool = False


@dataclass(frozen=True, slots=True)
class Side:
    """Faces that a question shows together: of one person, or those that may be somebody else's."""

    person: Person
    faces: tuple[Face, ...]
    doubtful: bool = False


def suggestions(
    library: Library,
    *,
    limit: int = 20,
    kinds: Iterable[str] = ("same", "split"),
    again: bool = False,
) -> list[Suggestion]:
    """Return the questions worth asking, best first.

    Never asked are pairs that share a photo, the user said are different, or have two names, two
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
        save_measured(library, packed)
    return found


def _suggestions(
    library: Library, limit: int, kinds: Set[str], *, again: bool
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
        if "same" in kinds:
            compared = with_rejections(verdicts(library), rejections(library), everything)
            drafts += islice(rank_pairs(view, found, owner, compared, again=again), limit)
        if "split" in kinds:
            drafts += _first(rank_parts(view, found, owner), view, skipped, limit, again=again)
    if "name" in kinds and len(now):
        drafts += _first(rank_nameless(view), view, skipped, limit, again=again)
    chosen = top(drafts, limit)
    ids = {int(view.traits.person_id[at]) for one in chosen for at in one.positions}
    rows = people_by_id(library, ids)
    hints = hinted_names(library, list(ids)) if "name" in kinds else {}
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
    return Suggestion(
        kind=one.kind,
        person_ids=tuple(ids),
        anchors=tuple(int(view.anchors[at]) for at in one.positions),
        face_ids=one.faces,
        people=people,
        probability=one.chance,
        faces_settled=one.corrected,
        why=why,
        skipped=one.skipped,
    )


def sides(library: Library, one: Suggestion, most: int) -> list[Side]:
    """Return the faces to show with a question: the clearest of all times of each side.

    Parameters
    ----------
    library : Library
    one : Suggestion
    most : int
        Faces of a side at most; only those in photos on disk where there are any.
    """
    doubtful = set(one.face_ids)
    found = []
    for person in one.people:
        known = face_qualities(library, person.id)
        found.append(_side(library, person, [f for f in known if f.face_id not in doubtful], most))
        if doubtful:
            part = [face for face in known if face.face_id in doubtful]
            found.append(replace(_side(library, person, part, most), doubtful=True))
    return found


def _side(library: Library, person: Person, known: Sequence[FaceQuality], most: int) -> Side:
    present = [face for face in known if face.present] or known
    chosen = clearest_of_stretches(present, most)
    return Side(person, tuple(chosen_faces(library, [face.face_id for face in chosen])))


def skipped_parts(library: Library) -> frozenset[str]:
    """Return the keys of the questions about one person that were left for later."""
    skipped = skipped_questions(library)
    return frozenset(question_key([person], [face] if face else []) for person, face in skipped)


def suggestion_record(one: Suggestion) -> dict[str, Any]:
    """Return a question as JSON has it."""
    return {
        "key": one.key,
        "kind": one.kind,
        "question": question_text(one),
        "people": [person_record(person) for person in one.people],
        "face_ids": list(one.face_ids),
        "probability_same": None if one.probability is None else round(one.probability, 3),
        "faces_settled": round(one.faces_settled, 2),
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
    if len(one.face_ids) == 1:
        return f"Is face {one.face_ids[0]} really {first}?"
    return f"Are these {len(one.face_ids)} faces really {first}?"


def reasons(
    one: Person, other: Person, distance: float, *, nearer: tuple[int, int]
) -> tuple[str, ...]:
    """Say what speaks for and against two people being one.

    Parameters
    ----------
    one, other : Person
    distance : float
        In units of the distance up to which faces are taken for one person.
    nearer : tuple of int
        How many people are nearer to each than the other is.
    """
    return tuple(_reasons(one, other, distance, nearer))


def _reasons(one: Person, other: Person, distance: float, nearer: tuple[int, int]) -> Iterator[str]:
    near = "nearest to each other, " if nearer == (0, 0) else ""
    yield f"{near}{distance:.2f} of the limit apart"
    if one.first and other.first:
        yield f"{years(one)} and {years(other)}"
    if one.born is not None and other.born is not None:
        yield f"born {_both(about(one), about(other))}{_agreement(one, other)}"
    if one.gender and other.gender and one.gender != other.gender:
        yield f"{one.gender} and {other.gender}"


def apart(faces: int, person: Person, distance: float) -> str:
    """Say how far some faces of a person are from the others."""
    some = "1 face" if faces == 1 else f"{faces} faces"
    return f"{some} of {person.faces}, {distance:.2f} of the limit from the others"


def facts(person: Person) -> tuple[str, ...]:
    """Say in words what is known of a person without a name."""
    born = [f"born {about(person)}"] if person.born is not None else []
    return (*([years(person)] if person.first else []), *born)


def hinted(names: Sequence[tuple[str, int]]) -> tuple[str, ...]:
    """Say whom Google Photos has in the photos of a person, without saying where."""
    return tuple(
        f"Google Photos has {name} in {'1 photo' if n == 1 else f'{n} photos'} of these"
        for name, n in names[:3]
    )


def years(person: Person) -> str:
    """Write the years of a person's photos: 2009–2011."""
    if person.first is None or person.last is None:
        return "no dates"
    first, last = person.first.year, person.last.year
    return str(first) if first == last else f"{first}–{last}"


def about(person: Person) -> str:
    """Write a birth year: about 2006, or the date that the user gave."""
    if person.born is None:
        return "unknown"
    return person.born_date or f"about {int(person.born)}"


def _both(one: str, other: str) -> str:
    """Write about 2006 and 2007, or about 2006 where both are the same."""
    if one == other:
        return f"{one} both"
    short = other.removeprefix("about ") if one.startswith("about ") else other
    return f"{one} and {short}"


def _agreement(one: Person, other: Person) -> str:
    if None in (one.born_low, one.born_high, other.born_low, other.born_high):
        return ""
    assert one.born_low is not None
    assert one.born_high is not None
    assert other.born_low is not None
    assert other.born_high is not None
    meet = one.born_low <= other.born_high and other.born_low <= one.born_high
    return "" if meet else ", which is far apart"
