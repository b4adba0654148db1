"""What goes into the library: frozen dataclasses and arrays, checked at the door.

Boxes and landmarks are in pixels of the upright image, x to the right and y down. Paths are ``str``
as `os.fsdecode` makes them, so that a name that is not UTF-8 survives.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


def _rows(record: Any, rows: Ints) -> Any:
    """Return a record of columns with some of its rows."""
    columns = {field.name: getattr(record, field.name) for field in fields(record)}
    return replace(record, **{k: v[rows] for k, v in columns.items() if isinstance(v, np.ndarray)})


def _check(name: str, array: NDArray[np.generic], shape: tuple[int | None, ...]) -> None:
    """Refuse an array of another shape (None: any length) or with values that are not finite."""
    fits = array.ndim == len(shape) and all(
        want in (None, got) for want, got in zip(shape, array.shape, strict=True)
    )
    if not fits:
        raise ValueError(f"{name} has the shape {array.shape}, expected {shape}")
    bad = np.flatnonzero(~np.isfinite(array).all(axis=tuple(range(1, array.ndim))))
    if len(bad):
        raise ValueError(f"{name} is not finite in the rows {bad[:10].tolist()}")


@dataclass(frozen=True, slots=True)
class ScannedFile:
    """A file as the scan found it.

    Attributes
    ----------
    path : str
        Absolute.
    size, mtime_ns : int
        Bytes, and nanoseconds since 1970 as `os.stat` says.
    content_hash : str or None
        Identity of the content; None for what could not be read.
    kind : {'image', 'clip', 'live', 'other'}
        By content, not by extension. What is 'other' is remembered so that it is not read again.
    picture : str or None
        Digest of the coded picture without its metadata (`album.metadata.picture_digest`).
    orientation : int or None
        EXIF orientation as this file says it, 1 to 8; None for clips, and where it was not read.
    date_claims : sequence of mapping, or None
        What claims the date in this file, in its name and beside it; see `PhotoFacts`.
    people : tuple of str
        Names that Google Photos has for people in it.
    hashes : tuple of int
        Perceptual hashes of the upright picture turned by each EXIF orientation, 1 to 8, where its
        pixels were read.
    upright : tuple of int or None
        Width and height of the upright picture, likewise.
    """

    path: str
    size: int
    mtime_ns: int
    content_hash: str | None
    kind: str = "image"
    picture: str | None = None
    orientation: int | None = None
    date_claims: Sequence[Mapping[str, Any]] | None = None
    people: tuple[str, ...] = ()
    hashes: tuple[int, ...] = ()
    upright: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class PhotoFacts:
    """What is true of a photo or clip whatever the nets say.

    Attributes
    ----------
    content_hash : str
        Of the file that the facts are from.
    width, height : int
        Pixels, upright.
    kind : {'image', 'clip'}
    orientation : int
        EXIF orientation of the stored pixels, 1 to 8.
    stored_width, stored_height : int or None
        Pixels before turning upright; None: as upright.
    duration_ms : int or None
        Of a clip.
    taken_at : datetime or None
        Naive local time.
    utc_offset_min : int or None
        Minutes east of UTC at that time.
    date_source, date_precision : str
        How the date was found, and to what it is known. A date whose stored source is 'user' is
        not overwritten by an analysis.
    date_claims : sequence of mapping, or None
        Everything that claimed a date, best first: ``source``, ``text``, ``when`` (ISO, or None),
        ``offset``, ``precision`` and ``refusal``, empty where it may be believed. None: not known.
    phash : int or None
        Perceptual hash of 64 bits, as a signed number.
    moving : {'live', 'motion'} or None
        A still with a clip: in a file beside it (`db.photos.files.link_live`), or in its own.
    picture : str or None
        The identity of the photo: a digest of the coded picture without metadata. None where it
        has not been worked out yet.
    """

    content_hash: str
    width: int
    height: int
    kind: str = "image"
    orientation: int = 1
    stored_width: int | None = None
    stored_height: int | None = None
    duration_ms: int | None = None
    taken_at: datetime | None = None
    utc_offset_min: int | None = None
    date_source: str = "none"
    date_precision: str = "none"
    camera_make: str | None = None
    camera_model: str | None = None
    date_claims: Sequence[Mapping[str, Any]] | None = None
    phash: int | None = None
    moving: str | None = None
    picture: str | None = None

    def __post_init__(self) -> None:
        """Refuse a time with a zone: the offset has a field of its own."""
        if self.taken_at is not None and self.taken_at.tzinfo is not None:
            raise ValueError("taken_at is naive local time; the offset goes to utc_offset_min")


@dataclass(frozen=True, slots=True)
class Faces:
    """The n faces found in one photo or clip.

    Attributes
    ----------
    contract : str
        Of the detector.
    boxes : ndarray of float32, shape (n, 4)
        Left, top, right, bottom.
    landmarks : ndarray of float32, shape (n, 5, 2)
        x, y of five points.
    scores : ndarray of float32, shape (n,)
        Probability of a face.
    size : ndarray of float32, shape (n,)
        Of the face in pixels of the upright image.
    sharpness, frontal : ndarray of float32, shape (n,)
        Quality; what they measure is the caller's matter.
    time_ms : ndarray of int64, shape (n,), or None
        When the face is seen in a clip; None for an image.
    """

    contract: str
    boxes: Floats
    landmarks: Floats
    scores: Floats
    size: Floats
    sharpness: Floats
    frontal: Floats
    time_ms: Ints | None = None

    def __post_init__(self) -> None:
        """Refuse arrays of other shapes and values that are not finite."""
        n = len(self.boxes)
        _check("boxes", self.boxes, (n, 4))
        _check("landmarks", self.landmarks, (n, 5, 2))
        for name in ("scores", "size", "sharpness", "frontal"):
            _check(name, getattr(self, name), (n,))
        if self.time_ms is not None:
            _check("time_ms", self.time_ms, (n,))

    def __len__(self) -> int:
        return len(self.boxes)


@dataclass(frozen=True, slots=True)
class Identity:
    """Identity vectors of faces under one contract: float32, shape (n, d), stored as float16."""

    contract: str
    vectors: Floats

    def __post_init__(self) -> None:
        """Refuse arrays of other shapes and values that are not finite."""
        _check("vectors", self.vectors, (None, None))


@dataclass(frozen=True, slots=True)
class Attributes:
    """Ages and genders of faces under one contract.

    Attributes
    ----------
    contract : str
    ages : ndarray of float32, shape (n, a)
        Probability of each age, stored as float16.
    p_male : ndarray of float32, shape (n,)
        Probability of being male.
    """

    contract: str
    ages: Floats
    p_male: Floats

    def __post_init__(self) -> None:
        """Refuse arrays of other shapes and values that are not finite."""
        _check("ages", self.ages, (None, None))
        _check("p_male", self.p_male, (len(self.ages),))


@dataclass(frozen=True, slots=True)
class Emotions:
    """What n faces express, under one contract: float32, shape (n, k), stored as float16."""

    contract: str
    emotions: Floats

    def __post_init__(self) -> None:
        """Refuse arrays of other shapes and values that are not finite."""
        _check("emotions", self.emotions, (None, None))


@dataclass(frozen=True, slots=True)
class Sighting:
    """A stretch of a clip in which a person is seen.

    Attributes
    ----------
    row : int
        Of the face in `Faces` that stands for the person.
    start_ms, end_ms : int
        Both included.
    frames : int
        Frames looked at in which the person is seen.
    """

    row: int
    start_ms: int
    end_ms: int
    frames: int


@dataclass(frozen=True, slots=True)
class Analysis:
    """All that one pass over a photo found, to be stored together or not at all.

    Attributes
    ----------
    photo : PhotoFacts
    faces : Faces
    contract : str
        Says which nets and options made this; the photo counts as done under it.
    identity : tuple of Identity
    attributes : tuple of Attributes
        Rows in the order of `faces`.
    seconds : float
        What the analysis took.
    sightings : tuple of Sighting
        When the faces of a clip are seen.
    hints : tuple of str
        Names that Google Photos has for people in it, without places.
    emotions : tuple of Emotions
        Rows in the order of `faces`.
    """

    photo: PhotoFacts
    faces: Faces
    contract: str
    identity: tuple[Identity, ...] = ()
    attributes: tuple[Attributes, ...] = ()
    seconds: float = 0.0
    sightings: tuple[Sighting, ...] = ()
    hints: tuple[str, ...] = ()
    emotions: tuple[Emotions, ...] = ()

    def __post_init__(self) -> None:
        """Refuse observations of another number of faces, and sightings of none of them."""
        counts = [len(i.vectors) for i in self.identity] + [len(a.ages) for a in self.attributes]
        counts += [len(one.emotions) for one in self.emotions]
        if any(count != len(self.faces) for count in counts):
            raise ValueError(f"observations of {counts} faces for {len(self.faces)} faces")
        if any(not 0 <= one.row < len(self.faces) for one in self.sightings):
            raise ValueError("a sighting of a face that is not there")

    def take(self, rows: Ints) -> Self:
        """Return the analysis with some of its faces.

        Parameters
        ----------
        rows : ndarray of int64, shape (k,)
        """
        return replace(
            self,
            faces=_rows(self.faces, rows),
            identity=tuple(_rows(one, rows) for one in self.identity),
            attributes=tuple(_rows(one, rows) for one in self.attributes),
            emotions=tuple(_rows(one, rows) for one in self.emotions),
            sightings=tuple(
                replace(one, row=new)
                for new, row in enumerate(rows.tolist())
                for one in self.sightings
                if one.row == row
            ),
        )


@dataclass(frozen=True, slots=True)
class Grouping:
    """Which face is whose, as found by clustering.

    Attributes
    ----------
    face_id : ndarray of int64, shape (n,)
    person_id : ndarray of int64, shape (n,)
        0 for nobody.
    confidence : ndarray of float32, shape (n,)
    """

    face_id: Ints
    person_id: Ints
    confidence: Floats

    def __post_init__(self) -> None:
        """Refuse columns of different length and a face in two groups."""
        n = len(self.face_id)
        if len(self.person_id) != n or len(self.confidence) != n:
            raise ValueError("the columns of a grouping differ in length")
        if len(np.unique(self.face_id)) != n:
            raise ValueError("a face is in the grouping twice")


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """What is derived about a person; None where it can't be told.

    Attributes
    ----------
    person_id : int
        Of a stored person or from `db.people.people.next_person_ids`.
    passer_by : bool
        Seen too little or too briefly to be shown unasked.
    p_male : float or None
        Probability of being male.
    born, born_low, born_high : float or None
        Birth year with its interval, as fractional years.
    cover_face_id : int or None
        The face to show; one that the user has chosen stays.
    """

    person_id: int
    passer_by: bool = False
    p_male: float | None = None
    born: float | None = None
    born_low: float | None = None
    born_high: float | None = None
    cover_face_id: int | None = None
