"""What notebook 04 trains: heads on frozen features, on more and more faces, and in turn."""

import os
from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import numpy as np

from album.training.heads import Known, Trained, train
from nets.core.api import AgeGender, Floats
from nets.embedders.heads import IDENTITY_SCALE, HeadNet
from nets.runtime.models import load_manifest
from nets.train.features import Features, joined
from nets.train.heads import Settings, inputs_of, label_distribution

Curves = Mapping[str, np.ndarray]
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def can_train() -> bool:
    """Whether tensorflow, keras and onnx are installed; says so."""
    found = all(find_spec(name) for name in ("tensorflow", "keras", "onnx"))
    missing = "Not here, so only figures that are committed are shown: pip install '.[train]'"
    print("TensorFlow is installed: heads are trained." if found else missing)
    return found


def both_parts(train_part: Known, test_part: Known) -> Known:
    """Faces to train on and faces that judge, as `album.training.heads.train` takes them."""
    parts = train_part, test_part
    said = joined([part.said for part in parts])
    columns = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("ages", "male", "part")
    )
    return Known(said, *columns, train_part.missed + test_part.missed)


def fewer(data: Known, faces: int, seed: int = 0) -> Known:
    """The same judges, and so many faces to train on."""
    rows = np.flatnonzero(data.part == "train")
    left_out = np.random.default_rng(seed).permutation(rows)[faces:]
    part = data.part.copy()
    part[left_out] = "unused"
    return replace(data, part=part)


def train_heads(data: Known, others: Known, *, epochs: int) -> dict[str, Trained]:
    """Both heads of the project, on these faces, with the settings that ship."""
    how = Settings(epochs=epochs)
    return {name: train(name, data, how, others) for name in ("onepass", "coral")}


class Shown:
    """Features of faces, as heads that are trained in turn are shown them (`Inputs`)."""

    def __init__(self, identity: np.ndarray) -> None:
        self.rows = identity.astype(np.float32) * np.float32(IDENTITY_SCALE)

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, rows: np.ndarray, epoch: int) -> Floats:
        return self.rows[rows]


def in_turn(data: Known, *, steps: int, batch: int = 128) -> tuple[Any, Curves]:
    """Train the paper's two heads from random weights, age and gender batches in turn.

    Returns
    -------
    keras.Model
        From features to both heads.
    mapping of str to ndarray
        Losses of ``age`` and ``gender`` at each step.
    """
    import keras

    from nets.arch.mobilenet import multi_output_mobilenet
    from nets.train.alternate import Alternating, Labelled, Schedule, heads_of

    keras.utils.set_random_seed(1)
    heads = heads_of(multi_output_mobilenet(dropout=0.3))
    rows = data.part == "train"
    inputs = Shown(data.said.identity[rows])
    labelled = {
        "age": Labelled(inputs, label_distribution(data.ages[rows])),
        "gender": Labelled(inputs, data.male[rows].astype(np.float32)[:, None]),
    }
    training = Alternating(heads, labelled, Schedule(steps, batch=batch))
    losses = [lost for _, lost in training.train()]
    return heads, {task: np.array([one[task] for one in losses]) for task in losses[0]}


def says(heads: Any, data: Known) -> AgeGender:
    """What heads that were trained in turn say of faces."""
    said = heads(Shown(data.said.identity).rows, training=False)
    return AgeGender(np.asarray(said["age"]), np.asarray(said["male"])[:, 0])


def ranks_of(said: Features) -> Floats:
    """P(older than k) for k = 1 to 99, by the CORAL head that ships."""
    return HeadNet(load_manifest()["coral"]).run(inputs_of(said))["older"]


def layers_changed(heads: Any, data: Known, task: str) -> dict[str, float]:
    """How much each layer changes when one batch of one task is trained on: largest difference."""
    from nets.train.alternate import Alternating, Labelled, Schedule

    inputs = Shown(data.said.identity[:128])
    labelled = {
        "age": Labelled(inputs, label_distribution(data.ages[:128])),
        "gender": Labelled(inputs, data.male[:128].astype(np.float32)[:, None]),
    }
    training = Alternating(heads, labelled, Schedule(10))
    layers = {layer.name: layer for layer in heads.layers if layer.weights}
    before = {name: layer.get_weights() for name, layer in layers.items()}
    training.batch(task)
    return {
        name: max(
            float(np.abs(new - old).max())
            for new, old in zip(layer.get_weights(), before[name], strict=True)
        )
        for name, layer in layers.items()
    }


def smoothed(values: np.ndarray, width: int = 15) -> np.ndarray:
    """Running means."""
    return np.convolve(values, np.ones(width) / width, mode="valid")
