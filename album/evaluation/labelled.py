"""A set that is trained on: its faces, whose they are, and which face of a picture is meant."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from album.evaluation.datasets import Faces


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """A labelled set, as read from its folder.

    Attributes
    ----------
    name : str
    faces : Faces
    choose : {'centre', 'largest'}
        Which face of a picture is the labelled one (`nets.train.features.face_of`).
    boxes : ndarray of float64, shape (n, 4), or None
        Where the labelled face is, left, top, right and bottom in pixels; NaN where not known.
    groups : sequence of str, length n
        Faces of one group are never divided between training and judging: all of a person, or
        where people are not known, each file.
    """

    name: str
    faces: Faces
    choose: str
    boxes: NDArray[np.float64] | None
    groups: Sequence[str]


def people_of(
    paths: Sequence[Path], people: Sequence[str] | None
) -> tuple[NDArray[np.int64], list[str]]:
    """Give people numbers, and say which group each picture is of.

    Parameters
    ----------
    paths : sequence of Path, length n
    people : sequence of str, or None
        Who each is of; empty, or None altogether, where that is not known.

    Returns
    -------
    tuple
        Numbers, int64, shape (n,), -1 for nobody known; and groups, see `LabelledSet`.
    """
    if people is None:
        return np.full(len(paths), -1, np.int64), [path.name for path in paths]
    numbers = np.unique(people, return_inverse=True)[1].astype(np.int64)
    numbers[[not person for person in people]] = -1
    pairs = zip(people, paths, strict=True)
    return numbers, [person or path.name for person, path in pairs]
