"""The age of a face that is followed through frames, by a net that looks at 20 of them together.

Each track is a sequence of its own, so that any number of people of a clip are told at once.
"""

from functools import cached_property
from typing import Any

import numpy as np

from nets.core.api import Batch, Floats, Net
from nets.embedders.heads import INPUTS, age_probabilities, head_inputs
from nets.runtime.models import Entry, digest, open_session

FRAMES = 20
"""Frames that the net looks at together."""
RANKS = 99
BATCH = 32
"""Sequences in one call of the runtime, which bounds the memory."""


class CoralLstm:
    """CORAL over two LSTM layers, on the features of the identity nets; on ONNX Runtime.

    Implements `nets.core.api.SequenceAges`.

    Parameters
    ----------
    faceres, resnet29 : Net
        The nets whose outputs it takes; each runs once on a batch, whoever else asks.
    entry : Entry
        ``coral-lstm`` in the manifest.
    threads : int
        Cores that one call may use; 0 means all.
    device : str
        One of `nets.runtime.devices.DEVICES`.
    """

    name = "coral-lstm"
    frames = FRAMES

    def __init__(
        self, faceres: Net, resnet29: Net, entry: Entry, *, threads: int = 1, device: str = "cpu"
    ) -> None:
        head = digest("ages of sequences", entry.sha256, entry.preprocessing)
        self.contract = digest(head, faceres.contract, resnet29.contract)
        self.crops: tuple[str, ...] = (faceres.crop, resnet29.crop)
        self._faceres, self._resnet29 = faceres, resnet29
        self._entry, self._threads, self._device = entry, threads, device

    @cached_property
    def _session(self) -> Any:
        return open_session(self._entry, threads=self._threads, device=self._device)

    def features(self, batch: Batch) -> Floats:
        """Return what is kept of each face, float32, shape (n, 1253): the inputs of heads."""
        one, two = batch.outputs(self._faceres), batch.outputs(self._resnet29)
        return head_inputs(one["identity"], two["identity"], one["age"], one["male"])

    def older(self, sequences: Floats) -> Floats:
        """Return P(age > k) for k = 1 to 99.

        Parameters
        ----------
        sequences : ndarray of float32, shape (m, 20, 1253)
            `features` of 20 frames each, in the order of time; any m >= 0.

        Returns
        -------
        ndarray of float32, shape (m, 99)

        Raises
        ------
        ValueError
            If the shape is another.
        WeightsError
            If the file of the weights is absent or damaged.
        """
        if sequences.shape[1:] != (FRAMES, INPUTS):
            raise ValueError(f"sequences (m, {FRAMES}, {INPUTS}), not {sequences.shape}")
        if not len(sequences):  # ONNX Runtime ends the process at an LSTM with nothing to do.
            return np.zeros((0, RANKS), np.float32)
        parts = [
            self._session.run(["older"], {"features": np.ascontiguousarray(some, np.float32)})[0]
            for some in np.split(sequences, range(BATCH, len(sequences), BATCH))
        ]
        return np.concatenate(parts)

    def predict(self, sequences: Floats) -> Floats:
        """Return the probability of each age in `nets.core.api.AGES`, float32, shape (m, 100).

        Parameters
        ----------
        sequences : ndarray of float32, shape (m, 20, 1253)
            See `older`.
        """
        return age_probabilities(self.older(sequences))
