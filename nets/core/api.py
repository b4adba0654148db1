"""What a detector, an embedder and an attribute head are, apart from what runs them.

Images are upright RGB, ``uint8``, shape ``(height, width, 3)``. Boxes and landmarks are ``float32``
in pixels of that image, x to the right and y down, with (0, 0) the top left corner of the top left
pixel.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from nets.core.pictures import Picture

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]

AGES = np.arange(1, 101, dtype=np.float32)
"""The age in years that each of the 100 outputs of an age head stands for: output i means i + 1."""


@dataclass(frozen=True, slots=True)
class Detections:
    """The faces found in one image.

    Attributes
    ----------
    boxes : ndarray of float32, shape (n, 4)
        Left, top, right, bottom in pixels; may reach beyond the image.
    landmarks : ndarray of float32, shape (n, 5, 2)
        x, y in pixels of the eye on the left of the image, the eye on the right, the nose, the
        corner of the mouth on the left, the corner on the right.
    scores : ndarray of float32, shape (n,)
        Probability of a face according to the detector, 0 to 1. Best first.
    """

    boxes: Floats
    landmarks: Floats
    scores: Floats

    def __len__(self) -> int:
        return len(self.scores)

    @staticmethod
    def none() -> "Detections":
        """Return the detections of an image without faces."""
        return Detections(
            np.zeros((0, 4), np.float32), np.zeros((0, 5, 2), np.float32), np.zeros(0, np.float32)
        )

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> "Detections":
        """Return only some of the faces, chosen by index or by mask."""
        return Detections(self.boxes[rows], self.landmarks[rows], self.scores[rows])


@dataclass(frozen=True, slots=True)
class AgeGender:
    """What an attribute head says of n faces.

    Attributes
    ----------
    ages : ndarray of float32, shape (n, 100)
        Probability of each age in `AGES`; rows sum to 1.
    male : ndarray of float32, shape (n,)
        Probability of being male.
    """

    ages: Floats
    male: Floats


class Detector(Protocol):
    """Finds faces in an image."""

    name: str
    contract: str
    """Digest of the weights and of everything else that decides the boxes."""
    sees: int | None
    """Longest side in pixels beyond which a picture tells it no more, since it scales pictures by
    itself; None: every pixel counts."""

    def detect(self, image: "Picture", *, zoom: float = 1.0) -> Detections:
        """Find the faces of one upright RGB image.

        Parameters
        ----------
        image : Picture
            An array of uint8, shape (height, width, 3), or what Pillow has decoded.
        zoom : float
            Pixels of the image for each pixel in which the smallest face was asked for.
        """
        ...


class Net(Protocol):
    """One pass of one network over face chips."""

    name: str
    contract: str
    """Digest of the weights, the crop and the version of the pre-processing."""
    crop: str
    """The name in `nets.core.crops.CROPS` of the chip that this net wants."""

    def run(self, chips: Image) -> Mapping[str, Floats]:
        """Run the net on chips of shape (n, size, size, 3), any n >= 0, and name its outputs."""
        ...


class Batch:
    """Face chips of several crops, and the outputs of the nets that were run on them.

    Every net runs at most once on a batch, however many embedders and heads ask for its outputs:
    this is how one MobileNet pass gives identity, age and gender.

    Parameters
    ----------
    chips : mapping of str to ndarray of uint8, shape (n, size, size, 3)
        RGB chips by the name of the crop (see `nets.core.crops`); the same n faces in each.
    """

    def __init__(self, chips: Mapping[str, Image]) -> None:
        self.chips = chips
        self._outputs: dict[str, Mapping[str, Floats]] = {}

    def __len__(self) -> int:
        return len(next(iter(self.chips.values()))) if self.chips else 0

    def outputs(self, net: Net) -> Mapping[str, Floats]:
        """Return what `net` says of these faces, running it only the first time."""
        if net.contract not in self._outputs:
            self._outputs[net.contract] = net.run(self.chips[net.crop])
        return self._outputs[net.contract]


class Embedder(Protocol):
    """Turns faces into unit vectors, near for one person and far for two."""

    name: str
    contract: str
    """Vectors of different contracts are never compared."""
    dim: int
    crops: tuple[str, ...]

    def embed(self, batch: Batch) -> Floats:
        """Return the vectors, shape (n, dim), each of unit length."""
        ...


class Attributes(Protocol):
    """Tells age and gender of faces."""

    name: str
    contract: str
    crops: tuple[str, ...]

    def predict(self, batch: Batch) -> AgeGender:
        """Return ages and genders of the n faces."""
        ...


EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""What the outputs of an emotion head stand for, in this order: the classes of FER2013."""


class Emotions(Protocol):
    """Tells what faces express."""

    name: str
    contract: str
    crops: tuple[str, ...]

    def express(self, batch: Batch) -> Floats:
        """Return the probability of each of `EMOTIONS`, shape (n, 7); rows sum to 1."""
        ...


class SequenceAges(Protocol):
    """Tells the age of a person from frames of a clip that follow each other.

    One track is one sequence, so that several people at once are several sequences.
    """

    name: str
    contract: str
    crops: tuple[str, ...]
    frames: int
    """Of a sequence; there is no age before a face has been seen in so many."""

    def features(self, batch: Batch) -> Floats:
        """Return what is kept of each face until there are enough, float32, shape (n, d)."""
        ...

    def predict(self, sequences: Floats) -> Floats:
        """Return ages from sequences of shape (m, frames, d).

        Returns
        -------
        ndarray of float32, shape (m, 100)
            Probability of each age in `AGES` at the last frame; rows sum to 1.
        """
        ...
