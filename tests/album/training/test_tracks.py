"""The net for tracks: what it is trained on, and what it has to be better than."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from album.cli.train import command
from album.evaluation.datasets import Faces
from album.training.clips import LENGTHS, PART, KnownClips, known_clips
from album.training.heads import Known
from nets.embedders.heads import INPUTS
from nets.train import splits
from nets.train.features import Features, Nets
from tests.album.training.test_net import faces
from tests.nets.train.test_features import Detector
from tests.nets.train.test_sequences import Net

pytest.importorskip("onnx")

from album.training.tracks import fused, interval, still_tracks


def known(n=30, views=2):
    """Return made-up features, rows and views mixed up, whose first input is the row."""
    rows = np.repeat(np.arange(n), views)
    view = np.tile(np.arange(views), n)
    mixed = np.random.default_rng(0).permutation(len(rows))
    rows, view = rows[mixed], view[mixed]
    identity = np.zeros((len(rows), 1024), np.float16)
    identity[:, 0], identity[:, 1] = rows / 16, view / 16
    flat, half = np.full((len(rows), 100), 0.01), np.full(len(rows), 0.5)
    columns = {
        "rows": rows,
        "view": view,
        "identity": identity,
        "ages": flat,
        "male": half,
        "descriptor": np.zeros((len(rows), 128)),
        "teacher_ages": flat,
        "teacher_male": half,
    }
    part = splits.parts([str(row) for row in rows])
    return Known(Features(**columns), rows + 1.0, rows * 0.0, part, 0)


def test_views_of_a_still_are_a_short_track():
    data = known()
    inputs, ages = still_tracks(data)
    train = np.unique(data.said.rows[data.part == "train"])
    assert inputs.shape == (len(train), 2, INPUTS)
    np.testing.assert_allclose(inputs[:, 0, 0], train, rtol=1e-2)
    np.testing.assert_array_equal(inputs[:, :, 1], [[0, 1]] * len(train))
    np.testing.assert_array_equal(ages, train + 1.0)


def test_ages_of_single_frames_are_fused():
    ranks = np.zeros((1, 7, 99), np.float32)
    for frame, age in enumerate((36, 30, 30, 31, 31, 36, 80)):
        ranks[0, frame, : age - 1] = 1
    found = {name: float(ages[0]) for name, ages in fused(ranks).items()}
    expected = {"first": 36, "mean": 274 / 7, "median": 31, "top_3": 97 / 3}
    assert found == pytest.approx(expected, rel=1e-5)


def test_an_interval_holds_the_mean_difference():
    low, high = interval(np.random.default_rng(1).normal(-1, 2, 400))
    assert -1.4 < low < -1 < high < -0.6


NETS = Nets(Detector(), Net("box224", 1024), Net("aligned150", 128), Net("box224", 1024))


@pytest.mark.parametrize(
    ("part", "most"),
    [("test", None), ("train", 20), pytest.param("all", None, marks=pytest.mark.long)],
)
def test_clips_are_made_of_the_pictures_of_a_part(tmp_path, monkeypatch, part, most):
    monkeypatch.setattr(
        "album.training.clips.read", lambda path: np.full((100, 100, 3), 90, np.uint8)
    )
    paths = [Path(f"{i}.jpg") for i in range(PART + 30)]
    ages = np.arange(len(paths), dtype=float)
    some = Faces(paths, ages.astype(int), ages, np.zeros(len(paths)), ages)
    *steps, found = known_clips(some, part, NETS, choose="centre", cache=tmp_path, most=most)
    expected = splits.parts([path.name for path in paths]) == part
    count = min(most or 999, len(paths) if part == "all" else int(expected.sum()))
    assert steps[-1] == count == len(found.ages) == len(set(found.ages))
    assert isinstance(found, KnownClips)
    assert found.said.male.shape[1] == LENGTHS.get(part, 20)
    if part != "all":
        assert expected[found.said.rows].all()
    np.testing.assert_array_equal(found.ages, ages[found.said.rows])
    assert (np.diff(found.ages) < 0).any()
    monkeypatch.setattr("nets.train.frames.extract", lambda *_, **__: pytest.fail("made again"))
    *_, again = known_clips(some, part, NETS, choose="centre", cache=tmp_path, most=most)
    np.testing.assert_array_equal(again.said.male, found.said.male)


@pytest.mark.train
def test_the_net_is_trained_judged_and_written(tmp_path):
    pytest.importorskip("tensorflow")
    out = tmp_path / "out"
    call = ["coral-lstm", str(faces(tmp_path, 60)), "--clips", "5", "--epochs", "1"]
    ran = CliRunner().invoke(command, [*call, "--out", str(out)], catch_exceptions=False)
    said = json.loads(ran.stdout)
    assert said["parity"]["largest_difference"]["older"] <= 1e-4
    metrics = said["source"]["metrics"]
    assert metrics["trained_on"]["clips"] == 5
    assert metrics["test"]["mae"] > 0
    ways = {"first", "mean", "median", "top_3"}
    assert set(metrics["test"]["single_frames"]) == set(metrics["test"]["better_than"]) == ways
    assert (out / "coral-lstm.onnx").stat().st_size == said["bytes"]
