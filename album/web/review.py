"""Questions worth asking, one after the other."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import Field

from album.edits.answers import answer, find_key
from album.people.browse import Card
from album.people.faces import face_key
from album.people.suggestions import Side, Suggestion, sides, suggestion_record, suggestions
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
from db.people.suggestions import save_questions

router = APIRouter()
SHOWN = 8


class Answer(Strict):
    """What was answered: yes, no or skip; to “who is this”, a name or skip."""

    key: Annotated[str, Field(max_length=100)]
    answer: Annotated[str, Field(min_length=1, max_length=200)]


def _side(one: Suggestion, side: Side) -> SideModel:
    person, faces = side.person, side.faces
    doubtful = text("review.doubtful", n=len(one.face_ids))
    return SideModel(
        title=doubtful if side.doubtful else person.label,
        person=person_model(Card(person, face_key(faces[0]) if faces else None)),
        faces=[face_model(face, person) for face in faces],
    )


def question_model(library: Library, one: Suggestion) -> QuestionModel:
    """Translate a question, with faces of all times of both sides."""
    parts = [_side(one, side) for side in sides(library, one, SHOWN)]
    people = [part.person for part in parts[: len(one.people)]]
    return QuestionModel(**suggestion_record(one) | {"people": people}, sides=parts)


def _questions(shelf: Shelf, limit: int, *, names: bool, again: bool) -> QuestionsModel:
    library = shelf.library
    kinds = ("same", "split", "name") if names else ("same", "split")
    with shelf.asking:
        measure(shelf)
        listed = suggestions(library, limit=limit, kinds=kinds, again=again)
        if not library.read_only:
            save_questions(library, listed)
    return QuestionsModel(questions=[question_model(library, one) for one in listed])


@router.get("/review", include_in_schema=False)
def review_page(request: Request, shelf: ShelfOf, names: bool = False) -> HTMLResponse:
    """Show the first question; a script goes on."""
    found = _questions(shelf, 12, names=names, again=False)
    return render(request, "review.html", {"questions": found, "names": names})


@router.get("/api/v1/questions", tags=["review"], response_model_exclude_unset=True)
def questions(
    shelf: ShelfOf,
    limit: Annotated[int, Query(ge=1, le=50)] = 12,
    names: bool = False,
    again: bool = False,
) -> QuestionsModel:
    """List the questions whose answers settle most, best first."""
    return _questions(shelf, limit, names=names, again=again)


@router.post("/api/v1/questions/answer", tags=["review"])
def question_answer(shelf: ShelfOf, body: Answer) -> AnsweredModel:
    """Answer a question of the last list."""
    with shelf.changing() as library:
        done = answer(library, find_key(library, body.key), body.answer)
    return AnsweredModel(summary=done.summary, can_undo=done.change is not None)
