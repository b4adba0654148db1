"""Trains CORAL over two LSTM layers on made-up clips, and writes it as ONNX."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from nets.convert.graph import BATCH, Graph
from nets.convert.packages import digest
from nets.core.api import Floats
from nets.embedders.heads import INPUTS
from nets.embedders.sequence_ages import FRAMES
from nets.train.heads import label_distribution, levels_of

Array = NDArray[Any]
SHARE = 0.2
"""Of the loss of CORAL, a sum over 99 ranks."""


@dataclass(frozen=True, slots=True)
class LstmSettings:
    """How the net is trained.

    Attributes
    ----------
    epochs : int
        All of them.
    whole : int
        The last of them, in which 20 frames of a track are shown; before, `short` are.
    short : int
    batch : int
    rate : float
        Of Adam at the start; falls to 0 along a cosine.
    decay : float
        Weight decay.
    width, hidden : int
    dropout : float
    memory : bool
        See `nets.arch.sequences.coral_lstm`.
    balance : float
        Tracks count by 1 / (how common their age is) to this power.
    seed : int
    """

    epochs: int = 20
    whole: int = 4
    short: int = 4
    batch: int = 128
    rate: float = 1e-3
    decay: float = 1e-3
    width: int = 128
    hidden: int = 96
    dropout: float = 0.4
    memory: bool = True
    balance: float = 0.3
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Tracks:
    """What is learned from.

    Attributes
    ----------
    clips : sequence of ndarray of float16, shapes (n_i, t_i, 1253)
        Inputs of heads, clips of one length together. Each is gone through to and fro until there
        are enough frames, from another frame each time it is shown.
    ages : ndarray of float64, shape (sum of n_i,)
    """

    clips: Sequence[Array]
    ages: Array

    def __len__(self) -> int:
        return len(self.ages)

    def shown(self, rows: Array, frames: int, random: np.random.Generator) -> Floats:
        """Return some frames of some tracks, float32, shape (len(rows), frames, 1253)."""
        out = np.empty((len(rows), frames, INPUTS), np.float32)
        first = 0
        for part in self.clips:
            own = (rows >= first) & (rows < first + len(part))
            out[own] = _drawn(part, rows[own] - first, frames, random)
            first += len(part)
        return out


def _drawn(clips: Array, rows: Array, frames: int, random: np.random.Generator) -> Array:
    """Start each clip at another frame, and go to and fro, first forwards or backwards."""
    n, length = len(rows), clips.shape[1]
    period = max(2 * (length - 1), 1)
    start = random.integers(0, period, n)[:, None]
    step = np.where(random.random(n) < 0.5, 1, -1)[:, None]
    place = (start + step * np.arange(frames)) % period
    at = np.minimum(place, period - place) if length > 1 else 0 * place
    return np.asarray(clips[rows[:, None], at])


def train_lstm(tracks: Tracks, how: LstmSettings) -> Any:
    """Train the net from random weights.

    Returns
    -------
    keras.Model
        See `nets.arch.sequences.coral_lstm`; its weights are such as float16 can hold, so that the
        exported file says the same.
    """
    import keras

    from nets.arch.heads import coral_loss
    from nets.arch.sequences import coral_lstm

    keras.utils.set_random_seed(how.seed)
    random = np.random.default_rng(how.seed)
    model = coral_lstm(width=how.width, hidden=how.hidden, dropout=how.dropout, memory=how.memory)
    ages = np.asarray(tracks.ages, float)
    target, weight = levels_of(label_distribution(ages)), _weights(ages, how.balance)
    rate = keras.optimizers.schedules.CosineDecay(how.rate, how.epochs * -(-len(ages) // how.batch))
    each = coral_loss()

    def loss(levels: Any, logits: Any) -> Any:
        if how.memory:
            return SHARE * each(levels, logits)
        return SHARE * keras.ops.mean(each(levels[:, None], logits), axis=-1)

    optimizer = keras.optimizers.AdamW(rate, weight_decay=how.decay, global_clipnorm=5.0)
    model.compile(optimizer, loss=loss)
    for epoch in range(how.epochs):
        frames = FRAMES if epoch >= how.epochs - how.whole else how.short
        order = random.permutation(len(tracks))
        for at in range(0, len(order), how.batch):
            rows = order[at : at + how.batch]
            shown = tracks.shown(rows, frames, random)
            model.train_on_batch(shown, target[rows], sample_weight=weight[rows])
    model.set_weights([w.astype(np.float16).astype(np.float32) for w in model.get_weights()])
    return model


def _weights(ages: Array, balance: float) -> Floats:
    common = np.histogram(ages, np.arange(0, 125, 5))[0] / len(ages) * 24
    each = np.maximum(common[np.clip(ages // 5, 0, 23).astype(int)], 0.05) ** -balance
    return np.asarray(each, np.float32)


def older(model: Any, tracks: Array) -> Floats:
    """Return P(age > k) by Keras, float32, shape (n, 99); without memory (n, 20, 99)."""
    logits = model.predict(tracks.astype(np.float32), batch_size=256, verbose=0)
    return np.asarray(1 / (1 + np.exp(-logits)), np.float32)


def export_lstm(model: Any) -> bytes:
    """Return a net of `nets.arch.sequences.coral_lstm` as an ONNX file, its weights as float16.

    From ``features`` (n, 20, 1253) to ``older`` (n, 99).
    """
    graph = Graph("coral-lstm")
    weights = {layer.name: layer.get_weights() for layer in model.layers if layer.get_weights()}
    x = graph.input("features", TensorProto.FLOAT, [BATCH, FRAMES, INPUTS])
    x = graph.node("Relu", _dense(graph, x, *weights["feats"]))
    x = graph.node("Transpose", x, perm=[1, 0, 2])  # ONNX has time first.
    for name in ("lstm_1", "lstm_2"):
        x = _lstm(graph, x, *weights[name])
    x = graph.node("ReduceMean", x, axes=[0], keepdims=0)
    graph.node("Sigmoid", _dense(graph, x, *weights["coral"]), name="older")
    return graph.serialize({"older": [BATCH, 99]})


def _dense(graph: Graph, x: str, kernel: Floats, bias: Floats) -> str:
    return graph.node("Add", graph.node("MatMul", x, graph.half(kernel)), graph.half(bias))


def _lstm(graph: Graph, x: str, kernel: Floats, recurrent: Floats, bias: Floats) -> str:
    """Add one layer, (20, n, d) to (20, n, hidden)."""
    hidden = recurrent.shape[0]
    x = graph.node(
        "LSTM",
        x,
        graph.half(_gates(kernel).T[None]),
        graph.half(_gates(recurrent).T[None]),
        graph.half(np.concatenate([_gates(bias), 0 * bias])[None]),
        hidden_size=hidden,
    )
    return graph.node("Squeeze", x, graph.constant([1], np.int64))


def _gates(values: Floats) -> Floats:
    """Bring the gates from Keras' order (input, forget, cell, output) into that of ONNX."""
    i, f, c, o = np.split(values, 4, axis=-1)
    return np.concatenate([i, o, f, c], axis=-1)


def parity(model: Any, file: bytes, tracks: Floats) -> dict[str, Any]:
    """Compare an ONNX file with the net in Keras that it was made of, for the manifest."""
    import keras

    from nets.runtime.ort import onnxruntime

    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    said = session.run(["older"], {"features": tracks.astype(np.float32)})[0]
    largest = float(np.abs(said - older(model, tracks)).max())
    return {
        "compared_with": f"Keras {keras.__version__} with the same weights",
        "data": f"{len(tracks)} tracks of faces of UTKFace",
        "largest_difference": {"older": float(f"{largest:.1g}")},
    }


def manifest_entry(
    file: bytes, metrics: Mapping[str, Any], differences: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what the manifest of the weights says of an exported net."""
    return {
        "file": "coral-lstm.onnx",
        "sha256": digest(file),
        "bytes": len(file),
        "crop": None,
        "preprocessing": 1,
        "title": "CORAL (99 ranks of age) over two LSTM layers, on 20 frames of a track",
        "authors": "the album-people authors",
        "licence": "Apache-2.0 (weights); its training faces are for non-commercial research",
        "training": "UTKFace, aligned and cropped: given out for non-commercial research only; "
        "clips made of its stills",
        "source": {"trained_here": "album train coral-lstm", "metrics": dict(metrics)},
        "input": {
            "name": "features",
            "dtype": "float32",
            "shape": [None, FRAMES, INPUTS],
            "range": "nets.embedders.heads.head_inputs of 20 frames of a track, in order of time",
        },
        "outputs": {"older": "(n, 99) P(age > k) for k = 1 to 99, falling from left to right"},
        "parity": dict(differences),
    }
