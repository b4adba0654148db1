"""Lets blocks of one net go on from another net's maps, in closed form.

The blocks of ``faceres-deep`` are used to its own maps. On those of ``faceres`` the kernel of each
pointwise convolution is fitted anew, layer by layer, by least squares over the pixels of faces, so
that it gives what it gave: distillation without labels, and without a step of gradient descent.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nets.core.api import Floats
from nets.core.whole_files import whole
from nets.embedders.heads import MAP_BLOCK
from nets.train.augment import Changes, changed
from nets.train.features import Nets, Read, face_of

Array = NDArray[Any]
CHANGES = Changes(faded=0.2, grain=0.2)
PIXELS = 49
"""Of each face and layer that are looked at."""
RIDGE = 1e-3
"""Penalty on changing a kernel, in parts of the mean square of its inputs."""
LOW, HIGH = -3.0, 9.0
"""What is rectified to 0 to 6 need not be met exactly beyond this."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """What both nets see half way of the same faces.

    Attributes
    ----------
    own, teacher : ndarray of float16, shape (n, 512, 14, 14)
        Maps of ``faceres`` and of ``faceres-deep``.
    """

    own: Array
    teacher: Array


def look(paths: Sequence[Path], read: Read, nets: Nets, *, seed: int = 0) -> Pairs:
    """Compute the maps of the faces of pictures, each as it is and once changed."""
    own, teacher = [], []
    for chips in _chips(paths, read, nets, seed):
        own.append(nets.faceres.run(chips)["map"].astype(np.float16))
        teacher.append(nets.teacher.run(chips)["map"].astype(np.float16))
    return Pairs(np.concatenate(own), np.concatenate(teacher))


def _chips(paths: Sequence[Path], read: Read, nets: Nets, seed: int) -> Iterator[Array]:
    from nets.core.crops import CROPS

    crop = CROPS[nets.faceres.crop]
    for path in paths:
        image = read(path)
        face = face_of(image, nets.detector, choose="largest")
        if face is not None:
            random = np.random.default_rng([seed, *path.name.encode()])
            other = changed(image, face, random, CHANGES)
            yield np.concatenate([crop(image, face), crop(*other)])


def kept_pairs(path: Path, compute: Callable[[], Pairs]) -> Pairs:
    """Return pairs from a file, or compute them and keep them there."""
    if not path.is_file():
        found = compute()
        with whole(path) as file:
            np.savez(file, own=found.own, teacher=found.teacher)
    with np.load(path) as stored:
        return Pairs(stored["own"], stored["teacher"])


def align(model: Any, pairs: Pairs, *, seed: int = 0) -> dict[str, float]:
    """Fit the kernels of a head's own blocks anew, in place.

    Parameters
    ----------
    model : keras.Model
        Of `nets.arch.heads.age_gender_head`, its blocks those of the net that gave the teacher's
        maps.
    pairs : Pairs
    seed : int
        Of the pixels.

    Returns
    -------
    dict of str to float
        For each layer: the part of the variance of what it gave that it does not give now.
    """
    random = np.random.default_rng(seed)
    own = np.ascontiguousarray(pairs.own.transpose(0, 2, 3, 1), np.float32)
    teacher = np.ascontiguousarray(pairs.teacher.transpose(0, 2, 3, 1), np.float32)
    left = {}
    for i in range(MAP_BLOCK + 1, 14):
        depthwise, pointwise = (model.get_layer(f"conv_{kind}_{i}") for kind in ("dw", "pw"))
        x, wanted = _passed(depthwise, own), _passed(depthwise, teacher)
        kernel, bias = pointwise.get_weights()
        target = wanted @ kernel[0, 0] + bias
        rows = _some(len(x), x.shape[1] * x.shape[2], random)
        flat, goal = x.reshape(-1, x.shape[3])[rows], target.reshape(-1, target.shape[3])[rows]
        fitted, shift = refitted(flat, np.clip(goal, LOW, HIGH), kernel[0, 0], bias)
        pointwise.set_weights([fitted[None, None], shift])
        said = flat @ fitted + shift
        left[f"conv_pw_{i}"] = float(np.var(np.clip(goal, 0, 6) - np.clip(said, 0, 6))) / float(
            np.var(np.clip(goal, 0, 6))
        )
        own, teacher = np.clip(x @ fitted + shift, 0, 6), np.clip(target, 0, 6)
    return left


def refitted(x: Floats, goal: Floats, kernel: Floats, bias: Floats) -> tuple[Floats, Floats]:
    """Return the kernel and the bias that meet a goal best without moving far from the given ones.

    Parameters
    ----------
    x : ndarray, shape (n, k)
    goal : ndarray, shape (n, m)
    kernel : ndarray, shape (k, m)
    bias : ndarray, shape (m,)
    """
    mean, off = x.mean(axis=0), goal - (x @ kernel + bias)
    centred, wanted = x - mean, off - off.mean(axis=0)
    gram = centred.T @ centred / len(x)
    gram[np.diag_indices_from(gram)] += RIDGE * np.trace(gram) / len(gram)
    change = np.linalg.solve(gram, centred.T @ wanted / len(x))
    shift = bias + off.mean(axis=0) - mean @ change
    return (kernel + change).astype(np.float32), shift.astype(np.float32)


def _passed(depthwise: Any, maps: Floats) -> Floats:
    parts = (np.asarray(depthwise(maps[at : at + 64])) for at in range(0, len(maps), 64))
    return np.asarray(np.clip(np.concatenate(list(parts)), 0, 6))


def _some(faces: int, pixels: int, random: np.random.Generator) -> Array:
    some = min(PIXELS, pixels)
    chosen = [one * pixels + random.choice(pixels, some, replace=False) for one in range(faces)]
    return np.concatenate(chosen)
