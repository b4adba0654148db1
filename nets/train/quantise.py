"""The multi-output MobileNet in 8-bit whole numbers, calibrated on faces, nothing trained again."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from nets.core.api import Image

BATCH = 16


@dataclass(frozen=True, slots=True)
class Quantisation:
    """How a net is made 8-bit.

    Attributes
    ----------
    calibration : {'minmax', 'entropy', 'percentile'}
        How the range of a layer's outputs follows from those of the calibration faces.
    keep : tuple of str
        Kinds of layers that stay as they are: ``stem`` (the first convolution), ``depthwise``,
        ``dense``.
    """

    calibration: str = "minmax"
    keep: tuple[str, ...] = ()


def quantised(file: bytes, chips: Image, how: Quantisation) -> bytes:
    """Return a net with 8-bit weights (one scale a channel) and 8-bit outputs of its layers.

    Static quantisation with QuantizeLinear and DequantizeLinear, as ONNX Runtime does it.

    Parameters
    ----------
    file : bytes
        An ONNX file as `nets.convert.mobilenet.build` makes it.
    chips : ndarray of uint8, shape (n, 224, 224, 3)
        RGB faces, by which the ranges of the layers' outputs are found.
    how : Quantisation

    Returns
    -------
    bytes
    """
    from nets.runtime import ort

    quantization = ort.quantization()
    methods = {
        "minmax": quantization.CalibrationMethod.MinMax,
        "entropy": quantization.CalibrationMethod.Entropy,
        "percentile": quantization.CalibrationMethod.Percentile,
    }
    model = whole_floats(onnx.load_from_string(file))
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        onnx.save(model, str(source))
        quantization.quantize_static(
            str(source),
            str(target),
            _Chips(chips),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            nodes_to_exclude=kept_nodes(model, how.keep),
            calibrate_method=methods[how.calibration],
            op_types_to_quantize=["Conv", "Gemm"],
        )
        return target.read_bytes()


def whole_floats(model: Any) -> Any:
    """Return a model whose constants cast from float16 are constants of float32."""
    graph = model.graph
    values = {one.name: one for one in graph.initializer}
    casts = [node for node in graph.node if node.op_type == "Cast" and node.input[0] in values]
    for node in casts:
        array = numpy_helper.to_array(values[node.input[0]]).astype(np.float32)
        graph.initializer.append(numpy_helper.from_array(array, node.output[0]))
        graph.initializer.remove(values[node.input[0]])
        graph.node.remove(node)
    return model


def kept_nodes(model: Any, kinds: Sequence[str]) -> list[str]:
    """Return the names of the layers of some kinds; see `Quantisation.keep`."""
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    groups = {
        node.name: next((a.i for a in node.attribute if a.name == "group"), 1)
        for node in convolutions
    }
    found = {
        "stem": [convolutions[0].name],
        "depthwise": [name for name, group in groups.items() if group > 1],
        "dense": [node.name for node in model.graph.node if node.op_type == "Gemm"],
    }
    return [name for kind in kinds for name in found[kind]]


class _Chips:
    """Gives the runtime calibration faces, a few at a time."""

    def __init__(self, chips: Image) -> None:
        starts = range(0, len(chips), BATCH)
        self._parts: Iterator[Image] = iter([chips[at : at + BATCH] for at in starts])

    def get_next(self) -> dict[str, Image] | None:
        part = next(self._parts, None)
        return None if part is None else {"chips": part}

    def __next__(self) -> dict[str, Image]:
        part = self.get_next()
        if part is None:
            raise StopIteration
        return part

    def __iter__(self) -> "_Chips":
        return self
