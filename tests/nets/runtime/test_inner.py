"""A tensor inside a net becomes an output, and nothing else changes."""

import numpy as np
import pytest

from nets.runtime.inner import with_outputs
from nets.runtime.models import OnnxNet, load_manifest
from tests.nets.golden import images


@pytest.fixture(scope="module")
def said():
    entry = load_manifest()["faceres"]
    nets = (OnnxNet(entry), OnnxNet(entry, inner=True))
    assert nets[0].contract == nets[1].contract
    return [net.run(images(224)) for net in nets]


def test_what_the_net_says_stays_the_same_to_the_bit(said):
    plain, more = said
    assert set(more) == {*plain, "map"}
    for name, values in plain.items():
        np.testing.assert_array_equal(values, more[name])


def test_the_map_is_that_of_a_rectified_block(said):
    found = said[1]["map"]
    assert found.shape == (3, 512, 14, 14)
    assert found.dtype == np.float32
    assert found.min() == 0
    assert 0 < found.max() <= 6


def test_there_are_maps_of_no_face():
    net = OnnxNet(load_manifest()["faceres"], inner=True)
    assert net.run(np.zeros((0, 224, 224, 3), np.uint8))["map"].shape == (0, 512, 14, 14)


def test_the_file_is_what_onnx_itself_would_write():
    onnx = pytest.importorskip("onnx")
    data = load_manifest()["faceres"].path.read_bytes()
    model = onnx.load_from_string(data)
    model.graph.output.append(onnx.ValueInfoProto(name="clip_49"))
    model.graph.output[-1].type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    assert onnx.load_from_string(with_outputs(data, ("clip_49",))) == model


def test_no_output_more_leaves_a_file_as_it_is_and_long_names_are_refused():
    assert with_outputs(b"net", ()) == b"net"
    with pytest.raises(ValueError, match="too long"):
        with_outputs(b"net", ("x" * 120,))
