"""Faces that only a tag knows of: looked for again, closer, and described like all others."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from album.media import decoding, headers
from album.media.views import VIEW, scaled, shrink
from db.photos.matching import match_boxes
from db.records import Attributes, Faces, Identity
from nets.core.api import Detections
from nets.core.crops import TEMPLATE, USUAL_SIDE
from nets.core.quality import CROP as QUALITY_CROP
from nets.core.quality import quality
from nets.engine import Engine

AROUND = 1.0
"""Room around a region on every side in which a face is looked for, in units of its longer side."""
LEAST = 160
"""A region is enlarged to this many pixels before a face is looked for in it."""
LARGEST = 4.0
"""Most that it is enlarged: more shows nothing new."""
DECODED = 4000
"""Longest side in pixels at which the photo is decoded at most."""

Boxes = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Described:
    """Faces made of regions, with what the nets say of them.

    Attributes
    ----------
    faces : Faces
        n faces in pixels of the upright photo, in the order of the regions.
    found : ndarray of bool, shape (n,)
        Whether the detector confirms the region. Of the others, box and landmarks are estimates,
        and the score is 0.
    identity : Identity
    attributes : Attributes
    """

    faces: Faces
    found: NDArray[np.bool_]
    identity: Identity
    attributes: Attributes


def describe_regions(path: str, regions: Boxes, engine: Engine, contract: str) -> Described:
    """Make faces of regions of a photo.

    A region is enlarged, and a face looked for in it. Where there is one, its box and landmarks
    count; otherwise the region is taken for the box, and the landmarks are put where they usually
    are: a face whose frontalness is 0, so that it can't found a person.

    Parameters
    ----------
    path : str
        A still photo.
    regions : ndarray of float32, shape (n, 4)
        Left, top, right, bottom in pixels of the upright photo.
    engine : Engine
    contract : str
        Detector contract under which the faces are stored.

    Raises
    ------
    AlbumError
        The photo can't be read.
    """
    header = headers.read_header(Path(path))
    size = header.upright_size
    picture = decoding.read_image(Path(path), header, max_side=_wanted(regions, size))
    pixels = np.asarray(picture.pixels)
    to_picture = np.array([pixels.shape[1] / size[0], pixels.shape[0] / size[1]], np.float32)
    here = regions * np.tile(to_picture, 2)
    found = [_look(pixels, region, engine) for region in here]
    there = np.array([one is not None for one in found])
    detections = _joined(
        [one or _estimate(region) for one, region in zip(found, here, strict=True)]
    )
    batch = engine.crop(pixels, detections)
    scores = quality(batch.chips[QUALITY_CROP], detections)
    scores[:, 0] /= np.sqrt(to_picture.prod())
    scores[~there, 2] = 0.0
    said = engine.describe(batch)
    full = scaled(detections, 1 / to_picture[0], 1 / to_picture[1])
    faces = Faces(contract, full.boxes, full.landmarks, full.scores, *scores.T.copy())
    return Described(
        *(faces, there, Identity(engine.embedder.contract, said.vectors)),
        Attributes(engine.attributes.contract, said.ages, said.male),
    )


def _wanted(regions: Boxes, size: tuple[int, int]) -> int:
    """Return the longest side at which the smallest region has enough pixels, within bounds."""
    sides = (regions[:, 2:] - regions[:, :2]).max(axis=1)
    wanted = max(size) * LEAST / max(float(sides.min()), 1.0)
    return max(1, min(max(size), DECODED, round(max(wanted, VIEW))))


def _look(
    pixels: NDArray[np.uint8], region: NDArray[np.float32], engine: Engine
) -> Detections | None:
    """Look for a face in and around a region; return it in pixels of the picture."""
    height, width = pixels.shape[:2]
    side = float((region[2:] - region[:2]).max())
    room = AROUND * side
    left, top = (int(max(edge - room, 0)) for edge in region[:2])
    right, bottom = int(min(region[2] + room, width)), int(min(region[3] + room, height))
    if side < 1 or right - left < 8 or bottom - top < 8:
        return None
    part, ratio = _sized(pixels[top:bottom, left:right], min(LARGEST, LEAST / side))
    seen = scaled(engine.detect(part), 1 / ratio[0], 1 / ratio[1])
    shift = np.array([left, top], np.float32)
    moved = Detections(seen.boxes + np.tile(shift, 2), seen.landmarks + shift, seen.scores)
    row = match_boxes(moved.boxes, region[None])[0] if len(moved) else -1
    return None if row < 0 else moved.take(np.array([row]))


def _sized(
    pixels: NDArray[np.uint8], factor: float
) -> tuple[NDArray[np.uint8], tuple[float, float]]:
    """Enlarge a picture, or shrink it to what a detector needs; return it with both ratios."""
    from PIL import Image

    height, width = pixels.shape[:2]
    if factor <= 1:
        return shrink(np.ascontiguousarray(pixels), VIEW)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    larger = Image.fromarray(np.ascontiguousarray(pixels)).resize(size, Image.Resampling.BICUBIC)
    return np.asarray(larger), (size[0] / width, size[1] / height)


def _estimate(region: NDArray[np.float32]) -> Detections:
    """Return a region as a face, with landmarks where those of a frontal face usually are."""
    middle, sides = (region[:2] + region[2:]) / 2, region[2:] - region[:2]
    scale = USUAL_SIDE * float(np.sqrt(max(sides[0] * sides[1], 1.0))) / 150
    landmarks = (TEMPLATE - 75) * scale + middle
    zero = np.zeros(1, np.float32)
    return Detections(region[None].astype(np.float32), landmarks[None].astype(np.float32), zero)


def _joined(parts: Sequence[Detections]) -> Detections:
    return Detections(
        np.concatenate([part.boxes for part in parts]),
        np.concatenate([part.landmarks for part in parts]),
        np.concatenate([part.scores for part in parts]),
    )
