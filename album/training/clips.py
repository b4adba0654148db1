"""Made-up clips of labelled faces, for the net that tells the age of a track in a clip."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from album.evaluation.datasets import Faces
from album.training.heads import read
from nets.runtime.models import digest
from nets.train import frames, splits
from nets.train.features import Nets

PART = 100
"""Pictures of which clips are made, and kept, together."""
LENGTHS = {"train": 8, "check": 20, "test": 20}
"""Different frames of a clip. Those of training go to and fro to make 20: more people count for
more than more frames."""


@dataclass(frozen=True, slots=True)
class KnownClips:
    """Made-up clips of a labelled set, those of one part.

    Attributes
    ----------
    said : Frames
    ages, male : ndarray of float64, shape (n,)
        Male may be NaN.
    """

    said: frames.Frames
    ages: NDArray[np.float64]
    male: NDArray[np.float64]


def known_clips(
    faces: Faces,
    part: str,
    nets: Nets,
    *,
    choose: str,
    cache: Path,
    most: int | None = None,
) -> Iterator[int | KnownClips]:
    """Make the clips of one part of a set; yield how many pictures are done, then the result.

    Parameters
    ----------
    faces : Faces
    part : {'train', 'check', 'test', 'all'}
        See `nets.train.splits`; all of a set that only judges.
    nets : Nets
    choose : str
        See `nets.train.features.face_of`.
    cache : Path
        Folder in which what the nets say is kept.
    most : int, optional
        Pictures of this part at most, in an order that has nothing to do with what they show.
    """
    names = [path.name for path in faces.paths]
    parts, order = splits.parts(names), np.argsort([_shuffled(name) for name in names])
    chosen = (order if part == "all" else order[parts[order] == part])[:most]
    length = LENGTHS.get(part, 20)
    done = []
    for start in range(0, len(chosen), PART):
        some = chosen[start : start + PART]
        paths = [faces.paths[row] for row in some]
        listed = "/".join(path.name for path in paths)
        file = cache / f"{digest('clips', nets.contract, choose, length, listed)}.npz"

        def compute(paths: list[Path] = paths) -> frames.Frames:
            return frames.extract(paths, read, nets, choose=choose, frames=length)

        said = frames.kept(file, compute)
        done.append(
            frames.Frames(some[said.rows], said.identity, said.descriptor, said.ages, said.male)
        )
        yield start + len(some)
    said = frames.joined(done)
    yield KnownClips(said, faces.ages[said.rows], faces.male[said.rows])


def _shuffled(name: str) -> str:
    return hashlib.sha256(f"order of {name}".encode()).hexdigest()
