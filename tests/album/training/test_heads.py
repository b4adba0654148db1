import importlib.util
import json

import numpy as np
import pytest
from click.testing import CliRunner

from album.cli.train import command
from album.models.calibration import attribute_calibration
from album.training.heads import KINDS, Trained, read_pictures, score, write, write_head
from nets.engine import ATTRIBUTES, HEADS
from nets.runtime.models import load_manifest


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


def test_metrics_lie_beside_a_net(tmp_path):
    path = write(Trained("net", b"net", {"mae": 5.0}), tmp_path / "new")
    assert path.read_bytes() == b"net"
    assert path.with_suffix(".json").read_text() == '{\n  "mae": 5.0\n}\n'


class Weights:
    """Has weights that can be kept."""

    def save_weights(self, path):
        path.write_bytes(b"weights")


@pytest.fixture
def written(tmp_path):
    pytest.importorskip("onnx")
    done = Trained("coral", b"net", {"mae": 5.0}, {"older": 1e-7}, Weights(), "3.0")
    return write_head(done, tmp_path / "new")


def test_what_must_be_known_of_a_head_lies_beside_it(written):
    assert written.read_bytes() == b"net"
    known = json.loads(written.with_suffix(".json").read_text())
    assert known["source"]["metrics"] == {"mae": 5.0}
    assert known["parity"]["largest_difference"] == {"older": 1e-7}
    assert written.with_suffix(".weights.h5").read_bytes() == b"weights"


def test_a_written_head_is_put_among_the_nets_that_ship(written, tmp_path):
    from nets.train.manifest import ship

    ship("coral", written.parent, weights=tmp_path)
    entry = load_manifest(tmp_path)["coral"]
    assert entry.path.read_bytes() == b"net"
    assert entry.facts["title"].startswith("CORAL")
    written.write_bytes(b"another")
    with pytest.raises(ValueError, match="train the head again"):
        ship("coral", written.parent, weights=tmp_path)


def test_pictures_come_in_the_order_of_their_paths(tmp_path):
    for name in ("b/2.jpg", "a/1.PNG", "a/notes.txt", "0.jpeg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = read_pictures(tmp_path)
    assert [path.name for path in found] == ["0.jpeg", "1.PNG", "2.jpg"]


def test_without_keras_the_command_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    found = CliRunner().invoke(command, ["coral", str(tmp_path)])
    assert found.exit_code == 2
    assert "pip install 'album-people[train]'" in found.output
