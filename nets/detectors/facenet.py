"""facenet-pytorch's own MTCNN behind the same Protocol, where that package is installed.

It is the program that our detector is compared with. It brings PyTorch, hence the extra
``[reference]`` and, as it pins old versions of other packages, an environment of its own.
"""

from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

import numpy as np

from nets.core.api import Detections
from nets.core.errors import ModelMissing
from nets.core.pictures import Picture, as_array
from nets.detectors.mtcnn import FACTOR, FIRST_PIXEL, MIN_FACE, THRESHOLDS, check_options
from nets.runtime.models import digest

VERSION = 1
"""Of what this module does to the boxes."""


class FacenetMtcnn:
    """MTCNN of facenet-pytorch on the CPU; implements `nets.core.api.Detector`.

    Parameters
    ----------
    min_face : float
        Side in pixels of the smallest face that is looked for, at least 12.
    thresholds : tuple of three floats
        Probability of a face that each net must see, between 0 and 1.
    factor : float
        Ratio of one level of the pyramid to the one before, between 0 and 1.
    threads : int
        Cores that one call may use; 0 means all. PyTorch has one such number for all it does.

    Raises
    ------
    ModelMissing
        If facenet-pytorch is not installed.
    ValueError
        If an option is out of its range.
    """

    name = "facenet-pytorch"
    sees: int | None = None

    def __init__(
        self,
        *,
        min_face: float = MIN_FACE,
        thresholds: tuple[float, float, float] = THRESHOLDS,
        factor: float = FACTOR,
        threads: int = 0,
    ) -> None:
        check_options(min_face, thresholds, factor)
        installed = _installed()
        self.min_face, self.thresholds, self.factor = min_face, thresholds, factor
        self._threads = threads
        self.contract = digest(self.name, installed, VERSION, min_face, *thresholds, factor)

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
            In pixels of the image, best first. facenet-pytorch counts pixels from 1: left and top
            are 1 less than it says.

        Raises
        ------
        ValueError
            If the image has another shape or type.
        """
        image = as_array(image)
        # facenet-pytorch fails where there is no level to look at or no proposal.
        least = self.min_face * zoom
        if min(image.shape[:2]) < least:
            return Detections.none()
        self._mtcnn.min_face_size = least
        boxes, scores, landmarks = self._mtcnn.detect(image, landmarks=True)
        if boxes is None:
            return Detections.none()
        arrays = (np.asarray(a.tolist(), np.float32) for a in (boxes, landmarks, scores))
        boxes, landmarks, scores = arrays
        best = np.argsort(-scores, kind="stable")
        return Detections(boxes - FIRST_PIXEL, landmarks, scores).take(best)

    @cached_property
    def _mtcnn(self) -> Any:
        import torch
        from facenet_pytorch import MTCNN

        if self._threads:
            torch.set_num_threads(self._threads)
        return MTCNN(
            keep_all=True,
            min_face_size=self.min_face,
            thresholds=list(self.thresholds),
            factor=self.factor,
            device="cpu",
        )


def _installed() -> str:
    try:
        found = version("facenet-pytorch")
    except PackageNotFoundError:
        found = ""
    if not found or find_spec("facenet_pytorch") is None:
        raise ModelMissing(
            "The detector facenet-pytorch is not installed; "
            "pip install 'album-people[reference]', best into an environment of its own."
        )
    return found
