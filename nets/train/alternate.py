"""Trains both heads of the multi-output MobileNet with mini-batches of age and gender in turn.

As published by Savchenko (2019): labels of age and of gender come from different sets, so that a
batch has only one of them; it changes its own head and the hidden layer that both share, and
nothing else. Each task has an optimizer of its own, since momentum kept from the last batch of age
would move the head of age in a batch of gender.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nets.core.api import Floats

Array = NDArray[Any]
TASKS = ("age", "gender")
LAYERS = {"age": "age_pred", "gender": "gender_pred"}
NAMES = {"age": "age", "gender": "male"}
"""Of a task's layer, and of the output that it gives."""
SHARED = "feats"


class Inputs(Protocol):
    """What a net is shown of labelled faces."""

    def __len__(self) -> int:
        """Return how many faces there are."""
        ...

    def batch(self, rows: Array, epoch: int) -> Floats:
        """Return what is shown of some faces; in another epoch, maybe changed in another way."""
        ...


@dataclass(frozen=True, slots=True)
class Labelled:
    """Faces that are labelled for one task.

    Attributes
    ----------
    inputs : Inputs
    target : ndarray of float32, shape (n, 100) or (n, 1)
        Probability of each age, or of being male.
    """

    inputs: Inputs
    target: Floats


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast is trained.

    Attributes
    ----------
    steps : int
        Pairs of a batch of age and one of gender.
    batch : int
        Faces in a batch.
    rate : float
        Of Adam at the start; falls to 0 along a cosine.
    decay : float
        Weight decay.
    seed : int
        Of the order of faces and of dropout.
    """

    steps: int
    batch: int = 128
    rate: float = 1e-3
    decay: float = 1e-4
    seed: int = 1


class Alternating:
    """Trains a net, batch of age and batch of gender in turn.

    Parameters
    ----------
    model : keras.Model
        With layers ``feats``, ``age_pred`` and ``gender_pred``, changed in place: the whole net,
        or its heads alone (`heads_of`). Layers that are not to be trained must be frozen.
    data : mapping of str to Labelled
        One for each of `TASKS`.
    schedule : Schedule
    """

    def __init__(self, model: Any, data: Mapping[str, Labelled], schedule: Schedule) -> None:
        self.model, self.data, self.schedule = model, data, schedule
        self.step = 0
        self._parts = {task: _part(model, task, schedule) for task in TASKS}

    def train(self) -> Iterator[tuple[int, dict[str, float]]]:
        """Train to the end of the schedule; yield how many steps are done, and both losses."""
        while self.step < self.schedule.steps:
            losses = {task: self.batch(task) for task in TASKS}
            self.step += 1
            yield self.step, losses

    def batch(self, task: str) -> float:
        """Train on the next batch of one task, and return its loss."""
        rows, epoch = self.rows(task, self.step)
        faces = self.data[task]
        found = self._parts[task].train_on_batch(
            faces.inputs.batch(rows, epoch), faces.target[rows]
        )
        return float(found)

    def rows(self, task: str, step: int) -> tuple[Array, int]:
        """Return the faces of a batch and the epoch it is in, which follow from its number.

        In an epoch each face comes once; the last, incomplete batch of an epoch is left out.
        """
        faces = len(self.data[task].inputs)
        size = min(self.schedule.batch, faces)
        epoch, place = divmod(step, faces // size)
        random = np.random.default_rng([self.schedule.seed, TASKS.index(task), epoch])
        return random.permutation(faces)[place * size : (place + 1) * size], epoch

    def state(self) -> dict[str, Array]:
        """Return all that decides how training goes on, by name."""
        variables = {name: np.asarray(one) for name, one in self._variables().items()}
        return {"step": np.array(self.step), **variables}

    def restore(self, state: Mapping[str, Array]) -> None:
        """Go on from what `state` gave.

        Raises
        ------
        ValueError
            If it is the state of another net.
        """
        variables = self._variables()
        if set(variables) | {"step"} != set(state):
            raise ValueError("the state is that of another net")
        for name, one in variables.items():
            one.assign(state[name])
        self.step = int(state["step"])

    def _variables(self) -> dict[str, Any]:
        """Return weights, momenta and the seeds of dropout."""
        found = {}
        for layer in self.model.layers:
            for at, one in enumerate(layer.variables):
                found[f"{layer.name}/{at}"] = one
        for task, part in self._parts.items():
            for at, one in enumerate(part.optimizer.variables):
                found[f"{task} optimizer/{at}"] = one
        return found


def heads_of(model: Any) -> Any:
    """Return the heads alone: from what ``global_pooling`` gives, (n, 1024), to age and gender.

    Parameters
    ----------
    model : keras.Model
        See `nets.arch.mobilenet.multi_output_mobilenet`; the weights are shared with it.
    """
    import keras

    pooled = keras.Input((model.output["identity"].shape[-1],), name="pooled")
    x = pooled
    for name in (SHARED, f"{SHARED}_dropout"):
        x = model.get_layer(name)(x)
    outputs = {NAMES[task]: model.get_layer(name)(x) for task, name in LAYERS.items()}
    return keras.Model(pooled, outputs, name="heads")


def base_of(model: Any) -> Any:
    """Return the net without heads: from chips to what ``global_pooling`` gives."""
    import keras

    return keras.Model(model.input, model.output["identity"], name="base")


def freeze_base(model: Any, *, frozen: bool) -> None:
    """Freeze all layers but the heads, or thaw them."""
    heads = {SHARED, *LAYERS.values()}
    for layer in model.layers:
        if layer.name not in heads:
            layer.trainable = not frozen


def _part(model: Any, task: str, schedule: Schedule) -> Any:
    """Return the net with the output of one task alone, and an optimizer of its own."""
    import keras

    part = keras.Model(model.input, model.output[NAMES[task]], name=task)
    rate = keras.optimizers.schedules.CosineDecay(schedule.rate, schedule.steps)
    loss = (
        keras.losses.CategoricalCrossentropy if task == "age" else keras.losses.BinaryCrossentropy
    )
    part.compile(keras.optimizers.AdamW(rate, weight_decay=schedule.decay), loss=loss())
    part.optimizer.build(part.trainable_variables)
    return part
