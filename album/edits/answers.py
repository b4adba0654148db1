"""Answers to the questions of `album.people.suggestions`, by number or by what is asked about."""

from collections.abc import Sequence
from dataclasses import dataclass

from album.edits.decisions import (
    Change,
    keep_apart,
    merge_people,
    move_faces,
    name_person,
    skip_pair,
    split_person,
)
from album.errors import OutdatedQuestion, Refused
from album.people.suggestions import Suggestion, question_key
from db.library import Library
from db.people.questions import placements
from db.people.suggestions import (
    ListedQuestion,
    listed_questions,
    save_questions,
    skip_question,
)

ANSWERS = ("yes", "no", "skip")


@dataclass(frozen=True, slots=True)
class Answered:
    """What an answer did.

    Attributes
    ----------
    summary : str
        A sentence.
    change : Change or None
        For `album.edits.decisions.undo`; None where nothing was changed that could be undone.
    """

    summary: str
    change: Change | None = None


def to_asked(one: Suggestion) -> ListedQuestion:
    """Return what has to be known of a question to answer it."""
    people = tuple(person.id for person in one.people)
    return ListedQuestion(one.kind, people, one.anchors, one.faces)


def remember(library: Library, listed: Sequence[Suggestion]) -> None:
    """Store a list of questions, so that their numbers hold until the next list."""
    save_questions(library, [to_asked(one) for one in listed])


def find_asked(library: Library, which: str) -> ListedQuestion:
    """Return a question by its number in the last list, by its key, or by the ids of two people.

    Raises
    ------
    Refused
        No such question was listed.
    """
    listed = listed_questions(library)
    if which.isdecimal():
        if 1 <= int(which) <= len(listed):
            return listed[int(which) - 1]
        raise OutdatedQuestion(
            f"There is no question {which} in the last list, which had {len(listed)}."
        )
    return find_key(library, which)


def find_key(library: Library, which: str) -> ListedQuestion:
    """Return a question by its key alone, as programs name it: a number is a person then.

    Raises
    ------
    Refused
        No such question was listed.
    """
    for one in listed_questions(library):
        if which == question_key(one.people, one.faces):
            return one
    ids = which.split(",")
    if len(ids) == 2 and all(part.strip().isdecimal() for part in ids):
        return ListedQuestion("same", (int(ids[0]), int(ids[1])), ())
    raise Refused(
        f"{which} is no question; give its number in the list, or the ids of two people: 12,31."
    )


def answer(library: Library, asked: ListedQuestion, said: str) -> Answered:
    """Do what follows from an answer.

    Parameters
    ----------
    library : Library
    asked : ListedQuestion
    said : str
        'yes', 'no' or 'skip'; for 'name' a name or 'skip'.

    Raises
    ------
    Refused
        The answer contradicts something, or the people are one by now.
    LibraryError
    """
    if asked.kind != "name" and said not in ANSWERS:
        raise Refused(f"The answer is yes, no or skip, not {said}.")
    if asked.kind == "same":
        change = _answer_same(library, asked, said)
    elif said == "skip":
        return _skip(library, asked)
    elif asked.kind == "name":
        change = name_person(library, _still(library, asked)[0], said)
    elif said == "yes":
        change = move_faces(library, asked.faces, _still(library, asked)[0])
    else:
        change = split_person(library, _still(library, asked)[0], asked.faces)
    return Answered(change.summary, change)


def _answer_same(library: Library, asked: ListedQuestion, said: str) -> Change:
    a, b = _still(library, asked)
    if a == b:
        raise OutdatedQuestion(f"Both are person {a} by now.")
    if said == "yes":
        return merge_people(library, [a, b])
    return keep_apart(library, a, b) if said == "no" else skip_pair(library, a, b)


def _still(library: Library, asked: ListedQuestion) -> list[int]:
    """Return who the people of a question are now, as one may have been merged since."""
    if not asked.anchors:
        return list(asked.people)
    now = placements(library)
    there = set(now.person_id.tolist())
    of = dict(zip(now.face_id.tolist(), now.person_id.tolist(), strict=True))
    return [
        person if person in there else of.get(anchor, person)
        for person, anchor in zip(asked.people, asked.anchors, strict=True)
    ]


def _skip(library: Library, asked: ListedQuestion) -> Answered:
    skip_question(library, asked.people[0], min(asked.faces, default=0))
    return Answered("Left for later.")
