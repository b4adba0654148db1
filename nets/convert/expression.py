"""The expression net of face-api.js, from its 8-bit weights to ONNX.

Four dense blocks of depthwise separable convolutions; every block halves the picture and sums what
its four layers say (V. Mühler, ``faceFeatureExtractor`` and ``faceExpressionNet``).
"""

import json
from collections.abc import Mapping

import numpy as np

from nets.convert.graph import BATCH, Graph
from nets.convert.manifest import Recipe
from nets.convert.tfjs import Weight, read_weights
from nets.core.api import EMOTIONS

SIZE = 112
MEAN_RGB = (122.782, 117.001, 104.298)
BLOCKS = 4
ORDER = ("neutral", "happy", "sad", "angry", "fear", "disgust", "surprise")
"""What its outputs stand for, as the package has it."""

Weights = Mapping[str, Weight]


def build(weights: Weights) -> bytes:
    """Return the ONNX model of face-api.js' ``face_expression_model``."""
    graph = Graph("expression")
    x, side = graph.pixels(SIZE, mean=MEAN_RGB, scale=1 / 255), SIZE
    for number in range(BLOCKS):
        x = _block(graph, weights, number, x, side)
        side = -(-side // 2)
    pooled = graph.node("ReduceMean", x, axes=[2, 3], keepdims=0)
    matrix = graph.node("MatMul", pooled, _stored(graph, weights["fc/weights"]))
    logits = graph.node("Add", matrix, graph.constant(weights["fc/bias"].values))
    order = graph.constant([ORDER.index(name) for name in EMOTIONS], np.int64)
    told = graph.node(
        "Gather", graph.node("Softmax", logits, axis=1), order, axis=1, name="emotion"
    )
    assert told == "emotion"
    return graph.serialize({"emotion": [BATCH, len(EMOTIONS)]})


def _block(graph: Graph, weights: Weights, number: int, x: str, side: int) -> str:
    """Add a dense block: each layer takes the sum of all before it."""
    name = f"dense{number}"
    if number:
        first = _separable(graph, weights, f"{name}/conv0", x, side, stride=2)
    else:
        filters, bias = (weights[f"{name}/conv0/{part}"] for part in ("filters", "bias"))
        kernel = _stored(graph, filters, 3, 2, 0, 1)
        first = _slide(graph, x, (kernel, graph.constant(bias.values)), side, stride=2)
    first = graph.node("Relu", first)
    half = -(-side // 2)
    total = graph.node("Add", first, _separable(graph, weights, f"{name}/conv1", first, half))
    for layer in (2, 3):
        inner = graph.node("Relu", total)
        told = _separable(graph, weights, f"{name}/conv{layer}", inner, half)
        total = graph.node("Add", total, told)
    return graph.node("Relu", total)


def _separable(
    graph: Graph, weights: Weights, name: str, x: str, side: int, *, stride: int = 1
) -> str:
    depth, point, bias = (
        weights[f"{name}/{part}"] for part in ("depthwise_filter", "pointwise_filter", "bias")
    )
    groups = depth.stored.shape[2]
    kernel = _stored(graph, depth, 2, 3, 0, 1)
    inner = _slide(graph, x, (kernel,), side, stride=stride, group=groups)
    parts = _stored(graph, point, 3, 2, 0, 1), graph.constant(bias.values)
    return graph.node("Conv", inner, *parts, kernel_shape=[1, 1])


def _slide(
    graph: Graph, x: str, parts: tuple[str, ...], side: int, *, stride: int, group: int = 1
) -> str:
    """Add a convolution of 3 x 3 with TensorFlow's SAME padding."""
    total = max(0, (-(-side // stride) - 1) * stride + 3 - side)
    before, after = total // 2, total - total // 2
    return graph.node(
        "Conv",
        *(x, *parts),
        kernel_shape=[3, 3],
        strides=[stride, stride],
        pads=[before, before, after, after],
        group=group,
    )


def _stored(graph: Graph, weight: Weight, *axes: int) -> str:
    stored = weight.stored.transpose(*axes) if axes else weight.stored
    if not weight.quantized:
        return graph.half(stored)
    return graph.quantized(stored, zero=weight.zero, scale=weight.scale)


def _built(contents: Mapping[str, bytes]) -> bytes:
    groups, data = (contents[member] for member in MEMBERS)
    return build(read_weights(json.loads(groups), data))


MEMBERS = (
    "package/model/face_expression_model-weights_manifest.json",
    "package/model/face_expression_model.bin",
)

RECIPES = {
    "expression": Recipe(
        package="face-api",
        members=MEMBERS,
        build=_built,
        facts={
            "title": "face-api.js, expression",
            "authors": "V. Mühler (face-api.js); published by V. Mandic",
            "licence": "MIT",
            "training": (
                "public image sets and pictures from the web, as its author says without naming "
                "them: take them for sets for research only"
            ),
            "input": {
                "name": "chips",
                "shape": [None, SIZE, SIZE, 3],
                "dtype": "uint8",
                "colour": "RGB",
                "range": "0-255; the graph takes (pixel - (122.782, 117.001, 104.298)) / 255",
            },
            "preprocessing": 1,
            "crop": "face112",
            "outputs": {
                "emotion": (
                    "(n, 7) probability of angry, disgust, fear, happy, sad, surprise, neutral"
                )
            },
        },
    )
}
