"""Assign new faces to people who keep theirs: what `album index` does with new faces.

New faces join people or found new ones (`album.grouping.linking`), and nobody else moves. One
exception keeps a library that grows from ending up worse than one that is read all at once: when
much has come since all faces were last looked at together, so many faces as `is_due` says, the
faces of people whom the user has never touched are grouped anew with the new ones. People whom the
user has named, corrected, hidden or kept apart from others keep every face also then.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from album.events import Event, Grouped, GroupingFaces
from album.grouping.features import Dated, Faces, Ints, weak_faces
from album.grouping.grouping import (
    ATTEMPTS,
    NOBODY,
    busy,
    confidence,
    dates_of,
    describe,
    lasting_ids,
)
from album.grouping.linking import link, photos_of, user_rules
from album.grouping.memory import Workspace, open_workspace
from album.models.calibration import attribute_calibration, identity_calibration
from album.models.contracts import NetsUsed
from db.library import Library
from db.people.faces import load_faces
from db.people.people import next_person_ids, save_people
from db.people.verdicts import Verdicts, verdicts
from db.photos.status import status
from db.records import Grouping, PersonFacts
from db.rows import FaceTable
from db.settings import get_setting

LAST_WHOLE = "last_whole_grouping"
"""Setting: the contract of the vectors, and how many faces there were, when all were grouped."""
GROWTH = 0.05
"""Share of all faces that has to be new since then before people are grouped anew."""
RUN_SHARE, RUN_PHOTOS = 0.005, 5
"""Of photos with faces in one run, as a share of all and as a number, before that is done."""
DESCRIBED = 0.9
"""Share of all faces that has to be described by new nets before people are grouped by them."""


@dataclass(frozen=True, slots=True)
class Situation:
    """The faces of a library and the decisions of the user, as of one moment.

    Attributes
    ----------
    table : FaceTable
        n faces with vectors of one contract; faces that have none keep their person.
    dated : Dated
    given : Verdicts
        Decisions of the user.
    last_whole : str or None
        The setting `LAST_WHOLE`.
    """

    table: FaceTable
    dated: Dated
    given: Verdicts
    last_whole: str | None = None

    @property
    def faces(self) -> Faces:
        """What is compared."""
        assert self.table.vectors is not None
        assert self.table.ages is not None
        weak = weak_faces(self.table.size, self.table.sharpness, self.table.frontal)
        photos = photos_of(self.table, self.given)
        return Faces(self.table.vectors, self.table.ages, photos, weak)


def load_situation(
    library: Library, nets: NetsUsed, workspace: Workspace | None = None
) -> Situation:
    """Load what a grouping starts from; into `workspace` where that is given.

    All of it is as of one moment. What changes from then on is noticed when the grouping is stored.
    """
    with library.snapshot() as moment:
        given = verdicts(moment)
        table = load_faces(
            moment,
            identity=nets.identity_contract,
            attributes=nets.attributes_contract,
            emotions=True,
            empty=np.empty if workspace is None else workspace.empty,
        )
        last_whole = get_setting(moment, LAST_WHOLE)
    return Situation(table, dates_of(table), given, last_whole)


def assign(
    library: Library,
    nets: NetsUsed,
    workspace: Workspace | None = None,
    *,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Event]:
    """Assign the faces of nobody to people or found new ones, and store what follows.

    Parameters
    ----------
    library : Library
    nets : NetsUsed
        Vectors of other contracts are not looked at.
    workspace : Workspace, optional
        What memory it may take; that of `album.grouping.memory.open_workspace` if not given.
    settings : mapping of str to str, optional
        To be stored together with the grouping.

    Yields
    ------
    Event
        `GroupingFaces`, then `Grouped`.

    Raises
    ------
    LockedLibraryError
        If another process changes people all the time.
    """
    if workspace is None:
        with open_workspace(library.path) as usual:
            yield from assign(library, nets, usual, settings=settings)
        return
    for _ in range(ATTEMPTS):
        now = load_situation(library, nets, workspace)
        if not len(now.table):
            # To count again after photos have gone.
            save_people(library, NOBODY, [], settings=settings)
            return
        yield GroupingFaces(len(now.table))
        before = now.table.person_id
        whole = is_due(now, nets.identity_contract, now.last_whole)
        start = np.where(np.isin(before, kept_whole(now)), before, 0) if whole else before
        ids = ids_for(library, linked(now, nets, start, workspace), before)
        stored = dict(settings or {})
        if whole:
            stored[LAST_WHOLE] = f"{nets.identity_contract} {len(before)}"
        if store(library, now, nets, ids, settings=stored):
            break
    else:
        raise busy(library)
    counts = status(library)
    moved = int(((ids != before) & (before > 0)).sum())
    yield Grouped(counts.people - counts.passers_by, counts.passers_by, len(before), moved)


def is_due(now: Situation, contract: str, last: str | None) -> bool:
    """Tell whether so much has come that faces of untouched people are to be grouped anew.

    So it is when nobody is known yet; when all were last grouped by vectors of another contract
    and most faces have vectors of this one; and when `GROWTH` of all faces have come since,
    provided that this run itself brought some photos: at least `RUN_PHOTOS`, and `RUN_SHARE`.

    Parameters
    ----------
    now : Situation
    contract : str
        Of the vectors.
    last : str or None
        The setting `LAST_WHOLE`.
    """
    table = now.table
    known = table.person_id > 0
    if not known.any():
        return True
    # A library of before this was kept: all were grouped but for those that came since. Those whom
    # the user took from somebody are nobody's, too, but not new.
    old = known | np.isin(table.face_id, now.given.rejected.face_id)
    under, count = (last or f"{contract} {int(old.sum())}").split()
    if under != contract and known.sum() >= DESCRIBED * len(now.given.assigned.face_id):
        return True
    photos = len(np.unique(table.photo_id[~old]))
    enough = photos >= max(RUN_PHOTOS, RUN_SHARE * len(np.unique(table.photo_id)))
    return enough and len(table) - int(count) >= GROWTH * len(table)


def kept_whole(now: Situation) -> Ints:
    """Return the people who keep every face when others are grouped anew: touched ones and held."""
    return np.union1d(now.given.touched, held(now))


def held(now: Situation) -> Ints:
    """Return the people with a face that can't be compared now, in a photo where others can.

    They keep every face, so that a photo does not end up with a person twice.
    """
    absent = ~np.isin(now.given.assigned.face_id, now.table.face_id)
    beside = absent & np.isin(now.given.assigned.photo_id, now.table.photo_id)
    return np.unique(now.given.assigned.person_id[beside])


def linked(now: Situation, nets: NetsUsed, start: Ints, workspace: Workspace | None = None) -> Ints:
    """Link the faces of a situation; see `album.grouping.linking.link`."""
    use = identity_calibration(nets.embedder, nets.attributes)
    faces, rules = now.faces, user_rules(now.table, now.given, start)
    using = None if workspace is None else workspace.resources(*faces.vectors.shape)
    return link(faces, now.dated, use, start, rules, using)


def ids_for(library: Library | None, linked: Ints, before: Ints) -> Ints:
    """Give ids to the people who were founded: the id of whom they continue, or a new one.

    Parameters
    ----------
    library : Library or None
        Where new ids are reserved; without it the founded who continue nobody stay negative.
    linked : ndarray of int64, shape (n,)
        Person of each face; negative for those founded.
    before : ndarray of int64, shape (n,)
        Whose the face was; 0 for nobody.
    """
    founded = np.flatnonzero(linked < 0)
    if not len(founded):
        return linked
    labels = np.unique(-linked[founded], return_inverse=True)[1].reshape(-1)
    kept = np.isin(before[founded], linked[linked > 0])  # these are taken
    ids = lasting_ids(labels, np.where(kept, 0, before[founded]), set())
    new = np.flatnonzero(ids == 0)
    ids[new] = -1 - new if library is None else next_person_ids(library, len(new))
    out = linked.copy()
    out[founded] = ids[labels]
    return out


def store(
    library: Library,
    now: Situation,
    nets: NetsUsed,
    ids: Ints,
    *,
    settings: Mapping[str, str] | None = None,
) -> bool:
    """Store whose each face is, and what follows for everybody; see `save_people`."""
    grouping, people = changes(now, nets, ids)
    return save_people(library, grouping, people, stamp=now.given.stamp, settings=settings)


def changes(now: Situation, nets: NetsUsed, ids: Ints) -> tuple[Grouping, list[PersonFacts]]:
    """Return the faces whose person changes, and the facts of the people of all faces."""
    identity = identity_calibration(nets.embedder, nets.attributes)
    attributes = attribute_calibration(nets.attributes)
    names, labels = np.unique(ids, return_inverse=True)
    labels = labels.reshape(-1)
    people = describe(now.table, now.dated, labels, names, attributes)
    moved = np.flatnonzero(ids != now.table.person_id)
    near = np.isin(ids, ids[moved])
    at = np.unique(ids[near], return_inverse=True)[1].reshape(-1)
    assert now.table.vectors is not None
    rows = np.flatnonzero(near)
    certain = confidence(now.table.vectors, rows, at, identity.threshold)
    certain = certain[np.searchsorted(rows, moved)]
    return Grouping(now.table.face_id[moved], ids[moved], certain), people
