"""The multi-output MobileNet between its two forms: the ONNX files that ship, and Keras."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from nets.convert.mobilenet import HEADS, build
from nets.core.api import Floats, Image

Arrays = Mapping[str, NDArray[Any]]


def shipped_weights(path: Path) -> dict[str, Floats]:
    """Read kernels and biases out of an ONNX file that `nets.convert.mobilenet.build` has made.

    Parameters
    ----------
    path : Path
        Such as ``nets/weights/faceres.onnx``; or what `exported` has made.

    Returns
    -------
    dict of str to ndarray of float32
        ``<layer>/kernel`` and ``<layer>/bias`` in Keras' layouts, for BGR, as
        `nets.convert.mobilenet.folded_weights` gives them.

    Raises
    ------
    ValueError
        If the file holds another net.
    """
    graph = onnx.load(str(path)).graph
    values = _constants(graph)
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    dense = [node for node in graph.node if node.op_type == "Gemm"]
    if len(convolutions) != 27 or len(dense) != len(HEADS):
        raise ValueError(f"{path} does not hold a multi-output MobileNet.")
    found: dict[str, Floats] = {}
    for name, node in zip(_names(), convolutions, strict=True):
        kernel = values[node.input[1]]
        # From (out, in, y, x) and, depthwise, (channels, 1, y, x).
        order = (2, 3, 0, 1) if name.startswith("conv_dw") else (2, 3, 1, 0)
        found[f"{name}/kernel"] = kernel.transpose(order)
        found[f"{name}/bias"] = values[node.input[2]]
    found["conv1/kernel"] = found["conv1/kernel"][:, :, ::-1]
    for name, node in zip(HEADS, dense, strict=True):
        found[f"{name}/kernel"] = values[node.input[1]]
        found[f"{name}/bias"] = values[node.input[2]]
    return found


def _names() -> list[str]:
    blocks = [(f"conv_dw_{i}", f"conv_pw_{i}") for i in range(1, 14)]
    return ["conv1", *(name for block in blocks for name in block)]


def _constants(graph: Any) -> dict[str, Floats]:
    """Return the constants of a graph by name, those cast from float16 among them."""
    values = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    casts = {
        node.output[0]: values[node.input[0]]
        for node in graph.node
        if node.op_type == "Cast" and node.input[0] in values
    }
    return {name: np.asarray(array, np.float32) for name, array in (values | casts).items()}


def weights_of(model: Any) -> dict[str, Floats]:
    """Return the weights of `nets.arch.mobilenet.multi_output_mobilenet`, by layer.

    As `nets.arch.mobilenet.set_weights` takes them.
    """
    found: dict[str, Floats] = {}
    for layer in model.layers:
        if layer.weights:
            kernel, bias = layer.get_weights()
            found |= {f"{layer.name}/kernel": kernel, f"{layer.name}/bias": bias}
    return found


def load_shipped(path: Path, *, dropout: float = 0.0) -> Any:
    """Return the net in Keras with the weights of an ONNX file.

    Parameters
    ----------
    path : Path
    dropout : float
        See `nets.arch.mobilenet.multi_output_mobilenet`.

    Returns
    -------
    keras.Model
    """
    from nets.arch.mobilenet import multi_output_mobilenet, set_weights

    weights = shipped_weights(path)
    model = multi_output_mobilenet(
        ages=len(weights["age_pred/bias"]), hidden=len(weights["feats/bias"]), dropout=dropout
    )
    set_weights(model, weights)
    return model


def begun(path: Path, *, keep_heads: bool, dropout: float, seed: int) -> Any:
    """Return the net in Keras as training begins: the weights of an ONNX file.

    Parameters
    ----------
    path : Path
    keep_heads : bool
        Take the heads from the file, too; else they are random.
    dropout : float
        See `nets.arch.mobilenet.multi_output_mobilenet`.
    seed : int
        Of random heads.

    Returns
    -------
    keras.Model
    """
    import keras

    from nets.arch.mobilenet import multi_output_mobilenet, set_weights

    keras.utils.set_random_seed(seed)
    model = multi_output_mobilenet(dropout=dropout)
    weights = shipped_weights(path)
    if not keep_heads:
        weights |= {
            name: own for name, own in weights_of(model).items() if name.partition("/")[0] in HEADS
        }
    set_weights(model, weights)
    return model


def exported(model: Any, name: str) -> bytes:
    """Return a net as an ONNX file of the kind that ships: kernels of 1x1 layers as float16.

    The net's own are rounded likewise, in place, so that both say the same.
    """
    from nets.arch.mobilenet import set_weights

    weights = weights_of(model)
    for layer in (*(f"conv_pw_{i}" for i in range(1, 14)), *HEADS):
        kernel = weights[f"{layer}/kernel"]
        weights[f"{layer}/kernel"] = kernel.astype(np.float16).astype(np.float32)
    set_weights(model, weights)
    return build(weights, name=name)


def parity(model: Any, file: bytes, chips: Image) -> dict[str, float]:
    """Compare an ONNX file with the net in Keras that it was made of.

    Parameters
    ----------
    model : keras.Model
    file : bytes
        As `exported` gives it.
    chips : ndarray of uint8, shape (n, 224, 224, 3)
        RGB.

    Returns
    -------
    dict of str to float
        Largest absolute difference of ``identity`` (unit vectors), ``age`` and ``male``.
    """
    from nets.runtime.ort import onnxruntime

    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    said = dict(zip(names, session.run(names, {"chips": chips}), strict=True))
    expected = keras_says(model, chips)
    return {name: float(np.abs(said[name] - expected[name]).max()) for name in names}


def keras_says(model: Any, chips: Image) -> dict[str, Floats]:
    """Return what a net in Keras says of RGB chips, named and scaled as by the ONNX file."""
    from nets.arch.mobilenet import preprocess

    said = model.predict(preprocess(chips), batch_size=32, verbose=0)
    length = np.linalg.norm(said["identity"], axis=1, keepdims=True)
    identity = said["identity"] / np.maximum(length, 1e-12)
    return {"identity": identity, "age": said["age"], "male": said["male"][:, 0]}
