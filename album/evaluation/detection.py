"""Detectors on WIDER FACE: average precision, and what the default threshold finds.

Boxes are matched as the evaluation of the set does (Yang et al., "WIDER FACE: a face detection
benchmark", CVPR 2016): found boxes, best first, each go to the labelled box that they overlap most.
Which faces count as easy, medium or hard is in files of the organisers, not in the labels, so faces
are told apart by height here, and the figures are not those of the published splits.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from album.errors import MediaError
from album.evaluation.datasets import DatasetError, Pictures
from album.media import decoding, headers
from album.media.views import VIEW, scaled, shrink
from nets.core.api import Detections, Detector
from nets.core.boxes import overlaps

FOUND = 0.5
"""Overlap (IoU) from which a labelled face counts as found."""
HEIGHTS = (10, 20, 40, 80)
"""Pixels: a score is given for the faces that are at least as high."""
LISTS = ("boxes.json", "wider_face_val_bbx_gt.txt")
LOWEST = 0.05
"""Scores below this are left out of average precision, which they would hardly change."""
INVALID = 7
"""Column of a WIDER label, after x, y, w, h, blur, expression and illumination."""

Bools = NDArray[np.bool_]
Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LabelledPicture:
    """A picture and the faces in it.

    Attributes
    ----------
    path : Path
    boxes : ndarray of float32, shape (n, 4)
        Left, top, right, bottom in pixels of the picture at full size.
    valid : ndarray of bool, shape (n,)
        False for regions where a found face is neither right nor wrong.
    """

    path: Path
    boxes: NDArray[np.float32]
    valid: Bools


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of the boxes found in one picture.

    Attributes
    ----------
    scores : ndarray of float32, shape (m,)
        Of the found boxes that are right or wrong; those that meet an ignored face are left out.
    right : ndarray of bool, shape (m,)
    wanted : int
        Labelled faces to be found.
    """

    scores: NDArray[np.float32]
    right: Bools
    wanted: int


def read_wider(root: Path) -> list[LabelledPicture]:
    """Read WIDER FACE, validation part, with its pictures in one folder or a folder per event.

    The labels are ``wider_face_val_bbx_gt.txt`` as published, or ``boxes.json``: the same rows of
    numbers by the name of the picture.

    Raises
    ------
    DatasetError
        If there are no labels, or no picture that they name.
    """
    table = next((path for name in LISTS for path in sorted(root.rglob(name))), None)
    if table is None:
        raise DatasetError(f"{root}: neither {LISTS[1]} nor {LISTS[0]} in it, which hold the faces")
    try:
        text = table.read_text(encoding="utf-8")
        labels = json.loads(text) if table.suffix == ".json" else dict(_official(text))
        files = Pictures(root)
        found = [
            _labelled(path, rows)
            for name, rows in sorted(labels.items())
            if (path := files.find(name)) is not None
        ]
    except (ValueError, IndexError, AttributeError, TypeError) as error:
        raise DatasetError(f"{table}: not as published; copy it again.") from error
    if not found:
        raise DatasetError(f"{root}: does not hold the pictures that {table.name} names")
    return found


def _official(text: str) -> Iterator[tuple[str, list[list[float]]]]:
    """Yield picture and rows: a line with the name, one with a count, a line for each face.

    A picture without faces has a count of 0 and one line of zeros.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    at = 0
    while at < len(lines):
        name, count = lines[at], int(lines[at + 1])
        at += 2
        rows = lines[at : at + count]
        if len(rows) < count:
            raise ValueError(f"{name} has fewer faces than announced")
        yield name, [[float(part) for part in row.split()] for row in rows]
        at += count
        if count == 0 and at < len(lines) and not lines[at].strip("0 "):
            at += 1


def _labelled(path: Path, rows: Sequence[Sequence[float]]) -> LabelledPicture:
    boxes = np.array([row[:4] for row in rows], np.float32).reshape(-1, 4)
    marked = np.array([len(row) > INVALID and row[INVALID] > 0 for row in rows], bool)
    flat = (boxes[:, 2:] <= 0).any(axis=1)
    boxes[:, 2:] += boxes[:, :2]
    return LabelledPicture(path, boxes, ~(marked | flat))


def judge(found: Detections, boxes: NDArray[np.float32], counts: Bools) -> Judged:
    """Tell which found boxes are right.

    A found box that overlaps its labelled box by `FOUND` or more is right if it is the first there,
    wrong if the face has been found before, and left out if that face does not count. All others
    are wrong.

    Parameters
    ----------
    found : Detections
        Best first.
    boxes : ndarray of float32, shape (n, 4)
        Labelled faces, left, top, right, bottom in pixels of the same picture.
    counts : ndarray of bool, shape (n,)
        Which of them are to be found; the others are ignored.
    """
    overlap = overlaps(found.boxes, boxes)
    right, kept = np.zeros(len(found), bool), np.ones(len(found), bool)
    taken = np.zeros(len(boxes), bool)
    for row in range(len(found) if len(boxes) else 0):
        best = int(np.argmax(overlap[row]))
        if overlap[row, best] >= FOUND:
            kept[row] = counts[best]
            right[row] = counts[best] and not taken[best]
            taken[best] = True
    return Judged(found.scores[kept], right[kept], int(counts.sum()))


def average_precision(scores: NDArray[np.float32], right: Bools, wanted: int) -> float:
    """Return the area under precision over recall, as PASCAL VOC has it since 2010.

    Precision at a recall is the best precision at that recall or a higher one; the area is exact,
    without sampling.

    Parameters
    ----------
    scores : ndarray, shape (m,)
        Of the boxes found in all pictures.
    right : ndarray of bool, shape (m,)
    wanted : int
        Labelled faces to be found.

    Returns
    -------
    float
        0 to 1; NaN where there was nothing to be found.
    """
    if not wanted:
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(right[order])
    precision = hits / np.arange(1, len(hits) + 1)
    best: Doubles = np.maximum.accumulate(precision[::-1])[::-1]
    steps = np.diff(hits / wanted, prepend=0.0)
    return float((steps * best).sum())


def detected(
    pictures: Sequence[LabelledPicture],
    detector: Detector,
    *,
    view: int = VIEW,
    progress: Callable[[int], object] = lambda done: None,
) -> Iterator[Detections | None]:
    """Yield the faces found in each picture, in pixels of it at full size; None if unreadable.

    Parameters
    ----------
    pictures : sequence of LabelledPicture
    detector : Detector
    view : int
        Longest side of the picture that faces are looked for in, as when photos are indexed.
    progress : callable
        Called with the number of pictures done.
    """
    for number, picture in enumerate(pictures, 1):
        try:
            whole = decoding.read_image(picture.path, headers.read_header(picture.path)).pixels
            small, (x, y) = shrink(whole, view)
            yield scaled(detector.detect(small), 1 / x, 1 / y)
        except MediaError:
            yield None
        progress(number)


def score_detection(
    pictures: Sequence[LabelledPicture],
    found: Sequence[Detections | None],
    threshold: float,
) -> Mapping[str, float]:
    """Score a detector by the height of the labelled faces.

    Average precision goes over all boxes found, recall and precision over those with a score above
    the threshold. Faces below a height are ignored there: boxes that meet one are neither right nor
    wrong, boxes that meet none are wrong however small they are. Precision is over faces of all
    heights.

    Parameters
    ----------
    pictures : sequence of LabelledPicture
    found : sequence of Detections or None
        In each of them; None where it could not be read.
    threshold : float
        Score above which the program calls a box a face.

    Returns
    -------
    mapping of str to float
        ``ap_40`` is the average precision of faces of 40 pixels or more, and so on; what has no
        value because there are no such faces is left out.
    """
    read = [(p, f) for p, f in zip(pictures, found, strict=True) if f is not None]
    rows: dict[str, float] = {
        "pictures": len(pictures),
        "missed": len(pictures) - len(read),
        "faces": sum(int(picture.valid.sum()) for picture, _ in read),
    }
    named: dict[str, float] = {}
    for height in HEIGHTS:
        scores, right, wanted = _judged(read, height)
        named[f"ap_{height}"] = average_precision(scores, right, wanted)
    for height in HEIGHTS:
        scores, right, wanted = _judged(read, height)
        named[f"recall_{height}"] = _share(int(right[scores > threshold].sum()), wanted)
    scores, right, _ = _judged(read, 0)
    above = right[scores > threshold]
    named["detector_precision"] = _share(int(above.sum()), len(above))
    return rows | {name: value for name, value in named.items() if np.isfinite(value)}


def _judged(
    read: Sequence[tuple[LabelledPicture, Detections]], height: float
) -> tuple[NDArray[np.float32], Bools, int]:
    """Return scores, right or wrong, and faces wanted, of all pictures together."""
    judged = [judge(f, p.boxes, p.valid & (_heights(p) >= height)) for p, f in read]
    scores = np.concatenate([j.scores for j in judged] or [np.zeros(0, np.float32)])
    right = np.concatenate([j.right for j in judged] or [np.zeros(0, bool)])
    return scores, right, sum(j.wanted for j in judged)


def open_end(detector: Detector, *, threads: int = 1) -> tuple[Detector, float]:
    """Return a detector that also says what it thinks no faces, and its default threshold.

    For average precision, which asks for all scores. Lower scores never change which boxes above
    the threshold are kept, since of two that overlap the better one stays. Detectors other than
    MTCNN are returned as they are.
    """
    from nets.detectors.mtcnn import Mtcnn

    if not isinstance(detector, Mtcnn):
        return detector, 0.0
    first, second, last = detector.thresholds
    low = (first, second, min(last, LOWEST))
    face, factor = detector.min_face, detector.factor
    return Mtcnn(min_face=face, thresholds=low, factor=factor, threads=threads), last


def _heights(picture: LabelledPicture) -> NDArray[np.float32]:
    heights: NDArray[np.float32] = picture.boxes[:, 3] - picture.boxes[:, 1]
    return heights


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")
