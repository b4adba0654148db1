"""The multi-output MobileNet of Savchenko (2019) in Keras: identity, age and gender in one pass."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from nets.core.api import Floats, Image

SIZE = 224
MEAN_BGR = np.array([103.939, 116.779, 123.68], np.float32)
CHANNELS = (64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
"""Of the 13 depthwise separable blocks of MobileNet v1 (Howard et al. 2017) at width 1."""


def preprocess(chips: Image) -> Floats:
    """Turn RGB chips into what the net takes.

    Parameters
    ----------
    chips : ndarray of uint8, shape (n, 224, 224, 3)
        RGB.

    Returns
    -------
    ndarray of float32, shape (n, 224, 224, 3)
        BGR minus the mean of the training images, not scaled.
    """
    bgr: Floats = chips[..., ::-1].astype(np.float32) - MEAN_BGR
    return bgr


def multi_output_mobilenet(
    *, ages: int = 100, hidden: int = 256, dropout: float = 0.0
) -> keras.Model:
    """Define the net, its weights still random.

    The batch normalisation of MobileNet is folded into the convolutions, as in the published
    weights; layers carry the authors' names.

    Parameters
    ----------
    ages : int
        Outputs of the age head; output i means i + 1 years.
    hidden : int
        Units of the layer ``feats`` that both heads share.
    dropout : float
        Share of the hidden units left out in training.

    Returns
    -------
    keras.Model
        From ``chips`` (see `preprocess`) to a dict of ``identity`` (n, 1024; not scaled),
        ``age`` (n, ages; probabilities) and ``male`` (n, 1; probability).
    """
    chips = keras.Input((SIZE, SIZE, 3), name="chips")
    x = layers.Conv2D(32, 3, strides=2, padding="same", name="conv1")(chips)
    x = layers.ReLU(6.0, name="conv1_relu")(x)
    for i, (channels, stride) in enumerate(zip(CHANNELS, STRIDES, strict=True), 1):
        x = layers.DepthwiseConv2D(3, strides=stride, padding="same", name=f"conv_dw_{i}")(x)
        x = layers.ReLU(6.0, name=f"conv_dw_{i}_relu")(x)
        x = layers.Conv2D(channels, 1, name=f"conv_pw_{i}")(x)
        x = layers.ReLU(6.0, name=f"conv_pw_{i}_relu")(x)
    identity = layers.GlobalAveragePooling2D(name="global_pooling")(x)
    feats = layers.Dense(hidden, activation="relu", name="feats")(identity)
    feats = layers.Dropout(dropout, name="feats_dropout")(feats)
    outputs = {
        "identity": identity,
        "age": layers.Dense(ages, activation="softmax", name="age_pred")(feats),
        "male": layers.Dense(1, activation="sigmoid", name="gender_pred")(feats),
    }
    return keras.Model(chips, outputs, name="multi_output_mobilenet")


def set_weights(model: keras.Model, weights: Mapping[str, NDArray[Any]]) -> None:
    """Put arrays into the layers of a model, in place.

    Parameters
    ----------
    model : keras.Model
        As `multi_output_mobilenet` makes it.
    weights : mapping of str to ndarray
        ``<layer>/kernel`` and ``<layer>/bias`` of every layer that has weights, in Keras' layouts,
        as `nets.convert.mobilenet.folded_weights` reads them.

    Raises
    ------
    KeyError
        If a layer's arrays are missing.
    ValueError
        If an array has the wrong shape.
    """
    for layer in model.layers:
        if layer.weights:
            layer.set_weights([weights[f"{layer.name}/kernel"], weights[f"{layer.name}/bias"]])
