"""Savchenko's multi-output MobileNet, from a TensorFlow.js graph model to ONNX.

The published graph has the batch normalisation folded into the 1x1 convolutions and left as a
multiplication behind the depthwise ones, where it is folded here.
"""

import json
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from nets.convert.graph import BATCH, Graph
from nets.convert.manifest import Recipe
from nets.convert.tfjs import read_weights
from nets.embedders.heads import MAP_BLOCK

SIZE = 224
MEAN_RGB = (123.68, 116.779, 103.939)
STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
"""Of the 13 depthwise convolutions."""
BLOCKS = len(STRIDES)

Arrays = Mapping[str, NDArray[np.float32]]


def folded_weights(topology: bytes, data: bytes) -> dict[str, NDArray[np.float32]]:
    """Return kernels and biases by Keras layer name, as ``<layer>/kernel`` and ``<layer>/bias``.

    Parameters
    ----------
    topology, data : bytes
        Contents of the graph model's ``.json`` and ``.bin``.

    Returns
    -------
    dict of str to ndarray of float32
        In Keras' layouts: (height, width, in, out), depthwise (height, width, in, 1), dense
        (in, out). The input is BGR.
    """
    weights = read_weights(json.loads(topology)["weightsManifest"], data)
    values = {name: weight.values for name, weight in weights.items()}
    folded = {}
    for layer in ["conv1", *(f"conv_pw_{i}" for i in range(1, 14))]:
        folded[f"{layer}/kernel"] = values[f"{layer}/convolution/merged_input"]
        folded[f"{layer}/bias"] = values[f"{layer}_bn/batchnorm_1/sub"]
    for layer in (f"conv_dw_{i}" for i in range(1, 14)):
        scale = values[f"{layer}_bn/batchnorm_1/mul"][:, None]
        folded[f"{layer}/kernel"] = values[f"{layer}/depthwise_kernel"] * scale
        folded[f"{layer}/bias"] = values[f"{layer}_bn/batchnorm_1/sub"]
    heads = [f"{layer}/{part}" for layer in HEADS for part in ("kernel", "bias")]
    return folded | {name: values[name] for name in heads}


HEADS = ("feats", "age_pred", "gender_pred")


def build(weights: Arrays, *, name: str) -> bytes:
    """Return the ONNX model of `folded_weights`.

    1x1 convolutions and dense layers are stored as float16, the rest as float32.
    """
    graph = Graph(name)
    x = _stem(graph, weights, graph.pixels(SIZE, mean=MEAN_RGB))
    for i in range(1, BLOCKS + 1):
        x = block(graph, weights, x, i)
    pooled = graph.node("ReduceMean", x, axes=[2, 3], keepdims=0, name="global_pooling")
    graph.unit(pooled, name="identity")
    hidden = graph.node("Relu", _dense(graph, weights, "feats", pooled))
    graph.node("Softmax", _dense(graph, weights, "age_pred", hidden), axis=1, name="age")
    male = graph.node("Sigmoid", _dense(graph, weights, "gender_pred", hidden))
    graph.node("Squeeze", male, graph.constant([1], np.int64), name="male")
    return graph.serialize({"identity": [BATCH, 1024], "age": [BATCH, 100], "male": [BATCH]})


def _stem(graph: Graph, weights: Arrays, pixels: str) -> str:
    # The published kernel wants BGR: turned round, it takes the RGB that the program uses.
    first = weights["conv1/kernel"][:, :, ::-1].transpose(3, 2, 0, 1)
    return _convolution(graph, pixels, graph.constant(first), weights["conv1/bias"], stride=2)


def block(graph: Graph, weights: Arrays, x: str, i: int) -> str:
    """Add the i-th depthwise separable block, i from 1 to `BLOCKS`, and return its output."""
    bias = weights[f"conv_dw_{i}/bias"]
    kernel = graph.constant(weights[f"conv_dw_{i}/kernel"].transpose(2, 3, 0, 1))
    x = _convolution(graph, x, kernel, bias, stride=STRIDES[i - 1], group=len(bias))
    pointwise = graph.half(weights[f"conv_pw_{i}/kernel"].transpose(3, 2, 0, 1))
    return _convolution(graph, x, pointwise, weights[f"conv_pw_{i}/bias"], size=1)


def _convolution(
    graph: Graph,
    x: str,
    kernel: str,
    bias: NDArray[np.float32],
    *,
    stride: int = 1,
    size: int = 3,
    group: int = 1,
) -> str:
    x = graph.node(
        "Conv",
        *(x, kernel, graph.constant(bias)),
        kernel_shape=[size, size],
        strides=[stride, stride],
        pads=_same(size, stride),
        group=group,
    )
    return graph.node("Clip", x, graph.constant(0.0), graph.constant(6.0))


def _same(size: int, stride: int) -> list[int]:
    """Return the pads of TensorFlow's SAME; all inputs of stride 2 here have even sizes."""
    total = size - stride if size > 1 else 0
    return [total // 2, total // 2, total - total // 2, total - total // 2]


def _dense(graph: Graph, weights: Arrays, layer: str, x: str) -> str:
    kernel = graph.half(weights[f"{layer}/kernel"])
    return graph.node("Gemm", x, kernel, graph.constant(weights[f"{layer}/bias"]))


def _recipe(package: str, name: str, training: str) -> Recipe:
    members = (f"package/models/{name}.json", f"package/models/{name}.bin")
    return Recipe(
        package=package,
        members=members,
        build=_builder(members, name),
        facts={**FACTS, "training": training},
    )


def _builder(members: tuple[str, str], name: str) -> Callable[[Mapping[str, bytes]], bytes]:
    def built(contents: Mapping[str, bytes]) -> bytes:
        topology, data = (contents[member] for member in members)
        return build(folded_weights(topology, data), name=name)

    return built


FACTS = {
    "title": "Multi-output MobileNet v1 for identity, age and gender",
    "authors": "A. V. Savchenko (HSE_FaceRec_tf); converted to TensorFlow.js by V. Mandic",
    "licence": "Apache-2.0 (weights), MIT (package)",
    "input": {
        "name": "chips",
        "shape": [None, SIZE, SIZE, 3],
        "dtype": "uint8",
        "colour": "RGB",
        "range": "0-255; the graph subtracts the mean (123.68, 116.779, 103.939)",
    },
    "preprocessing": 1,
    "crop": "box224",
    "outputs": {
        "identity": "(n, 1024) unit vector",
        "age": "(n, 100) probability of each age; output i means i + 1 years",
        "male": "(n,) probability of being male; the authors say male at 0.6 and above",
    },
    "inner": {"map": f"clip_{4 + 5 * MAP_BLOCK}"},
}

RECIPES = {
    "faceres": _recipe(
        "human",
        "faceres",
        "VGGFace2 (identity; then frozen), IMDB-Wiki and Adience (heads of age and gender): image "
        "sets for research only",
    ),
    "faceres-deep": _recipe(
        "human-models",
        "faceres-deep",
        "VGGFace2, then all layers fine-tuned on IMDB-Wiki and Adience for age and gender: image "
        "sets for research only",
    ),
}
