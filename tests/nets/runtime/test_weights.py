"""The files in nets/weights and what the manifest says of them."""

import hashlib

import pytest

from nets.core.crops import CROPS
from nets.engine import HEADS, SEQUENCES
from nets.runtime.models import WEIGHTS, load_manifest
from nets.runtime.ort import onnxruntime

NETS = load_manifest()


def test_every_net_is_there_and_every_file_is_described():
    converted = {"pnet", "rnet", "onet", "faceres", "faceres-deep", "resnet29"}
    converted |= {"emotion", "expression", "gender"}
    assert set(NETS) == converted | set(HEADS) | set(SEQUENCES)
    assert {entry.path for entry in NETS.values()} == set(WEIGHTS.glob("*.onnx"))


@pytest.mark.parametrize("name", NETS)
def test_the_file_is_the_one_described(name):
    data = NETS[name].path.read_bytes()
    assert hashlib.sha256(data).hexdigest() == NETS[name].sha256
    assert len(data) == NETS[name].facts["bytes"]


@pytest.mark.parametrize("name", NETS)
def test_source_licence_training_and_parity_are_stated(name):
    facts = NETS[name].facts
    for key in ("licence", "authors", "training", "input", "outputs", "parity"):
        assert facts[key], key
    assert "research" in facts["training"]
    source = facts["source"]
    if name in (*HEADS, *SEQUENCES):
        assert source["metrics"]["settings"]["seed"]
        assert source["metrics"]["test"]["mae"]
        return
    assert source["registry"] in ("npm", "PyPI")
    assert len(source["sha256"]) == 64
    assert all(len(digest) == 64 for digest in source["members"].values())


@pytest.mark.parametrize("name", NETS)
def test_crop_and_input_agree(name):
    entry = NETS[name]
    if entry.crop is not None:
        size = CROPS[entry.crop].size
        assert entry.facts["input"]["shape"] == [None, size, size, 3]


@pytest.mark.parametrize("name", NETS)
def test_the_graph_has_the_inputs_and_outputs_described(name):
    session = onnxruntime.InferenceSession(str(NETS[name].path))
    assert {output.name for output in session.get_outputs()} == set(NETS[name].facts["outputs"])
    said = NETS[name].facts["input"]
    wanted = [said["name"], *(["map"] if "map" in said else [])]
    assert [value.name for value in session.get_inputs()] == wanted


def test_all_weights_together_stay_small():
    assert sum(entry.facts["bytes"] for entry in NETS.values()) < 32e6
