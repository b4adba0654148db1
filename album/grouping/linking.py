"""Link new faces to known people, within what the user has decided.

Everything here is by row of a table of faces. `album.grouping.incremental` decides which faces keep
their person and stores what comes out.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from album.dates.calendar import year_bounds
from album.grouping.continuation import Barriers, continued
from album.grouping.features import Dated, Faces, Ints, compared, possible_births, take_rows, units
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
class UserRules:
    """What the user has decided about n faces, by row.

    Attributes
    ----------
    apart : ndarray of int64, shape (m, 2)
        Rows that are not of one person.
    members : ndarray of int64, shape (k, 2)
        A row, and a photo in which its person is with another face, one that has no row.
    born : ndarray of float64, shape (n, 2), or None
        Between which years the person of a face was born; NaN where the user has given none.
    """

    apart: Ints = field(default_factory=_NO_PAIRS.copy)
    members: Ints = field(default_factory=_NO_PAIRS.copy)
    born: Doubles | None = None


def link(
    faces: Faces,
    dated: Dated,
    use: IdentityCalibration,
    person: Ints,
    rules: UserRules | None = None,
    resources: Resources | None = None,
) -> Ints:
    """Assign the faces of nobody to people, or found new ones; no other face moves.

    Parameters
    ----------
    faces : Faces
        Of everybody; n rows.
    dated : Dated
    use : IdentityCalibration
    person : ndarray of int64, shape (n,)
        Whose each face is and stays; 0 for those that are nobody's yet.
    rules : UserRules, optional
    resources : Resources, optional
        Memory and workers to use; the result does not depend on them.

    Returns
    -------
    ndarray of int64, shape (n,)
        `person`, with the others filled in: -1, -2, ... are people who are founded.
    """
    rules = rules or UserRules()
    if person.all():
        return person.copy()
    if not person.any() and not len(rules.apart):
        return np.asarray(-1 - by_linkage(faces, dated, use, resources), np.int64)
    storage = (resources or Resources()).storage
    rows = np.flatnonzero(_in_reach(faces, use, person, storage))
    if len(rows) < len(person):
        faces, dated = take_rows(faces, dated, rows, storage)
    names, number = np.unique(person[rows], return_inverse=True)
    names = names[1:]  # without nobody, of whom there are faces
    labels = np.asarray(number.reshape(-1) - 1, np.int64)
    rules = _among(rules, rows, len(person))
    births = _births(faces, dated, use, labels, rules.born)
    vectors, variance = compared(faces, dated, use, born=_middle(rules.born), storage=storage)
    constraints = Constraints(
        groups=faces.photos, cannot_link=rules.apart, intervals=births, members=rules.members
    )
    found = join_weak_last(
        vectors,
        labels,
        use.threshold,
        weak=faces.unclear,
        constraints=constraints,
        variance=variance,
        resources=resources,
    )
    if len(rows) == len(person):
        barriers = Barriers(len(names), rules.apart, rules.members, births)
        found = continued(found, faces, dated, use, barriers, resources)
    out = person.copy()
    new = found >= len(names)
    out[rows[new]] = len(names) - 1 - found[new]
    out[rows[~new]] = names[found[~new]]
    return out


def _in_reach(
    faces: Faces, use: IdentityCalibration, person: Ints, storage: Storage
) -> NDArray[np.bool_]:
    """Return which rows take part: new faces, and people whom one of them may join."""
    new = person == 0
    if not new.any() or new.mean() > FEW:
        return np.ones(len(person), bool)
    return within_reach(units(faces.vectors, storage), np.where(new, -1, person), use.threshold)


def _among(rules: UserRules, rows: Ints, n: int) -> UserRules:
    """Return the rules about some of n rows."""
    at = np.full(n, -1)
    at[rows] = np.arange(len(rows))
    apart = at[rules.apart]
    members = np.column_stack([at[rules.members[:, 0]], rules.members[:, 1]])
    return UserRules(
        apart[(apart >= 0).all(axis=1)],
        members[members[:, 0] >= 0],
        None if rules.born is None else rules.born[rows],
    )


def _middle(born: Doubles | None) -> Doubles | None:
    return None if born is None else np.asarray(born.mean(axis=1))


def _births(
    faces: Faces, dated: Dated, use: IdentityCalibration, labels: Ints, born: Doubles | None
) -> Doubles:
    """Return between which years the person of each face can have been born.

    Of a known person: as the user said, whatever the faces suggest; else the years that all faces
    allow, and any year where there is none. Of a new face: before its photo was taken, and not
    impossibly far from its apparent age.
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
        certain = known & np.isfinite(born[:, 0])
        limits[certain] = born[certain]
    return limits


def user_rules(table: FaceTable, given: Verdicts, person: Ints) -> UserRules:
    """Translate the decisions of the user to rows of a table.

    Parameters
    ----------
    table : FaceTable
    given : Verdicts
    person : ndarray of int64, shape (n,)
        Whose each face is and stays; 0 for those that are nobody's yet.

    Returns
    -------
    UserRules
    """
    names, first = np.unique(person, return_index=True)
    return UserRules(
        apart=_rejected(table, given, names, first),
        members=_elsewhere(table, given, names, first),
        born=_born(given, person),
    )


def photos_of(table: FaceTable, given: Verdicts) -> Ints:
    """Return the photo of each face, or -1 where one person may be in it more than once."""
    return np.where(np.isin(table.photo_id, given.exempt), -1, table.photo_id)


def _rejected(table: FaceTable, given: Verdicts, names: Ints, first: Ints) -> Ints:
    """Return a row of a face and one of the person who it is not."""
    of_face = _found(table.face_id, given.rejected.face_id)
    of_person = _found(names, given.rejected.person_id)
    there = (of_face >= 0) & (of_person >= 0)
    return np.column_stack([of_face[there], first[of_person[there]]])


def _elsewhere(table: FaceTable, given: Verdicts, names: Ints, first: Ints) -> Ints:
    """Return a row of each person and a photo with a face of theirs that is not in the table."""
    absent = ~np.isin(given.assigned.face_id, table.face_id)
    photos, whose = given.assigned.photo_id[absent], _found(names, given.assigned.person_id[absent])
    counts = (whose >= 0) & np.isin(photos, table.photo_id) & ~np.isin(photos, given.exempt)
    return np.column_stack([first[whose[counts]], photos[counts]])


def _born(given: Verdicts, person: Ints) -> Doubles | None:
    if not given.born:
        return None
    out = np.full((len(person), 2), np.nan)
    for who, text in given.born.items():
        out[person == who] = year_bounds(text)
    return out


def _found(known: Ints, values: Ints) -> Ints:
    """Return the position of each value in a sorted array, or -1."""
    if not len(known):
        return np.full(len(values), -1)
    at = np.minimum(np.searchsorted(known, values), len(known) - 1)
    return np.where(known[at] == values, at, -1)
