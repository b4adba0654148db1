import io
import os
import pickle
import struct
import sys
import types
import zipfile
from collections import OrderedDict

import numpy as np
import pytest

from nets.runtime.checkpoint import LEGACY_MAGIC, LEGACY_PROTOCOL, CheckpointError, read_checkpoint
from tests.nets.data import data_folder


class Storage:
    """What PyTorch pickles by reference: its numbers are elsewhere in the file."""

    def __init__(self, key, kind, values):
        self.key, self.kind, self.values = key, kind, values


class Tensor:
    def __init__(self, rebuild, storage, offset, shape, strides):
        self.reduced = rebuild, (storage, offset, shape, strides, False, OrderedDict())

    def __reduce__(self):
        return self.reduced


class Pickler(pickle.Pickler):
    def persistent_id(self, obj):
        if isinstance(obj, Storage):
            return ("storage", obj.kind, obj.key, "cpu", len(obj.values))
        return None


@pytest.fixture
def torch(monkeypatch):
    """Stand-ins of the names that a checkpoint refers to."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for name in ("FloatStorage", "LongStorage"):
        setattr(torch, name, type(name, (), {"__module__": "torch"}))

    def _rebuild_tensor_v2(*arguments):
        raise AssertionError

    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = torch.rebuild = _rebuild_tensor_v2
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)
    return torch


def pickled(obj):
    stream = io.BytesIO()
    Pickler(stream, 2).dump(obj)
    return stream.getvalue()


def legacy(state, storages=()):
    system = {"protocol_version": LEGACY_PROTOCOL, "little_endian": True, "type_sizes": {}}
    keys = [storage.key for storage in storages]
    parts = [LEGACY_MAGIC, LEGACY_PROTOCOL, system, state, keys]
    data = b"".join(pickled(part) for part in parts)
    for storage in storages:
        data += struct.pack("<q", len(storage.values)) + storage.values.tobytes()
    return data


def archive(state, storages=(), *, compression=zipfile.ZIP_STORED, order=b"little"):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as opened:
        opened.writestr("net/data.pkl", pickled(state))
        opened.writestr("net/byteorder", order)
        for storage in storages:
            opened.writestr(f"net/data/{storage.key}", storage.values.tobytes())
    return stream.getvalue()


def example(torch):
    numbers = Storage("0", torch.FloatStorage, np.arange(24, dtype="<f4"))
    count = Storage("1", torch.LongStorage, np.array([7], "<i8"))
    state = OrderedDict(
        kernel=Tensor(torch.rebuild, numbers, 0, (2, 3), (3, 1)),
        turned=Tensor(torch.rebuild, numbers, 6, (3, 2), (1, 3)),
        steps=Tensor(torch.rebuild, count, 0, (), ()),
    )
    return state, [numbers, count]


@pytest.mark.parametrize("save", [legacy, archive])
@pytest.mark.parametrize("wrapped", [False, True])
def test_both_formats_are_read(torch, save, wrapped):
    state, storages = example(torch)
    read = read_checkpoint(save({"state_dict": state} if wrapped else state, storages))
    assert list(read) == ["kernel", "turned", "steps"]
    np.testing.assert_array_equal(read["kernel"], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(read["turned"], [[6, 9], [7, 10], [8, 11]])
    assert read["steps"] == 7
    assert [a.dtype for a in read.values()] == ["float32", "float32", "int64"]
    assert all(a.flags.owndata and a.flags.writeable for a in read.values())


class Malice:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("save", [legacy, archive])
def test_a_checkpoint_that_runs_something_is_refused_and_runs_nothing(tmp_path, save):
    path = tmp_path / "made by the checkpoint"
    data = save({"kernel": Malice(path)})
    with pytest.raises(CheckpointError, match=r"wants to run \w+\.mkdir, which is refused"):
        read_checkpoint(data)
    assert not path.exists()
    pickle.loads(pickled(Malice(path)))
    assert path.exists()


@pytest.mark.parametrize("name", ["builtins.eval", "torch.load", "torch._utils.exec", "os.system"])
def test_no_other_name_is_known(name):
    module, _, function = name.rpartition(".")
    program = f"c{module}\n{function}\n(S'1'\ntR.".encode()
    whole = legacy({}).split(pickled({}))[0] + program
    with pytest.raises(CheckpointError, match="refused"):
        read_checkpoint(whole)


@pytest.mark.parametrize("save", [legacy, archive])
@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [
        (0, (25,), (1,)),
        (20, (2, 3), (3, 1)),
        (-1, (2,), (1,)),
        (5, (2,), (-1,)),
        (0, (10**9,), (0,)),
        (0, (10**6, 10**6), (0, 0)),
        (0, (2,), (1, 1)),
    ],
)
def test_a_tensor_beyond_its_storage_is_refused(torch, save, offset, shape, strides):
    _, storages = example(torch)
    state = {"kernel": Tensor(torch.rebuild, storages[0], offset, shape, strides)}
    with pytest.raises(CheckpointError):
        read_checkpoint(save(state, storages[:1]))


@pytest.mark.parametrize("state", [[1, 2], {"epoch": 3}, {"optimizer": {"lr": 0.1}}, None])
def test_anything_but_named_tensors_is_refused(state):
    with pytest.raises(CheckpointError, match="something else than named tensors"):
        read_checkpoint(legacy(state))


def test_a_file_cut_short_anywhere_is_refused(torch):
    state, storages = example(torch)
    data = legacy(state, storages)
    for length in range(0, len(data), 7):
        with pytest.raises(CheckpointError):
            read_checkpoint(data[:length])


@pytest.mark.parametrize("data", [b"", b"\x80", b"not a checkpoint", pickle.dumps({"a": 1})])
def test_other_files_are_refused(data):
    with pytest.raises(CheckpointError):
        read_checkpoint(data)


def test_compressed_and_big_endian_archives_are_refused(torch):
    with pytest.raises(CheckpointError, match="compressed"):
        read_checkpoint(archive(*example(torch), compression=zipfile.ZIP_DEFLATED))
    with pytest.raises(CheckpointError, match="big-endian"):
        read_checkpoint(archive(*example(torch), order=b"big"))


def test_a_published_checkpoint_is_read():
    path = data_folder() / "weights" / "mobilenet0.25_Final.pth"
    if not path.exists():
        pytest.skip(f"no {path}")
    read = read_checkpoint(path.read_bytes())
    assert len(read) == 300
    assert read["body.stage1.0.0.weight"].shape == (8, 3, 3, 3)
    assert sum(a.size for a in read.values()) == 433_343
    assert all(np.isfinite(a).all() for a in read.values())
    # Variances of batch normalisation: wrong strides or offsets would mix in negative numbers.
    assert all((a >= 0).all() for name, a in read.items() if name.endswith("running_var"))
