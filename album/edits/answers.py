"""Answers to the questions of `album.people.suggestions`, by number or by what is asked about."""

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
from album.people.labels import person_label
from db.library import Library
from db.people.questions import placements
from db.people.suggestions import Question, listed_questions, skip_question

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


def find_question(library: Library, which: str) -> Question:
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


def find_key(library: Library, which: str) -> Question:
    """Return a question by its key alone, as programs name it: a number is a person then.

    Raises
    ------
    Refused
        No such question was listed.
    """
    for one in listed_questions(library):
        if which == one.key:
            return one
    ids = which.split(",")
    if len(ids) == 2 and all(part.strip().isdecimal() for part in ids):
        return Question("same", (int(ids[0]), int(ids[1])), anchors=())
    raise Refused(
        f"{which} is no question; give its number in the list, or the ids of two people: 12,31."
    )


def answer(library: Library, question: Question, reply: str) -> Answered:
    """Do what follows from an answer.

    Parameters
    ----------
    library : Library
    question : Question
    reply : str
        'yes', 'no' or 'skip'; for 'name' a name or 'skip'.

    Raises
    ------
    Refused
        The answer contradicts something, or the people are one by now. It can't be forced.
    LibraryError
    """
    try:
        return _answer(library, question, reply)
    except Refused as refused:
        refused.forced = ""
        raise


def _answer(library: Library, question: Question, reply: str) -> Answered:
    if question.kind != "name" and reply not in ANSWERS:
        raise Refused(f"The answer is yes, no or skip, not {reply}.")
    if question.kind == "same":
        change = _answer_same(library, question, reply)
    elif reply == "skip":
        return _skip(library, question)
    elif question.kind == "name":
        change = name_person(library, _people_now(library, question)[0], reply)
    elif reply == "yes":
        change = move_faces(library, question.face_ids, _people_now(library, question)[0])
    else:
        change = split_person(library, _people_now(library, question)[0], question.face_ids)
    return Answered(change.summary, change)


def _answer_same(library: Library, question: Question, reply: str) -> Change:
    a, b = _people_now(library, question)
    if a == b:
        raise OutdatedQuestion(f"Both are {person_label(a)} by now.")
    if reply == "yes":
        return merge_people(library, [a, b])
    return keep_apart(library, a, b) if reply == "no" else skip_pair(library, a, b)


def _people_now(library: Library, question: Question) -> list[int]:
    """Return the ids of the people of a question; one may have been merged since."""
    if not question.anchors:
        return list(question.person_ids)
    now = placements(library)
    there = set(now.person_id.tolist())
    of = dict(zip(now.face_id.tolist(), now.person_id.tolist(), strict=True))
    return [
        person if person in there else of.get(anchor, person)
        for person, anchor in zip(question.person_ids, question.anchors, strict=True)
    ]


def _skip(library: Library, question: Question) -> Answered:
    skip_question(library, question.person_ids[0], min(question.face_ids, default=0))
    return Answered("Left for later.")
