"""Arriaga's mini-Xception nets of emotion and gender, from TensorFlow.js graph models to ONNX.

The published graphs are walked node by node: nine operators, batch normalisation folded already.
"""

import json
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from onnx import TensorProto

from nets.convert.graph import BATCH, Graph
from nets.convert.manifest import Recipe
from nets.convert.tfjs import Weight, read_weights

SIZE = 64
GREY = (0.2989, 0.587, 0.114)
"""Weights of red, green and blue, as in the package that publishes the nets."""

Node = Mapping[str, Any]


@dataclass(slots=True)
class _Walk:
    """What is known of the nodes so far: the tensor in the new graph, and its width."""

    graph: Graph
    weights: Mapping[str, Weight]
    tensors: dict[str, str] = field(default_factory=dict)
    sides: dict[str, int] = field(default_factory=dict)

    def keep(self, node: Node, tensor: str, side: int) -> None:
        self.tensors[node["name"]], self.sides[node["name"]] = tensor, side

    def constant(self, name: str, *axes: int) -> str:
        values = self.weights[name].values
        return self.graph.constant(values.transpose(*axes) if axes else values)


def build(topology: bytes, data: bytes, *, name: str, output: str, column: int | None) -> bytes:
    """Return the ONNX model of a graph model.

    Parameters
    ----------
    topology, data : bytes
        Contents of the graph model's ``.json`` and ``.bin``.
    name : str
        Name of the net.
    output : str
        Name of the output.
    column : int, optional
        The only column of the probabilities that is wanted; None: all of them.

    Raises
    ------
    ValueError
        If the graph has an operator that the nets of this family don't have.
    """
    document = json.loads(topology)
    walk = _Walk(Graph(name), read_weights(document["weightsManifest"], data))
    probabilities, count = "", 0
    for node in document["modelTopology"]["node"]:
        if node["op"] == "Softmax":
            named = output if column is None else ""
            inner = walk.tensors[node["input"][0]]
            probabilities = walk.graph.node("Softmax", inner, axis=1, name=named)
        elif node["op"] not in ("Const", "Identity"):
            count = _add(walk, node, count)
    if column is None:
        return walk.graph.serialize({output: [BATCH, count]})
    one = walk.graph.constant(column, np.int64)
    walk.graph.node("Gather", probabilities, one, axis=1, name=output)
    return walk.graph.serialize({output: [BATCH]})


def _add(walk: _Walk, node: Node, channels: int) -> int:
    """Add one node; return how many channels the last convolution has."""
    graph, inputs = walk.graph, node.get("input", [])
    match node["op"]:
        case "Placeholder":
            walk.keep(node, _grey(graph), SIZE)
        case "_FusedConv2D":
            return _convolution(walk, node)
        case "DepthwiseConv2dNative":
            kernel = walk.weights[inputs[1]].values.transpose(2, 3, 0, 1)
            _slide(walk, node, "Conv", kernel.shape[2], graph.constant(kernel), group=len(kernel))
        case "MaxPool":
            _slide(walk, node, "MaxPool", _numbers(node, "ksize")[1])
        case "AddV2":
            tensor = graph.node("Add", *(walk.tensors[one] for one in inputs))
            walk.keep(node, tensor, walk.sides[inputs[0]])
        case "Relu":
            walk.keep(node, graph.node("Relu", walk.tensors[inputs[0]]), walk.sides[inputs[0]])
        case "Mean":
            pooled = graph.node("ReduceMean", walk.tensors[inputs[0]], axes=[2, 3], keepdims=0)
            walk.keep(node, pooled, 1)
        case other:
            raise ValueError(f"The graph has an operator {other}, which is not known here.")
    return channels


def _grey(graph: Graph) -> str:
    """Declare the input, RGB chips, and return what the nets were trained on: grey, -1 to 1."""
    chips = graph.input("chips", TensorProto.UINT8, [BATCH, SIZE, SIZE, 3])
    planes = graph.node("Transpose", chips, perm=[0, 3, 1, 2])
    weighted = graph.node(
        "Mul",
        graph.node("Cast", planes, to=TensorProto.FLOAT),
        graph.constant(np.reshape(GREY, (3, 1, 1)) / 127.5),
    )
    grey = graph.node("ReduceSum", weighted, graph.constant([1], np.int64), keepdims=1)
    return graph.node("Sub", grey, graph.constant(1.0))


def _convolution(walk: _Walk, node: Node) -> int:
    _, kernel, bias = node["input"]
    size, filters = walk.weights[kernel].values.shape[0], walk.weights[bias].values.size
    parts = walk.constant(kernel, 3, 2, 0, 1), walk.constant(bias)
    _slide(walk, node, "Conv", size, *parts)
    if "Relu" in _texts(node, "fused_ops"):
        tensor = walk.graph.node("Relu", walk.tensors[node["name"]])
        walk.keep(node, tensor, walk.sides[node["name"]])
    return int(filters)


def _slide(walk: _Walk, node: Node, op: str, size: int, *more: str, **attributes: Any) -> None:
    """Add what moves a window over its input, with TensorFlow's VALID or SAME padding."""
    source, stride = node["input"][0], _numbers(node, "strides")[1]
    side = walk.sides[source]
    same = _text(node["attr"]["padding"]["s"]) == "SAME"
    after = -(-side // stride) if same else (side - size) // stride + 1
    total = max(0, (after - 1) * stride + size - side) if same else 0
    tensor = walk.graph.node(
        op,
        *(walk.tensors[source], *more),
        kernel_shape=[size, size],
        strides=[stride, stride],
        pads=[total // 2, total // 2, total - total // 2, total - total // 2],
        **attributes,
    )
    walk.keep(node, tensor, after)


def _numbers(node: Node, attribute: str) -> list[int]:
    return [int(number) for number in node["attr"][attribute]["list"]["i"]]


def _texts(node: Node, attribute: str) -> list[str]:
    return [_text(text) for text in node["attr"][attribute]["list"]["s"]]


def _text(coded: str) -> str:
    return b64decode(coded).decode()


def _recipe(package: str, name: str, column: int | None, **facts: Any) -> Recipe:
    members = (f"package/models/{name}.json", f"package/models/{name}.bin")
    (output,) = facts["outputs"]

    def built(contents: Mapping[str, bytes]) -> bytes:
        topology, data = (contents[member] for member in members)
        return build(topology, data, name=name, output=output, column=column)

    return Recipe(package=package, members=members, build=built, facts={**FACTS, **facts})


FACTS = {
    "authors": "O. Arriaga (face_classification); converted to TensorFlow.js by V. Mandic",
    "licence": "MIT",
    "input": {
        "name": "chips",
        "shape": [None, SIZE, SIZE, 3],
        "dtype": "uint8",
        "colour": "RGB",
        "range": "0-255; the graph makes it grey, .2989 R + .587 G + .114 B, then -1 to 1",
    },
    "preprocessing": 1,
}

RECIPES = {
    "emotion": _recipe(
        "human",
        "emotion",
        None,
        title="mini-Xception, emotion",
        crop="face64",
        training="FER2013: an image set for research only",
        outputs={
            "emotion": "(n, 7) probability of angry, disgust, fear, happy, sad, surprise, neutral"
        },
    ),
    "gender": _recipe(
        "human-models",
        "gender",
        1,
        title="mini-Xception, gender",
        crop="wide64",
        training="IMDB-Wiki: an image set for research only",
        outputs={"male": "(n,) probability of being male"},
    ),
}
