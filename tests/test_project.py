"""What the project promises about itself: its wheel, its README, its CI, its size."""

import re
import tomllib
from pathlib import Path

import album

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
ROOMS = ("album", "nets", "clustering", "db")


def command_blocks() -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```", README, re.M | re.S)


def test_ci_runs_exactly_the_test_command_of_the_readme():
    tests = command_blocks()[1]
    assert "pytest" in tests
    assert tests in (ROOT / ".ci/run").read_text(encoding="utf-8")


def test_the_wheel_has_just_the_four_rooms():
    assert tuple(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == ROOMS


def test_the_version_is_one():
    assert PROJECT["project"]["version"] == album.__version__
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## {album.__version__}" in changelog
