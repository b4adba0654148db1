"""What the JSON interface says: the shapes that its OpenAPI document describes."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

from pydantic import BaseModel, Field, WithJsonSchema, create_model

from album.people.browse import Card
from album.people.faces import Face
from album.people.people import Person, whole_age
from album.people.records import FACE_KEYS, PERSON_KEYS, face_record, person_record
from album.web.images import face_url
from album.web.rendering import date_text, fact
from album.web.texts import text
from db.rows import Moment

LocalTime = Annotated[
    datetime,
    WithJsonSchema({"type": "string", "description": "ISO 8601 without an offset: local time."}),
]
"""What cameras know: no offset, so no ``date-time`` of JSON Schema."""


_JSON_TYPES: dict[Any, Any] = {
    datetime | None: LocalTime | None,
    tuple[Moment, ...]: list[tuple[int, int]],
}
"""Types of fields that JSON has otherwise."""


def _base(name: str, kind: type, keys: Sequence[str]) -> type[BaseModel]:
    """Return a model with fields of a dataclass, so that the keys are listed in one place."""
    types = get_type_hints(kind)
    columns: dict[str, Any] = {key: (_JSON_TYPES.get(types[key], types[key]), ...) for key in keys}
    return create_model(name, **columns)


if TYPE_CHECKING:
    # mypy takes no variable for a base class.
    class _Person(BaseModel): ...

    class _Face(BaseModel): ...

else:
    _Person = _base("Person", Person, PERSON_KEYS)
    _Face = _base("Face", Face, FACE_KEYS)


class PersonModel(_Person):
    """A person as in the files of `album export`, and what pages show of one."""

    label: str = Field(description="The name, or a number where there is none.")
    fact: str = Field(description="In a few words: how many photos, born when.")
    url: str
    picture: str | None = Field(description="Address of a face; none where there is none.")


class PeopleModel(BaseModel):
    """A page of people."""

    total: int
    offset: int
    people: list[PersonModel]


class FaceModel(_Face):
    """A face as in the files of `album export`, and what pages show of one."""

    path_base64: str | None = Field(
        default=None, description="The bytes of the path; only where it is not UTF-8."
    )
    kind: str = Field(description="Of the photo: image or clip.")
    person_id: int | None
    label: str = Field(description="The name of the person, or a number where there is none.")
    named: bool
    whole_age: int | None = Field(description="The age as pages show it.")
    caption: str
    alt: str
    url: str
    picture: str


class FacesModel(BaseModel):
    """A page of faces."""

    total: int
    offset: int
    faces: list[FaceModel]


class PhotoModel(BaseModel):
    """A photo or clip with the faces in it."""

    id: int
    kind: str
    path: str
    present: bool
    width: int
    height: int
    date: str
    date_trusted: bool
    date_source: str
    faces: list[FaceModel] = Field(description="From left to right.")


class ClaimModel(BaseModel):
    """Something that claims the date of a photo."""

    source: str
    source_name: str
    text: str = Field(description="The date, or what stands there where that is none.")
    refusal: str = Field(description="Why it was not believed; empty where it was.")
    believed: bool = Field(description="The photo goes by this one.")


class DatedModel(BaseModel):
    """A photo with all that claims its date, best first."""

    id: int
    url: str
    picture: str
    path: str
    date: str
    source: str
    source_name: str
    trusted: bool = Field(description="Good enough to tell an age by.")
    claims: list[ClaimModel]


class DatesModel(BaseModel):
    """A page of photos with their dates."""

    total: int
    offset: int
    photos: list[DatedModel]


class FoundPhoto(BaseModel):
    """A photo that was found."""

    id: int
    kind: str
    date: str
    people: str
    alt: str
    url: str
    picture: str


class FoundModel(BaseModel):
    """A page of photos that were found."""

    total: int
    offset: int
    photos: list[FoundPhoto]


class SideModel(BaseModel):
    """Faces of one side of a question."""

    title: str
    person: PersonModel
    faces: list[FaceModel]


class QuestionModel(BaseModel):
    """A question to the user, as `album suggest --json` has it, with faces to show."""

    key: str = Field(description="By which it is answered.")
    kind: str = Field(description="same, split or name.")
    question: str
    people: list[PersonModel]
    face_ids: list[int] = Field(description="Faces that may be somebody else's.")
    probability_same: float | None = Field(description="That it is one person.")
    faces_settled: float = Field(description="Faces that the answer is expected to put right.")
    why: list[str]
    skipped: bool
    sides: list[SideModel]


class QuestionsModel(BaseModel):
    """Questions, best first."""

    questions: list[QuestionModel]


class SpotModel(BaseModel):
    """A face on the map."""

    face_id: int
    photo_id: int
    person_id: int
    x: float = Field(description="From -1 to 1, to the right.")
    y: float = Field(description="From -1 to 1, down.")
    odd: float = Field(description="How far from its person, 0 to 1.")
    picture: str


class MapModel(BaseModel):
    """Faces in the plane: neighbours look alike."""

    people: list[PersonModel]
    spots: list[SpotModel]
    left_out: int = Field(description="Faces of these people that did not fit.")


class ProgressModel(BaseModel):
    """How far an index is."""

    total: int
    done: int
    faces: int
    failed: int
    phase: str
    seconds_left: float | None


class StatusModel(BaseModel):
    """The library in numbers."""

    path: str
    bytes: int
    photos: int
    clips: int
    faces: int
    people: int
    passers_by: int
    named: int
    gone: int
    failures: int
    indexing: ProgressModel | None


class FailureModel(BaseModel):
    """A file that could not be read."""

    path: str
    reason: str


class EventModel(BaseModel):
    """A change that was made."""

    id: int
    at: datetime
    kind: str
    summary: str
    undone: bool


class HistoryModel(BaseModel):
    """Changes, newest first."""

    events: list[EventModel]


class AnsweredModel(BaseModel):
    """What an answer did."""

    summary: str
    can_undo: bool


class ChangeModel(BaseModel):
    """What was done, and how the history calls it."""

    event_id: int = Field(description="Number in the history; 0 where nothing was changed.")
    kind: str
    summary: str
    person_ids: list[int]


class TokenModel(BaseModel):
    """What changes have to carry."""

    token: str


class ProblemModel(BaseModel):
    """What went wrong, as one sentence."""

    error: str
    status: int
    can_force: bool = Field(description="The same with `force` would be done.")


def person_model(card: Card) -> PersonModel:
    """Translate a person."""
    return PersonModel.model_validate(
        {
            **person_record(card.person),
            "label": card.person.label,
            "fact": fact(card.person),
            "url": f"/people/{card.person.id}",
            "picture": None if card.face is None else face_url(card.face),
        }
    )


def face_model(face: Face, person: Person | None) -> FaceModel:
    """Translate a face; nobody's where there is no person."""
    when = date_text(face.date, face.date_precision) if face.date_trusted else ""
    years = None if face.age is None or person is None else whole_age(face.age, person)
    caption = when if years is None else f"{when} · {years}"
    who = text("photo.nobody") if person is None else person.label
    return FaceModel.model_validate(
        {
            **face_record(face),
            "kind": face.kind,
            "person_id": face.person_id,
            "label": who,
            "named": person is not None and person.name is not None,
            "whole_age": years,
            "caption": caption or text("face.undated"),
            "alt": text("face.alt", who=who, caption=caption or text("face.undated")),
            "url": f"/photos/{face.photo_id}",
            "picture": face_url(face),
        }
    )
