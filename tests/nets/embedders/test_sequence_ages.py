"""Ages of sequences of frames by CORAL over two LSTM layers."""

import numpy as np
import pytest

from nets.core.api import Batch
from nets.embedders.heads import INPUTS, head_inputs
from nets.embedders.sequence_ages import FRAMES, CoralLstm
from nets.runtime.models import load_manifest
from tests.nets.data import arrays_in


class Net:
    """Says of each chip what follows from its mean, and counts how often it was run."""

    def __init__(self, crop, dim):
        self.name, self.contract, self.crop, self.dim, self.runs = crop, crop, crop, dim, 0

    def run(self, chips):
        self.runs += 1
        level = chips.mean(axis=(1, 2, 3)).astype(np.float32) / 255
        ages = np.full((len(chips), 100), 0.01, np.float32)
        return {"identity": np.repeat(level[:, None], self.dim, 1), "age": ages, "male": level}


def coral_lstm(entry):
    return CoralLstm(Net("box224", 1024), Net("aligned150", 128), entry)


@pytest.fixture(scope="module")
def net():
    return coral_lstm(load_manifest()["coral-lstm"])


def sequences(n):
    """Return inputs such as faces give, the same each time: of n people, each a little restless."""
    random = np.random.default_rng(5)

    def restless(spread, *shape):
        still = random.random((n, 1, *shape))
        return np.abs(still + random.normal(0, spread, (n, FRAMES, *shape)))

    identity, descriptor, ages = restless(0.2, 1024), restless(0.2, 128), restless(0.05, 100)
    parts = [part.reshape(n * FRAMES, -1) for part in (identity, descriptor, ages)]
    unit = [part / np.linalg.norm(part, axis=1, keepdims=True) for part in parts[:2]]
    male = np.clip(restless(0.1), 0, 1).reshape(-1)
    inputs = head_inputs(*unit, parts[2] / parts[2].sum(axis=1, keepdims=True), male)
    return inputs.reshape(n, FRAMES, INPUTS)


def test_what_is_kept_of_a_face_is_what_heads_take(net):
    chips = {
        name: np.full((3, size, size, 3), 50, np.uint8)
        for name, size in (("box224", 224), ("aligned150", 150))
    }
    batch = Batch(chips)
    assert net.crops == ("box224", "aligned150")
    assert net.features(batch).shape == (3, INPUTS)
    net.features(batch)
    assert net._faceres.runs == net._resnet29.runs == 1


def test_ages_are_probabilities_and_ranks_do_not_contradict_each_other(net):
    found = sequences(40)
    older = net.older(found)
    assert older.shape == (40, 99)
    assert (np.diff(older, axis=1) <= 1e-6).all()
    np.testing.assert_allclose(net.predict(found).sum(axis=1), 1, rtol=1e-4)


def test_each_sequence_is_told_as_if_it_were_alone(net):
    found = sequences(35)
    together = net.older(found)
    alone = np.concatenate([net.older(found[row : row + 1]) for row in (0, 33)])
    np.testing.assert_allclose(together[[0, 33]], alone, atol=1e-5)


def test_nobody_has_no_age(net):
    assert net.predict(np.zeros((0, FRAMES, INPUTS), np.float32)).shape == (0, 100)


@pytest.mark.parametrize("shape", [(2, 19, INPUTS), (2, FRAMES, 7)])
def test_other_shapes_are_refused(net, shape):
    with pytest.raises(ValueError, match=r"sequences \(m, 20, 1253\)"):
        net.older(np.zeros(shape, np.float32))


def test_the_contract_changes_with_the_nets_below(net):
    entry = load_manifest()["coral-lstm"]
    other = CoralLstm(Net("box224", 1024), Net("face64", 128), entry)
    assert other.contract != net.contract


def test_the_shipped_net_is_small_and_says_what_keras_says(net):
    from pathlib import Path

    entry = load_manifest()["coral-lstm"]
    assert entry.path.stat().st_size < 2e6
    golden = arrays_in(Path(__file__).parents[1] / "golden_sequence_ages.npz")
    np.testing.assert_allclose(net.older(sequences(4)), golden["older"], atol=2e-4)
