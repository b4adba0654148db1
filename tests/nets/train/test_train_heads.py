"""Tiny heads, trained for real."""

import numpy as np
import pytest

from nets.api import AGES
from nets.heads import HeadNet, expected_rank_ages
from nets.models import Entry
from nets.train.features import Features
from nets.train.heads import Settings, inputs_of, label_distribution, labelled, levels_of

TINY = Settings(epochs=25, batch=64, hidden=32, dropout=0.1, teacher=0.0)


def people(n=600, seed=0):
    """Made-up faces whose first features tell age and gender."""
    random = np.random.default_rng(seed)
    ages, male = random.integers(1, 91, n).astype(float), random.integers(0, 2, n).astype(float)
    identity = random.random((n, 1024)) / 60
    identity[:, 0], identity[:, 1] = ages / 90, male
    flat = np.full((n, 100), 0.01)
    half = np.full(n, 0.5)
    rows = np.arange(n)
    said = Features(rows, 0 * rows, identity, flat, half, np.zeros((n, 128)), flat, half)
    return said, ages, male


def test_labels_become_bells_about_the_age():
    found = label_distribution(np.array([0.0, 5.0, 50.0, 110.0]))
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)
    assert (found.argmax(axis=1) + 1).tolist() == [1, 5, 50, 100]
    assert found[1].max() > found[2].max()


def test_levels_are_falling_shares_of_what_is_older():
    levels = levels_of(label_distribution(np.array([30.0])))
    assert (np.diff(levels) <= 1e-6).all()
    assert levels[0, 20] > 0.99
    assert levels[0, 40] < 0.01


@pytest.fixture(scope="module", params=["softmax", "coral"])
def trained(request):
    pytest.importorskip("tensorflow")
    from nets.train.heads import train_head

    said, ages, male = people()
    return request.param, train_head(request.param, labelled(said, ages, male, TINY), TINY)


@pytest.mark.train
def test_a_head_learns_age_and_gender(trained):
    from nets.train.export import probabilities

    kind, model = trained
    said, ages, male = people(200, seed=1)
    found = probabilities(model, inputs_of(said))
    years = expected_rank_ages(found["older"]) if kind == "coral" else found["age"] @ AGES
    assert np.abs(years - ages).mean() < np.abs(ages - ages.mean()).mean() / 2
    assert ((found["male"] > 0.5) == (male > 0.5)).mean() > 0.9


@pytest.mark.train
def test_the_exported_head_equals_keras(trained, tmp_path):
    import hashlib

    from nets.train.export import export_head, probabilities

    kind, model = trained
    data = export_head(model, kind)
    file = tmp_path / "head.onnx"
    file.write_bytes(data)
    head = HeadNet(Entry(kind, file, hashlib.sha256(data).hexdigest(), None, 1, {}))
    inputs = inputs_of(people(50, seed=2)[0])
    expected = probabilities(model, inputs)
    found = head.run(inputs)
    assert set(found) == set(expected)
    for name, values in found.items():
        np.testing.assert_allclose(values, expected[name], atol=1e-4)
    if kind == "coral":
        assert (np.diff(found["older"], axis=1) <= 1e-6).all()


@pytest.mark.train
def test_the_same_seed_gives_the_same_head():
    pytest.importorskip("tensorflow")
    from nets.train.export import export_head
    from nets.train.heads import train_head

    short = Settings(epochs=1, hidden=8)
    examples = labelled(*people(64), short)
    assert len({export_head(train_head("coral", examples, short), "a") for _ in range(2)}) == 1


@pytest.mark.train
def test_importance_weights_the_ranks():
    pytest.importorskip("tensorflow")
    from nets.arch.heads import coral_loss

    levels = np.array([[1.0, 1.0, 0.0]], np.float32)
    logits = np.array([[2.0, -1.0, 0.5]], np.float32)
    p = 1 / (1 + np.exp(-logits))
    each = -(levels * np.log(p) + (1 - levels) * np.log(1 - p))
    plain, weighted = coral_loss(), coral_loss([1.0, 2.0, 0.0])
    np.testing.assert_allclose(plain(levels, logits), each.sum(axis=1), rtol=1e-5)
    expected = (each * [1, 2, 0]).sum(axis=1)
    np.testing.assert_allclose(weighted(levels, logits), expected, rtol=1e-5)
