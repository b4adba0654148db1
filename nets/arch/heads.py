"""Heads in Keras: ages as 100 classes or as CORAL's ranks, and gender, over one hidden layer."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import layers, ops

from nets.heads import INPUTS

RANKS = 99


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


def age_gender_head(*, ages: str, hidden: int = 256, dropout: float = 0.4) -> keras.Model:
    """Define a head, its weights still random.

    Parameters
    ----------
    ages : {'softmax', 'coral'}
        100 classes, or 99 ranks.
    hidden : int
        Units of the layer ``feats`` that age and gender share.
    dropout : float
        Share of them, and half that share of the inputs, left out in training.

    Returns
    -------
    keras.Model
        From ``features`` (see `nets.heads.head_inputs`) to a dict of ``age`` (logits of 100
        classes) or ``older`` (logits of 99 ranks), and ``male`` (logit, (n, 1)).
    """
    features = keras.Input((INPUTS,), name="features")
    x = layers.Dropout(dropout / 2, name="features_dropout")(features)
    x = layers.Dense(hidden, activation="relu", name="feats")(x)
    x = layers.Dropout(dropout, name="feats_dropout")(x)
    outputs = {"male": layers.Dense(1, name="gender_pred")(x)}
    if ages == "coral":
        outputs["older"] = CoralLayer(name="coral")(x)
    else:
        outputs["age"] = layers.Dense(100, name="age_pred")(x)
    return keras.Model(features, outputs, name=f"{ages}_head")
