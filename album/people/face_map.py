"""A map of faces: neighbours in the plane are alike, whoever they are assigned to."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from album.errors import NothingGrouped
from album.grouping.features import unit
from album.models.contracts import nets_used
from album.people.browse import Card, people_cards, with_faces
from album.people.people import to_person
from clustering.layout import layout
from db.library import Library
from db.people.browse import FaceKey, face_ids_of, faces_with_vectors
from db.people.people import find_person

Floats = NDArray[np.floating]

MOST_FACES = 2500
"""Faces on one map; more are no easier to survey and take seconds to lay out."""
MOST_PEOPLE = 150


@dataclass(frozen=True, slots=True)
class Spot:
    """A face on the map, at x and y between -1 and 1; how alone it is, 0 to 1."""

    key: FaceKey
    person_id: int
    x: float
    y: float
    odd: float


@dataclass(frozen=True, slots=True)
class FaceMap:
    """The faces of some people; `left_out` of their faces did not fit."""

    spots: tuple[Spot, ...]
    people: tuple[Card, ...]
    left_out: int


def face_map(library: Library, who: Sequence[int | str] = ()) -> FaceMap:
    """Lay out the faces of some people, or of those with most photos.

    Parameters
    ----------
    library : Library
    who : sequence of (int or str)
        Ids or names.

    Raises
    ------
    UnknownPersonError, AmbiguousPersonError
    NothingGrouped
    """
    nets = nets_used(library)
    if nets is None:
        raise NothingGrouped()
    if who:
        people = [to_person(find_person(library, one)) for one in who[:MOST_PEOPLE]]
        cards = with_faces(library, list({person.id: person for person in people}.values()))
    else:
        cards = _most_seen(library)
    ids = face_ids_of(library, [card.person.id for card in cards])
    shown = [ids[at] for at in _even(len(ids))]
    table = faces_with_vectors(library, shown, identity=nets.identity_contract)
    assert table.vectors is not None
    vectors = unit(table.vectors)
    places = layout(vectors)
    odd = _odd(vectors, table.person_id)
    spots = tuple(
        Spot(
            FaceKey(
                int(table.face_id[row]),
                int(table.photo_id[row]),
                tuple(table.boxes[row].tolist()),
                None if table.time_ms[row] < 0 else int(table.time_ms[row]),
            ),
            int(table.person_id[row]),
            float(x),
            float(y),
            float(lone),
        )
        for row, ((x, y), lone) in enumerate(zip(places, odd, strict=True))
    )
    return FaceMap(spots, cards, len(ids) - len(spots))


def _most_seen(library: Library) -> tuple[Card, ...]:
    cards: list[Card] = []
    faces = 0
    for card in people_cards(library, limit=MOST_PEOPLE).shown:
        faces += card.person.faces
        if cards and faces > MOST_FACES:
            break
        cards.append(card)
    return tuple(cards)


def _even(n: int) -> list[int]:
    """Return evenly spaced positions in a list of n, `MOST_FACES` at most."""
    chosen = np.unique(np.linspace(0, n - 1, min(n, MOST_FACES)).astype(np.int64))
    return [int(at) for at in chosen]


def _odd(vectors: Floats, person: NDArray[np.int64]) -> Floats:
    """Return how far each face is from the mean of its person, the furthest being 1."""
    _, label = np.unique(person, return_inverse=True)
    sums = np.zeros((int(label.max(initial=-1)) + 1, vectors.shape[1]))
    np.add.at(sums, label, vectors)
    means = sums / np.bincount(label)[:, None] if len(sums) else sums
    far = ((vectors - means[label]) ** 2).sum(axis=1)
    return np.asarray(far / max(float(far.max(initial=0)), 1e-12))
