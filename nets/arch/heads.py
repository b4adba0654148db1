"""Heads in Keras: ages as 100 classes or as CORAL's ranks, and gender."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from nets.arch.mobilenet import CHANNELS, STRIDES
from nets.embedders.heads import INPUTS, MAP_BLOCK, MAP_CHANNELS, MAP_SIDE

RANKS = 99
FEATS = 256
"""Units of the layer ``feats``, as in the published net."""


class CoralLayer(layers.Layer):  # type: ignore[misc]
    """Logits of K - 1 ranks that share one weight vector and differ in their bias (CORAL, eq. 7).

    Parameters
    ----------
    ranks : int
        K - 1. Output k is the logit of "older than rank k + 1".

    Since only the biases differ, the ranks contradict each other nowhere once the biases fall,
    which the loss brings about (Cao et al. 2020, theorem 1).
    """

    def __init__(self, ranks: int = RANKS, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.ranks = ranks

    def build(self, input_shape: tuple[int, ...]) -> None:
        """Make the shared vector, and biases that fall as if errors were of a few years."""
        self.shared = self.add_weight(shape=(input_shape[-1], 1), name="shared")
        start = ops.convert_to_numpy(ops.linspace(9.0, -19.0, self.ranks))
        self.bias = self.add_weight(
            shape=(self.ranks,), name="bias", initializer=lambda *_, **__: start
        )

    def call(self, inputs: Any) -> Any:
        """Return logits, shape (n, ranks)."""
        return ops.matmul(inputs, self.shared) + self.bias


def coral_loss(importance: Sequence[float] | None = None) -> Callable[[Any, Any], Any]:
    """Return the weighted cross-entropy over the ranks (CORAL, eq. 9).

    Parameters
    ----------
    importance : sequence of float, optional
        A weight for each rank; all alike without it.
    """

    def loss(levels: Any, logits: Any) -> Any:
        each = ops.log_sigmoid(logits) - logits * (1 - levels)
        weight = 1.0 if importance is None else ops.convert_to_tensor(importance, "float32")
        return -ops.sum(each * weight, axis=-1)

    return loss


def own_blocks(maps: Any) -> Any:
    """Go on from the maps of `MAP_BLOCK` to 1024 features, as the MobileNet does.

    The layers have its names and shapes, so that they can start with its weights.
    """
    x = maps
    for i in range(MAP_BLOCK + 1, len(STRIDES) + 1):
        channels, stride = CHANNELS[i - 1], STRIDES[i - 1]
        x = layers.DepthwiseConv2D(3, strides=stride, padding="same", name=f"conv_dw_{i}")(x)
        x = layers.ReLU(6.0, name=f"conv_dw_{i}_relu")(x)
        x = layers.Conv2D(channels, 1, name=f"conv_pw_{i}")(x)
        x = layers.ReLU(6.0, name=f"conv_pw_{i}_relu")(x)
    return layers.GlobalAveragePooling2D(name="global_pooling")(x)


def age_gender_head(
    *, ages: str, hidden: int = 256, dropout: float = 0.4, blocks: bool = False
) -> keras.Model:
    """Define a head, its weights still random.

    Parameters
    ----------
    ages : {'softmax', 'coral'}
        100 classes, or 99 ranks.
    hidden : int
        Units of the layer ``more`` on the features of the identity nets.
    dropout : float
        Share of the hidden units, and half that share of the features, left out in training.
    blocks : bool
        Whether the head has blocks of its own, and 256 units more, ``feats``, behind them.

    Returns
    -------
    keras.Model
        From features (see `nets.embedders.heads.head_inputs`), and with blocks maps (n, 14, 14,
        512), to a dict of ``age`` (logits of 100 classes) or ``older`` (logits of 99 ranks), and
        ``male`` (logit, (n, 1)).
    """
    features = keras.Input((INPUTS,), name="features")
    inputs = [features]
    more = layers.Dropout(dropout / 2, name="features_dropout")(features)
    x = layers.Dense(hidden, activation="relu", name="more")(more)
    if blocks:
        inputs.append(keras.Input((MAP_SIDE, MAP_SIDE, MAP_CHANNELS), name="map"))
        feats = layers.Dense(FEATS, activation="relu", name="feats")(own_blocks(inputs[1]))
        x = layers.Concatenate(name="both")([feats, x])
    x = layers.Dropout(dropout, name="hidden_dropout")(x)
    outputs = {"male": layers.Dense(1, name="gender_pred")(x)}
    if ages == "coral":
        outputs["older"] = CoralLayer(name="coral")(x)
    else:
        outputs["age"] = layers.Dense(100, name="age_pred")(x)
    return keras.Model(inputs, outputs, name=f"{ages}_head")


def parted(model: keras.Model) -> tuple[keras.Model, keras.Model]:
    """Return the own blocks of a head, and what lies behind them, as nets on the same weights.

    Returns
    -------
    tuple of keras.Model
        From maps to 1024 features; from the features of the identity nets and these to the outputs.
    """
    features, maps = model.inputs
    middle = model.get_layer("global_pooling").output
    blocks = keras.Model([maps], middle, name="blocks")
    rest = keras.Model([features, middle], model.output, name="rest")
    return blocks, rest


def start_from(model: keras.Model, weights: Mapping[str, NDArray[Any]]) -> None:
    """Let a head start from a trained MobileNet: it says what that says from its blocks on.

    Parameters
    ----------
    model : keras.Model
        As `age_gender_head` makes it.
    weights : mapping of str to ndarray
        Of ``faceres-deep``, as `nets.train.shipped.shipped_weights` reads them.
    """
    for layer in model.layers:
        if not layer.weights or f"{layer.name}/kernel" not in weights:
            continue
        kernel, bias = weights[f"{layer.name}/kernel"], weights[f"{layer.name}/bias"]
        if len(layer.kernel.shape) == 2 and layer.kernel.shape[0] > len(kernel):
            whole = np.zeros(layer.kernel.shape, np.float32)
            whole[: len(kernel)] = kernel
            kernel = whole
        layer.set_weights([kernel, bias])
