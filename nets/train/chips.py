"""Chips of labelled faces: found once, cut anew whenever they are shown, changed each time."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nets.core.api import Detections, Detector, Floats, Image
from nets.core.boxes import overlaps
from nets.core.crops import CROPS
from nets.train.augment import Changes, changed
from nets.train.features import face_of

CROP = "box224"
STEP = 100
"""Pictures after which progress is told."""
LEAST_OVERLAP = 0.3
Array = NDArray[Any]
Read = Callable[[Path], Image | None]


@dataclass(frozen=True, slots=True)
class Located:
    """Where the labelled faces of a set are.

    Attributes
    ----------
    rows : ndarray of int64, shape (n,)
        Which of the pictures; those that can't be read or show no face are missing.
    boxes : ndarray of float32, shape (n, 4)
    landmarks : ndarray of float32, shape (n, 5, 2)
        In pixels of the picture.
    """

    rows: Array
    boxes: Floats
    landmarks: Floats


def locate(
    paths: Sequence[Path],
    read: Read,
    detector: Detector,
    *,
    choose: str,
    boxes: NDArray[np.float64] | None = None,
) -> Iterator[int | Located]:
    """Find the labelled face of each picture; yield how many were looked at, then the result.

    Parameters
    ----------
    paths : sequence of Path
    read : callable
        Gives the upright RGB pixels of a file; None where it can't be read.
    detector : Detector
    choose : str
        See `nets.train.features.face_of`.
    boxes : ndarray, shape (n, 4), optional
        Where the labelled face is said to be; NaN where that is not known.
    """
    rows, found = [], []
    for row, path in enumerate(paths):
        image = read(path)
        face = None
        if image is not None:
            known = boxes is not None and bool(np.isfinite(boxes[row]).all())
            box = boxes[row] if known and boxes is not None else None
            face = _face_at(image, detector, box) if known else None
            face = face or (None if known else face_of(image, detector, choose=choose))
        if face is not None:
            rows.append(row)
            found.append(face)
        if (row + 1) % STEP == 0:
            yield row + 1
    none = Detections.none()
    faces = found or [none]
    yield Located(
        np.array(rows, np.int64),
        np.concatenate([face.boxes for face in faces]),
        np.concatenate([face.landmarks for face in faces]),
    )


class Chips:
    """Chips of faces, as a net is shown them; see `nets.train.alternate.Inputs`.

    Parameters
    ----------
    paths : sequence of Path
        The picture of each face.
    faces : Located
        Its box and landmarks; as many as there are paths.
    read : callable
        As of `locate`.
    seed : int
        Of the changes.
    plain : bool
        Show faces as they are.
    """

    def __init__(
        self, paths: Sequence[Path], faces: Located, read: Read, *, seed: int, plain: bool = False
    ) -> None:
        self._paths, self._faces, self._read = paths, faces, read
        self._seed, self._plain = seed, plain
        self._how = Changes()

    def __len__(self) -> int:
        return len(self._paths)

    def chips(self, rows: Array, epoch: int) -> Image:
        """Return RGB chips, uint8, shape (n, 224, 224, 3)."""
        crop = CROPS[CROP]
        cut = np.zeros((len(rows), crop.size, crop.size, 3), np.uint8)
        for chip, row in zip(cut, rows, strict=True):
            image = self._read(self._paths[row])
            if image is None:  # It could be read when faces were looked for; grey it is now.
                chip[:] = 127
                continue
            at = slice(row, row + 1)
            face = Detections(
                self._faces.boxes[at], self._faces.landmarks[at], np.ones(1, np.float32)
            )
            if not self._plain:
                name = self._paths[row].name.encode()
                random = np.random.default_rng([self._seed, epoch, *name])
                image, face = changed(image, face, random, self._how)
            chip[:] = crop(image, face)[0]
        return cut

    def batch(self, rows: Array, epoch: int) -> Floats:
        """Return what the net takes, float32, shape (n, 224, 224, 3)."""
        from nets.arch.mobilenet import preprocess

        return preprocess(self.chips(rows, epoch))


class Pooled:
    """Kept outputs of a frozen base; see `nets.train.alternate.Inputs`.

    Parameters
    ----------
    values : ndarray of float16, shape (n, views, d)
        Of each face in several changes.
    seed : int
        Of the choice which one is shown.
    """

    def __init__(self, values: Array, *, seed: int) -> None:
        self.values, self._seed = values, seed

    def __len__(self) -> int:
        return len(self.values)

    def batch(self, rows: Array, epoch: int) -> Floats:
        """Return one view of each face, float32, shape (n, d)."""
        random = np.random.default_rng([self._seed, epoch])
        view = random.integers(0, self.values.shape[1], len(self.values))
        return np.asarray(self.values[rows, view[rows]], np.float32)


def pooled(base: Any, chips: Sequence[Chips], rows: Array) -> Array:
    """Return what a frozen base says of some faces, float16, shape (n, views, d).

    Parameters
    ----------
    base : keras.Model
        See `nets.train.alternate.base_of`.
    chips : sequence of Chips
        One for each view; view k is shown as in epoch k.
    rows : ndarray of int64, shape (n,)
    """
    views = [base.predict_on_batch(one.batch(rows, view)) for view, one in enumerate(chips)]
    return np.asarray(np.stack(views, axis=1), np.float16)


def _face_at(image: Image, detector: Detector, box: Any) -> Detections | None:
    found = detector.detect(image)
    if not len(found):
        return None
    overlap = overlaps(np.asarray(box, np.float32)[None], found.boxes)[0]
    best = int(np.argmax(overlap))
    return found.take(np.array([best])) if overlap[best] >= LEAST_OVERLAP else None
