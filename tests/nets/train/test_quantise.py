"""The MobileNet in 8-bit whole numbers."""

import numpy as np
import pytest

from nets.runtime.models import WEIGHTS

pytestmark = pytest.mark.train
pytest.importorskip("onnx")


@pytest.fixture(scope="module")
def chips():
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (12, 14, 14, 3), dtype=np.uint8)
    return coarse.repeat(16, 1).repeat(16, 2)


def answers(file, chips):
    from nets.runtime.ort import onnxruntime

    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    return session.run(["identity", "age", "male"], {"chips": chips})


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(("keep", "share"), [((), 0.55), (("stem", "depthwise", "dense"), 0.7)])
def test_an_8_bit_net_is_smaller_and_says_nearly_the_same(chips, keep, share):
    from nets.train.quantise import Quantisation, quantised

    file = (WEIGHTS / "faceres.onnx").read_bytes()
    small = quantised(file, chips, Quantisation(keep=keep))
    assert len(small) < share * len(file)
    expected, found = answers(file, chips), answers(small, chips)
    assert (expected[0] * found[0]).sum(axis=1).min() > 0.95
    assert np.abs(expected[2] - found[2]).max() < 0.1
    assert np.abs(expected[0] - found[0]).max() > 1e-4


def test_layers_are_kept_by_kind():
    import onnx

    from nets.train.quantise import kept_nodes

    model = onnx.load(str(WEIGHTS / "faceres.onnx"))
    assert len(kept_nodes(model, ("stem",))) == 1
    assert len(kept_nodes(model, ("depthwise", "dense"))) == 13 + 3
    assert kept_nodes(model, ()) == []
