"""`album regroup`: all faces are grouped anew, within what the user has decided.

People whom the user has touched stay: they keep the faces that were placed with them, and of the
others the core. Everything else is free. Faces that were rejected do not come back, and no two
touched people become one. Of the people whom nobody has touched those go on whose faces mostly stay
together. It is one change of the journal, which `album undo` takes back.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from album.errors import NothingGrouped, Refused
from album.grouping.candidates import prepare
from album.grouping.features import Ints, compared, take_rows
from album.grouping.grouping import ATTEMPTS
from album.grouping.incremental import (
    LAST_WHOLE,
    Situation,
    changes,
    held,
    ids_for,
    linked,
    load_situation,
)
from album.grouping.memory import Workspace, open_workspace
from album.models.calibration import identity_calibration
from album.models.contracts import NetsUsed, nets_used
from clustering.linkage.constraints import Constraints
from clustering.linkage.linkage import cluster
from db.journal import edits
from db.journal.journal import changing, merged_in_part
from db.library import Library

CORE = 0.7
"""Threshold under which faces are the core of a person, in units of that of the grouping. With .5
the result is as good (benchmarks/incremental.md) and more faces leave those who were named; with 1
mistakes of a library that grew stay."""


@dataclass(frozen=True, slots=True)
class Regrouped:
    """What grouping all faces anew changed, or would change.

    Attributes
    ----------
    faces : int
        That were grouped.
    before, after : int
        People who have some of these faces.
    moved : int
        Faces that were somebody's and are now somebody else's.
    person_ids : tuple of int
        Who gained or lost faces; whom a dry run would found are left out.
    event_id : int
        Of the journal; 0 where nothing was changed.
    """

    faces: int
    before: int
    after: int
    moved: int
    person_ids: tuple[int, ...]
    event_id: int = 0


def regroup(
    library: Library, *, dry_run: bool = False, workspace: Workspace | None = None
) -> Regrouped:
    """Group all faces of a library anew, within what the user has decided.

    Parameters
    ----------
    library : Library
    dry_run : bool
        Only say what would change.
    workspace : Workspace, optional
        What memory it may take; that of `album.grouping.memory.open_workspace` if not given.

    Raises
    ------
    Refused
        No face has been grouped yet, or people were changed by another process meanwhile.
    """
    if workspace is None:
        with open_workspace(library.path) as usual:
            return regroup(library, dry_run=dry_run, workspace=usual)
    for _ in range(ATTEMPTS):
        with library.snapshot() as moment:
            nets = nets_used(moment)
            if nets is None:
                raise NothingGrouped()
            now = load_situation(moment, nets, workspace)
            merged = merged_in_part(moment)
        before = now.table.person_id
        if not len(before):
            return Regrouped(0, 0, 0, 0, ())
        start = np.where(stays(now, nets, merged), before, 0)
        ids = ids_for(None if dry_run else library, linked(now, nets, start, workspace), before)
        if dry_run:
            return _report(before, ids)
        event_id = _store(library, now, nets, ids)
        if event_id is not None:
            prepare(library, workspace)
            return _report(before, ids, event_id)
    raise Refused(
        "People were changed each time their faces were grouped; group them again once nothing "
        "else changes the library."
    )


def stays(now: Situation, nets: NetsUsed, merged: Collection[int] = ()) -> NDArray[np.bool_]:
    """Return which faces keep their person whatever the others do.

    Those that a user or an import placed, the core of each touched person, and all faces of people
    with faces that can't be compared now (see `album.grouping.incremental.held`). The core is the
    largest group of a person's faces within `CORE` of the threshold: who was named because of
    these.

    Parameters
    ----------
    now : Situation
    nets : NetsUsed
    merged : collection of int
        People who keep every face, because others were merged into them by a version that placed
        only the faces of the others (see `db.journal.journal.merged_in_part`).

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    person = now.table.person_id
    out = (now.table.placed & (person > 0)) | np.isin(person, [*held(now), *merged])
    touched = np.isin(person, now.given.touched) & ~out & (person > 0)
    rows = np.flatnonzero(touched)
    rows = rows[np.argsort(person[rows], kind="stable")]
    for mine in np.split(rows, np.flatnonzero(np.diff(person[rows])) + 1):
        out[mine[_core(now, nets, mine)]] = True
    return out


def _core(now: Situation, nets: NetsUsed, rows: Ints) -> NDArray[np.bool_]:
    if not len(rows):
        return np.zeros(0, bool)
    use = identity_calibration(nets.embedder, nets.attributes)
    faces, dated = take_rows(now.faces, now.dated, rows)
    vectors, variance = compared(faces, dated, use)
    rules = Constraints(groups=faces.photos)
    labels = cluster(vectors, CORE * use.threshold, constraints=rules, variance=variance)
    return np.asarray(labels == np.argmax(np.bincount(labels)))


def _store(library: Library, now: Situation, nets: NetsUsed, ids: Ints) -> int | None:
    """Store what changed, with the event that undoes it; return its id.

    None where people have been changed in the meantime: then nothing was stored.
    """
    before = now.table.person_id
    grouping, people = changes(now, nets, ids)
    changed = ids != before
    who = set(np.union1d(ids[changed], before[changed]).tolist()) - {0}
    with changing(library, "regroup") as edit:
        edit.touch("people", who)
        stored = edits.regroup(
            edit,
            grouping,
            [facts for facts in people if facts.person_id in who],
            stamp=now.given.stamp,
            settings={LAST_WHOLE: f"{nets.identity_contract} {len(ids)}"},
        )
        if not stored:
            return None
        moved = int((changed & (before > 0)).sum())
        faces = "1 face" if moved == 1 else f"{moved} faces"
        edit.summary = f"Grouped all faces anew: {faces} changed person."
    return edit.event_id


def _report(before: Ints, ids: Ints, event_id: int = 0) -> Regrouped:
    changed = ids != before
    who = np.union1d(ids[changed], before[changed])
    return Regrouped(
        faces=len(ids),
        before=len(np.unique(before[before > 0])),
        after=len(np.unique(ids)),
        moved=int((changed & (before > 0)).sum()),
        person_ids=tuple(who[who > 0].tolist()),
        event_id=event_id,
    )
