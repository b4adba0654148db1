"""Killed at any moment, no command loses a name, a pixel or a row, or leaves a file behind."""

import random
import sys

import pytest

from tests.album.killing import COMMANDS, Album, drawn

pytestmark = [
    pytest.mark.sqlite,
    pytest.mark.skipif(sys.platform == "win32", reason="signals are those of Unix"),
]


@pytest.mark.long
def test_ten_kills(tmp_path):
    album = Album(tmp_path / "album", random.Random(5), more=drawn)
    kills = [album.kill(COMMANDS[i % len(COMMANDS)]) for i in range(10)]
    assert [fault for one in kills for fault in one.faults] == []
    assert sum(one.writing for one in kills) >= 3, "the kills came too late to say anything"
