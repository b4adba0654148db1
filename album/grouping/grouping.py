"""From the faces of a library to its people: clustering, lasting ids, gender and birth year."""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from album.dates.calendar import DAYS_PER_YEAR, years_from_days
from album.dates.sources import TRUSTED_YEARS, sigma_years
from album.events import Event, Grouped, GroupingFaces
from album.grouping.continuation import continued
from album.grouping.features import (
    Dated,
    Faces,
    apparent_ages,
    compared,
    possible_births,
    unit,
    weak_faces,
)
from album.models.calibration import (
    AttributeCalibration,
    IdentityCalibration,
    attribute_calibration,
    identity_calibration,
)
from clustering.attributes.fusion import BirthYears, expected_ages, fuse_birth_years, fuse_genders
from clustering.linkage.constraints import Constraints
from clustering.linkage.graph import Resources
from clustering.linkage.paper import paper_clustering, paper_distances, passers_by
from clustering.linkage.storage import parts
from clustering.linkage.weak import join_weak_last
from db.errors import LockedLibraryError, printable
from db.library import Library
from db.people.faces import load_faces
from db.people.people import next_person_ids, people, save_people
from db.people.verdicts import Verdicts, verdicts
from db.records import Grouping, PersonFacts
from db.rows import FaceTable
from nets.core.api import EMOTIONS
from nets.core.quality import clarity
from nets.engine import Engine

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]

SMILE = 0.5
"""What a certain smile adds to how well a face shows a person: between a smile and a face half as
large again, or as frontal again as one turned by a third, neither is better."""
ATTEMPTS = 3
"""How often a grouping is worked out when people are changed by somebody else meanwhile."""
NOBODY = Grouping(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))


def busy(library: Library) -> LockedLibraryError:
    """Return what is raised when somebody changed people during each attempt to group them."""
    return LockedLibraryError(
        f"People in {printable(library.path)} were changed each time their faces were grouped; run "
        "the same command again once nothing else changes the library."
    )


def group(
    library: Library,
    engine: Engine,
    *,
    method: str = "default",
    settings: Mapping[str, str] | None = None,
) -> Iterator[Event]:
    """Group all faces of a library into people, and derive the facts of each.

    `album index` does so with the published method only; see `album.grouping.incremental`. People
    keep their ids: a new group takes the id of the person that most of its faces were assigned to
    before.

    Parameters
    ----------
    library : Library
    engine : Engine
        Only its contracts and names are used.
    method : str
        A key of `LINKAGE`: average linkage with constraints, or the two steps of the paper.
    settings : mapping of str to str, optional
        To be stored together with the grouping.

    Yields
    ------
    Event
        `GroupingFaces`, then `Grouped`.

    Raises
    ------
    LockedLibraryError
        Another process changed people during each attempt.
    """
    identity, attributes = engine.embedder.contract, engine.attributes.contract
    use = identity_calibration(engine.embedder.name, engine.attributes.name)
    for _ in range(ATTEMPTS):
        with library.snapshot() as moment:
            given = verdicts(moment)
            table = load_faces(moment, identity=identity, attributes=attributes, emotions=True)
            everybody = people(moment, hidden=True, passers_by=True)
        if not len(table):
            # So that people whose photos have gone are counted again.
            save_people(library, NOBODY, [], settings=settings)
            return
        yield GroupingFaces(len(table))
        dated = dates_of(table)
        assert table.vectors is not None
        assert table.ages is not None
        weak = weak_faces(table.size, table.sharpness, table.frontal)
        faces = Faces(table.vectors, table.ages, table.photo_id, weak)
        labels = LINKAGE[method](faces, dated, use)
        named = {row.person_id for row in everybody if row.name}
        ids = lasting_ids(labels, table.person_id, named)
        ids[ids == 0] = next_person_ids(library, int((ids == 0).sum()))
        whose = _apply_decisions(table, given, ids[labels])
        names, labels = np.unique(whose, return_inverse=True)
        found = describe(table, dated, labels, names, attribute_calibration(engine.attributes.name))
        found = [facts for facts in found if facts.person_id]
        certain = confidence(table.vectors, np.arange(len(table)), labels, use.threshold)
        grouping = Grouping(table.face_id, whose, certain)
        if save_people(library, grouping, found, stamp=given.stamp, settings=settings):
            break
    else:
        raise busy(library)
    passing = sum(person.passer_by and person.person_id not in named for person in found)
    yield Grouped(len(found) - passing, passing, len(table))


def _apply_decisions(table: FaceTable, given: Verdicts, whose: Ints) -> Ints:
    """Return the person of each face after the user's placements and rejections; 0 for nobody."""
    whose = np.where(table.placed, table.person_id, whose)
    not_theirs = set(
        zip(given.rejected.face_id.tolist(), given.rejected.person_id.tolist(), strict=True)
    )
    pairs = zip(table.face_id.tolist(), whose.tolist(), strict=True)
    return np.where([pair in not_theirs for pair in pairs], 0, whose)


def dates_of(table: FaceTable) -> Dated:
    """Turn the dates of photos into years and days with their standard deviations."""
    known = ~np.isnat(table.taken)
    seconds = np.where(known, table.taken.astype("datetime64[s]").astype(np.int64), 0)
    days = np.where(known, seconds / 86400, np.nan)
    pairs, which = np.unique(
        np.stack([table.date_source, table.date_precision], axis=1), axis=0, return_inverse=True
    )
    each = np.array([sigma_years(source, precision) for source, precision in pairs.tolist()])
    sigma = np.where(known, each[which.reshape(-1)], np.inf)
    return Dated(years_from_days(days), np.where(sigma <= TRUSTED_YEARS, days, np.nan), sigma)


def by_linkage(
    faces: Faces, dated: Dated, use: IdentityCalibration, resources: Resources | None = None
) -> Ints:
    """Group by average linkage, with photos and possible birth years as constraints."""
    if not len(faces.vectors):
        return np.zeros(0, np.int64)
    storage = (resources or Resources()).storage
    vectors, variance = compared(faces, dated, use, storage=storage)
    born = possible_births(faces, dated, use)
    rules = Constraints(groups=faces.photos, intervals=born)
    nobody = np.full(len(vectors), -1)
    labels = join_weak_last(
        vectors,
        nobody,
        use.threshold,
        weak=faces.unclear,
        constraints=rules,
        variance=variance,
        resources=resources,
    )
    return continued(labels, faces, dated, use, resources=resources)


def by_paper(faces: Faces, dated: Dated, use: IdentityCalibration) -> Ints:
    """Group by the two steps of the paper; needs memory for all pairs of faces."""
    if not len(faces.vectors):
        return np.zeros(0, np.int64)
    known = np.isfinite(dated.years)
    years = np.where(known, dated.years, dated.years[known].mean() if known.any() else 0)
    far = paper_distances(unit(faces.vectors), ages=expected_ages(faces.ages), photo_years=years)
    return paper_clustering(far, use.paper_threshold, faces.photos, times=dated.days).labels


LINKAGE = {"default": by_linkage, "paper": by_paper}


def lasting_ids(labels: Ints, before: Ints, named: set[int]) -> Ints:
    """Give each cluster the id of the person that it continues.

    Parameters
    ----------
    labels : ndarray of int64, shape (n,)
        New cluster of each face, 0 to k - 1.
    before : ndarray of int64, shape (n,)
        Person that each face was assigned to; 0 for nobody.
    named : set of int
        People with a name, who choose first.

    Returns
    -------
    ndarray of int64, shape (k,)
        0 for clusters that continue nobody. No id comes twice.
    """
    ids = np.zeros(int(labels.max(initial=-1)) + 1, np.int64)
    known = before > 0
    pairs, shared = np.unique(
        np.stack([labels[known], before[known]], axis=1), axis=0, return_counts=True
    )
    first = np.array([person not in named for person in pairs[:, 1].tolist()], bool)
    taken: set[int] = set()
    for row in np.lexsort((pairs[:, 1], -shared, first)).tolist():
        label, person = pairs[row].tolist()
        if ids[label] == 0 and person not in taken:
            ids[label] = person
            taken.add(person)
    return ids


def describe(
    table: FaceTable, dated: Dated, labels: Ints, ids: Ints, use: AttributeCalibration
) -> list[PersonFacts]:
    """Fuse the faces of each person: gender, birth year, cover, passer-by or not."""
    k = len(ids)
    assert table.p_male is not None
    passing = passers_by(labels, table.photo_id, dated.days)
    seen = np.isfinite(table.p_male)
    male = fuse_genders(table.p_male[seen], labels[seen], k, use.gender)
    born = birth_years(table, dated, labels, k, use)
    covers = cover_faces(table, labels, k)
    return [
        PersonFacts(
            person_id=int(ids[i]),
            passer_by=bool(passing[i]),
            p_male=_known(male[i]),
            born=_known(born.estimate[i]),
            born_low=_known(born.low[i]),
            born_high=_known(born.high[i]),
            cover_face_id=int(covers[i]),
        )
        for i in range(k)
    ]


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def birth_years(
    table: FaceTable, dated: Dated, labels: Ints, k: int, use: AttributeCalibration
) -> BirthYears:
    """Fuse the birth years of k people from the faces whose photos have a date.

    A face that was marked by hand may be known to another head only, and has no age then.
    """
    assert table.ages is not None and table.p_male is not None
    rows = np.flatnonzero(np.isfinite(dated.sigma) & np.isfinite(table.p_male))
    return fuse_birth_years(
        apparent_ages(table.ages, rows),
        dated.years[rows],
        dated.sigma[rows],
        labels[rows],
        k,
        calibration=use.age,
        weights=burst_weights(labels[rows], dated.years[rows]),
    )


def burst_weights(labels: Ints, years: Doubles) -> Doubles:
    """Return 1/m for the m faces of a person within a minute, so that bursts don't outvote."""
    minutes = np.floor(years * DAYS_PER_YEAR * 24 * 60).astype(np.int64)
    _, which, count = np.unique(
        np.stack([labels, minutes], axis=1), axis=0, return_inverse=True, return_counts=True
    )
    return np.asarray(1 / count[which.reshape(-1)])


def cover_faces(table: FaceTable, labels: Ints, k: int) -> Ints:
    """Return the id of the face that shows each person best.

    That is large, sharp, facing the camera, and smiling.
    """
    clear = clarity(table.size, table.sharpness, table.frontal)
    if table.emotions is not None and table.emotions.shape[1]:
        clear = clear * (1 + SMILE * np.nan_to_num(table.emotions[:, EMOTIONS.index("happy")]))
    order = np.lexsort((table.face_id, -clear, labels))
    _, first = np.unique(labels[order], return_index=True)
    ids: Ints = table.face_id[order[first]]
    return ids


def confidence(
    vectors: NDArray[np.float32], rows: Ints, labels: Ints, threshold: float
) -> NDArray[np.float32]:
    """Return 1 for a face in the middle of its person, down to 0 at the threshold.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, d)
    rows : ndarray of int64, shape (m,)
        All faces of the people concerned.
    labels : ndarray of int64, shape (m,)
        Person of each, 0 to k - 1.
    threshold : float
    """
    order = np.argsort(labels, kind="stable")
    count = np.bincount(labels)
    means = np.zeros((len(count), vectors.shape[1]), np.float32)
    for part in parts(len(order)):
        here, start = np.unique(labels[order[part]], return_index=True)
        means[here] += np.add.reduceat(unit(vectors[rows[order[part]]]), start, axis=0)
    means /= count[:, None].astype(np.float32)
    certain = np.empty(len(rows), np.float32)
    for part in parts(len(order)):
        at = order[part]
        far = ((unit(vectors[rows[at]]) - means[labels[at]]) ** 2).sum(axis=1)
        certain[at] = np.clip(1 - far / threshold, 0, 1)
    return certain
