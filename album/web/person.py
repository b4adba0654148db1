"""The page of one person, what can be changed there, and the same as JSON."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from album.edits import decisions
from album.errors import Refused
from album.people.biography import biography
from album.people.browse import with_faces
from album.people.faces import chosen_faces
from album.people.people import to_person
from album.web.changes import changed
from album.web.charts import birth_chart
from album.web.deps import Id, Limit, Offset, ShelfOf
from album.web.models import (
    ChangeModel,
    FacesModel,
    PersonModel,
    face_model,
    person_model,
)
from album.web.rendering import render
from album.web.shelf import Shelf
from db.people.biography import PersonFace, clip_appearances
from db.people.browse import count_faces, faces_of
from db.people.people import find_person

router = APIRouter()
PAGE = 120

Who = Annotated[int, Field(ge=1, lt=1 << 63, strict=True)]
Ids = Annotated[list[Who], Field(min_length=1, max_length=20_000)]
Flag = Annotated[bool, Field(strict=True)]


class Strict(BaseModel):
    """A body in which nothing unknown may stand."""

    model_config = ConfigDict(extra="forbid")


class PersonChanges(Strict):
    """What the user sets for a person; what is left out stays, null takes it back."""

    name: str | None = Field(default=None, max_length=200)
    born: str | None = Field(
        default=None, max_length=10, description="1984, 1984-05 or 1984-05-17."
    )
    gender: Literal["f", "m"] | None = None
    cover: Who | None = Field(default=None, description="A face of the person.")
    hidden: Flag | None = None
    force: Flag = Field(default=False, description="Also if somebody else has that name.")


class Merge(Strict):
    """People who are one."""

    person_ids: Annotated[list[Who], Field(min_length=2, max_length=500)]
    force: Flag = False


class Split(Strict):
    """Faces that are somebody else's; none: the program finds the parts."""

    face_ids: Ids | None = None


class Move(Strict):
    """Faces, and whose they are: a person, a name, or, with neither, somebody new."""

    face_ids: Ids
    person_id: Who | None = None
    name: str | None = Field(default=None, max_length=200)
    force: Flag = False


class Reject(Strict):
    """Faces that are not of the people who have them."""

    face_ids: Ids


def _person(shelf: Shelf, person_id: int) -> PersonModel:
    person = to_person(find_person(shelf.library, person_id))
    return person_model(with_faces(shelf.library, [person])[0])


@router.get("/people/{person_id}", include_in_schema=False)
def person_page(
    request: Request, shelf: ShelfOf, person_id: Id, offset: Offset = 0, newest: bool = False
) -> HTMLResponse:
    """Show a person: story, faces, clips and company."""
    library = shelf.library
    person = to_person(find_person(library, person_id))
    with shelf.heavy:
        story = biography(library, person)
    page = _ordered(story.seen, newest=newest)[offset : offset + PAGE]
    faces = chosen_faces(library, [one.face_id for one in page])
    company = with_faces(library, [one.person for one in story.company])
    values: dict[str, Any] = {
        "person": person_model(with_faces(library, [person])[0]),
        "raw": person,
        "chart": None if story.curve is None else birth_chart(story.curve, person),
        "years": story.years,
        "company": list(zip((person_model(one) for one in company), story.company, strict=True)),
        "clips": clip_appearances(library, story.seen),
        "faces": [face_model(face, person) for face in faces],
        "total": len(story.seen),
        "offset": offset,
        "size": PAGE,
        "newest": newest,
    }
    return render(request, "person.html", values)


def _ordered(faces: Sequence[PersonFace], *, newest: bool) -> Sequence[PersonFace]:
    """Return faces by date as `faces_of` does, those without one last either way."""
    if not newest:
        return faces
    dated = [one for one in faces if one.taken_at is not None]
    dated.sort(key=lambda one: one.taken_at or datetime.min, reverse=True)
    return [*dated, *faces[len(dated) :]]


@router.get("/api/v1/people/{person_id}", tags=["people"])
def person_get(shelf: ShelfOf, person_id: Id) -> PersonModel:
    """Return one person."""
    return _person(shelf, person_id)


@router.get("/api/v1/people/{person_id}/faces", tags=["people"], response_model_exclude_unset=True)
def person_faces(
    shelf: ShelfOf,
    person_id: Id,
    offset: Offset = 0,
    limit: Limit = 200,
    newest: Annotated[bool, Query()] = False,
) -> FacesModel:
    """List the faces of a person by date, a page at a time."""
    person = to_person(find_person(shelf.library, person_id))
    ids = faces_of(shelf.library, person.id, offset=offset, limit=limit, newest=newest)
    return FacesModel(
        total=count_faces(shelf.library, person.id),
        offset=offset,
        faces=[face_model(face, person) for face in chosen_faces(shelf.library, ids)],
    )


@router.patch("/api/v1/people/{person_id}", tags=["changes"])
def person_change(shelf: ShelfOf, person_id: Id, body: PersonChanges) -> ChangeModel:
    """Say one thing of a person: a name, a birth date, a gender, a cover, hidden or not."""
    given = body.model_fields_set - {"force"}
    if len(given) != 1:
        raise Refused("Say one thing at a time, so that each can be undone by itself.")
    (what,) = given
    with shelf.changing() as library:
        if what == "name":
            change = decisions.name_person(library, person_id, body.name, force=body.force)
        elif what == "hidden":
            change = decisions.hide_person(library, person_id, bool(body.hidden))
        else:
            value = getattr(body, what)
            change = decisions.set_person(library, person_id, **{what: value or None})
    return changed(change)


@router.post("/api/v1/people/merge", tags=["changes"])
def people_merge(shelf: ShelfOf, body: Merge) -> ChangeModel:
    """Make several people one."""
    with shelf.changing() as library:
        return changed(decisions.merge_people(library, body.person_ids, force=body.force))


@router.post("/api/v1/people/{person_id}/split", tags=["changes"])
def person_split(
    shelf: ShelfOf, person_id: Id, body: Annotated[Split, Body(default_factory=Split)]
) -> ChangeModel:
    """Make some faces of a person somebody else."""
    with shelf.changing() as library:
        if body.face_ids is None:
            return changed(decisions.split_auto(library, person_id))
        return changed(decisions.split_person(library, person_id, body.face_ids))


@router.post("/api/v1/faces/move", tags=["changes"])
def faces_move(shelf: ShelfOf, body: Move) -> ChangeModel:
    """Say whose faces are."""
    with shelf.changing() as library:
        if body.person_id is None and body.name:
            return changed(
                decisions.name_faces(library, body.face_ids, body.name, force=body.force)
            )
        return changed(
            decisions.move_faces(library, body.face_ids, body.person_id, force=body.force)
        )


@router.post("/api/v1/faces/reject", tags=["changes"])
def faces_reject(shelf: ShelfOf, body: Reject) -> ChangeModel:
    """Reject faces: they are not of the people who have them."""
    with shelf.changing() as library:
        return changed(decisions.reject_faces(library, body.face_ids))
