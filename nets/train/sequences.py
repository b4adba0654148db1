"""Frames that a clip of a face might have, made of one still of it.

No clips with known ages are at hand. What changes from frame to frame here is what stills can show:
where the detector puts the box, light, sharpness, motion blur, compression, noise, a tilted head, a
hand in front of the face. A head that turns, speaks or smiles is not among it.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pixels
from PIL import ImageDraw, ImageEnhance, ImageFilter

from nets.core.api import Detections, Image
from nets.train.augment import Changes, mirrored, moved

AROUND = 2.2
"""Sides of the face's box that are kept of the still."""
FACE_SIDE = 150
"""Pixels of a face in the best clips."""
STAY = 0.85
"""How much of what changes slowly stays from one frame to the next."""
Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Clip:
    """What is the same in all frames of one made-up clip.

    Attributes
    ----------
    detail : float
        Pixels per pixel of the still, 0 to 1.
    quality : int
        Of JPEG.
    noise : float
        Standard deviation of the noise of a pixel, of 255.
    light : tuple of float
        Factors of brightness, contrast and colour.
    focus : float
        How far the picture gets out of focus, as the radius of a blur in pixels.
    motion : float
        Share of the frames that are blurred by motion.
    tilt : float
        Standard deviation of the angle of the head, in degrees.
    covered : tuple of int
        First frame in which something is before the face, and the one after the last.
    """

    detail: float
    quality: int
    noise: float
    light: tuple[float, float, float]
    focus: float
    motion: float
    tilt: float
    covered: tuple[int, int]


def draw_clip(random: np.random.Generator, frames: int) -> Clip:
    """Draw what a clip of so many frames is like."""
    covered = (0, 0)
    if random.random() < 0.35:
        start = int(random.integers(0, frames))
        covered = (start, start + int(random.integers(2, 9)))
    bright, contrast, colour = np.exp(random.normal(0, (0.2, 0.12, 0.2)))
    return Clip(
        detail=float(np.exp(random.uniform(np.log(0.25), 0))),
        quality=int(random.integers(20, 85)),
        noise=float(random.uniform(0, 7)),
        light=(float(bright), float(contrast), float(colour)),
        focus=float(random.uniform(0, 1.5)),
        motion=float(random.uniform(0, 0.5)),
        tilt=float(random.uniform(0, 8)),
        covered=covered,
    )


def sequence(
    image: Image, face: Detections, random: np.random.Generator, *, frames: int
) -> Iterator[tuple[Image, Detections]]:
    """Yield the frames of a made-up clip, and where the face is in each.

    Parameters
    ----------
    image : ndarray of uint8, shape (height, width, 3)
        Upright RGB.
    face : Detections
        One face, in pixels of the image.
    random : numpy.random.Generator
    frames : int

    Yields
    ------
    tuple
        An RGB image of the face and what is round it, and one face in its pixels.
    """
    image, face = surroundings(image, face)
    if random.random() < 0.5:
        image, face = mirrored(image, face)
    clip = draw_clip(random, frames)
    light, focus, angle = (walk(random, frames) for _ in range(3))
    cover = _cover(face, random)
    jitter = Changes(shift=0.025, scale=0.04, landmarks=0.012)
    for at in range(frames):
        pixels = Pixels.fromarray(image)
        if clip.covered[0] <= at < clip.covered[1]:
            pixels = _covered(pixels, cover, random)
        turned, there = tilted(pixels, face, clip.tilt * angle[at])
        lit = _lit(turned, clip, float(np.exp(0.1 * light[at])))
        if random.random() < clip.motion:
            lit = _moving(lit, random)
        soft = lit.filter(ImageFilter.GaussianBlur(clip.focus * abs(float(focus[at]))))
        stored, there = _stored(soft, there, clip, random)
        yield stored, moved(there, random, jitter)


def walk(random: np.random.Generator, frames: int, *, stay: float = STAY) -> Doubles:
    """Return numbers of mean 0 and spread 1 that change slowly, shape (frames,)."""
    steps = random.normal(0, 1, frames)
    found = np.empty(frames)
    last = random.normal(0, 1)
    for at, step in enumerate(steps):
        last = stay * last + np.sqrt(1 - stay**2) * step
        found[at] = last
    return found


def surroundings(image: Image, face: Detections) -> tuple[Image, Detections]:
    """Cut out a face with what is round it, and shrink it where it is large."""
    height, width = image.shape[:2]
    box = face.boxes[0].astype(float)
    middle, side = (box[:2] + box[2:]) / 2, float(max(box[2:] - box[:2]))
    low = np.floor(np.clip(middle - AROUND / 2 * side, 0, (width - 2, height - 2)))
    high = np.ceil(np.clip(middle + AROUND / 2 * side, low + 2, (width, height)))
    (left, top), (right, bottom) = low.astype(int).tolist(), high.astype(int).tolist()
    scale = min(1.0, FACE_SIDE / max(side, 1.0))
    pixels = Pixels.fromarray(np.ascontiguousarray(image[top:bottom, left:right]))
    size = _size(pixels, scale)
    return np.asarray(pixels.resize(size, Pixels.Resampling.BOX)), _placed(face, low, scale)


def tilted(
    pixels: Pixels.Image, face: Detections, degrees: float
) -> tuple[Pixels.Image, Detections]:
    """Turn a picture about the middle of a face, and the face's points with it."""
    middle = (face.boxes[0, :2] + face.boxes[0, 2:]) / 2
    centre = (float(middle[0]), float(middle[1]))
    edge = tuple(np.asarray(pixels).mean(axis=(0, 1)).astype(int).tolist())
    method = Pixels.Resampling.BILINEAR
    turned = pixels.rotate(degrees, method, center=centre, fillcolor=edge)
    angle = np.deg2rad(-degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    points = (face.landmarks - middle) @ turn + middle
    return turned, Detections(face.boxes, points.astype(np.float32), face.scores)


def _placed(face: Detections, corner: Doubles, scale: float) -> Detections:
    boxes = ((face.boxes - np.tile(corner, 2)) * scale).astype(np.float32)
    return Detections(boxes, ((face.landmarks - corner) * scale).astype(np.float32), face.scores)


def _size(pixels: Pixels.Image, scale: float) -> tuple[int, int]:
    return max(8, round(pixels.width * scale)), max(8, round(pixels.height * scale))


def _cover(face: Detections, random: np.random.Generator) -> tuple[list[float], tuple[int, ...]]:
    """Choose what lies before the face: its ellipse, and a colour of hands or of dark things."""
    box = face.boxes[0].astype(float)
    size = box[2:] - box[:2]
    middle = box[:2] + random.uniform(-0.1, 1.1, 2) * size
    half = random.uniform(0.15, 0.35, 2) * size
    skin = np.array([200, 150, 125]) * random.uniform(0.4, 1.1)
    colour = skin if random.random() < 0.6 else np.full(3, random.uniform(10, 120))
    return [*(middle - half), *(middle + half)], tuple(np.clip(colour, 0, 255).astype(int).tolist())


def _covered(
    pixels: Pixels.Image,
    cover: tuple[list[float], tuple[int, ...]],
    random: np.random.Generator,
) -> Pixels.Image:
    place, colour = cover
    shift = np.tile(random.normal(0, 4, 2), 2)
    after = pixels.copy()
    ImageDraw.Draw(after).ellipse((np.array(place) + shift).tolist(), fill=colour)
    return after


def _lit(pixels: Pixels.Image, clip: Clip, now: float) -> Pixels.Image:
    factors = (clip.light[0] * now, clip.light[1], clip.light[2])
    changes = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)
    for enhance, factor in zip(changes, factors, strict=True):
        pixels = enhance(pixels).enhance(factor)
    return pixels


def _moving(pixels: Pixels.Image, random: np.random.Generator) -> Pixels.Image:
    """Blur along one direction, as a short move of the head or the camera does."""
    length, angle = random.uniform(2, 9), random.uniform(0, np.pi)
    around = np.linspace(-length / 2, length / 2, 5)
    shifts = np.rint(np.stack([around * np.cos(angle), around * np.sin(angle)], axis=1)).astype(int)
    image = np.asarray(pixels, np.uint16)
    far = int(np.abs(shifts).max())
    wide = np.pad(image, ((far, far), (far, far), (0, 0)), mode="edge")
    height, width = image.shape[:2]
    views = (wide[far + y : far + y + height, far + x : far + x + width] for x, y in shifts)
    total = sum(views, np.zeros_like(image))
    return Pixels.fromarray((total // len(shifts)).astype(np.uint8))


def _stored(
    pixels: Pixels.Image, face: Detections, clip: Clip, random: np.random.Generator
) -> tuple[Image, Detections]:
    """Store a frame as the clip does: with few pixels, noise and compression."""
    few = pixels.resize(_size(pixels, clip.detail), Pixels.Resampling.BOX)
    noisy = np.asarray(few) + random.normal(0, clip.noise, (few.height, few.width, 1))
    data = io.BytesIO()
    Pixels.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(
        data, "JPEG", quality=clip.quality
    )
    scale = np.array([few.width / pixels.width, few.height / pixels.height])
    boxes = (face.boxes * np.tile(scale, 2)).astype(np.float32)
    points = (face.landmarks * scale).astype(np.float32)
    stored = np.asarray(Pixels.open(data).convert("RGB"))
    return stored, Detections(boxes, points, face.scores)
