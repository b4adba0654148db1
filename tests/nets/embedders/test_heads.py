"""The heads on the features of the identity nets, without Keras."""

import numpy as np
import pytest

from nets.core.api import AGES, Batch
from nets.embedders.heads import (
    INPUTS,
    HeadAttributes,
    HeadNet,
    age_and_gender,
    age_probabilities,
    expected_rank_ages,
    head_inputs,
    head_nets,
    rank_ages,
)
from nets.engine import HEADS, load_engine
from nets.runtime.models import OnnxNet, load_manifest
from tests.nets.golden import images
from tests.nets.head_golden import FILE, inputs, maps


@pytest.fixture(scope="module", params=HEADS)
def head(request):
    return HeadNet(load_manifest()[request.param])


def test_onnx_says_what_keras_said(head):
    with np.load(FILE) as golden:
        for name, values in head.run(inputs(), maps()).items():
            np.testing.assert_allclose(values, golden[f"{head.name}/{name}"], atol=1e-4)


def test_a_head_takes_any_number_of_faces(head):
    alone = head.run(inputs()[:1], maps()[:1])
    together = head.run(np.tile(inputs(), (2, 1)), np.tile(maps(), (2, 1, 1, 1)))
    for name, values in together.items():
        np.testing.assert_allclose(values[:1], alone[name], atol=1e-6)
        np.testing.assert_allclose(values[6:], values[:6], atol=1e-6)
        assert head.run(inputs()[:0], maps()[:0])[name].shape == (0, *values.shape[1:])


def test_the_ranks_of_coral_never_contradict():
    older = HeadNet(load_manifest()["coral"]).run(inputs())["older"]
    assert older.shape[1] == 99
    assert (np.diff(older, axis=1) <= 1e-6).all()
    assert older.max() <= 1
    assert older.min() >= 0


def test_ages_of_ranks_by_count_and_by_sum():
    older = np.zeros((2, 99), np.float32)
    older[0, :9] = 0.9
    older[1, :20], older[1, 20:40] = 1.0, 0.4
    assert rank_ages(older).tolist() == [10, 21]
    assert expected_rank_ages(older).tolist() == pytest.approx([9.1, 29])


def test_probabilities_of_ages_have_the_expectation_of_the_ranks():
    steps = np.random.default_rng(0).dirichlet(np.ones(100), 5)
    older = (1 - np.cumsum(steps, axis=1)[:, :-1]).astype(np.float32)
    found = age_probabilities(older)
    np.testing.assert_allclose(found, steps, atol=1e-6)
    np.testing.assert_allclose(found @ AGES, expected_rank_ages(older), rtol=1e-5)


def test_contradicting_ranks_still_make_probabilities():
    older = np.random.default_rng(0).random((4, 99), np.float32)
    found = age_probabilities(older)
    assert found.min() >= 0
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("male", [0.0, 1.0, 0.5])
def test_inputs_are_finite_whatever_the_gender(male):
    parts = np.eye(1, 1024), np.eye(1, 128), np.full((1, 100), 0.01), np.full(1, male)
    found = head_inputs(*parts)
    assert found.shape == (1, INPUTS)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()


class Counting:
    """A net that counts its runs."""

    def __init__(self, net):
        self.net, self.runs = net, 0
        self.name, self.contract, self.crop = net.name, net.contract, net.crop

    def run(self, chips):
        self.runs += 1
        return self.net.run(chips)


def test_one_pass_of_each_net_gives_identity_age_and_gender():
    nets = [
        Counting(OnnxNet(load_manifest()[name], inner=True)) for name in ("faceres", "resnet29")
    ]
    batch = Batch({"box224": images(224), "aligned150": images(150)})
    for name in HEADS:
        said = HeadAttributes(*nets, *head_nets(name)).predict(batch)
        assert said.ages.shape == (3, 100)
        assert said.male.shape == (3,)
        np.testing.assert_allclose(said.ages.sum(axis=1), 1, rtol=1e-5)
    assert [net.runs for net in nets] == [1, 1]


def test_an_engine_takes_a_head_by_name_under_a_contract_of_its_own():
    engines = [load_engine(attributes=name) for name in ("faceres-deep", *HEADS)]
    assert len({engine.attributes.contract for engine in engines}) == 4
    assert len({engine.embedder.contract for engine in engines}) == 1
    assert {engine.crops for engine in engines[1:]} == {("box224", "aligned150")}


class Says:
    """A head that says one thing of everybody."""

    def __init__(self, male, **ages):
        self.said = {"male": np.full(2, male, np.float32), **ages}

    def run(self, features, maps=None):
        return self.said


def test_genders_of_heads_together_are_the_mean_of_their_log_odds():
    ages = np.full((2, 100), 0.01, np.float32)
    heads = [Says(0.9, age=ages), Says(0.2, older=np.zeros((2, 99), np.float32))]
    said = age_and_gender(heads, inputs()[:2])
    assert said.ages is ages
    np.testing.assert_allclose(said.male, 0.6, rtol=1e-5)  # odds of 9 and 1/4: the mean is 1.5
    assert age_and_gender(heads[:1], inputs()[:2]).male.tolist() == pytest.approx([0.9, 0.9])
    sure = age_and_gender([Says(1.0, age=ages), Says(0.0, age=ages)], inputs()[:2])
    np.testing.assert_allclose(sure.male, 0.5, rtol=1e-5)


def test_the_gender_of_onepass_deep_is_that_of_coral_too():
    own, coral = head_nets("onepass-deep")
    assert (own.name, coral.name) == ("onepass-deep", "coral")
    said = age_and_gender([own, coral], inputs(), maps())
    alone = [head.run(inputs(), maps()) for head in (own, coral)]
    np.testing.assert_array_equal(said.ages, alone[0]["age"])
    both = np.stack([one["male"] for one in alone])
    assert ((said.male >= both.min(axis=0)) & (said.male <= both.max(axis=0))).all()
    parts = [OnnxNet(load_manifest()[name], inner=True) for name in ("faceres", "resnet29")]
    contracts = {HeadAttributes(*parts, *heads).contract for heads in ([own], [own, coral])}
    assert len(contracts) == 2
