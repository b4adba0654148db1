"""Writes a trained head as ONNX, its weights as float16."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from onnx import TensorProto

from nets.convert.graph import BATCH, Graph
from nets.convert.mobilenet import BLOCKS, block
from nets.core.api import Floats
from nets.embedders.heads import INPUTS, MAP_BLOCK, MAP_CHANNELS, MAP_SIDE


def export_head(model: Any, name: str) -> bytes:
    """Return a head of `nets.arch.heads.age_gender_head` as an ONNX file.

    Inputs are ``features`` (n, 1253) and, of a head with blocks, ``map`` (n, 512, 14, 14). Outputs
    are probabilities: ``male`` (n,) and ``age`` (n, 100) or ``older`` (n, 99).
    """
    graph = Graph(name)
    layers = {layer.name: layer.get_weights() for layer in model.layers if layer.get_weights()}
    features = graph.input("features", TensorProto.FLOAT, [BATCH, INPUTS])
    x = graph.node("Relu", _dense(graph, features, *layers["more"]))
    if "feats" in layers:
        shape: list[int | str] = [BATCH, MAP_CHANNELS, MAP_SIDE, MAP_SIDE]
        pooled = _own_blocks(graph, layers, graph.input("map", TensorProto.FLOAT, shape))
        feats = graph.node("Relu", _dense(graph, pooled, *layers["feats"]))
        x = graph.node("Concat", feats, x, axis=1)
    sex = graph.node("Sigmoid", _dense(graph, x, *layers["gender_pred"]))
    graph.node("Reshape", sex, graph.constant([-1], np.int64), name="male")
    if "coral" in layers:
        graph.node("Sigmoid", _dense(graph, x, *layers["coral"]), name="older")
        return graph.serialize({"male": [BATCH], "older": [BATCH, 99]})
    graph.node("Softmax", _dense(graph, x, *layers["age_pred"]), axis=1, name="age")
    return graph.serialize({"male": [BATCH], "age": [BATCH, 100]})


def _own_blocks(graph: Graph, layers: Mapping[str, list[Floats]], x: str) -> str:
    weights = {
        f"{name}/{part}": array
        for name, arrays in layers.items()
        if name.startswith("conv")
        for part, array in zip(("kernel", "bias"), arrays, strict=True)
    }
    for i in range(MAP_BLOCK + 1, BLOCKS + 1):
        x = block(graph, weights, x, i)
    return graph.node("ReduceMean", x, axes=[2, 3], keepdims=0)


def _dense(graph: Graph, x: str, kernel: Floats, bias: Floats) -> str:
    return graph.node("Add", graph.node("MatMul", x, graph.half(kernel)), graph.half(bias))


def probabilities(model: Any, features: Floats, maps: Floats | None = None) -> dict[str, Floats]:
    """Return what the exported file must say, by Keras; `maps` as ``faceres`` gives them."""
    from keras import ops

    inputs = [features]
    if maps is not None:
        inputs.append(np.ascontiguousarray(maps.transpose(0, 2, 3, 1)))
    said = model.predict(inputs, batch_size=64, verbose=0)
    found = {"male": np.asarray(ops.sigmoid(said["male"]))[:, 0]}
    if "older" in said:
        return found | {"older": np.asarray(ops.sigmoid(said["older"]))}
    return found | {"age": np.asarray(ops.softmax(said["age"], axis=-1))}


def parity(
    model: Any, file: bytes, features: Floats, maps: Floats | None = None
) -> dict[str, float]:
    """Return the largest difference between an exported head and Keras, by output."""
    from nets.runtime.ort import onnxruntime

    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    given = {"features": features} if maps is None else {"features": features, "map": maps}
    said = session.run(names, given)
    expected = probabilities(model, features, maps)
    return {
        name: float(f"{np.abs(values - expected[name]).max():.1g}")
        for name, values in zip(names, said, strict=True)
    }


def keras_version() -> str:
    """Return the version of Keras that trains here."""
    import keras

    return str(keras.__version__)
