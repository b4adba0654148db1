"""What the JSON interface says: the shapes that its OpenAPI document describes."""

from datetime import datetime

from pydantic import BaseModel, Field

from album.browse import Card
from album.people import Person
from album.web.images import face_url
from album.web.rendering import fact, label


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
    first: datetime | None
    last: datetime | None
    passer_by: bool
    hidden: bool
    url: str
    picture: str | None = Field(description="Address of a face; none where there is none.")


class PeopleModel(BaseModel):
    """A page of people."""

    total: int
    offset: int
    people: list[PersonModel]


class ChangeModel(BaseModel):
    """What was done, and how the history calls it."""

    event_id: int = Field(description="Number in the history; 0 where nothing was changed.")
    kind: str
    summary: str
    person_ids: list[int]


class ProblemModel(BaseModel):
    """What went wrong, as one sentence."""

    error: str
    status: int


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
        label=label(person),
        fact=fact(person),
        url=f"/people/{person.id}",
        picture=None if card.face is None else face_url(card.face),
    )
