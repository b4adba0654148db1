"""A small builder of ONNX graphs. Tensors are known by name; every method returns a name."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike, NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8

BATCH = "n"
"""Name of the dynamic batch axis."""


class Graph:
    """Nodes and constants of one net, in the order in which they were added.

    Parameters
    ----------
    name : str
        Name of the net.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []

    def input(self, name: str, dtype: int, shape: Sequence[int | str]) -> str:
        """Declare an input; `dtype` is one of `onnx.TensorProto`'s."""
        self._inputs.append(helper.make_tensor_value_info(name, dtype, shape))
        return name

    def node(self, op: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        """Add an operator with a single output."""
        output = name or f"{op.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(op, list(inputs), [output], output, **attributes))
        return output

    def constant(self, values: ArrayLike, dtype: type[np.generic] = np.float32) -> str:
        """Add a constant as it is."""
        name = f"constant_{len(self._constants)}"
        array: NDArray[Any] = np.ascontiguousarray(np.asarray(values, dtype))
        self._constants.append(numpy_helper.from_array(array.reshape(np.shape(values)), name))
        return name

    def half(self, values: ArrayLike) -> str:
        """Add a constant stored as float16 and computed with as float32."""
        return self.node("Cast", self.constant(values, np.float16), to=TensorProto.FLOAT)

    def quantized(self, stored: NDArray[np.uint8], *, zero: int, scale: ArrayLike) -> str:
        """Add a constant stored as uint8, meaning ``(stored - zero) * scale``.

        Plain operators rather than DequantizeLinear: the runtime computes them once when it loads
        the net, whereas DequantizeLinear is kept for 8-bit kernels unless a session option says no.
        """
        numbers = self.node("Cast", self.constant(stored, np.uint8), to=TensorProto.FLOAT)
        centred = self.node("Sub", numbers, self.constant(float(zero)))
        return self.node("Mul", centred, self.constant(scale))

    def pixels(self, size: int, *, mean: Sequence[float], scale: float = 1.0) -> str:
        """Declare the input ``chips``, RGB uint8 (n, size, size, 3), and normalise it.

        Returns
        -------
        str
            float32, (n, 3, size, size): (pixel - mean) * scale.
        """
        chips = self.input("chips", TensorProto.UINT8, [BATCH, size, size, 3])
        planes = self.node("Transpose", chips, perm=[0, 3, 1, 2])
        pixels = self.node("Cast", planes, to=TensorProto.FLOAT)
        pixels = self.node("Sub", pixels, self.constant(np.reshape(mean, (3, 1, 1))))
        return pixels if scale == 1.0 else self.node("Mul", pixels, self.constant(scale))

    def unit(self, vectors: str, *, name: str) -> str:
        """Scale vectors, shape (n, d), to unit length."""
        length = self.node("ReduceL2", vectors, axes=[1], keepdims=1)
        return self.node("Div", vectors, self.node("Max", length, self.constant(1e-12)), name=name)

    def serialize(self, outputs: Mapping[str, Sequence[int | str]]) -> bytes:
        """Check the model and return its bytes; `outputs` gives the shape of each float32 output.

        Raises
        ------
        onnx.checker.ValidationError
            If the graph is not valid.
        """
        declared = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in outputs.items()
        ]
        graph = helper.make_graph(
            self._nodes, self.name, self._inputs, declared, initializer=self._constants
        )
        model = helper.make_model(
            graph,
            producer_name="album-people",
            ir_version=IR_VERSION,
            opset_imports=[helper.make_opsetid("", OPSET)],
        )
        onnx.checker.check_model(model, full_check=True)
        serialized: bytes = model.SerializeToString(deterministic=True)
        return serialized
