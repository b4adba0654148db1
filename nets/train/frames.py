"""What the frozen nets say of the frames of made-up clips, computed once and kept in a folder."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nets.core.api import Batch, Floats
from nets.core.crops import CROPS
from nets.core.whole_files import whole
from nets.embedders.heads import head_inputs
from nets.train.features import Nets, Read, face_of
from nets.train.sequences import sequence

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Frames:
    """What the frozen nets say of n clips of t frames each.

    Attributes
    ----------
    rows : ndarray of int64, shape (n,)
        Which of the pictures a clip was made of.
    identity : ndarray of float16, shape (n, t, 1024)
    descriptor : ndarray of float16, shape (n, t, 128)
    ages : ndarray of float16, shape (n, t, 100)
    male : ndarray of float16, shape (n, t)
    """

    rows: Array
    identity: Array
    descriptor: Array
    ages: Array
    male: Array

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, chosen: Array) -> "Frames":
        """Return some of the clips, by mask or index."""
        return Frames(*(getattr(self, one.name)[chosen] for one in fields(self)))

    def inputs(self) -> Floats:
        """Return the inputs of heads, float32, shape (n, t, 1253)."""
        n, t = self.male.shape
        flat = head_inputs(
            self.identity.reshape(n * t, 1024),
            self.descriptor.reshape(n * t, 128),
            self.ages.reshape(n * t, 100),
            self.male.reshape(-1),
        )
        return flat.reshape(n, t, flat.shape[-1])


def extract(
    paths: Sequence[Path], read: Read, nets: Nets, *, choose: str, frames: int, seed: int = 0
) -> Frames:
    """Make a clip of each picture's face, and ask the nets about its frames.

    Parameters
    ----------
    paths : sequence of Path
    read : callable
        Gives the upright RGB pixels of a file.
    nets : Nets
        The teacher is not asked.
    choose : str
        See `nets.train.features.face_of`.
    frames : int
        Of each clip.
    seed : int
        Each picture has its own, from this and its name.
    """
    rows, said = [], []
    for row, path in enumerate(paths):
        image = read(path)
        face = face_of(image, nets.detector, choose=choose)
        if face is None:
            continue
        random = np.random.default_rng([seed, 20, *path.name.encode()])
        made = list(sequence(image, face, random, frames=frames))
        chips = {
            name: np.concatenate([crop(frame, at) for frame, at in made])
            for name, crop in CROPS.items()
            if name in (nets.faceres.crop, nets.resnet29.crop)
        }
        rows.append(row)
        said.append(_said(Batch(chips), nets))
    shapes = ((frames, 1024), (frames, 128), (frames, 100), (frames,))
    columns = zip(*said, strict=True) if said else ([np.zeros(shape)][:0] for shape in shapes)
    arrays = [
        np.asarray(list(column), np.float16).reshape(-1, *shape)
        for column, shape in zip(columns, shapes, strict=True)
    ]
    return Frames(np.array(rows, np.int64), *arrays)


def _said(batch: Batch, nets: Nets) -> tuple[Array, ...]:
    one, two = batch.outputs(nets.faceres), batch.outputs(nets.resnet29)
    return one["identity"], two["identity"], one["age"], one["male"]


def joined(parts: Sequence[Frames]) -> Frames:
    """Return several sets of clips, of as many frames each, as one."""
    return Frames(
        *(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(Frames))
    )


def kept(path: Path, compute: Callable[[], Frames]) -> Frames:
    """Return clips from a file, or compute them and keep them there."""
    if path.is_file():
        with np.load(path) as stored:
            return Frames(**{name: stored[name] for name in stored.files})
    found = compute()
    with whole(path) as file:
        np.savez(file, **{one.name: getattr(found, one.name) for one in fields(found)})
    return found
