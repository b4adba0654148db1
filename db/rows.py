"""What comes out of the library: frozen dataclasses and arrays.

Boxes are in pixels of the upright image, x to the right and y down. Times of photos are naive local
times of the place; ``at`` and ``created_at`` are aware and in UTC. Paths are ``str`` as
`os.fsdecode` makes them.
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from db.records import Floats, Ints, PhotoFacts


@dataclass(frozen=True, slots=True)
class KnownFile:
    """What the library knows of a path.

    Attributes
    ----------
    photo_id : int or None
        None until the content has been analysed once.
    gone : bool
        The path had vanished when it was last looked for.
    done : bool
        Its content has been analysed under the contract asked for.
    failed_stage : str or None
        What kept it from being read or analysed, if it has not changed since.
    failed_at : datetime or None
        When that was; UTC.
    picture : str or None
        Digest of its picture; None where it has not been worked out.
    orientation : int or None
        As the file says.
    """

    path: str
    size: int
    mtime_ns: int
    content_hash: str | None
    kind: str
    photo_id: int | None
    gone: bool
    done: bool
    failed_stage: str | None = None
    failed_at: datetime | None = None
    picture: str | None = None
    orientation: int | None = None

    @property
    def failed(self) -> bool:
        """Whether it could not be read or analysed, and has not changed since."""
        return self.failed_stage is not None


@dataclass(frozen=True, slots=True)
class Todo:
    """Content that has not been analysed yet, and the present files that hold it."""

    content_hash: str
    kind: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FailureRow:
    """A file that could not be read or analysed, and why."""

    path: str
    content_hash: str | None
    stage: str
    reason: str
    at: datetime
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class PhotoRow:
    """A stored photo and one of the files that hold it.

    ``path`` is a present file where there is one, else one that has gone, else None.
    """

    photo_id: int
    path: str | None
    present: bool
    facts: PhotoFacts


@dataclass(frozen=True, slots=True)
class SearchRow:
    """A photo or clip that was found, and one of the files that hold it; see `PhotoRow`."""

    photo_id: int
    path: str
    present: bool
    kind: str
    taken_at: datetime | None
    date_source: str
    date_precision: str


@dataclass(frozen=True, slots=True)
class FaceTable:
    """The faces of present photos as columns, n rows in the order of `face_id`.

    Attributes
    ----------
    face_id, photo_id : ndarray of int64, shape (n,)
    time_ms : ndarray of int64, shape (n,)
        When the face is seen in its clip; -1 in an image.
    boxes : ndarray of float32, shape (n, 4)
    score, size, sharpness, frontal : ndarray of float32, shape (n,)
        NaN where not known.
    taken : ndarray of datetime64[s], shape (n,)
        Local time of the photo; NaT where not known.
    date_source, date_precision : ndarray of str, shape (n,)
    person_id : ndarray of int64, shape (n,)
        Whom the face is assigned to; 0 for nobody.
    placed : ndarray of bool, shape (n,)
        Whether a user or an import placed it.
    vectors : ndarray of float32, shape (n, d), or None
        As stored, so of unit length only to the precision of float16; None when not asked for.
    ages : ndarray of float32, shape (n, a), or None
        NaN in rows without attributes, a = 0 where no row has any; None when not asked for.
    p_male : ndarray of float32, shape (n,), or None
        Likewise.
    emotions : ndarray of float32, shape (n, k), or None
        What each expresses, by whatever net; likewise.
    """

    face_id: Ints
    photo_id: Ints
    time_ms: Ints
    boxes: Floats
    score: Floats
    size: Floats
    sharpness: Floats
    frontal: Floats
    taken: NDArray[np.datetime64]
    date_source: NDArray[np.str_]
    date_precision: NDArray[np.str_]
    person_id: Ints
    placed: NDArray[np.bool_]
    vectors: Floats | None
    ages: Floats | None
    p_male: Floats | None
    emotions: Floats | None = None

    def __len__(self) -> int:
        return len(self.face_id)


@dataclass(frozen=True, slots=True)
class Moment:
    """A stretch of a clip in which a face is seen: milliseconds, both ends included."""

    start_ms: int
    end_ms: int
    frames: int


@dataclass(frozen=True, slots=True)
class FaceRow:
    """One face with its photo and whom it is assigned to; see `FaceTable` and `PhotoRow`."""

    face_id: int
    photo_id: int
    path: str | None
    present: bool
    kind: str
    time_ms: int | None
    box: tuple[float, float, float, float]
    score: float
    size: float
    sharpness: float | None
    frontal: float | None
    taken_at: datetime | None
    date_source: str
    date_precision: str
    person_id: int | None
    person_name: str | None
    source: str | None
    confidence: float | None
    ages: Floats | None = None
    p_male: float | None = None
    emotions: Floats | None = None


@dataclass(frozen=True, slots=True)
class Pairs:
    """Faces with people, row by row: ``face_id`` and ``person_id``, int64, shape (n,)."""

    face_id: Ints
    person_id: Ints

    def __len__(self) -> int:
        return len(self.face_id)


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A person as the table of people shows it.

    ``born_override`` (ISO date, month or year) and ``gender_override`` ('f' or 'm') are what the
    user said; `p_male` and `born` with its interval are derived. ``photos`` and ``faces`` count
    what is present on disk; ``first_at`` and ``last_at`` leave out photos that
    have no date but the file's own, which a copy changes.
    """

    person_id: int
    name: str | None
    hidden: bool
    passer_by: bool
    gender_override: str | None
    born_override: str | None
    p_male: float | None
    born: float | None
    born_low: float | None
    born_high: float | None
    photos: int
    faces: int
    first_at: datetime | None
    last_at: datetime | None
    cover_face_id: int | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ContractCount:
    """How many photos, faces or observations a contract accounts for."""

    kind: str
    contract: str
    count: int


@dataclass(frozen=True, slots=True)
class Status:
    """The library in numbers; ``size`` is in bytes on disk, write-ahead log included."""

    path: str
    size: int
    schema_version: int
    photos: int
    clips: int
    live_photos: int
    motion_photos: int
    duplicates: int
    present_files: int
    gone_files: int
    faces: int
    people: int
    named: int
    passers_by: int
    failures: int
    contracts: tuple[ContractCount, ...]
