"""CORAL over two LSTM layers, trained for real on made-up tracks."""

import hashlib

import numpy as np
import pytest

from nets.embedders.heads import INPUTS, expected_rank_ages
from nets.embedders.sequence_ages import FRAMES
from nets.runtime.models import Entry
from nets.train.frames import Frames
from tests.nets.embedders.test_sequence_ages import coral_lstm

pytest.importorskip("onnx")

from nets.train.lstm import LstmSettings, Tracks, export_lstm, older, train_lstm

TINY = LstmSettings(epochs=30, batch=32, width=16, hidden=12, dropout=0.1, rate=5e-3)


def tracks(n=300, frames=8, seed=0):
    """Return tracks whose first inputs tell the age, hidden in noise that changes by frame."""
    random = np.random.default_rng(seed)
    ages = random.integers(1, 91, n).astype(float)
    inputs = random.normal(0, 0.05, (n, frames, INPUTS))
    inputs[:, :, :4] += ages[:, None, None] / 45 + random.normal(0, 0.3, (n, frames, 4))
    return inputs.astype(np.float16), ages


def test_short_clips_are_gone_through_to_and_fro_from_any_frame():
    clips = np.arange(8, dtype=np.float16)[None, :, None].repeat(200, axis=0)
    clips = np.broadcast_to(clips, (200, 8, INPUTS))
    shown = Tracks([clips], np.zeros(200)).shown(np.arange(200), 20, np.random.default_rng(0))[
        :, :, 0
    ]
    assert shown.shape == (200, FRAMES)
    assert (np.abs(np.diff(shown, axis=1)) == 1).all()
    assert set(shown[:, 0]) == set(range(8))
    assert set(np.sign(shown[:, 1] - shown[:, 0])) == {-1, 1}


def test_clips_of_several_lengths_are_mixed():
    parts = [np.full((2, length, INPUTS), length, np.float16) for length in (1, 5, 20)]
    rows = np.array([5, 0, 2])
    shown = Tracks(parts, np.zeros(6)).shown(rows, 20, np.random.default_rng(0))
    assert shown.shape == (3, FRAMES, INPUTS)
    assert shown[:, 7, 9].tolist() == [20, 1, 5]


@pytest.fixture(scope="module")
def trained():
    pytest.importorskip("tensorflow")
    clips, ages = tracks()
    return train_lstm(Tracks([clips], ages), TINY)


@pytest.mark.train
def test_the_net_learns_ages(trained):
    clips, ages = tracks(100, frames=FRAMES, seed=1)
    found = expected_rank_ages(older(trained, clips))
    assert np.abs(found - ages).mean() < np.abs(ages - ages.mean()).mean() / 2


@pytest.mark.train
def test_the_exported_net_equals_keras(trained, tmp_path):
    data = export_lstm(trained)
    file = tmp_path / "net.onnx"
    file.write_bytes(data)
    net = coral_lstm(Entry("coral-lstm", file, hashlib.sha256(data).hexdigest(), None, 1, {}))
    clips = tracks(50, frames=FRAMES, seed=2)[0].astype(np.float32)
    found = net.older(clips)
    np.testing.assert_allclose(found, older(trained, clips), atol=1e-4)
    assert (np.diff(found, axis=1) <= 1e-6).all()
    np.testing.assert_allclose(net.predict(clips).sum(axis=1), 1, rtol=1e-4)


@pytest.mark.train
def test_the_order_of_frames_counts_only_with_memory(trained):
    clips, ages = tracks(20, frames=FRAMES, seed=3)
    turned = clips[:, ::-1]
    assert np.abs(older(trained, clips) - older(trained, turned)).max() > 1e-4
    from dataclasses import replace

    plain = train_lstm(Tracks([clips], ages), replace(TINY, memory=False, epochs=1))
    np.testing.assert_allclose(older(plain, clips), older(plain, turned)[:, ::-1], atol=1e-5)


@pytest.mark.train
def test_the_same_seed_gives_the_same_net():
    pytest.importorskip("tensorflow")
    clips, ages = tracks(64)
    short = LstmSettings(epochs=2, whole=1, width=8, hidden=8)
    assert len({export_lstm(train_lstm(Tracks([clips], ages), short)) for _ in range(2)}) == 1


def test_frames_become_inputs_of_heads():
    random = np.random.default_rng(0)
    shapes = ((2, 3, 1024), (2, 3, 128), (2, 3, 100), (2, 3))
    parts = [random.random(shape).astype(np.float16) for shape in shapes]
    found = Frames(np.arange(2), *parts).inputs()
    assert found.shape == (2, 3, INPUTS)
    np.testing.assert_allclose(found[1, 2, :1024], parts[0][1, 2].astype(np.float32) * 16)
