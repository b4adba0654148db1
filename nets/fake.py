"""A fake engine: finds faces that tests draw, and knows by looking who they are.

A drawn face is a square with a magenta frame and 5 x 5 cells, black for 0 and white for 1. Each row
holds four bits and their parity: 12 bits of a person's number, 7 of an age, 1 of the gender. The
cells are so coarse that JPEG, video and scaling leave them readable; leave a gap of a few pixels
between two drawings. Vectors of one person are at a distance of about 0.3, of two at about 1.4.

Anything else that is cut out and shown to the engine gets a vector and an age of its own, seeded by
its pixels.
"""

import zlib
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from nets.core.api import AGES, EMOTIONS, AgeGender, Batch, Detections, Floats, Image
from nets.core.crops import MARGIN
from nets.core.pictures import Picture, as_array
from nets.runtime.models import digest

CROP = "box224"
DIM = 64
PERSONS = 4096
FRAME = 1 / 8
"""Width of the frame in units of the side."""
CELLS = 5
NOISE = 0.2
"""Length of the random part of a vector before it is scaled to unit length."""
AGE_SPREAD = 2.0
"""Standard deviation, in years, of the age probabilities."""
MAGENTA = (255, 0, 255)
LANDMARKS = np.array(
    [[0.3, 0.35], [0.7, 0.35], [0.5, 0.55], [0.35, 0.75], [0.65, 0.75]], np.float32
)
"""Of every drawn face, in units of its side."""

READ_SIDE = 80

Bits = NDArray[np.bool_]
Box = tuple[int, int, int, int]


def draw_face(image: Image, box: Box, *, person: int, age: int = 30, male: bool = True) -> None:
    """Draw a face into an image, in place.

    Parameters
    ----------
    image : ndarray of uint8, shape (height, width, 3)
        RGB, writable.
    box : tuple of int
        Left, top, right, bottom in pixels: a square inside the image, 32 pixels or more; 48 or more
        where the image will be compressed.
    person : int
        Who it is, 0 to 4095.
    age : int
        In years, 1 to 100.
    male : bool
        The gender.

    Raises
    ------
    ValueError
        If a number is out of range, or the box is no square inside the image.
    """
    left, top, right, bottom = box
    side = right - left
    height, width = image.shape[:2]
    if side < 32 or bottom - top != side or min(box) < 0 or right > width or bottom > height:
        raise ValueError(f"the box {box} is no square of 32 pixels or more inside the image")
    image[top:bottom, left:right] = MAGENTA
    cells = _encode(person, age, male).reshape(CELLS, CELLS)
    edges = np.rint(side * (FRAME + (1 - 2 * FRAME) * np.linspace(0, 1, CELLS + 1))).astype(int)
    for row, column in np.ndindex(cells.shape):
        rows = slice(top + edges[row], top + edges[row + 1])
        columns = slice(left + edges[column], left + edges[column + 1])
        image[rows, columns] = 255 * cells[row, column]


def _encode(person: int, age: int, male: bool) -> Bits:
    if not (0 <= person < PERSONS and 1 <= age <= 100):
        raise ValueError(f"person {person} or age {age} is out of range")
    number = person << 8 | age << 1 | male
    data = (number >> np.arange(20) & 1).astype(bool).reshape(CELLS, 4)
    return np.column_stack([data, data.sum(axis=1) % 2 == 0]).ravel()


def _read(chip: Image, margin: float) -> tuple[int, int, bool] | None:
    """Return person, age and gender of a drawing; `margin` around it in units of its side."""
    whole = len(chip) / (1 + 2 * margin)
    start, cell = whole * (margin + FRAME), whole * (1 - 2 * FRAME) / CELLS
    # The middle half of each cell: its edges are smeared by compression.
    within = np.arange(0.25, 0.75, 0.05)
    at = (start + cell * (np.arange(CELLS)[:, None] + within)).astype(int).ravel()
    grey = chip[at[:, None], at].mean(axis=2).reshape(CELLS, len(within), CELLS, len(within))
    cells = grey.mean(axis=(1, 3))
    bits = cells > 127.5
    number = int(bits[:, :4].ravel() @ (1 << np.arange(20)))
    person, age, male = number >> 8, number >> 1 & 127, bool(number & 1)
    clear = np.abs(cells - 127.5).min() > 40 and (bits.sum(axis=1) % 2 == 1).all()
    return (person, age, male) if clear and 1 <= age <= 100 else None


class FakeDetector:
    """Finds drawn faces; implements `nets.core.api.Detector`.

    Parameters
    ----------
    min_face : float
        Smallest side to be found, in pixels.
    """

    name = "fake"
    sees: int | None = None

    def __init__(self, *, min_face: float = 20) -> None:
        self.contract = digest("fake detector", 1, float(min_face))
        self._min_face = min_face

    def detect(self, image: Picture, *, zoom: float = 1.0) -> Detections:
        """Find the drawings in an upright RGB image, the largest first."""
        least, image = self._min_face * zoom, as_array(image)
        boxes = [box for box in _frames(image) if _is_face(image, box, least)]
        if not boxes:
            return Detections.none()
        found = np.array(sorted(boxes, key=_area, reverse=True), np.float32)
        corner, side = found[:, None, :2], (found[:, 2:] - found[:, :2])[:, None]
        return Detections(found, corner + side * LANDMARKS, np.full(len(found), 0.99, np.float32))


def _is_face(image: Image, box: Box, least: float) -> bool:
    left, top, right, bottom = box
    side = min(right - left, bottom - top)
    if side < least or max(right - left, bottom - top) > 1.3 * side:
        return False
    rows = np.linspace(top, bottom - 1, READ_SIDE).astype(int)
    columns = np.linspace(left, right - 1, READ_SIDE).astype(int)
    return _read(image[rows[:, None], columns], margin=0) is not None


def _frames(image: Image) -> list[Box]:
    """Return the boxes of the connected magenta regions."""
    from scipy import ndimage

    red, green, blue = (image[..., i].astype(np.int16) for i in range(3))
    magenta = np.minimum(red, blue) - green > 140
    labels, _ = ndimage.label(magenta, structure=np.ones((3, 3)))
    return [
        (columns.start, rows.start, columns.stop, rows.stop)
        for rows, columns in ndimage.find_objects(labels)
    ]


def _area(box: Box) -> int:
    left, top, right, bottom = box
    return (right - left) * (bottom - top)


class FakeEmbedder:
    """Gives the vector of the person drawn; implements `nets.core.api.Embedder`."""

    name = "fake"
    contract = digest("fake embedder", 1)
    dim = DIM
    crops: tuple[str, ...] = (CROP,)

    def embed(self, batch: Batch) -> Floats:
        """Return unit vectors, float32, shape (n, 64)."""
        vectors = [_vector(chip) for chip in batch.chips[CROP]]
        return np.array(vectors, np.float32).reshape(len(vectors), DIM)


class FakeAttributes:
    """Tells the age and gender drawn; implements `nets.core.api.Attributes`."""

    name = "fake"
    contract = digest("fake attributes", 1)
    crops: tuple[str, ...] = (CROP,)

    def predict(self, batch: Batch) -> AgeGender:
        """Return a narrow bell of ages about the one drawn, and .95 or .05 for the gender."""
        said = [_age_male(chip) for chip in batch.chips[CROP]]
        years = np.array([age for age, _ in said], np.float32)[:, None]
        ages = np.exp(-(((AGES - years) / AGE_SPREAD) ** 2) / 2)
        male = np.array([0.95 if male else 0.05 for _, male in said], np.float32)
        return AgeGender(np.asarray(ages / ages.sum(axis=1, keepdims=True), np.float32), male)


class FakeEmotions:
    """Gives every drawn person an emotion, always the same; implements `nets.core.api.Emotions`."""

    name = "fake"
    contract = digest("fake emotions", 1)
    crops: tuple[str, ...] = (CROP,)

    def express(self, batch: Batch) -> Floats:
        """Return .88 for the emotion of the person's number modulo 7, and .02 for the others."""
        drawn = [_read(chip, MARGIN) or (0, 0, False) for chip in batch.chips[CROP]]
        said = np.full((len(drawn), len(EMOTIONS)), 0.02, np.float32)
        said[np.arange(len(drawn)), [one[0] % len(EMOTIONS) for one in drawn]] = 0.88
        return said


def _vector(chip: Image) -> Floats:
    drawn = _read(chip, MARGIN)
    noise = _direction(zlib.crc32(chip.tobytes()) + PERSONS)
    vector = noise if drawn is None else _direction(drawn[0]) + NOISE * noise
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


@lru_cache(maxsize=PERSONS)
def _direction(seed: int) -> Floats:
    vector = np.random.default_rng(seed).standard_normal(DIM)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def _age_male(chip: Image) -> tuple[int, bool]:
    drawn = _read(chip, MARGIN)
    if drawn is not None:
        return drawn[1:]
    seed = zlib.crc32(chip.tobytes())
    return 1 + seed % 100, seed % 2 == 0
