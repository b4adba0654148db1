"""Batches for Keras of faces whose maps stay on disk."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from nets.train.maps import Maps

Array = NDArray[Any]


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """Faces in batches, in another order each epoch; without targets as they come.

    Parameters
    ----------
    inputs : sequence of ndarray or Maps
        Inputs of the net. Maps come out with the channels last.
    targets : mapping of str to ndarray, optional
        What it is to say.
    weight : ndarray of float32, shape (n,), optional
        How much each face counts, for every output alike.
    batch : int
    seed : int
        Of the order.
    """

    def __init__(
        self,
        inputs: Sequence[Array | Maps],
        targets: Mapping[str, Array] | None = None,
        weight: Array | None = None,
        *,
        batch: int,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self._inputs, self._targets, self._weight = inputs, targets, weight
        self._batch, self._random = batch, np.random.default_rng(seed)
        self._order = np.arange(len(inputs[0]))
        self.on_epoch_end()

    def __len__(self) -> int:
        return math.ceil(len(self._order) / self._batch)

    def __getitem__(self, number: int) -> Any:
        rows = self._order[number * self._batch : (number + 1) * self._batch]
        inputs = tuple(_rows(values, rows) for values in self._inputs)
        if self._targets is None or self._weight is None:
            return (inputs,)
        targets = {name: values[rows] for name, values in self._targets.items()}
        return inputs, targets, dict.fromkeys(targets, self._weight[rows])

    def on_epoch_end(self) -> None:
        """Choose the order of the next epoch."""
        if self._targets is not None:
            self._random.shuffle(self._order)


def _rows(values: Array | Maps, rows: Array) -> Array:
    if isinstance(values, Maps):
        return np.ascontiguousarray(values.load(rows).transpose(0, 2, 3, 1))
    return values[rows]


def fitted(
    model: Any,
    data: Batches,
    loss: Mapping[str, Any],
    weights: Mapping[str, float],
    *,
    epochs: int,
    rate: float,
    decay: float,
) -> None:
    """Fit a net by Adam with weight decay, its rate falling to 0 along a cosine.

    Parameters
    ----------
    model : keras.Model
    data : Batches
    loss, weights : mapping
        Of each output, by name.
    epochs : int
    rate : float
        At the start.
    decay : float
    """
    falling = keras.optimizers.schedules.CosineDecay(rate, epochs * len(data))
    model.compile(
        keras.optimizers.AdamW(falling, weight_decay=decay),
        loss=dict(loss),
        loss_weights=dict(weights),
    )
    model.fit(data, epochs=epochs, shuffle=False, verbose=0)
