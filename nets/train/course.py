"""One stage of training from its last checkpoint to its end, with curves; and what a file says."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nets.core.api import Floats
from nets.train import checkpoint
from nets.train.alternate import Alternating
from nets.train.chips import Chips

EVERY = 50
"""Steps between two checkpoints, which is also where the curves have a point."""
BATCH = 32


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stage keeps its checkpoint (``.npz``), and its curves (a folder)."""

    checkpoint: Path
    curves: Path


def run(
    training: Alternating,
    place: Place,
    about: Mapping[str, Any],
    *,
    measure: Callable[[], Mapping[str, float]],
    every: int = EVERY,
) -> Iterator[tuple[int, Mapping[str, float]]]:
    """Train to the end, from the last checkpoint if there is one.

    Parameters
    ----------
    training : Alternating
    place : Place
    about : mapping
        See `nets.train.checkpoint.save`.
    measure : callable
        Gives more numbers for the curves, such as the error on faces that are not trained on.
    every : int

    Yields
    ------
    tuple
        Steps done, and mean losses since the last time with what `measure` gave.
    """
    from nets.train.tensorboard import Curves

    checkpoint.resume(place.checkpoint, training, about)
    losses: list[dict[str, float]] = []
    with Curves(place.curves) as curves:
        for step, lost in training.train():
            losses.append(lost)
            if step % every and step != training.schedule.steps:
                continue
            means = {f"loss/{t}": float(np.mean([one[t] for one in losses])) for t in lost}
            said = means | {f"check/{name}": value for name, value in measure().items()}
            curves.add(step, said)
            checkpoint.save(place.checkpoint, training, about)
            losses = []
            yield step, said


def answers(file: bytes, chips: Chips) -> Iterator[dict[str, Floats]]:
    """Ask an ONNX file about faces, a few at a time.

    Parameters
    ----------
    file : bytes
        As `nets.train.shipped.exported` gives it.
    chips : Chips

    Yields
    ------
    dict
        ``identity``, ``age`` and ``male`` of the next faces.
    """
    from nets.runtime.ort import onnxruntime

    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    for start in range(0, len(chips), BATCH):
        rows = np.arange(start, min(start + BATCH, len(chips)))
        said = session.run(names, {"chips": chips.chips(rows, 0)})
        yield dict(zip(names, said, strict=True))
