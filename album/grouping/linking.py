"""Which face is whose: linkage of faces beside people who are known, as the user has them.

Everything here is by row of a table of faces. `album.grouping.incremental` decides which faces keep
their person and stores what comes out.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from album.dates.calendar import year_bounds
from album.grouping.continuation import Barriers, continued
from album.grouping.features import Dated, Faces, Ints, compared, possible_births, some, units
from album.grouping.grouping import by_linkage
from album.models.calibration import IdentityCalibration
from clustering.linkage.assign import within_reach
from clustering.linkage.constraints import Constraints
from clustering.linkage.graph import Resources
from clustering.linkage.storage import Storage
from clustering.linkage.weak import join_weak_last
from db.people.verdicts import Verdicts
from db.rows import FaceTable

Doubles = NDArray[np.float64]

DATE_SIGMAS = 3.0
"""How many standard deviations later than its date says a photo may have been taken."""
FEW = 0.05
"""Share of new faces up to which it pays to find out first which people they are near."""

_NO_PAIRS = np.zeros((0, 2), np.int64)


@dataclass(frozen=True, slots=True)
class Told:
    """What the user told that concerns n faces, by row.

    Attributes
    ----------
    apart : ndarray of int64, shape (m, 2)
        Rows that are not of one person.
    members : ndarray of int64, shape (k, 2)
        A row, and a photo in which its person is with another face, one that has no row.
    born : ndarray of float64, shape (n, 2), or None
        Between which years the person of a face was born; NaN where the user has not said.
    """

    apart: Ints = field(default_factory=_NO_PAIRS.copy)
    members: Ints = field(default_factory=_NO_PAIRS.copy)
    born: Doubles | None = None


def link(
    faces: Faces,
    dated: Dated,
    use: IdentityCalibration,
    person: Ints,
    told: Told | None = None,
    resources: Resources | None = None,
) -> Ints:
    """Let faces that are nobody's join people, or found new ones; nobody else moves.

    Parameters
    ----------
    faces : Faces
        Of everybody; n rows.
    dated : Dated
    use : IdentityCalibration
    person : ndarray of int64, shape (n,)
        Whose each face is and stays; 0 for those that are nobody's yet.
    told : Told, optional
    resources : Resources, optional
        How much memory is taken, and who searches for near faces; nobody's person depends on it.

    Returns
    -------
    ndarray of int64, shape (n,)
        `person`, with the others filled in: -1, -2, ... are people who are founded.
    """
    told = told or Told()
    if person.all():
        return person.copy()
    if not person.any() and not len(told.apart):
        return np.asarray(-1 - by_linkage(faces, dated, use, resources), np.int64)
    storage = (resources or Resources()).storage
    rows = np.flatnonzero(_in_reach(faces, use, person, storage))
    if len(rows) < len(person):
        faces, dated = some(faces, dated, rows, storage)
    names, number = np.unique(person[rows], return_inverse=True)
    names = names[1:]  # without nobody, of whom there are faces
    labels = np.asarray(number.reshape(-1) - 1, np.int64)
    told = _among(told, rows, len(person))
    births = _births(faces, dated, use, labels, told.born)
    vectors, variance = compared(faces, dated, use, born=_middle(told.born), storage=storage)
    rules = Constraints(
        groups=faces.photos, cannot_link=told.apart, intervals=births, members=told.members
    )
    found = join_weak_last(
        *(vectors, labels, use.threshold),
        weak=faces.unclear,
        constraints=rules,
        variance=variance,
        resources=resources,
    )
    if len(rows) == len(person):
        barriers = Barriers(len(names), told.apart, told.members, births)
        found = continued(found, faces, dated, use, barriers, resources)
    out = person.copy()
    new = found >= len(names)
    out[rows[new]] = len(names) - 1 - found[new]
    out[rows[~new]] = names[found[~new]]
    return out


def _in_reach(
    faces: Faces, use: IdentityCalibration, person: Ints, storage: Storage
) -> NDArray[np.bool_]:
    """Tell which rows have to be looked at: new faces, and people whom one of them may join."""
    new = person == 0
    if not new.any() or new.mean() > FEW:
        return np.ones(len(person), bool)
    return within_reach(units(faces.vectors, storage), np.where(new, -1, person), use.threshold)


def _among(told: Told, rows: Ints, n: int) -> Told:
    """Return what was told of some of n rows."""
    at = np.full(n, -1)
    at[rows] = np.arange(len(rows))
    apart = at[told.apart]
    members = np.column_stack([at[told.members[:, 0]], told.members[:, 1]])
    return Told(
        apart[(apart >= 0).all(axis=1)],
        members[members[:, 0] >= 0],
        None if told.born is None else told.born[rows],
    )


def _middle(born: Doubles | None) -> Doubles | None:
    return None if born is None else np.asarray(born.mean(axis=1))


def _births(
    faces: Faces, dated: Dated, use: IdentityCalibration, labels: Ints, born: Doubles | None
) -> Doubles:
    """Return between which years the person of each face can have been born.

    Of a known person: as the user said, whatever their photos look like; else what the faces leave
    open together, and anything where that is nothing. Of a new face: before its photo was taken,
    and not impossibly far from the age that it looks.
    """
    limits = possible_births(faces, dated, use)
    taken = np.where(dated.trusted, dated.years + DATE_SIGMAS * dated.sigma, np.inf)
    limits[:, 1] = np.minimum(limits[:, 1], np.where(np.isnan(taken), np.inf, taken))
    limits[:, 0] = np.minimum(limits[:, 0], limits[:, 1])
    known = labels >= 0
    k = int(labels.max(initial=-1)) + 1
    met = np.tile([-np.inf, np.inf], (k, 1))
    np.maximum.at(met[:, 0], labels[known], limits[known, 0])
    np.minimum.at(met[:, 1], labels[known], limits[known, 1])
    met[met[:, 0] > met[:, 1]] = -np.inf, np.inf
    limits[known] = met[labels[known]]
    if born is not None:
        said = known & np.isfinite(born[:, 0])
        limits[said] = born[said]
    return limits


def said_of(table: FaceTable, said: Verdicts, person: Ints) -> Told:
    """Line up what the user has said with the rows of a table.

    Parameters
    ----------
    table : FaceTable
    said : Verdicts
    person : ndarray of int64, shape (n,)
        Whose each face is and stays; 0 for those that are nobody's yet.

    Returns
    -------
    Told
    """
    names, first = np.unique(person, return_index=True)
    return Told(
        apart=_rejected(table, said, names, first),
        members=_elsewhere(table, said, names, first),
        born=_born(said, person),
    )


def photos_of(table: FaceTable, said: Verdicts) -> Ints:
    """Return the photo of each face, or -1 where one person may be in it more than once."""
    return np.where(np.isin(table.photo_id, said.exempt), -1, table.photo_id)


def _rejected(table: FaceTable, said: Verdicts, names: Ints, first: Ints) -> Ints:
    """Return a row of a face and one of the person who it is not."""
    of_face = _found(table.face_id, said.rejected.face_id)
    of_person = _found(names, said.rejected.person_id)
    there = (of_face >= 0) & (of_person >= 0)
    return np.column_stack([of_face[there], first[of_person[there]]])


def _elsewhere(table: FaceTable, said: Verdicts, names: Ints, first: Ints) -> Ints:
    """Return a row of each person and a photo with a face of theirs that is not in the table."""
    absent = ~np.isin(said.assigned.face_id, table.face_id)
    photos, whose = said.assigned.photo_id[absent], _found(names, said.assigned.person_id[absent])
    counts = (whose >= 0) & np.isin(photos, table.photo_id) & ~np.isin(photos, said.exempt)
    return np.column_stack([first[whose[counts]], photos[counts]])


def _born(said: Verdicts, person: Ints) -> Doubles | None:
    if not said.born:
        return None
    out = np.full((len(person), 2), np.nan)
    for who, text in said.born.items():
        out[person == who] = year_bounds(text)
    return out


def _found(known: Ints, wanted: Ints) -> Ints:
    """Return the position of each wanted value in a sorted array, or -1."""
    if not len(known):
        return np.full(len(wanted), -1)
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[at] == wanted, at, -1)
