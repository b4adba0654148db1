"""Reads the tensors of a PyTorch checkpoint, without PyTorch and without running anything in it.

A checkpoint is a pickle, and a pickle can call any function there is. The reader here knows five
names (an ordered dictionary, a tensor, and storages of numbers) and refuses a file that asks for
any other. It reads both formats of ``torch.save``: the archive of version 1.6 and later, and the
row of pickles before that.
"""

import io
import math
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_PROTOCOL = 1001

DTYPES: dict[str, type[np.generic]] = {
    "HalfStorage": np.float16,
    "FloatStorage": np.float32,
    "DoubleStorage": np.float64,
    "LongStorage": np.int64,
    "IntStorage": np.int32,
    "ByteStorage": np.uint8,
}
"""What the elements of PyTorch's typed storages are."""


class CheckpointError(Exception):
    """A file is not a checkpoint of plain tensors, is damaged, or wants to run something."""


@dataclass(frozen=True, slots=True)
class _StorageType:
    dtype: type[np.generic]


@dataclass(frozen=True, slots=True)
class _Storage:
    key: str
    dtype: type[np.generic]
    count: int


@dataclass(frozen=True, slots=True)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_checkpoint(data: bytes) -> dict[str, NDArray[Any]]:
    """Return the tensors of a checkpoint by name.

    Parameters
    ----------
    data : bytes
        Contents of a file that ``torch.save`` wrote of a state dictionary, by itself or under the
        key ``state_dict``.

    Returns
    -------
    dict of str to ndarray
        In the order of the file; shape and type as in the file.

    Raises
    ------
    CheckpointError
        If the file holds anything but named tensors, is damaged, or wants to run something.
    """
    try:
        is_archive = zipfile.is_zipfile(io.BytesIO(data))
        state, storages = _read_archive(data) if is_archive else _read_legacy(data)
        return _tensors(state, storages)
    except CheckpointError:
        raise
    # A damaged pickle can fail in any way that its operations can.
    except Exception as error:
        raise CheckpointError(f"This is not a readable checkpoint: {error}.") from error


def _read_archive(data: bytes) -> tuple[Any, dict[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {_inner(member.filename): member for member in archive.infolist()}
        # PyTorch never compresses; a compressed member could be of any size when unpacked.
        if any(member.compress_type != zipfile.ZIP_STORED for member in members.values()):
            raise CheckpointError("This checkpoint is compressed, which PyTorch's never are.")
        if "byteorder" in members and archive.read(members["byteorder"]) != b"little":
            raise CheckpointError("This checkpoint was written on a big-endian machine.")
        state = _Unpickler(io.BytesIO(archive.read(members["data.pkl"]))).load()
        names = [name for name in members if name.startswith("data/")]
        return state, {name.removeprefix("data/"): archive.read(members[name]) for name in names}


def _inner(path: str) -> str:
    return path.partition("/")[2]


def _read_legacy(data: bytes) -> tuple[Any, dict[str, bytes]]:
    stream = io.BytesIO(data)
    magic, protocol, _system = (_Unpickler(stream).load() for _ in range(3))
    if (magic, protocol) != (LEGACY_MAGIC, LEGACY_PROTOCOL):
        raise CheckpointError("This is not a checkpoint of PyTorch.")
    unpickler = _Unpickler(stream)
    state = unpickler.load()
    keys = _Unpickler(stream).load()
    return state, {key: _legacy_storage(stream, unpickler.storages[key]) for key in keys}


def _legacy_storage(stream: io.BytesIO, storage: _Storage) -> bytes:
    (count,) = struct.unpack("<q", stream.read(8))
    if count != storage.count:
        raise CheckpointError(f"Storage {storage.key} of this checkpoint is damaged.")
    return stream.read(count * np.dtype(storage.dtype).itemsize)


class _Unpickler(pickle.Unpickler):
    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__(stream, encoding="utf-8")
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        """Return what stands for one of the known names."""
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if module == "torch" and name in DTYPES:
            return _StorageType(DTYPES[name])
        raise CheckpointError(f"This checkpoint wants to run {module}.{name}, which is refused.")

    def persistent_load(self, pid: Any) -> _Storage:
        """Return what stands for a storage: ("storage", type, key, device, number of elements)."""
        tag, kind, key, _device, count = pid[:5]
        if tag != "storage" or not isinstance(kind, _StorageType) or pid[5:] not in ((), (None,)):
            raise CheckpointError("This checkpoint refers to something that is not a storage.")
        self.storages[key] = storage = _Storage(str(key), kind.dtype, int(count))
        return storage


def _rebuild_tensor(
    storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_rest: object
) -> _Tensor:
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


def _tensors(state: Any, storages: Mapping[str, bytes]) -> dict[str, NDArray[Any]]:
    if isinstance(state, Mapping) and isinstance(state.get("state_dict"), Mapping):
        state = state["state_dict"]
    if not isinstance(state, Mapping) or not all(isinstance(t, _Tensor) for t in state.values()):
        raise CheckpointError("This checkpoint holds something else than named tensors.")
    return {str(name): _array(tensor, storages) for name, tensor in state.items()}


def _array(tensor: _Tensor, storages: Mapping[str, bytes]) -> NDArray[Any]:
    values = np.frombuffer(storages[tensor.storage.key], tensor.storage.dtype)
    numbers = (tensor.offset, *tensor.shape, *tensor.strides)
    reach = sum((n - 1) * step for n, step in zip(tensor.shape, tensor.strides, strict=True))
    size = math.prod(tensor.shape)
    if min(numbers) < 0 or size > len(values) or (size and tensor.offset + reach >= len(values)):
        raise CheckpointError("A tensor of this checkpoint reaches beyond its storage.")
    steps = [step * values.itemsize for step in tensor.strides]
    view = np.lib.stride_tricks.as_strided(values[tensor.offset :], tensor.shape, steps)
    return view.copy()
