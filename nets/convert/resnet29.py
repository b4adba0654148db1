"""King's ResNet-29 face descriptor (dlib), from face-api.js' quantised weights to ONNX.

Every convolution is followed by a scale per channel, which is folded into it: for an 8-bit filter
into the scale of its whole numbers, so that the file stays small.
"""

import json
from collections.abc import Mapping

import numpy as np

from nets.convert.graph import BATCH, Graph
from nets.convert.manifest import Recipe
from nets.convert.tfjs import Weight, read_weights

SIZE = 150
MEAN_RGB = (122.782, 117.001, 104.298)
FIRST = "conv32_down"
BLOCKS = (
    *("conv32_1", "conv32_2", "conv32_3"),
    *("conv64_down", "conv64_1", "conv64_2", "conv64_3"),
    *("conv128_down", "conv128_1", "conv128_2"),
    *("conv256_down", "conv256_1", "conv256_2", "conv256_down_out"),
)
WIDER = {"conv64_down": 32, "conv128_down": 64, "conv256_down": 128}
"""Channels of zeros that a block's shortcut is padded with."""
SMALLER = ("conv256_down", "conv256_down_out")
"""Blocks whose convolutions come out one row and one column short of their shortcut."""

Weights = Mapping[str, Weight]


def build(weights: Weights) -> bytes:
    """Return the ONNX model of face-api.js' ``face_recognition_model``."""
    graph = Graph("resnet29")
    x = graph.pixels(SIZE, mean=MEAN_RGB, scale=1 / 256)
    x = graph.node("Relu", _convolution(graph, weights, FIRST, x, size=7, stride=2))
    x = graph.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2])
    for name in BLOCKS:
        x = _block(graph, weights, name, x)
    pooled = graph.node("ReduceMean", x, axes=[2, 3], keepdims=0)
    graph.unit(graph.node("MatMul", pooled, _matrix(graph, weights["fc"])), name="identity")
    return graph.serialize({"identity": [BATCH, 128]})


def _block(graph: Graph, weights: Weights, name: str, x: str) -> str:
    down = "_down" in name
    inner = _convolution(graph, weights, f"{name}/conv1", x, stride=2 if down else 1)
    inner = _convolution(graph, weights, f"{name}/conv2", graph.node("Relu", inner))
    if name in SMALLER:
        inner = _pad(graph, inner, rows=1)
    if down:
        x = graph.node("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2])
    if name in WIDER:
        x = _pad(graph, x, channels=WIDER[name])
    return graph.node("Relu", graph.node("Add", inner, x))


def _convolution(
    graph: Graph, weights: Weights, name: str, x: str, *, stride: int = 1, size: int = 3
) -> str:
    filters = weights[f"{name}/conv/filters"]
    scale = weights[f"{name}/scale/weights"].values
    bias = weights[f"{name}/conv/bias"].values * scale + weights[f"{name}/scale/biases"].values
    pad = size // 2 if stride == 1 else 0
    return graph.node(
        "Conv",
        *(x, _kernel(graph, filters, scale), graph.constant(bias)),
        kernel_shape=[size, size],
        strides=[stride, stride],
        pads=[pad] * 4,
    )


def _kernel(graph: Graph, filters: Weight, scale: np.typing.NDArray[np.float32]) -> str:
    stored = filters.stored.transpose(3, 2, 0, 1)
    if not filters.quantized:
        return graph.half(stored * scale[:, None, None, None])
    per_channel = (filters.scale * scale)[:, None, None, None]
    return graph.quantized(stored, zero=filters.zero, scale=per_channel)


def _matrix(graph: Graph, matrix: Weight) -> str:
    return graph.quantized(matrix.stored, zero=matrix.zero, scale=matrix.scale)


def _pad(graph: Graph, x: str, *, channels: int = 0, rows: int = 0) -> str:
    return graph.node("Pad", x, graph.constant([0, 0, 0, 0, 0, channels, rows, rows], np.int64))


def _built(contents: Mapping[str, bytes]) -> bytes:
    groups, data = (contents[member] for member in MEMBERS)
    return build(read_weights(json.loads(groups), data))


MEMBERS = (
    "package/model/face_recognition_model-weights_manifest.json",
    "package/model/face_recognition_model.bin",
)

RECIPES = {
    "resnet29": Recipe(
        package="face-api",
        members=MEMBERS,
        build=_built,
        facts={
            "title": "ResNet-29 face descriptor",
            "authors": "D. E. King (dlib); quantised for face-api.js by V. Mühler and V. Mandic",
            "licence": "CC0-1.0 (weights), MIT (package)",
            "training": (
                "about 3 million faces of 7485 people: the FaceScrub and VGG image sets and "
                "pictures from the web; sets for research only"
            ),
            "input": {
                "name": "chips",
                "shape": [None, SIZE, SIZE, 3],
                "dtype": "uint8",
                "colour": "RGB",
                "range": "0-255; the graph takes (pixel - (122.782, 117.001, 104.298)) / 256",
            },
            "preprocessing": 1,
            "crop": "aligned150",
            "outputs": {"identity": "(n, 128) unit vector"},
        },
    )
}
