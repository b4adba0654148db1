"""Tiny heads, trained for real; that with classes has blocks of its own."""

from dataclasses import replace

import numpy as np
import pytest

from nets.core.api import AGES
from nets.embedders.heads import HeadNet, expected_rank_ages
from nets.runtime.models import WEIGHTS, Entry
from nets.train.features import Features
from nets.train.heads import (
    Settings,
    inputs_of,
    joined,
    label_distribution,
    labelled,
    levels_of,
    unlabelled,
)
from nets.train.maps import Maps

TINY = Settings(epochs=25, batch=64, hidden=32, dropout=0.1, teacher=0.0, tuning=1)


def people(n=600, seed=0):
    """Made-up faces whose first features tell age and gender; their maps tell nothing."""
    random = np.random.default_rng(seed)
    ages, male = random.integers(1, 91, n).astype(float), random.integers(0, 2, n).astype(float)
    identity = random.random((n, 1024)) / 60
    identity[:, 0], identity[:, 1] = ages / 90, male
    flat = np.full((n, 100), 0.01)
    half = np.full(n, 0.5)
    rows = np.arange(n)
    maps = Maps.of(np.broadcast_to(np.float16(0), (n, 512, 14, 14)))
    said = Features(rows, 0 * rows, identity, flat, half, np.zeros((n, 128)), flat, half, maps)
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


def test_faces_without_labels_are_told_like_the_teacher():
    said, ages, male = people(4)
    own, more = labelled(said, ages, male, TINY), unlabelled(said, 0.25)
    np.testing.assert_allclose(more.ages, 0.01, rtol=1e-3)
    assert more.weight.tolist() == [0.25] * 4
    both = joined(own, more)
    assert len(both.maps) == len(both.inputs) == 8
    np.testing.assert_array_equal(both.ages[:4], own.ages)


@pytest.fixture(scope="module")
def start():
    pytest.importorskip("onnx")
    from nets.train.shipped import shipped_weights

    return shipped_weights(WEIGHTS / "faceres-deep.onnx")


@pytest.fixture(scope="module", params=["softmax", "coral"])
def trained(request, start):
    pytest.importorskip("tensorflow")
    from nets.train.heads import train_head

    how = replace(TINY, blocks=request.param == "softmax")
    examples = labelled(*people(), how)
    return request.param, train_head(request.param, examples, how, start=start)


@pytest.mark.train
def test_a_head_starts_as_the_net_that_it_starts_from(start):
    pytest.importorskip("tensorflow")
    from nets.arch.heads import age_gender_head, start_from
    from nets.train.export import probabilities

    model = age_gender_head(ages="softmax", blocks=True)
    start_from(model, start)
    random = np.random.default_rng(0)
    maps = np.maximum(random.normal(0, 1, (2, 512, 14, 14)), 0).astype(np.float32)
    said = [probabilities(model, random.random((2, 1253)), maps) for _ in range(2)]
    np.testing.assert_allclose(said[0]["age"], said[1]["age"], atol=1e-6)
    assert said[0]["age"].std() > 0.01


@pytest.mark.train
def test_a_head_learns_age_and_gender(trained):
    from nets.train.export import probabilities

    kind, model = trained
    said, ages, male = people(200, seed=1)
    found = probabilities(model, inputs_of(said), said.maps.load() if kind == "softmax" else None)
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
    random = np.random.default_rng(0)
    maps = np.maximum(random.normal(0, 1, (20, 512, 14, 14)), 0).astype(np.float32)
    maps = maps if kind == "softmax" else None
    inputs = inputs_of(people(20, seed=2)[0])
    expected = probabilities(model, inputs, maps)
    found = head.run(inputs, maps)
    assert set(found) == set(expected)
    for name, values in found.items():
        np.testing.assert_allclose(values, expected[name], atol=1e-4)
    if kind == "coral":
        assert (np.diff(found["older"], axis=1) <= 1e-6).all()


@pytest.mark.train
def test_the_same_seed_gives_the_same_head(start):
    pytest.importorskip("tensorflow")
    from nets.train.export import export_head
    from nets.train.heads import train_head

    short = Settings(epochs=1, hidden=8, tuning=1, blocks=True)
    examples = labelled(*people(64), short)
    models = [train_head("coral", examples, short, start=start) for _ in range(2)]
    assert len({export_head(model, "a") for model in models}) == 1


@pytest.mark.train
def test_a_head_with_blocks_needs_something_to_start_from():
    pytest.importorskip("tensorflow")
    from nets.train.heads import train_head

    how = replace(TINY, blocks=True)
    with pytest.raises(ValueError, match="weights to start from"):
        train_head("softmax", labelled(*people(8), how), how)


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
