"""RetinaFace MobileNet-0.25: one look at the whole picture finds faces of all sizes.

Deng et al., CVPR 2020. The checkpoint is the user's own (`nets.runtime.addable`); anchors, colours
and rectifiers are those with which it reproduces its authors' figures, and tensor shapes can't tell
them. One pass sees faces from about 10 pixels on; large pictures with small faces are looked at
once more, larger, with a threshold of its own, since scores at two sizes do not mean the same.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nets.core.api import Detections, Floats, Image
from nets.core.boxes import overlaps, suppress
from nets.core.errors import AddedWeightsError, WeightsError
from nets.core.pictures import Picture, as_array, as_pillow, size_of
from nets.detectors.retinaface_weights import ANCHORS, folded
from nets.runtime.checkpoint import CheckpointError, read_checkpoint
from nets.runtime.models import digest, open_template

TEMPLATE = Path(__file__).parents[1] / "templates" / "retinaface.onnx"
SIZES = {8: (10.0, 20.0), 16: (32.0, 64.0), 32: (128.0, 256.0)}
"""Sides of the anchors by stride; not those of the usual RetinaFace."""
CENTRE, SIZE = 0.1, 0.2
"""Variances of the offsets."""
OVERLAP = 0.4
TOP = 400
"""Faces of one pass at most."""
MULTIPLE = 32
VERSION = 4


@dataclass(frozen=True, slots=True)
class Pass:
    """One look at the picture.

    Attributes
    ----------
    side : int
        Longest side in pixels that the picture is scaled to; never enlarged.
    threshold : float
        Score from which a face counts, fitted for this side (``benchmarks/retinaface.py``).
    largest : float
        Pixels of the pass up to which a face counts: what is seen too large is no face more often
        than one.
    """

    side: int
    threshold: float
    largest: float = math.inf


FIRST = Pass(640, 0.7)
CLOSER = Pass(960, 0.85, 128)
HINT, SMALL = 0.15, 24.0
"""A score below the threshold at which something smaller than so many pixels of the first pass is
worth a second, closer look at the whole picture."""
FARTHER = Pass(256, 0.9)
LARGE = 128.0
"""Whether something that fills more pixels of the first pass is a face is told where it is seen
smaller: all 50 such faces of WIDER FACE are seen there, too, of 37 shapes out of focus four, and a
face that fills the whole picture, of which the first pass sees parts, is seen as one
(``benchmarks/retinaface_large.md``). Faces are placed better there, too: the median distance of the
landmarks from MTCNN's falls from .046 to .024 of the side on FG-NET's portraits."""
SEEN = 0.1
"""Score in the smaller look that is enough for what the first pass has found; alone, it needs the
threshold of that look."""
SAME = 0.4
"""Overlap from which two passes have found one face."""
LOOSE = 0.7
"""Boxes are tighter than the windows that MTCNN searches in: a face counts that is as large as this
part of the smallest one asked for."""


class RetinaFace:
    """RetinaFace on ONNX Runtime; implements `nets.core.api.Detector`.

    Parameters
    ----------
    checkpoint : Path
        The file of weights.
    sha256 : str
        Of that file, which goes into the contract.
    min_face : float
        Side in pixels of the smallest face that is wanted; smaller ones are left out.
    passes : sequence of Pass, optional
        Instead of those that `min_face` asks for.
    threads : int
        Cores that one call may use; 0 means all.
    device : str
        One of `nets.runtime.devices.DEVICES`.

    Raises
    ------
    ValueError
        If an option is out of its range.
    """

    name = "retinaface"
    sees: int | None = CLOSER.side

    def __init__(
        self,
        checkpoint: Path,
        *,
        sha256: str,
        min_face: float = 40,
        passes: Sequence[Pass] | None = None,
        threads: int = 1,
        device: str = "cpu",
    ) -> None:
        if not min_face >= 4:
            raise ValueError(f"The smallest face must be 4 pixels or more, not {min_face}.")
        self.min_face = min_face
        self._passes = tuple(passes) if passes is not None else None
        self._checkpoint, self._threads, self._device = checkpoint, threads, device
        passes = self._passes or (FIRST, CLOSER)
        told = [(one.side, one.threshold, one.largest) for one in passes]
        self.contract = digest("retinaface", VERSION, min_face, told, HINT, SMALL, sha256)

    @cached_property
    def _session(self) -> Any:
        try:
            weights = folded(read_checkpoint(self._checkpoint.read_bytes()))
        except OSError as error:
            raise AddedWeightsError(
                f"The weights {self._checkpoint} can't be read; add the model again.", "retinaface"
            ) from error
        except (CheckpointError, ValueError) as error:
            raise WeightsError(
                f"The weights {self._checkpoint} are not those of this net ({error})."
            ) from error
        return open_template(TEMPLATE, weights, threads=self._threads, device=self._device)

    def detect(self, image: Picture, *, zoom: float = 1.0) -> Detections:
        """Find the faces of one image.

        Parameters
        ----------
        image : Picture
            Upright RGB.
        zoom : float
            See `nets.core.api.Detector`.

        Returns
        -------
        Detections
            In pixels of the image, best first.
        """
        first, *others = self._passes or (FIRST, CLOSER)
        seen = self.look(image, first, least=HINT)
        image = as_pillow(image)
        side = max(image.size)
        found = [self._with_large(image, seen, first.threshold, max(side / first.side, 1.0))]
        least = LOOSE * self.min_face * zoom
        closer = side > first.side and _hints(seen, side / first.side, least)
        if closer or self._passes is not None:
            found += [self.look(image, one) for one in others]
        faces = _joined(found)
        return faces.take(_sides(faces) >= least)

    def _with_large(
        self, image: Picture, seen: Detections, threshold: float, scale: float
    ) -> Detections:
        """Replace the large faces of the first pass by those of a look at a smaller picture.

        That look is worth its time wherever something large seems to be a face, however unsure.
        """
        faces = seen.take(seen.scores >= threshold)
        unsure = (_sides(seen) > LARGE * scale).any()
        if not unsure or max(size_of(image)) <= FARTHER.side:
            return faces
        large = _sides(faces) > LARGE * scale
        smaller = self.look(image, FARTHER, least=SEEN)
        same = overlaps(smaller.boxes, faces.boxes) >= SAME
        of_large = same & large
        alone = (smaller.scores >= FARTHER.threshold) & (_sides(smaller) > LARGE * scale)
        taken = of_large.any(axis=1) | (alone & ~same.any(axis=1))
        told = np.where(of_large, faces.scores, 0).max(axis=1, initial=0)
        scores = np.where(of_large.any(axis=1), told, smaller.scores)
        placed = Detections(smaller.boxes, smaller.landmarks, scores).take(taken)
        return _best_first([faces.take(~large), placed])

    def look(self, image: Picture, how: Pass, *, least: float | None = None) -> Detections:
        """Look at an image once, at one size; keep scores from `least` on, else from the pass's."""
        least = how.threshold if least is None else min(least, how.threshold)
        small, scale = scaled_to(image, how.side)
        outputs = self._session.run(None, {"image": padded(small)[None]})
        odds = math.log(least / (1 - least))
        parts = [decode(one[0], stride, odds) for one, stride in zip(outputs, SIZES, strict=True)]
        boxes, landmarks, scores = (np.concatenate(part) for part in zip(*parts, strict=True))
        # What lies in the padding can be no face.
        inside = (boxes[:, 0] < small.shape[1]) & (boxes[:, 1] < small.shape[0])
        faces = Detections(boxes, landmarks, scores).take(inside)
        faces = faces.take(_sides(faces) < how.largest)
        best = suppress(faces.boxes, faces.scores, overlap=OVERLAP)[:TOP]
        faces = faces.take(best)
        back = np.array([1 / scale[0], 1 / scale[1]], np.float32)
        return Detections(faces.boxes * np.tile(back, 2), faces.landmarks * back, faces.scores)


def _hints(seen: Detections, scale: float, least: float) -> bool:
    """Tell whether something small looks a little like a face."""
    sides = _sides(seen)
    doubtful = (seen.scores < FIRST.threshold) & (sides < SMALL * scale)
    return bool((doubtful & (sides >= least)).any())


def decode(level: Floats, stride: int, least: float) -> tuple[Floats, Floats, Floats]:
    """Return boxes, landmarks and scores of the anchors of one level that may be faces.

    Parameters
    ----------
    level : ndarray of float32, shape (30, rows, columns)
        See `nets.convert.retinaface.build`.
    stride : int
        Pixels between two places.
    least : float
        Log-odds from which an anchor counts.

    Returns
    -------
    boxes : ndarray of float32, shape (n, 4)
    landmarks : ndarray of float32, shape (n, 5, 2)
    scores : ndarray of float32, shape (n,)
        In pixels of the input of the net; probabilities.
    """
    which, row, column = np.nonzero(level[:ANCHORS] >= least)
    side = np.array(SIZES[stride], np.float32)[which][:, None]
    middle = (np.stack([column, row], axis=1).astype(np.float32) + 0.5) * stride
    at = level[:, row, column]
    n = np.arange(len(which))
    offsets = at[ANCHORS : 5 * ANCHORS].reshape(ANCHORS, 4, -1)[which, :, n]
    points = at[5 * ANCHORS :].reshape(ANCHORS, 5, 2, -1)[which, :, :, n]
    centre = middle + offsets[:, :2] * CENTRE * side
    half = side * np.exp(offsets[:, 2:] * SIZE) / 2
    boxes = np.concatenate([centre - half, centre + half], axis=1)
    landmarks = middle[:, None] + points * CENTRE * side[:, None]
    # tanh does not overflow where exp would.
    scores = ((1 + np.tanh(at[which, n] / 2)) / 2).astype(np.float32)
    return boxes, landmarks, scores


def scaled_to(image: Picture, side: int) -> tuple[Image, tuple[float, float]]:
    """Shrink an image to a longest side; return it with the ratios of width and of height."""
    width, height = size_of(image)
    if max(height, width) <= side:
        return as_array(image), (1.0, 1.0)
    from PIL.Image import Resampling

    ratio = side / max(height, width)
    size = max(1, round(width * ratio)), max(1, round(height * ratio))
    small = as_pillow(image).resize(size, Resampling.BILINEAR, reducing_gap=1.2)
    return np.asarray(small), (size[0] / width, size[1] / height)


def padded(image: Image) -> Image:
    """Add grey below and to the right, up to whole multiples of `MULTIPLE`."""
    height, width = image.shape[:2]
    rows, columns = -height % MULTIPLE, -width % MULTIPLE
    if not rows and not columns:
        return image
    return np.pad(image, ((0, rows), (0, columns), (0, 0)), constant_values=117)


def _sides(faces: Detections) -> Floats:
    longer: Floats = (faces.boxes[:, 2:] - faces.boxes[:, :2]).max(axis=1, initial=0)
    return longer


def _joined(found: Sequence[Detections]) -> Detections:
    """Join what several looks have found; of two finds of one face the earlier look's stays."""
    if len(found) == 1:
        return found[0]
    boxes = np.concatenate([one.boxes for one in found])
    rank = np.concatenate([one.scores - 2 * n for n, one in enumerate(found)])
    best = suppress(boxes, rank.astype(np.float32), overlap=OVERLAP)
    return _best_first(found, best)


def _best_first(found: Sequence[Detections], rows: NDArray[np.integer] | None = None) -> Detections:
    """Return the faces of several looks, or some rows of all of these, by falling scores."""
    faces = Detections(
        *(
            np.concatenate([getattr(one, name) for one in found])
            for name in ("boxes", "landmarks", "scores")
        )
    )
    faces = faces if rows is None else faces.take(rows)
    return faces.take(np.argsort(-faces.scores, kind="stable"))
