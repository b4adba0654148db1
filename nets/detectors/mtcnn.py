"""MTCNN: three small nets, each looking more closely at what the one before it proposes.

Zhang et al., "Joint Face Detection and Alignment using Multi-task Cascaded Convolutional Networks",
2016, with the weights and the arithmetic of facenet-pytorch.

Boxes are left, top, right, bottom in pixels, with (0, 0) the top left corner of the top left pixel;
facenet-pytorch's own boxes count pixels from 1, so that its left and top are larger by 1.
"""

import math
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nets.core.api import Detections, Floats, Image
from nets.core.boxes import shift_edges, squares, suppress
from nets.core.pictures import Picture, as_pillow
from nets.detectors.mtcnn_pixels import WINDOW, Pixels, scales
from nets.runtime.models import WEIGHTS, digest, load_manifest, open_session

MIN_FACE = 40
"""In pixels. On WIDER FACE (benchmarks/detect.md) no smaller one finds more of the faces of 40
pixels or more, and 20 takes twice the time for faces too small to tell whose they are."""
THRESHOLDS = (0.6, 0.7, 0.7)
"""As published. A last one of 0.9 would raise precision on WIDER FACE from 0.91 to 0.97 and lower
the recall of faces of 40 pixels or more from 0.82 to 0.78; scores can be filtered later."""
FACTOR = 0.709

NETS = ("pnet", "rnet", "onet")
VERSION = 1
"""Of everything in this module and in `nets.detectors.mtcnn_pixels` that decides the boxes."""

FIRST_PIXEL = np.array([1, 1, 0, 0], np.float32)
"""What the published arithmetic, which counts pixels from 1, adds to boxes. Its suppression sees
boxes that are a pixel narrower than they are, which decides many a tie between windows."""

STRIDE = 2
"""Pixels between P-Net's windows."""
BAND = 1 << 18
"""Pixels that P-Net is given at a time, more or less: bounds the memory."""
BATCH = {"rnet": 32, "onet": 8}
"""Chips in one call of the runtime; larger ones leave the processor's cache."""


class Mtcnn:
    """MTCNN on ONNX Runtime; implements `nets.core.api.Detector`.

    Parameters
    ----------
    min_face : float
        Side in pixels of the smallest face that is looked for, at least 12.
    thresholds : tuple of three floats
        Probability of a face that each net must see, between 0 and 1.
    factor : float
        Ratio of one level of the pyramid to the one before, between 0 and 1.
    threads : int
        Cores that one call may use; 0 means all.
    weights : Path
        Folder with the ONNX files and ``manifest.json``.
    device : str
        One of `nets.runtime.devices.DEVICES`.

    Raises
    ------
    ValueError
        If an option is out of its range.
    WeightsError
        If there is no readable manifest; on first use, if a file is absent or damaged.
    """

    name = "mtcnn"
    sees: int | None = None

    def __init__(
        self,
        *,
        min_face: float = MIN_FACE,
        thresholds: tuple[float, float, float] = THRESHOLDS,
        factor: float = FACTOR,
        threads: int = 1,
        weights: Path = WEIGHTS,
        device: str = "cpu",
    ) -> None:
        check_options(min_face, thresholds, factor)
        manifest = load_manifest(weights)
        self.min_face, self.thresholds, self.factor = min_face, thresholds, factor
        self._threads, self._device = threads, device
        self._entries = [manifest[name] for name in NETS]
        digests = [entry.sha256 for entry in self._entries]
        self.contract = digest("mtcnn", VERSION, min_face, *thresholds, factor, *digests)

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
            In pixels of the image, best first; boxes may reach beyond it.

        Raises
        ------
        ValueError
            If the image has another shape or type.
        """
        pixels = Pixels(as_pillow(image))
        least = max(self.min_face * zoom, WINDOW)
        boxes = self._refined(pixels, self._proposed(pixels, least))
        return self._decided(pixels, boxes)

    @cached_property
    def _sessions(self) -> dict[str, Any]:
        return {
            entry.name: open_session(entry, threads=self._threads, device=self._device)
            for entry in self._entries
        }

    def _proposed(self, pixels: Pixels, least: float) -> Floats:
        wanted = scales(pixels.height, pixels.width, min_face=least, factor=self.factor)
        found = [
            self._at_level(level, scale)
            for level, scale in zip(pixels.levels(wanted), wanted, strict=True)
        ]
        if not found:
            return np.zeros((0, 4), np.float32)
        boxes, scores, offsets = (np.concatenate(parts) for parts in zip(*found, strict=True))
        rows = suppress(boxes, scores, overlap=0.7)
        return squares(shift_edges(boxes[rows], offsets[rows])) - FIRST_PIXEL

    def _at_level(self, level: Image, scale: float) -> tuple[Floats, Floats, Floats]:
        parts = [
            self._in_band(level[top : top + rows], scale, top)
            for top, rows in bands(*level.shape[:2])
        ]
        boxes, scores, offsets = (np.concatenate(part) for part in zip(*parts, strict=True))
        rows = suppress(boxes, scores, overlap=0.5)
        return boxes[rows], scores[rows], offsets[rows]

    def _in_band(self, band: Image, scale: float, top: int) -> tuple[Floats, Floats, Floats]:
        logits, offsets = self._sessions["pnet"].run(["logits", "offsets"], {"image": band[None]})
        threshold = self.thresholds[0]
        row, column = np.nonzero(logits[0] >= math.log(threshold / (1 - threshold)))
        boxes = windows(column, row + top // STRIDE, scale)
        scores = 1 / (1 + np.exp(-logits[0, row, column]))
        return boxes, scores, offsets[0][:, row, column].T

    def _refined(self, pixels: Pixels, boxes: Floats) -> Floats:
        rows, (scores, offsets) = self._classified("rnet", pixels, boxes, self.thresholds[1])
        boxes = boxes[rows]
        best = suppress(boxes + FIRST_PIXEL, scores, overlap=0.7)
        return squares(shift_edges(boxes[best], offsets[best]))

    def _decided(self, pixels: Pixels, boxes: Floats) -> Detections:
        rows, (scores, offsets, points) = self._classified(
            "onet", pixels, boxes, self.thresholds[2]
        )
        boxes = boxes[rows]
        corners, sides = boxes[:, None, :2], (boxes[:, 2:] - boxes[:, :2])[:, None]
        landmarks = corners + sides * points.reshape(-1, 2, 5).transpose(0, 2, 1)
        boxes = shift_edges(boxes, offsets)
        best = suppress(boxes, scores, overlap=0.7, of="smaller")
        return Detections(boxes, landmarks, scores).take(best)

    def _classified(
        self, name: str, pixels: Pixels, boxes: Floats, threshold: float
    ) -> tuple[NDArray[np.intp], list[Floats]]:
        """Return which boxes a net takes for faces, and its outputs for these, scores first."""
        session = self._sessions[name]
        side = session.get_inputs()[0].shape[1]
        chips, rows = pixels.chips(boxes, side)
        size = BATCH[name]
        parts = [
            session.run(None, {"chips": chips[start : start + size]})
            for start in range(0, max(len(chips), 1), size)
        ]
        outputs = [np.concatenate(part) for part in zip(*parts, strict=True)]
        passed = outputs[0] > threshold
        return rows[passed], [output[passed] for output in outputs]


def check_options(min_face: float, thresholds: tuple[float, float, float], factor: float) -> None:
    """Refuse options out of their range.

    Raises
    ------
    ValueError
        With a sentence that names the option.
    """
    if not min_face >= WINDOW:
        raise ValueError(f"The smallest face must be {WINDOW} pixels or more, not {min_face}.")
    if len(thresholds) != 3 or not all(0 < threshold < 1 for threshold in thresholds):
        raise ValueError(f"Three thresholds between 0 and 1 are needed, not {thresholds}.")
    if not 0 < factor < 1:
        raise ValueError(f"The factor of the pyramid must lie between 0 and 1, not be {factor}.")


def bands(height: int, width: int) -> list[tuple[int, int]]:
    """Split a level into bands of about `BAND` pixels that together have each window once.

    Parameters
    ----------
    height, width : int
        Of the level, in pixels; at least `WINDOW`.

    Returns
    -------
    list of (int, int)
        First row, which is even, and number of rows of each band.
    """
    overlap = WINDOW - STRIDE
    step = max(STRIDE, (BAND // width - overlap) // STRIDE * STRIDE)
    tops = range(0, height - overlap - 1, step)
    return [(top, min(step + overlap, height - top)) for top in tops]


def windows(columns: NDArray[np.intp], rows: NDArray[np.intp], scale: float) -> Floats:
    """Return the squares of the image that P-Net's windows at one scale see.

    Parameters
    ----------
    columns, rows : ndarray of int, shape (n,)
        Places in P-Net's output.
    scale : float
        Of the level.

    Returns
    -------
    ndarray of float32, shape (n, 4)
        Left, top, right, bottom in pixels of the image, whole numbers, with `FIRST_PIXEL`
        added.
    """
    first = np.stack([columns, rows], axis=1) * STRIDE + 1
    edges = np.concatenate([np.floor(first / scale), np.floor((first + WINDOW - 1) / scale)], 1)
    return edges.astype(np.float32)
