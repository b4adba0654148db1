"""What the JSON interface says: the shapes that its OpenAPI document describes."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field, WithJsonSchema

from album.dates.calendar import age_at
from album.dates.sources import is_trusted
from album.people.browse import Card
from album.people.people import Person, whole_age
from album.web.images import face_url
from album.web.rendering import date_text, fact
from album.web.texts import text
from db.people.browse import SeenFace

LocalTime = Annotated[
    datetime,
    WithJsonSchema({"type": "string", "description": "ISO 8601 without an offset: local time."}),
]
"""What cameras know: no offset, so no ``date-time`` of JSON Schema."""


class PersonModel(BaseModel):
    """A person; the fields mean what they do in the files of `album export`."""

    id: int
    name: str | None
    label: str = Field(description="The name, or a number where there is none.")
    gender: str | None
    born: float | None
    born_low: float | None
    born_high: float | None
    fact: str = Field(description="In a few words: how many photos, born when.")
    photos: int
    faces: int
    first: LocalTime | None
    last: LocalTime | None
    passer_by: bool
    hidden: bool
    url: str
    picture: str | None = Field(description="Address of a face; none where there is none.")


class PeopleModel(BaseModel):
    """A page of people."""

    total: int
    offset: int
    people: list[PersonModel]


class FaceModel(BaseModel):
    """A face of a person, in a photo or clip."""

    id: int
    photo_id: int
    kind: str
    date: str = Field(description="As exactly as it is known; empty where it can't be trusted.")
    age: int | None
    source: str = Field(description="Who says whose it is: auto, user, imported.")
    confidence: float | None
    caption: str
    alt: str
    url: str
    picture: str


class FacesModel(BaseModel):
    """A page of faces."""

    total: int
    offset: int
    faces: list[FaceModel]


class PlacedModel(BaseModel):
    """A face where it is in a photo."""

    id: int
    box: tuple[float, float, float, float] = Field(
        description="Left, top, right, bottom in pixels of the upright photo."
    )
    person_id: int | None
    label: str
    named: bool
    age: int | None
    source: str | None
    time_ms: int | None = Field(description="Of the frame that the box is in, in a clip.")
    moments: list[tuple[int, int]] = Field(description="When the person is seen in a clip, in ms.")


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
    faces: list[PlacedModel]


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
    """A question to the user."""

    key: str = Field(description="By which it is answered.")
    kind: str = Field(description="same, split or name.")
    question: str
    probability: float | None = Field(description="That it is one person.")
    settles: float = Field(description="Faces that the answer is expected to put right.")
    why: list[str]
    sides: list[SideModel]


class QuestionsModel(BaseModel):
    """Questions, best first."""

    questions: list[QuestionModel]


class SpotModel(BaseModel):
    """A face on the map."""

    id: int
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
    person: Person = card.person
    return PersonModel(
        **{
            name: getattr(person, name)
            for name in (
                *("id", "name", "gender", "born", "born_low", "born_high"),
                *("photos", "faces", "first", "last", "passer_by", "hidden"),
            )
        },
        label=person.label,
        fact=fact(person),
        url=f"/people/{person.id}",
        picture=None if card.face is None else face_url(card.face),
    )


def face_model(face: SeenFace, person: Person) -> FaceModel:
    """Translate a face of a person."""
    trusted = is_trusted(face.date_source, face.date_precision)
    when = date_text(face.taken_at, face.date_precision) if trusted else ""
    age = age_at(face.taken_at, person.born) if when else None
    years = None if age is None else whole_age(age, person)
    caption = when if years is None else f"{when} · {years}"
    return FaceModel(
        id=face.key.face_id,
        photo_id=face.key.photo_id,
        kind=face.kind,
        date=when,
        age=years,
        source=face.source,
        confidence=face.confidence,
        caption=caption or text("face.undated"),
        alt=text("face.alt", who=person.label, caption=caption or text("face.undated")),
        url=f"/photos/{face.key.photo_id}",
        picture=face_url(face.key),
    )
