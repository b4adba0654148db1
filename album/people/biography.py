"""The story of one person: birth-year estimate face by face, a face for each year, company."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from album.dates.calendar import age_at, fractional_year
from album.dates.sources import is_trusted
from album.models.calibration import attribute_calibration
from album.models.contracts import nets_used
from album.people.faces import clarities
from album.people.people import Person, to_person, whole_age
from clustering.attributes.fusion import corrected_ages, expected_ages
from db.library import Library
from db.people.biography import SeenAge, StoryFace, companions, seen_ages, story_faces
from db.people.people import people_by_id

Doubles = NDArray[np.float64]

STEPS_PER_YEAR = 4
MOST_IN_CURVE = 1000
"""So many faces make a curve as good as all of them."""
BROADEST = 60
"""Years that a curve spans at most."""


@dataclass(frozen=True, slots=True)
class Curve:
    """How likely each birth year is, as far as the faces one by one say.

    Attributes
    ----------
    years, density : ndarray of float64, shape (n,)
        The density is 1 at its highest point.
    estimates : ndarray of float64, shape (m,)
        What each face says by itself.
    """

    years: Doubles
    density: Doubles
    estimates: Doubles


@dataclass(frozen=True, slots=True)
class YearFace:
    """The clearest face of a year, with the age at that time in years where it is known."""

    year: int
    face: StoryFace
    age: int | None
    faces: int


@dataclass(frozen=True, slots=True)
class Company:
    """Somebody who is in photos together with the person, and in how many."""

    person: Person
    photos: int


@dataclass(frozen=True, slots=True)
class Biography:
    """The story of a person in parts. All faces are in `seen`, by date."""

    curve: Curve | None
    years: tuple[YearFace, ...]
    company: tuple[Company, ...]
    seen: Sequence[StoryFace]


def biography(library: Library, person: Person) -> Biography:
    """Return the story of a person; faces in photos without a trusted date are left out of it."""
    nets = nets_used(library)
    seen = story_faces(library, person.id)
    faces = [face for face in seen if is_dated(face)]
    curve = None
    if nets is not None:
        every = -(-max(len(faces), 1) // MOST_IN_CURVE)
        ages = seen_ages(library, person.id, nets.attributes_contract, every=every)
        curve = birth_curve(ages, nets.attributes)
    years = tuple(year_faces(faces, person))
    return Biography(curve, years, tuple(_company(library, person)), seen)


def is_dated(face: StoryFace | SeenAge) -> bool:
    """Tell whether a face is in a photo with a date that can be trusted."""
    return face.taken_at is not None and is_trusted(face.date_source, face.date_precision)


def birth_curve(seen: Sequence[SeenAge], attributes: str) -> Curve | None:
    """Return what the faces say of the birth year, each with its own uncertainty.

    The same corrected ages as the fused estimate has (`clustering.attributes.fusion`), as a mixture
    of normal distributions; None without any.
    """
    known = [one for one in seen if is_dated(one)]
    if not known:
        return None
    blobs = np.frombuffer(b"".join(one.ages for one in known), np.float16)
    ages = blobs.reshape(len(known), -1).astype(np.float32)
    taken = np.array([fractional_year(one.taken_at) for one in known])
    corrected, sigma = corrected_ages(expected_ages(ages), attribute_calibration(attributes).age)
    born = taken - corrected
    middle = float(np.median(born))
    low, high = np.quantile(born, [0.02, 0.98])
    reach = min(max(middle - low, high - middle) + 2 * float(np.median(sigma)), BROADEST / 2)
    first, last = np.floor(middle - reach), np.ceil(middle + reach)
    years = np.linspace(first, last, int((last - first) * STEPS_PER_YEAR) + 1)
    density = np.zeros(len(years))
    for part in np.array_split(np.arange(len(born)), max(1, len(born) // 2000)):
        z = (years[:, None] - born[part]) / sigma[part]
        density += (np.exp(-0.5 * z**2) / sigma[part]).sum(axis=1)
    return Curve(years, density / density.max(), born)


def year_faces(faces: Sequence[StoryFace], person: Person) -> list[YearFace]:
    """Return the clearest face of each year, oldest first."""
    by_year: dict[int, list[int]] = {}
    for at, face in enumerate(faces):
        if face.taken_at is not None:
            by_year.setdefault(face.taken_at.year, []).append(at)
    clear = clarities(faces)
    found = []
    for year, positions in sorted(by_year.items()):
        face = faces[max(positions, key=lambda at: clear[at])]
        found.append(YearFace(year, face, _age(face, person), len(positions)))
    return found


def _age(face: StoryFace, person: Person) -> int | None:
    age = age_at(face.taken_at, person.born)
    return None if age is None else whole_age(age, person)


def _company(library: Library, person: Person) -> list[Company]:
    pairs = companions(library, person.id)
    rows = people_by_id(library, [other for other, _ in pairs])
    return [Company(to_person(rows[other]), n) for other, n in pairs if other in rows]
