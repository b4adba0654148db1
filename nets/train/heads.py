"""Trains heads for age and gender on kept features; the same data and seed give the same head."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nets.core.api import AGES, Floats
from nets.embedders.heads import head_inputs
from nets.train.align import Pairs, align
from nets.train.features import Features
from nets.train.maps import Maps, joined_maps

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Settings:
    """How a head is trained.

    Attributes
    ----------
    epochs, batch : int
        Of training what lies behind the head's own blocks.
    rate : float
        Of Adam at the start; falls to 0 along a cosine.
    blocks : bool
        Whether the head has blocks of its own.
    tuning, tuning_batch : int
    tuning_rate : float
        The same of training everything, the blocks too, after that.
    decay : float
        Weight decay.
    hidden : int
    dropout : float
        See `nets.arch.heads.age_gender_head`.
    teacher : float
        Share of the teacher's ages in the target of a labelled face.
    unlabelled : float
        Weight of a face without a label, to be told like the teacher.
    seed : int
    balance : float
        Faces count by 1 / (how common their age is) to this power.
    """

    epochs: int = 30
    batch: int = 256
    rate: float = 1e-3
    blocks: bool = False
    tuning: int = 0
    tuning_batch: int = 64
    tuning_rate: float = 1e-4
    decay: float = 1e-3
    hidden: int = 256
    dropout: float = 0.4
    teacher: float = 0.2
    unlabelled: float = 0.5
    seed: int = 1
    balance: float = 0.3


SETTINGS = {
    "onepass": Settings(),
    "onepass-deep": Settings(blocks=True),
    "coral": Settings(teacher=0.0),
}
"""Of the heads that ship, chosen on the part for choosing."""


@dataclass(frozen=True, slots=True)
class Examples:
    """What a head learns from.

    Attributes
    ----------
    inputs : ndarray of float32, shape (n, 1253)
    maps : Maps or None
    ages : ndarray of float32, shape (n, 100)
        Target probability of each age.
    male : ndarray of float32, shape (n,)
        Target probability of being male.
    weight : ndarray of float32, shape (n,)
    """

    inputs: Floats
    maps: Maps | None
    ages: Floats
    male: Floats
    weight: Floats


def inputs_of(said: Features) -> Floats:
    """Return the inputs of heads for kept features."""
    return head_inputs(said.identity, said.descriptor, said.ages, said.male)


def label_distribution(ages: Array) -> Floats:
    """Return a bell of probabilities about each age, shape (n, 100); wider for the old.

    A label is no more exact than people's looks, and neighbouring ages share what they teach.
    """
    width = 0.7 + 0.05 * np.asarray(ages)[:, None]
    bell = np.exp(-(((AGES - np.clip(ages, 1, 100)[:, None]) / width) ** 2) / 2)
    return np.asarray(bell / bell.sum(axis=1, keepdims=True), np.float32)


def labelled(said: Features, ages: Array, male: Array, how: Settings) -> Examples:
    """Return examples of faces whose age and gender are known (gender may be NaN)."""
    own, soft = label_distribution(ages), _distribution(said.teacher_ages)
    target = (1 - how.teacher) * own + how.teacher * soft
    sex = np.where(np.isfinite(male), 0.02 + 0.96 * np.nan_to_num(male), said.teacher_male)
    common = np.histogram(ages, np.arange(0, 125, 5))[0] / len(ages) * 24
    weight = np.maximum(common[np.clip(ages // 5, 0, 23).astype(int)], 0.05) ** -how.balance
    return Examples(
        inputs_of(said), said.maps, target, sex.astype(np.float32), weight.astype(np.float32)
    )


def unlabelled(said: Features, weight: float) -> Examples:
    """Return examples of faces of which only the teacher's view is known."""
    sex = said.teacher_male.astype(np.float32)
    each = np.full(len(sex), weight, np.float32)
    return Examples(inputs_of(said), said.maps, _distribution(said.teacher_ages), sex, each)


def joined(*parts: Examples) -> Examples:
    """Return several sets of examples as one."""
    names = ("inputs", "ages", "male", "weight")
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    maps = [part.maps for part in parts if part.maps is not None]
    return Examples(maps=joined_maps(maps) if len(maps) == len(parts) else None, **columns)


def _distribution(ages: Floats) -> Floats:
    whole = ages.astype(np.float32)
    return np.asarray(whole / whole.sum(axis=1, keepdims=True))


def levels_of(ages: Floats) -> Floats:
    """Return CORAL's targets, P(age > k) for k = 1 to 99, of target probabilities of ages."""
    return np.asarray(1 - np.cumsum(ages, axis=1)[:, :-1], np.float32)


def train_head(
    kind: str,
    examples: Examples,
    how: Settings,
    *,
    start: Mapping[str, Floats] | None = None,
    pairs: Pairs | None = None,
    importance: Sequence[float] | None = None,
) -> Any:
    """Train a head: its own blocks in closed form, what lies behind them, then everything.

    Parameters
    ----------
    kind : {'softmax', 'coral'}
    examples : Examples
    how : Settings
    start : mapping of str to ndarray, optional
        Weights that a head with blocks starts from; see `nets.arch.heads.start_from`.
    pairs : Pairs, optional
        What its own blocks are fitted to first; see `nets.train.align`.
    importance : sequence of float, optional
        Weights of CORAL's ranks.

    Returns
    -------
    keras.Model
        See `nets.arch.heads.age_gender_head`; its weights are such as float16 can hold, so that
        the exported file says the same.

    Raises
    ------
    ValueError
        If a head with blocks is to be trained without maps or `start`.
    """
    import keras

    from nets.arch.heads import age_gender_head, coral_loss, parted, start_from
    from nets.train.batches import Batches, fitted

    keras.utils.set_random_seed(how.seed)
    model = age_gender_head(ages=kind, hidden=how.hidden, dropout=how.dropout, blocks=how.blocks)
    coral = kind == "coral"
    name, target = ("older", levels_of(examples.ages)) if coral else ("age", examples.ages)
    targets = {name: target, "male": examples.male[:, None]}
    weights = {name: 0.2 if coral else 1.0, "male": 0.5}
    loss = {
        name: coral_loss(importance) if coral else softmax_loss,
        "male": keras.losses.BinaryCrossentropy(from_logits=True),
    }
    fit = partial(fitted, loss=loss, weights=weights, decay=how.decay)
    data = partial(Batches, targets=targets, weight=examples.weight, seed=how.seed)
    if not how.blocks:
        fit(model, data([examples.inputs], batch=how.batch), epochs=how.epochs, rate=how.rate)
    elif examples.maps is None or start is None:
        raise ValueError("a head with blocks needs maps, and weights to start from")
    else:
        start_from(model, start)
        if pairs is not None:
            align(model, pairs)
        blocks, rest = parted(model)
        pooled = blocks.predict(Batches([examples.maps], batch=128), verbose=0)
        small = data([examples.inputs, pooled], batch=how.batch)
        fit(rest, small, epochs=how.epochs, rate=how.rate)
        if how.tuning:
            whole = data([examples.inputs, examples.maps], batch=how.tuning_batch)
            fit(model, whole, epochs=how.tuning, rate=how.tuning_rate)
    model.set_weights([w.astype(np.float16).astype(np.float32) for w in model.get_weights()])
    return model


def softmax_loss(target: Any, logits: Any) -> Any:
    """Cross-entropy of the ages, and how far the expected age is off."""
    from keras import ops

    years = ops.convert_to_tensor(AGES)
    logs = ops.log_softmax(logits, axis=-1)
    off = ops.sum((ops.exp(logs) - target) * years, axis=-1)
    return -ops.sum(target * logs, axis=-1) + 0.1 * ops.abs(off)
