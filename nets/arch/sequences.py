"""CORAL over a track of frames in Keras: two LSTM layers before the ranks (Dobiš)."""

import keras
from keras import layers

from nets.arch.heads import CoralLayer
from nets.embedders.heads import INPUTS


def coral_lstm(
    *, width: int = 128, hidden: int = 96, dropout: float = 0.4, memory: bool = True
) -> keras.Model:
    """Define the net, its weights still random.

    Parameters
    ----------
    width : int
        Units of the layer ``feats``, the same for each frame, which keeps the LSTM small.
    hidden : int
        Units of each LSTM layer.
    dropout : float
        Share of what ``feats`` and the second LSTM give, and half that share of the inputs, left
        out in training; the same in all frames of a track.
    memory : bool
        False puts plain layers, which know nothing of other frames, in the place of the LSTM: a
        head for single frames, whose ages can be fused.

    Returns
    -------
    keras.Model
        From ``features`` (n, frames, 1253; see `nets.embedders.heads.head_inputs`) to the logits of
        99 ranks, (n, 99); without memory those of each frame, (n, frames, 99).
    """
    features = keras.Input((None, INPUTS), name="features")
    x = layers.SpatialDropout1D(dropout / 2, name="features_dropout")(features)
    x = layers.Dense(width, activation="relu", name="feats")(x)
    x = layers.SpatialDropout1D(dropout, name="feats_dropout")(x)
    if memory:
        x = layers.LSTM(hidden, return_sequences=True, name="lstm_1")(x)
        x = layers.LSTM(hidden, return_sequences=True, name="lstm_2")(x)
        x = layers.GlobalAveragePooling1D(name="over_frames")(x)
        x = layers.Dropout(dropout / 2, name="lstm_dropout")(x)
        return keras.Model(features, CoralLayer(name="coral")(x), name="coral_lstm")
    x = layers.Dense(hidden, activation="relu", name="plain_1")(x)
    x = layers.Dense(hidden, activation="relu", name="plain_2")(x)
    x = layers.Dropout(dropout / 2, name="lstm_dropout")(x)
    return keras.Model(features, CoralLayer(name="coral")(x), name="coral_frames")
