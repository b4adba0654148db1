import importlib.util

import numpy as np
import pytest
from click.testing import CliRunner

from album.calibration import attribute_calibration
from album.commands.train import command
from album.training import KINDS, Trained, score, write
from nets.engine import ATTRIBUTES, HEADS


def test_every_head_can_be_trained_and_has_its_errors_measured():
    assert set(KINDS) == set(HEADS)
    for name in ATTRIBUTES:
        assert attribute_calibration(name).age.shared > 0


def test_ages_and_genders_are_scored_where_they_are_known():
    said = {"older": np.zeros((3, 99)), "male": np.array([0.9, 0.2, 0.9])}
    said["older"][:, :29] = 1
    row = score(said, np.array([30.0, 20.0, 60.0]), np.array([1.0, 1.0, np.nan]))
    assert row["mae"] == row["mae_ranks"] == row["mae_sum"] == pytest.approx(40 / 3, abs=1e-3)
    assert row["mae_21_40"] == 0
    assert row["gender"] == 0.5


def test_nothing_is_said_of_genders_where_none_is_known():
    said = {"age": np.full((1, 100), 0.01), "male": np.array([0.9])}
    assert "gender" not in score(said, np.array([50.0]), np.array([np.nan]))


def test_metrics_lie_beside_the_head(tmp_path):
    path = write(Trained("coral", b"net", {"mae": 5.0}), tmp_path / "new")
    assert path.read_bytes() == b"net"
    assert path.with_suffix(".json").read_text() == '{\n  "mae": 5.0\n}\n'


def test_without_keras_the_command_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    found = CliRunner().invoke(command, ["coral", str(tmp_path)])
    assert found.exit_code == 2
    assert "pip install 'album-people[train]'" in found.output
