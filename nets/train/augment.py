"""Changes of pixels and of boxes such as photos and detectors make; each face several times."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image as Pixels
from PIL import ImageEnhance, ImageFilter

from nets.core.api import Detections, Image


@dataclass(frozen=True, slots=True)
class Changes:
    """How much a face is changed, and how often.

    Attributes
    ----------
    shift, scale : float
        Standard deviation of the box's place and of the logarithm of its size, in parts of its
        side.
    landmarks : float
        Standard deviation of each landmark, in parts of the box's side.
    grey, small, blur, jpeg : float
        Probability of a grey picture, of few pixels, of blur and of strong compression.
    light : float
        Standard deviation of the logarithms of brightness, contrast and colour.
    faded, grain : float
        Probability of the look of an old print, whose black is grey and whose white is yellowish
        or red, and of the grain of film and paper.
    """

    shift: float = 0.03
    scale: float = 0.06
    landmarks: float = 0.012
    grey: float = 0.2
    small: float = 0.35
    blur: float = 0.2
    jpeg: float = 0.4
    light: float = 0.15
    faded: float = 0.0
    grain: float = 0.0


def changed(
    image: Image, face: Detections, random: np.random.Generator, how: Changes
) -> tuple[Image, Detections]:
    """Return a changed picture of one face, and where the face lies in it.

    Parameters
    ----------
    image : ndarray of uint8, shape (height, width, 3)
        Upright RGB.
    face : Detections
        One face, in pixels of the image.
    random : numpy.random.Generator
    how : Changes

    Returns
    -------
    tuple
        An RGB image of the same size, and one face in its pixels.
    """
    if random.random() < 0.5:
        image, face = mirrored(image, face)
    return changed_pixels(image, random, how), moved(face, random, how)


def mirrored(image: Image, face: Detections) -> tuple[Image, Detections]:
    """Mirror a picture left to right, and swap the eyes and the corners of the mouth."""
    width = np.float32(image.shape[1])
    boxes = face.boxes.copy()
    boxes[:, [0, 2]] = width - face.boxes[:, [2, 0]]
    points = face.landmarks[:, [1, 0, 2, 4, 3]].copy()
    points[..., 0] = width - points[..., 0]
    return np.ascontiguousarray(image[:, ::-1]), Detections(boxes, points, face.scores)


def moved(face: Detections, random: np.random.Generator, how: Changes) -> Detections:
    """Move and scale a box and shake its landmarks, as another detector would place them."""
    boxes = face.boxes.astype(float)
    size = boxes[:, 2:] - boxes[:, :2]
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2 + random.normal(0, how.shift, size.shape) * size
    half = size / 2 * np.exp(random.normal(0, how.scale, (len(face), 1)))
    shaken = random.normal(0, how.landmarks, face.landmarks.shape) * size[:, None]
    moved_boxes = np.concatenate([middle - half, middle + half], axis=1).astype(np.float32)
    return Detections(moved_boxes, (face.landmarks + shaken).astype(np.float32), face.scores)


def changed_pixels(image: Image, random: np.random.Generator, how: Changes) -> Image:
    """Change light and colour, take detail away and compress."""
    pixels = Pixels.fromarray(image)
    for enhance in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        pixels = enhance(pixels).enhance(float(np.exp(random.normal(0, how.light))))
    if random.random() < how.grey:
        pixels = pixels.convert("L").convert("RGB")
    if how.faded and random.random() < how.faded:
        pixels = _faded(pixels, random)
    if random.random() < how.small:
        ratio = random.uniform(0.25, 0.8)
        few = max(8, round(pixels.width * ratio)), max(8, round(pixels.height * ratio))
        small = pixels.resize(few, Pixels.Resampling.BOX)
        pixels = small.resize(pixels.size, Pixels.Resampling.BILINEAR)
    if random.random() < how.blur:
        pixels = pixels.filter(ImageFilter.GaussianBlur(random.uniform(0.5, 2.0)))
    if how.grain and random.random() < how.grain:
        pixels = _grainy(pixels, random)
    if random.random() < how.jpeg:
        pixels = _compressed(pixels, int(random.integers(25, 80)))
    return np.asarray(pixels)


def _faded(pixels: Pixels.Image, random: np.random.Generator) -> Pixels.Image:
    """Move black and white of each colour as prints do with the years, red least."""
    black, white = random.uniform(0, 70), random.uniform(180, 255)
    yellow = np.array([1.0, random.uniform(0.8, 1.0), random.uniform(0.6, 1.0)])
    tables = np.linspace(black, white, 256)[:, None] * yellow
    return pixels.point(tables.round().astype(int).T.ravel().tolist())


def _grainy(pixels: Pixels.Image, random: np.random.Generator) -> Pixels.Image:
    """Add grain, alike in all colours, one to two pixels wide."""
    grain = random.normal(0, random.uniform(4, 14), (pixels.height, pixels.width))
    if random.random() < 0.5:
        grain = (grain + np.roll(grain, 1, axis=0) + np.roll(grain, 1, axis=1)) / 1.5
    grey = np.asarray(pixels, np.float32) + grain[..., None]
    return Pixels.fromarray(np.clip(grey, 0, 255).astype(np.uint8))


def _compressed(pixels: Pixels.Image, quality: int) -> Pixels.Image:
    data = io.BytesIO()
    pixels.save(data, "JPEG", quality=quality)
    return Pixels.open(data).convert("RGB")
