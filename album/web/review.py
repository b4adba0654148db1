"""Questions worth asking, one after the other."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import Field

from album.edits.answers import answer, find_key, remember
from album.people.browse import Card
from album.people.people import Person
from album.people.suggestions import Suggestion, question_text, suggestions
from album.web.deps import ShelfOf
from album.web.measuring import measure
from album.web.models import (
    AnsweredModel,
    QuestionModel,
    QuestionsModel,
    SideModel,
    face_model,
    person_model,
)
from album.web.person import Strict
from album.web.rendering import render
from album.web.shelf import Shelf
from album.web.texts import text
from db.library import Library
from db.people.browse import FaceKey, SeenFace, spread_faces

router = APIRouter()
SHOWN = 8


class Answer(Strict):
    """What was answered: yes, no or skip; to “who is this”, a name or skip."""

    key: Annotated[str, Field(max_length=100)]
    answer: Annotated[str, Field(min_length=1, max_length=200)]


def _side(library: Library, person: Person, faces: list[SeenFace], *, title: str) -> SideModel:
    key: FaceKey | None = faces[0].key if faces else None
    return SideModel(
        title=title,
        person=person_model(Card(person, key)),
        faces=[face_model(face, person) for face in faces],
    )


def question_model(library: Library, one: Suggestion) -> QuestionModel:
    """Translate a question, with faces of all times of both sides."""
    doubtful = list(one.faces)
    sides = [
        _side(library, person, spread_faces(library, person.id, SHOWN, without=doubtful),
              title=person.label)
        for person in one.people
    ]  # fmt: skip
    if doubtful:
        person = one.people[0]
        faces = spread_faces(library, person.id, SHOWN, among=doubtful)
        sides.append(_side(library, person, faces, title=text("review.doubtful", n=len(doubtful))))
    return QuestionModel(
        key=one.key,
        kind=one.kind,
        question=question_text(one),
        probability=one.probability,
        settles=one.settled,
        why=list(one.why),
        sides=sides,
    )


def _questions(shelf: Shelf, limit: int, *, names: bool, again: bool) -> QuestionsModel:
    library = shelf.library
    kinds = ("same", "split", "name") if names else ("same", "split")
    with shelf.asking:
        measure(shelf)
        listed = suggestions(library, limit=limit, kinds=kinds, again=again)
        if not library.read_only:
            remember(library, listed)
    return QuestionsModel(questions=[question_model(library, one) for one in listed])


@router.get("/review", include_in_schema=False)
def review_page(request: Request, shelf: ShelfOf, names: bool = False) -> HTMLResponse:
    """Show the first question; a script goes on."""
    found = _questions(shelf, 12, names=names, again=False)
    return render(request, "review.html", {"questions": found, "names": names})


@router.get("/api/v1/questions", tags=["review"])
def questions(
    shelf: ShelfOf,
    limit: Annotated[int, Query(ge=1, le=50)] = 12,
    names: bool = False,
    again: bool = False,
) -> QuestionsModel:
    """List the questions whose answers settle most, best first."""
    return _questions(shelf, limit, names=names, again=again)


@router.post("/api/v1/questions/answer", tags=["review"])
def question_answer(shelf: ShelfOf, said: Answer) -> AnsweredModel:
    """Answer a question of the last list."""
    with shelf.changing() as library:
        done = answer(library, find_key(library, said.key), said.answer)
    return AnsweredModel(summary=done.summary, can_undo=done.change is not None)
