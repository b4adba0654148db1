"""Run the nets over a labelled data set, face by face, exactly as the index does."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from album.analysis.analyse import Analyser
from album.errors import MediaError
from album.media import decoding, headers
from nets.core.api import Batch, Detections
from nets.engine import Description, Engine, join

BATCH = 32
WHOLE = 1 / 12
"""Inset of a box whose chip, with its margin of 10 %, is the whole picture."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What the nets say of the faces that were found.

    Attributes
    ----------
    rows : ndarray of int64, shape (m,)
        Which pictures of the data set; those without a face that was found, and those that cannot
        be read, are missing.
    vectors : ndarray of float32, shape (m, d)
        Unit vectors of identity.
    ages : ndarray of float32, shape (m, 100)
        Probability of each age.
    male : ndarray of float32, shape (m,)
        Probability of being male.
    """

    rows: NDArray[np.int64]
    vectors: NDArray[np.float32]
    ages: NDArray[np.float32]
    male: NDArray[np.float32]


def measure(paths: Sequence[Path], engine: Engine, *, choose: str) -> Iterator[Measured]:
    """Yield what the nets say of the one face in each picture, some pictures at a time.

    Parameters
    ----------
    paths : sequence of Path
        Pictures.
    engine : Engine
        The nets.
    choose : {'centre', 'largest', 'whole'}
        Which face of a picture: nearest the centre, the largest, or the picture as it is, without
        detection (for sets that are published cropped).
    """
    found: list[tuple[int, Batch]] = []
    for row, batch in enumerate(labelled_faces(paths, engine, choose=choose)):
        if batch is not None:
            found.append((row, batch))
        if len(found) >= BATCH or row == len(paths) - 1:
            yield _described(engine, found)
            found = []


def labelled_faces(paths: Sequence[Path], engine: Engine, *, choose: str) -> Iterator[Batch | None]:
    """Yield the chips of the one face of each picture; None where there is none.

    For parameters see `measure`.
    """
    analyser = Analyser(engine)
    for path in paths:
        try:
            yield _whole(engine, path) if choose == "whole" else _one(analyser, path, choose)
        except MediaError:
            yield None


def joined(parts: Sequence[Measured]) -> Measured:
    """Return the parts that `measure` yields as one."""
    names = ("rows", "vectors", "ages", "male")
    return Measured(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _described(engine: Engine, found: Sequence[tuple[int, Batch]]) -> Measured:
    rows = np.array([row for row, _ in found], np.int64)
    if not found:
        none = np.zeros((0, engine.embedder.dim), np.float32)
        said = Description(none, np.zeros((0, 100), np.float32), np.zeros(0, np.float32))
    else:
        said = engine.describe(join([batch for _, batch in found]))
    return Measured(rows, said.vectors, said.ages, said.male)


def _whole(engine: Engine, path: Path) -> Batch:
    pixels = decoding.read_image(path, headers.read_header(path)).pixels
    height, width = pixels.shape[:2]
    size = np.array([width, height, width, height])
    box = (np.array([[WHOLE, WHOLE, 1 - WHOLE, 1 - WHOLE]]) * size).astype(np.float32)
    points = [[0.35, 0.4], [0.65, 0.4], [0.5, 0.6], [0.38, 0.75], [0.62, 0.75]]
    landmarks = (np.array([points]) * [width, height]).astype(np.float32)
    return engine.crop(pixels, Detections(box, landmarks, np.ones(1, np.float32)))


def _one(analyser: Analyser, path: Path, choose: str) -> Batch | None:
    header = headers.read_header(path)
    detections, batch, *_ = analyser.faces(path, header)
    if not len(detections):
        return None
    boxes = detections.boxes
    if choose == "largest":
        rank = -np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    else:
        middle = (boxes[:, :2] + boxes[:, 2:]) / 2
        rank = np.hypot(*(middle - np.array(header.upright_size) / 2).T)
    best = [int(np.argmin(rank))]
    return Batch({name: chips[best] for name, chips in batch.chips.items()})
