"""Writes a trained head as ONNX, its weights as float16."""

from typing import Any

import numpy as np
from onnx import TensorProto

from nets.api import Floats
from nets.convert.graph import BATCH, Graph
from nets.heads import INPUTS


def export_head(model: Any, name: str) -> bytes:
    """Return a head of `nets.arch.heads.age_gender_head` as an ONNX file.

    Outputs are probabilities: ``male`` (n,) and ``age`` (n, 100) or ``older`` (n, 99).
    """
    graph = Graph(name)
    layers = {layer.name: layer.get_weights() for layer in model.layers if layer.get_weights()}
    x = graph.input("features", TensorProto.FLOAT, [BATCH, INPUTS])
    x = graph.node("Relu", _dense(graph, x, *layers["feats"]))
    sex = graph.node("Sigmoid", _dense(graph, x, *layers["gender_pred"]))
    graph.node("Reshape", sex, graph.constant([-1], np.int64), name="male")
    if "coral" in layers:
        graph.node("Sigmoid", _dense(graph, x, *layers["coral"]), name="older")
        return graph.serialize({"male": [BATCH], "older": [BATCH, 99]})
    graph.node("Softmax", _dense(graph, x, *layers["age_pred"]), axis=1, name="age")
    return graph.serialize({"male": [BATCH], "age": [BATCH, 100]})


def _dense(graph: Graph, x: str, kernel: Floats, bias: Floats) -> str:
    return graph.node("Add", graph.node("MatMul", x, graph.half(kernel)), graph.half(bias))


def probabilities(model: Any, inputs: Floats) -> dict[str, Floats]:
    """Return what the exported file must say, by Keras."""
    from keras import ops

    said = model(inputs, training=False)
    found = {"male": np.asarray(ops.sigmoid(said["male"]))[:, 0]}
    if "older" in said:
        return found | {"older": np.asarray(ops.sigmoid(said["older"]))}
    return found | {"age": np.asarray(ops.softmax(said["age"], axis=-1))}
