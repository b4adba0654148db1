"""The pairs of people, and the parts of people, that are near enough to be asked about.

Found from all vectors, which takes seconds on a large library, and kept in the library as
distances, which hold for what is merged later (`clustering.identity.questions.pooled`). No vector
is kept twice: who is forgotten leaves some distances behind at most, and forgetting deletes those.
"""

import io
import zipfile
import zlib
from contextlib import suppress
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from album.models.calibration import calibration_files
from album.models.contracts import NetsUsed, nets_used
from clustering.identity import questions
from db.errors import LibraryError
from db.library import Library
from db.people.questions import Placements, placements
from db.people.suggestions import load_candidates, save_candidates

if TYPE_CHECKING:
    from album.grouping.memory import Workspace

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]

STALE_SHARE = 0.02
"""Where more of the faces than this have moved to other people, the distances are found anew."""
HOPELESS, NEAREST = 0.002, 2
"""Pairs that are less likely one person than this, and not nearest to each other, are not kept."""
QUICK_FACES = 5000
"""With fewer faces than this they are found anew whenever a face has moved."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Groups of faces as they were when their distances were measured.

    Attributes
    ----------
    face_id : ndarray of int64, shape (n,)
        Ascending.
    group : ndarray of int64, shape (n,)
        Group of each face, 0 to k - 1.
    a, b : ndarray of int64, shape (m,)
    distance : ndarray of float64, shape (m,)
        See `clustering.identity.questions.Pairs`.
    half_group : ndarray of int64, shape (h,)
    half_distance : ndarray of float64, shape (h,)
        See `clustering.identity.questions.Halves`.
    half_faces, half_size : ndarray of int64
        Ids of the faces of the smaller parts, one part after the other, and how many each has.
    """

    face_id: Ints
    group: Ints
    a: Ints
    b: Ints
    distance: Doubles
    half_group: Ints
    half_distance: Doubles
    half_faces: Ints
    half_size: Ints

    @property
    def pairs(self) -> questions.Pairs:
        """The pairs of groups."""
        return questions.Pairs(self.a, self.b, self.distance)

    @property
    def count(self) -> Ints:
        """Faces of each group, shape (k,)."""
        return np.bincount(self.group)


@dataclass(frozen=True, slots=True)
class Packed:
    """Candidates to be stored, and what they depend on besides who has which face."""

    version: str
    arrays: bytes


def candidates(
    library: Library, now: Placements, *, keep: bool = True, workspace: "Workspace | None" = None
) -> Candidates | None:
    """Return the candidates of a library, stored or measured anew.

    Parameters
    ----------
    library : Library
    now : Placements
        Who has which face on disk.
    keep : bool
        Store what was measured anew, if the library can be written.
    workspace : Workspace, optional
        Memory to use.

    Returns
    -------
    Candidates or None
        None where the library was never grouped.
    """
    found, packed = measured(library, now, workspace=workspace)
    if keep and packed is not None:
        save_measured(library, packed)
    return found


def measured(
    library: Library, now: Placements, *, workspace: "Workspace | None" = None
) -> tuple[Candidates | None, Packed | None]:
    """Return the candidates as `candidates` does, and what to keep if they were found anew.

    It stores nothing, so that it can be given a snapshot; see `save_measured`.
    """
    nets = nets_used(library)
    if nets is None:
        return None, None
    kept = _stored(library, nets, now)
    if kept is not None:
        return kept, None
    found = find_candidates(library, nets, now, workspace)
    return found, Packed(_version(nets, now), _pack(found))


def save_measured(library: Library, packed: Packed) -> None:
    """Keep candidates that were found anew, if the library can be written."""
    with suppress(LibraryError):  # they can be found again
        save_candidates(library, packed.version, packed.arrays)


def _stored(library: Library, nets: NetsUsed, now: Placements) -> Candidates | None:
    """Return what was measured before, where it still holds."""
    kept = _read(library, _version(nets, now))
    if kept is None:
        return None
    moved = _moved(kept, now)
    holds = moved == 0 or (moved <= STALE_SHARE * len(now) and len(now) > QUICK_FACES)
    return kept if holds else None


def are_due(library: Library) -> int:
    """Return of how many faces the distances have to be measured before anything can be asked.

    Returns
    -------
    int
        0 where they are kept and hold, or where there is nothing to ask about.
    """
    with library.snapshot() as moment:
        nets, now = nets_used(moment), placements(moment).on_disk()
        if nets is None or not len(now) or _stored(moment, nets, now) is not None:
            return 0
        return len(now)


def prepare(library: Library, workspace: "Workspace | None" = None) -> None:
    """Measure the distances of a new grouping, so that asking is quick afterwards."""
    with library.snapshot() as moment:
        now = placements(moment).on_disk()
        _, packed = measured(moment, now, workspace=workspace) if len(now) else (None, None)
    if packed is not None:
        save_measured(library, packed)


def owners(found: Candidates, now: Placements) -> Ints:
    """Return who most faces of each group belong to now, shape (k,); 0 for nobody."""
    person = _persons(found, now)
    width = int(person.max(initial=0)) + 1
    key, count = np.unique(found.group * width + person, return_counts=True)
    key = key[np.lexsort((count, key // width))]
    best: Ints = np.zeros(len(found.count), np.int64)
    best[key // width] = key % width  # the last one written has most faces
    return best


def _persons(found: Candidates, now: Placements) -> Ints:
    at = np.minimum(np.searchsorted(now.face_id, found.face_id), max(len(now) - 1, 0))
    if not len(now):
        return np.zeros(len(found.face_id), np.int64)
    return np.where(now.face_id[at] == found.face_id, now.person_id[at], 0)


def _moved(found: Candidates, now: Placements) -> int:
    """Count the faces that are new, or whose group has mostly gone to somebody else."""
    if not len(found.face_id):
        return len(now)
    person = _persons(found, now)
    apart = (person != owners(found, now)[found.group]) & (person > 0)
    return int(apart.sum()) + len(now) - int((person > 0).sum())


def find_candidates(
    library: Library, nets: NetsUsed, now: Placements, workspace: "Workspace | None" = None
) -> Candidates:
    """Measure the distances between all people of a library; within `workspace`, if it is given."""
    # Imported late: with kept candidates, none of this is needed.
    from album.grouping.features import Faces, compared
    from album.grouping.grouping import dates_of
    from album.grouping.memory import open_workspace
    from album.models.calibration import identity_calibration
    from clustering.linkage.storage import take
    from db.people.faces import load_faces

    use = identity_calibration(nets.embedder, nets.attributes)
    if workspace is None:
        with open_workspace(library.path) as usual:
            return find_candidates(library, nets, now, usual)
    table = load_faces(
        library,
        identity=nets.identity_contract,
        attributes=nets.attributes_contract,
        empty=workspace.empty,
    )
    assert table.vectors is not None
    assert table.ages is not None
    face_id, here, there = np.intersect1d(
        table.face_id, now.face_id, assume_unique=True, return_indices=True
    )
    if not len(face_id):
        return Candidates(*(np.zeros(0, kind) for kind in _KINDS))
    faces = Faces(table.vectors, table.ages, table.photo_id)
    using = workspace.resources(*table.vectors.shape)
    vectors, variance = compared(faces, dates_of(table), use, storage=using.storage)
    del table, faces
    if len(here) < len(vectors):
        vectors, variance = take(using.storage, vectors, here), variance[here]
    _, label = np.unique(now.person_id[there], return_inverse=True)
    label = label.reshape(-1).astype(np.int64)
    groups = questions.summarise(vectors, label, variance, storage=using.storage)
    pairs = questions.near_pairs(groups, use.threshold, resources=using)
    pairs = _likely(pairs.take(~sharing(pairs, label, now.photo_id[there])), groups.count)
    halves = questions.halves(vectors, label, variance, use.threshold, storage=using.storage)
    small = [face_id[part] for part in halves.small]
    return Candidates(
        face_id=face_id,
        group=label,
        a=pairs.a,
        b=pairs.b,
        distance=pairs.distance,
        half_group=halves.group,
        half_distance=halves.distance,
        half_faces=np.concatenate([np.zeros(0, np.int64), *small]),
        half_size=np.array([len(part) for part in small], np.int64),
    )


def _likely(pairs: questions.Pairs, count: Ints) -> questions.Pairs:
    """Leave out pairs that would never be asked about; who is nearest to whom stays."""
    from album.models.calibration import question_calibration

    chance = question_calibration().pair(questions.pair_features(pairs, count))
    rank_a, rank_b = questions.ranks(pairs)
    return pairs.take((chance >= HOPELESS) | (np.minimum(rank_a, rank_b) < NEAREST))


def sharing(pairs: questions.Pairs, group: Ints, photo: Ints) -> NDArray[np.bool_]:
    """Return which pairs of groups have faces in one photo, which speaks for two people.

    Parameters
    ----------
    pairs : Pairs
        Of groups.
    group, photo : ndarray of int64, shape (n,)
        Of each face; a photo of -1 is none.
    """
    known = photo >= 0
    if not known.any() or not len(pairs):
        return np.zeros(len(pairs), bool)
    width = int(photo.max()) + 1
    keys = np.unique(group[known] * width + photo[known])
    groups = keys // width
    k = int(max(pairs.b.max(), groups.max())) + 1
    size, first = np.bincount(groups, minlength=k), np.searchsorted(groups, np.arange(k))
    fewer = np.where(size[pairs.a] <= size[pairs.b], pairs.a, pairs.b)
    other = pairs.a + pairs.b - fewer
    pair = np.repeat(np.arange(len(pairs)), size[fewer])
    place = np.arange(len(pair)) - np.repeat(np.cumsum(size[fewer]) - size[fewer], size[fewer])
    keys_of_other = other[pair] * width + keys[first[fewer[pair]] + place] % width
    both = np.zeros(len(pairs), bool)
    both[pair[np.isin(keys_of_other, keys)]] = True
    return both


_KINDS = ("i8", "i8", "i8", "i8", "f8", "i8", "f8", "i8", "i8")
_STORED = {"f8": "f4", "i8": "u4"}


def _pack(found: Candidates) -> bytes:
    buffer = io.BytesIO()
    columns = {
        field.name: getattr(found, field.name).astype(_STORED[kind])
        for field, kind in zip(fields(found), _KINDS, strict=True)
    }
    np.savez_compressed(buffer, **columns)
    return buffer.getvalue()


def _read(library: Library, version: str) -> Candidates | None:
    packed = load_candidates(library, version)
    if packed is None:
        return None
    try:
        with np.load(io.BytesIO(packed), allow_pickle=False) as stored:
            return Candidates(
                *(
                    stored[field.name].astype(kind)
                    for field, kind in zip(fields(Candidates), _KINDS, strict=True)
                )
            )
    except (ValueError, OSError, KeyError, zlib.error, zipfile.BadZipFile):
        return None  # it can be measured again


def _version(nets: NetsUsed, now: Placements) -> str:
    """Say what the candidates depend on, besides who has which face."""
    exempt = int((now.photo_id < 0).sum())
    calibration = zlib.crc32("".join(calibration_files()).encode())
    return f"1:{nets.identity_contract}:{nets.attributes_contract}:{calibration:08x}:{exempt}"
