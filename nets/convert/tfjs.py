"""Reads TensorFlow.js weights: one binary file, described by groups of specifications in JSON.

Graph models and face-api.js both use this format; numbers may be stored as float32, as float16, or
as whole numbers q that stand for q * scale + min.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

STORED: dict[str, np.dtype[Any]] = {
    "float32": np.dtype("<f4"),
    "float16": np.dtype("<f2"),
    "int32": np.dtype("<i4"),
    "uint8": np.dtype("u1"),
    "uint16": np.dtype("<u2"),
    "bool": np.dtype("?"),
}


@dataclass(frozen=True, slots=True)
class Weight:
    """One tensor as it is stored.

    Attributes
    ----------
    stored : ndarray
        In TensorFlow's layout: filters are (height, width, in, out).
    scale, minimum : float
        The tensor is ``stored * scale + minimum``; 1 and 0 unless quantised.
    """

    stored: NDArray[Any]
    scale: float = 1.0
    minimum: float = 0.0

    @property
    def quantized(self) -> bool:
        """Whether the numbers are stored as 8-bit whole numbers."""
        return self.stored.dtype == np.uint8

    @property
    def zero(self) -> int:
        """The stored number that stands for 0; filters always have one."""
        return round(-self.minimum / self.scale)

    @property
    def values(self) -> NDArray[np.float32]:
        """The numbers meant, float32, in the stored shape."""
        if not self.quantized:
            return self.stored.astype(np.float32)
        return (self.stored * self.scale + self.minimum).astype(np.float32)


def read_weights(groups: Sequence[Mapping[str, Any]], data: bytes) -> dict[str, Weight]:
    """Return the tensors of a weights file by name.

    Parameters
    ----------
    groups : sequence of mapping
        The ``weightsManifest`` of a graph model, or the whole manifest of face-api.js.
    data : bytes
        The contents of the binary files of all groups, one after the other.

    Raises
    ------
    ValueError
        If the binary file is longer or shorter than its specification.
    """
    specs = [spec for group in groups for spec in group["weights"]]
    needed = sum(math.prod(spec["shape"]) * _stored_as(spec).itemsize for spec in specs)
    if needed != len(data):
        raise ValueError(f"The weights file has {len(data)} bytes; its manifest says {needed}.")
    return dict(_cut(specs, data))


def _cut(specs: Sequence[Mapping[str, Any]], data: bytes) -> Iterator[tuple[str, Weight]]:
    offset = 0
    for spec in specs:
        dtype, count = _stored_as(spec), math.prod(spec["shape"])
        stored = np.frombuffer(data, dtype, count, offset).reshape(spec["shape"])
        quantization = spec.get("quantization", {})
        yield (
            spec["name"],
            Weight(stored, quantization.get("scale", 1.0), quantization.get("min", 0.0)),
        )
        offset += count * dtype.itemsize


def _stored_as(spec: Mapping[str, Any]) -> np.dtype[Any]:
    name: str = spec.get("quantization", spec)["dtype"]
    return STORED[name]
