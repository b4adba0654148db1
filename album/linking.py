"""Which face is whose: linkage of faces beside people who are known, as the user has them.

Everything here is by row of a table of faces. `album.assigning` decides which faces keep
their person and stores what comes out.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from album.calibration import IdentityCalibration
from album.grouping import LINKAGE, TRUSTED_YEARS, Dated, Faces, Ints, unit
from album.people import said_years
from clustering.assign import join_or_found, within_reach
from clustering.birth import birth_columns, birth_variance
from clustering.constraints import Constraints
from db.rows import FaceTable
from db.verdicts import Verdicts

Doubles = NDArray[np.float64]

DATE_SIGMAS = 2.0
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

    Returns
    -------
    ndarray of int64, shape (n,)
        `person`, with the others filled in: -1, -2, ... are people who are founded.
    """
    told = told or Told()
    if not person.any() and not len(told.apart):
        return np.asarray(-1 - LINKAGE["default"](faces, dated, use), np.int64)
    rows = np.flatnonzero(_in_reach(faces, use, person))
    known = person[rows] > 0
    names, number = np.unique(person[rows][known], return_inverse=True)
    labels = np.full(len(rows), -1)
    labels[known] = number.reshape(-1)
    vectors, variance = columns(faces, dated, use, rows, told.born)
    rules = _rules(faces, dated, rows, labels, told)
    found = join_or_found(vectors, labels, use.threshold, constraints=rules, variance=variance)
    out = person.copy()
    new = found >= len(names)
    out[rows[new]] = len(names) - 1 - found[new]
    out[rows[~new]] = names[found[~new]]
    return out


def columns(
    faces: Faces,
    dated: Dated,
    use: IdentityCalibration,
    rows: Ints,
    born: Doubles | None = None,
) -> tuple[NDArray[np.float32], Doubles]:
    """Return what is compared of some faces, and how uncertain it is.

    Parameters
    ----------
    faces : Faces
    dated : Dated
    use : IdentityCalibration
    rows : ndarray of int64, shape (m,)
    born : ndarray of float64, shape (n, 2), optional
        As in `Told`; what the user says of a birth date goes before what a face looks like.

    Returns
    -------
    vectors : ndarray of float32, shape (m, d)
        Unit vectors of identity, with columns for the birth year.
    variance : ndarray of float64, shape (m,)
        What a face is away from every other besides.
    """
    sigma = np.where(dated.sigma <= TRUSTED_YEARS, dated.sigma, np.inf)
    birth = birth_columns(
        faces.ages[rows],
        dated.years[rows],
        sigma[rows],
        width=use.birth_width,
        born=None if born is None else born[rows].mean(axis=1),
    )
    weighted = np.sqrt(use.birth_weight / 2) * birth
    vectors = np.hstack([unit(faces.vectors[rows]), weighted.astype(np.float32)])
    return vectors, use.birth_weight * birth_variance(birth, unknown=use.birth_unknown)


def _in_reach(faces: Faces, use: IdentityCalibration, person: Ints) -> NDArray[np.bool_]:
    """Tell which rows have to be looked at: new faces, and people whom one of them may join."""
    new = person == 0
    if not new.any() or new.mean() > FEW:
        return np.ones(len(person), bool)
    return within_reach(unit(faces.vectors), np.where(new, -1, person), use.threshold)


def _rules(faces: Faces, dated: Dated, rows: Ints, labels: Ints, told: Told) -> Constraints:
    """Return the rules for some rows: one person a photo, what was told, nobody before birth."""
    at = np.full(len(faces.photos), -1)
    at[rows] = np.arange(len(rows))
    apart = at[told.apart]
    members = np.column_stack([at[told.members[:, 0]], told.members[:, 1]])
    return Constraints(
        groups=faces.photos[rows],
        cannot_link=apart[(apart >= 0).all(axis=1)],
        intervals=None if told.born is None else _births(dated, rows, labels, told.born),
        members=members[members[:, 0] >= 0],
    )


def _births(dated: Dated, rows: Ints, labels: Ints, born: Doubles) -> Doubles:
    """Return when the person of each face can have been born.

    A new face: before its photo was taken. A known person: as the user said, whatever the dates of
    the photos that they are in already.
    """
    trusted = dated.sigma[rows] <= TRUSTED_YEARS
    sigma = np.where(trusted, dated.sigma[rows], 0)
    latest = np.where(trusted, dated.years[rows] + DATE_SIGMAS * sigma, np.inf)
    low = np.where(np.isfinite(born[rows, 0]), born[rows, 0], -np.inf)
    new = labels < 0
    return np.column_stack([np.where(new, -np.inf, low), np.where(new, latest, np.inf)])


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
        out[person == who] = said_years(text)
    return out


def _found(known: Ints, wanted: Ints) -> Ints:
    """Return the position of each wanted value in a sorted array, or -1."""
    if not len(known):
        return np.full(len(wanted), -1)
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[at] == wanted, at, -1)
