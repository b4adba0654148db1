"""The layers of RetinaFace MobileNet-0.25, and their weights out of the public checkpoint.

Batch normalisation is folded into the convolution before it, the two classes of a softmax into
their difference, and the order of colours into the first layer, so that the net takes RGB.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nets.core.api import Floats

MEAN = (123.0, 117.0, 104.0)
"""Taken from red, green and blue; the published nets take it from blue, green and red."""
ANCHORS = 2
CHANNELS = ANCHORS * (1 + 4 + 10)
EPSILON = 1e-5
"""Of batch normalisation, as PyTorch has it."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A convolution.

    Attributes
    ----------
    name : str
        In the graph.
    source : str
        Prefix in the checkpoint of the convolution; its batch normalisation has the next number.
    shape : tuple of int
        Of the kernel: out, in for each group, height, width.
    stride, groups : int
    relu : bool
        Whether what comes out is rectified.
    """

    name: str
    source: str
    shape: tuple[int, int, int, int]
    stride: int = 1
    groups: int = 1
    relu: bool = True


def _separable(stage: str, number: int, inner: int, outer: int, stride: int) -> Iterator[Layer]:
    name = f"body.{stage}.{number}"
    yield Layer(f"{name}.depth", f"{name}.0", (inner, 1, 3, 3), stride, inner)
    yield Layer(f"{name}.point", f"{name}.3", (outer, inner, 1, 1))


def _layers() -> Iterator[Layer]:
    yield Layer("body.stage1.0", "body.stage1.0.0", (8, 3, 3, 3), 2)
    plan = {
        "stage1": ((1, 8, 16, 1), (2, 16, 32, 2), (3, 32, 32, 1), (4, 32, 64, 2), (5, 64, 64, 1)),
        "stage2": ((0, 64, 128, 2), *((n, 128, 128, 1) for n in range(1, 6))),
        "stage3": ((0, 128, 256, 2), (1, 256, 256, 1)),
    }
    for stage, blocks in plan.items():
        for number, inner, outer, stride in blocks:
            yield from _separable(stage, number, inner, outer, stride)
    for number, inner in ((1, 64), (2, 128), (3, 256)):
        yield Layer(f"fpn.output{number}", f"fpn.output{number}.0", (64, inner, 1, 1))
    for number in (1, 2):
        yield Layer(f"fpn.merge{number}", f"fpn.merge{number}.0", (64, 64, 3, 3))
    for number in (1, 2, 3):
        for name, outer, inner, relu in (
            ("conv3X3", 32, 64, False),
            ("conv5X5_1", 16, 64, True),
            ("conv5X5_2", 16, 16, False),
            ("conv7X7_2", 16, 16, True),
            ("conv7x7_3", 16, 16, False),
        ):
            full = f"ssh{number}.{name}"
            yield Layer(full, f"{full}.0", (outer, inner, 3, 3), relu=relu)
    for number in (1, 2, 3):
        yield Layer(f"head{number}", "", (CHANNELS, 64, 1, 1), relu=False)


LAYERS = tuple(_layers())


def folded(checkpoint: Mapping[str, NDArray[Any]]) -> dict[str, Floats]:
    """Return the weights by the names that the graph has for them.

    Parameters
    ----------
    checkpoint : mapping of str to ndarray
        The tensors of the public checkpoint, by its names.

    Returns
    -------
    dict of str to ndarray of float32
        ``<layer>.weight`` and ``<layer>.bias``.

    Raises
    ------
    ValueError
        If a tensor is absent or has another shape: another net.
    """
    found: dict[str, Floats] = {}
    try:
        for layer in LAYERS:
            read = _plain if layer.source else _head
            weight, bias = read(checkpoint, layer)
            if weight.shape != layer.shape or bias.shape != layer.shape[:1]:
                raise ValueError(f"{layer.name} has the shape {weight.shape}")
            found[f"{layer.name}.weight"] = np.ascontiguousarray(weight, np.float32)
            found[f"{layer.name}.bias"] = np.ascontiguousarray(bias, np.float32)
    except KeyError as error:
        raise ValueError(f"there is no tensor {error}") from error
    first = found["body.stage1.0.weight"]
    found["body.stage1.0.weight"] = np.ascontiguousarray(first[:, ::-1])
    return found


def _plain(
    checkpoint: Mapping[str, NDArray[Any]], layer: Layer
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    stem, _, number = layer.source.rpartition(".")
    norm = f"{stem}.{int(number) + 1}"
    weight = np.asarray(checkpoint[f"{layer.source}.weight"], np.float64)
    gain, shift, mean, variance = (
        np.asarray(checkpoint[f"{norm}.{name}"], np.float64)
        for name in ("weight", "bias", "running_mean", "running_var")
    )
    scale = gain / np.sqrt(variance + EPSILON)
    return weight * scale[:, None, None, None], shift - mean * scale


def _head(
    checkpoint: Mapping[str, NDArray[Any]], layer: Layer
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    at = int(layer.name.removeprefix("head")) - 1
    kernels, biases = [], []
    for head in ("ClassHead", "BboxHead", "LandmarkHead"):
        weight = np.asarray(checkpoint[f"{head}.{at}.conv1x1.weight"], np.float64)
        bias = np.asarray(checkpoint[f"{head}.{at}.conv1x1.bias"], np.float64)
        if head == "ClassHead":  # background, face, background, face
            weight, bias = weight[1::2] - weight[::2], bias[1::2] - bias[::2]
        kernels.append(weight)
        biases.append(bias)
    return np.concatenate(kernels), np.concatenate(biases)
