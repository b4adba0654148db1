import json
import shutil

import numpy as np
import pytest

from nets.core.errors import WeightsError
from nets.runtime import models
from nets.runtime.models import OnnxNet, load_manifest, open_session
from nets.runtime.ort import onnxruntime
from tests.nets.data import arrays_in
from tests.nets.golden import FILE, images

CHIP_NETS = ("faceres", "faceres-deep", "resnet29")

# faceres keeps the publisher's float16; faceres-deep loses what float16 loses; the ResNet's
# publisher stored 8 bits, and dlib is the original.
FURTHEST = {"faceres": 1e-5, "faceres-deep": 0.01, "resnet29": 0.06}


@pytest.fixture(scope="module")
def manifest():
    return load_manifest()


@pytest.fixture(scope="module")
def nets(manifest):
    return {name: OnnxNet(manifest[name]) for name in CHIP_NETS}


@pytest.fixture
def copied(tmp_path):
    for name in ("manifest.json", "pnet.onnx", "resnet29.onnx"):
        shutil.copy(models.WEIGHTS / name, tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", CHIP_NETS)
def test_outputs_are_those_of_the_original_nets(nets, name):
    golden = arrays_in(FILE)
    said = nets[name].run(images(nets[name].size))
    far = np.linalg.norm(said["identity"] - golden[f"{name}/identity"], axis=1)
    assert far.max() < FURTHEST[name]
    for output in set(said) - {"identity"}:
        np.testing.assert_allclose(said[output], golden[f"{name}/{output}"], atol=1e-3)


@pytest.mark.parametrize("name", CHIP_NETS)
def test_identity_is_of_unit_length_and_probabilities_are_probabilities(nets, name):
    size = nets[name].size
    white = np.full((2, size, size, 3), 255, np.uint8)
    said = nets[name].run(np.concatenate([images(size), white]))
    np.testing.assert_allclose(np.linalg.norm(said["identity"], axis=1), 1, rtol=1e-5)
    if "age" in said:
        np.testing.assert_allclose(said["age"].sum(axis=1), 1, rtol=1e-5)
        assert said["male"].shape == (5,)
        assert ((said["male"] >= 0) & (said["male"] <= 1)).all()


@pytest.mark.parametrize("name", CHIP_NETS)
def test_no_chips_give_empty_outputs_of_the_right_shape(nets, name):
    size = nets[name].size
    none = nets[name].run(np.zeros((0, size, size, 3), np.uint8))
    one = nets[name].run(np.zeros((1, size, size, 3), np.uint8))
    assert {k: (0, *v.shape[1:]) for k, v in one.items()} == {k: v.shape for k, v in none.items()}
    assert all(v.dtype == np.float32 for v in none.values())


def test_the_size_of_the_batches_does_not_matter(manifest):
    chips = np.concatenate([images(150), images(150)[:, ::-1]])
    whole = OnnxNet(manifest["resnet29"], batch=6).run(chips)["identity"]
    parts = OnnxNet(manifest["resnet29"], batch=4).run(chips)["identity"]
    np.testing.assert_allclose(whole, parts, atol=1e-5)


@pytest.mark.parametrize(
    "chips",
    [
        np.zeros((1, 224, 224, 3), np.uint8),
        np.zeros((1, 150, 150, 3), np.float32),
        np.zeros((150, 150, 3), np.uint8),
        np.zeros((1, 150, 150, 4), np.uint8),
    ],
)
def test_other_chips_than_the_net_takes_are_refused(nets, chips):
    with pytest.raises(ValueError, match="resnet29 wants uint8 chips"):
        nets["resnet29"].run(chips)


def test_parts_of_a_detector_are_no_nets_for_chips(manifest):
    with pytest.raises(ValueError, match="pnet"):
        OnnxNet(manifest["pnet"])


def test_contract_changes_with_weights_crop_and_preprocessing(copied):
    def contract(**changes):
        path = copied / "manifest.json"
        original = path.read_text()
        content = json.loads(original)
        content["nets"]["resnet29"].update(changes)
        path.write_text(json.dumps(content))
        net = OnnxNet(load_manifest(copied)["resnet29"])
        path.write_text(original)
        return net.contract

    changes = [{}, {"sha256": "0" * 64}, {"crop": "box224"}, {"preprocessing": 2}]
    assert len({contract(**change) for change in changes}) == 4
    assert contract() == contract(licence="another")


def test_damaged_weights_are_refused_when_first_used(copied):
    path = copied / "resnet29.onnx"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    net = OnnxNet(load_manifest(copied)["resnet29"])
    with pytest.raises(WeightsError, match=r"resnet29\.onnx are damaged"):
        net.run(np.zeros((0, 150, 150, 3), np.uint8))


def test_missing_weights_are_named(copied):
    (copied / "pnet.onnx").unlink()
    with pytest.raises(WeightsError, match=r"pnet\.onnx"):
        open_session(load_manifest(copied)["pnet"])


@pytest.mark.parametrize("content", [None, "", "{", '{"format": 99, "nets": {}}'])
def test_a_manifest_that_is_no_manifest_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(WeightsError, match=r"manifest\.json"):
        load_manifest(tmp_path)


@pytest.mark.parametrize("device", ["cpu", "auto"])
def test_few_chips_at_a_time_on_the_processor(device, monkeypatch):
    """Also where the processor is what was found, which no name says."""
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    net = OnnxNet(load_manifest()["faceres"], device=device)
    seen = []
    call = OnnxNet._call
    monkeypatch.setattr(
        OnnxNet, "_call", lambda self, chips: seen.append(len(chips)) or call(self, chips)
    )
    net.run(np.zeros((5, 224, 224, 3), np.uint8))
    assert seen == [2, 2, 1]
