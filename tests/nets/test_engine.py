import subprocess
import sys

import numpy as np
import pytest

from nets.core.api import Batch, Detections
from nets.embedders.embedders import Fused, MobileNetAttributes, MobileNetIdentity, ResNet29
from nets.engine import Engine, join, load_engine
from nets.fake import FakeDetector
from nets.runtime.models import OnnxNet, load_manifest
from tests.nets.golden import images


class Counting:
    """A net that counts how often it is run."""

    name = "counting"
    contract = "counting"
    crop = "box224"

    def __init__(self):
        self.runs = 0

    def run(self, chips):
        self.runs += 1
        n = len(chips)
        unit = np.tile(np.eye(1, 1024, dtype=np.float32), (n, 1))
        ages = np.full((n, 100), 0.01, np.float32)
        return {"identity": unit, "age": ages, "male": np.full(n, 0.7, np.float32)}


@pytest.fixture
def batch():
    return Batch({"box224": images(224), "aligned150": images(150)})


@pytest.fixture(scope="module")
def nets():
    return {name: OnnxNet(load_manifest()[name]) for name in ("faceres", "resnet29")}


def test_one_pass_gives_identity_age_and_gender():
    net = Counting()
    engine = Engine(FakeDetector(), MobileNetIdentity(net), MobileNetAttributes(net))
    assert engine.crops == ("box224",)
    said = engine.describe(Batch({"box224": images(224)}))
    assert net.runs == 1
    assert said.vectors.shape == (3, 1024)
    assert said.ages.shape == (3, 100)
    assert said.male.tolist() == pytest.approx([0.7] * 3)


def test_fused_distances_are_weighted_means_of_the_parts(nets, batch):
    parts = MobileNetIdentity(nets["faceres"]), ResNet29(nets["resnet29"])
    fused = Fused(parts, weights=(1, 3))

    def squared(vectors):
        return ((vectors[:, None] - vectors) ** 2).sum(axis=2)

    a, b, both = (squared(part.embed(batch)) for part in (*parts, fused))
    np.testing.assert_allclose(both, (a + 3 * b) / 4, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(fused.embed(batch), axis=1), 1, rtol=1e-5)
    assert fused.dim == fused.embed(batch).shape[1] == 1152
    assert fused.crops == ("box224", "aligned150")


def test_vectors_that_must_not_be_compared_have_different_contracts(nets):
    parts = MobileNetIdentity(nets["faceres"]), ResNet29(nets["resnet29"])
    embedders = [*parts, Fused(parts, weights=(1, 1)), Fused(parts, weights=(1, 2))]
    contracts = [e.contract for e in embedders] + [MobileNetAttributes(nets["faceres"]).contract]
    assert len(set(contracts)) == 5


@pytest.mark.parametrize("weights", [(1,), (1, 0), (1, -1)])
def test_fusing_wants_a_positive_weight_for_each_part(nets, weights):
    parts = MobileNetIdentity(nets["faceres"]), ResNet29(nets["resnet29"])
    with pytest.raises(ValueError, match="positive weight"):
        Fused(parts, weights=weights)


@pytest.mark.parametrize("profile", ["default", "paper"])
def test_profiles_describe_faces_and_none(profile, batch):
    engine = load_engine(profile=profile)
    said = engine.describe(batch)
    assert said.vectors.shape == (3, engine.embedder.dim)
    none = engine.crop(np.zeros((40, 40, 3), np.uint8), Detections.none())
    assert engine.describe(none).vectors.shape == (0, engine.embedder.dim)
    assert engine.describe(none).male.shape == (0,)


def test_a_black_chip_has_a_vector_too(nets):
    chips = np.concatenate([images(224), np.zeros((1, 224, 224, 3), np.uint8)])
    vectors = MobileNetIdentity(nets["faceres"]).embed(Batch({"box224": chips}))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    assert (vectors[:3] @ vectors[3]).max() <= 0


def test_names_override_the_profile():
    engine = load_engine(profile="paper", detector="fake", embedder="resnet29")
    names = engine.detector.name, engine.embedder.name, engine.attributes.name
    assert names == ("fake", "resnet29", "faceres")
    assert set(engine.crops) == {"box224", "aligned150"}


@pytest.mark.parametrize("kind", ["profile", "detector", "embedder", "attributes"])
def test_unknown_names_are_refused_with_the_known_ones(kind):
    with pytest.raises(ValueError, match=f"no {kind} 'nonsense'; choose one of .*fake"):
        load_engine(**{kind: "nonsense"})


def test_the_contract_depends_on_every_part():
    choices = [
        {},
        {"embedder": "resnet29"},
        {"attributes": "faceres-deep"},
        {"min_face": 80},
    ]
    contracts = {load_engine(profile="paper", detector="fake", **c).contract for c in choices}
    assert len(contracts) == 4


def test_joined_batches_are_described_as_one():
    engine = load_engine(profile="fake")
    faces = images(224)
    parts = [Batch({"box224": faces[:1]}), Batch({"box224": faces[1:]})]
    whole = engine.describe(join(parts))
    np.testing.assert_array_equal(
        whole.vectors, np.concatenate([engine.describe(part).vectors for part in parts])
    )
    with pytest.raises(ValueError, match="no batch"):
        join([])


@pytest.mark.parametrize("module", ["nets.core.api", "nets.runtime.models", "nets.engine"])
def test_importing_loads_no_runtime(module):
    heavy = "{'onnxruntime', 'scipy', 'onnx', 'av'}"
    code = f"import sys, {module}; print(sorted(set(sys.modules) & {heavy}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_power_keeps_unit_length_and_takes_weight_from_strong_features(nets, batch):
    plain = MobileNetIdentity(nets["faceres"]).embed(batch)
    rooted = MobileNetIdentity(nets["faceres"], power=0.5)
    np.testing.assert_allclose(np.linalg.norm(rooted.embed(batch), axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(
        rooted.embed(batch) ** 2, plain / plain.sum(axis=1)[:, None], atol=1e-5
    )
    assert rooted.contract != MobileNetIdentity(nets["faceres"]).contract
