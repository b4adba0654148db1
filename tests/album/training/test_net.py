"""``album train net``, for real, on few faces."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from click.testing import CliRunner

from album.cli.train import command
from album.training.faces import Step, find_faces, read
from album.training.net import score_known
from nets.train.chips import Chips, Located, Pooled, locate
from tests.nets.data import data_folder
from tests.nets.train.test_features import Detector


def faces(tmp_path, n):
    """Return a folder with n faces of UTKFace, of all ages."""
    files = sorted((data_folder() / "utkface_dev").glob("*.jpg"))
    folder = tmp_path / "faces"
    folder.mkdir()
    for file in files[:: len(files) // n][:n]:
        (folder / file.name).symlink_to(file)
    return folder


def arguments(folder, out, *more):
    options = ["--epochs", "2", "--batch", "16", "--views", "2", "--out", str(out)]
    return ["net", str(folder), *options, *more]


@pytest.mark.train
def test_heads_and_then_all_layers_are_trained_and_exported(tmp_path):
    pytest.importorskip("tensorflow")
    out = tmp_path / "out"
    ran = CliRunner().invoke(
        command, arguments(faces(tmp_path, 60), out, "--fine-tune", "1"), catch_exceptions=False
    )
    said = json.loads(ran.stdout)
    assert said["ages_trained_on"] > 20
    assert said["test"]["faces"] > 3
    assert max(said["parity"].values()) <= 1e-4
    assert {path.name for path in out.iterdir()} == {
        *("net.onnx", "net.json", "heads.npz", "all-layers.npz", "logs", "features"),
    }
    assert len(list((out / "logs").rglob("events.out.tfevents.*"))) == 2
    from nets.train.shipped import load_shipped

    assert load_shipped(out / "net.onnx").count_params() > 3e6


@pytest.mark.train
def test_training_that_was_killed_goes_on_and_ends_the_same(tmp_path):
    pytest.importorskip("tensorflow")
    folder, cache = faces(tmp_path, 40), str(tmp_path / "cache")
    more = ("--cache", cache, "--epochs", "120")
    call = [sys.executable, "-m", "album", "train"]

    def run(out):
        done = subprocess.run(
            [*call, *arguments(folder, out, *more)], capture_output=True, check=True
        )
        return json.loads(done.stdout)

    undisturbed = run(tmp_path / "one")
    out = tmp_path / "two"
    with subprocess.Popen(
        [*call, *arguments(folder, out, *more)], stderr=subprocess.PIPE
    ) as process:
        while not (out / "heads.npz").exists() and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    resumed = run(out)
    assert resumed["test"] == undisturbed["test"]
    assert (out / "net.onnx").read_bytes() == (tmp_path / "one/net.onnx").read_bytes()
    other = subprocess.run(
        [*call, *arguments(folder, out, *more, "--rate", "0.1")], capture_output=True, check=False
    )
    assert other.returncode != 0
    assert b"other settings" in other.stderr


def test_faces_are_found_where_the_set_says_they_are():
    boxes = np.array([[0, 0, 35, 35], [np.nan] * 4, [70, 70, 99, 99], [0, 0, 9, 9]], float)
    images = [np.full((100, 100, 3), level, np.uint8) for level in (9, 9, 9, 0)]
    steps = locate(list(range(4)), images.__getitem__, Detector(), choose="centre", boxes=boxes)
    *_, found = steps
    assert found.rows.tolist() == [0, 1]
    assert found.boxes[:, 0].tolist() == [0, 40]


def test_what_cannot_be_read_is_left_out():
    *_, found = locate([1, 2], lambda path: None, Detector(), choose="centre")
    assert found.boxes.shape == (0, 4)
    assert found.landmarks.shape == (0, 5, 2)


def chips(*, plain):
    image = np.random.default_rng(0).integers(0, 256, (100, 100, 3), dtype=np.uint8)
    *_, where = locate([1, 2, 3], lambda path: image, Detector(), choose="largest")
    assert isinstance(where, Located)
    from pathlib import Path

    paths = [Path(f"{i}.jpg") for i in range(3)]
    return Chips(paths, where, lambda path: image, seed=1, plain=plain)


def test_chips_are_changed_anew_in_each_epoch_and_the_same_in_each_run():
    rows = np.array([0, 2])
    first, again, later = (chips(plain=False).chips(rows, epoch) for epoch in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != later).any()
    assert (first[0] != first[1]).any()
    as_they_are = chips(plain=True)
    np.testing.assert_array_equal(as_they_are.chips(rows, 0), as_they_are.chips(rows, 1))


def test_a_frozen_base_shows_one_of_the_views_it_has_seen():
    values = np.arange(40, dtype=np.float16).reshape(10, 2, 2)
    inputs = Pooled(values, seed=0)
    shown = [inputs.batch(np.arange(10), epoch)[:, 0] for epoch in range(9)]
    for row, seen in enumerate(np.stack(shown, axis=1)):
        assert set(seen) == set(values[row, :, 0].astype(float))


def test_ages_and_genders_are_scored_each_where_it_is_known():
    said = {"age": np.eye(100)[[29, 9, 49]], "male": np.array([0.9, 0.1, 0.9])}
    row = score_known(said, np.array([30, np.nan, 60.0]), np.array([1, 0, np.nan]))
    assert (row["mae"], row["gender"], row["faces"]) == (5, 1, 2)


def test_pictures_that_are_none_do_not_stop_it(tmp_path):
    broken = tmp_path / "30_1_0_x.jpg"
    broken.write_bytes(b"nothing")
    assert read(broken) is None
    from album.evaluation.training_sets import READERS

    *steps, found = find_faces([READERS["utkface"](tmp_path)], tmp_path / "cache")
    assert all(isinstance(step, Step) for step in steps)
    assert (found.missed, len(found.paths)) == (1, 0)


def test_what_is_no_net_cannot_be_begun_with(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: True)
    (tmp_path / "30_1_0_x.jpg").write_bytes(b"")
    ran = CliRunner().invoke(command, ["net", str(tmp_path), "--start", "nothing"])
    assert ran.exit_code == 2
    assert "nothing is neither" in ran.output
