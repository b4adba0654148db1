"""Pictures as characters for terminals."""

import io
import re
from base64 import b64decode

import numpy as np
import pytest
from PIL import Image

from album.cli.images import encoded, protocol


@pytest.fixture
def picture():
    pixels = np.zeros((13, 40, 3), np.uint8)
    pixels[:7, :20] = (255, 0, 0)
    pixels[7:, 20:] = (0, 0, 255)
    return Image.fromarray(pixels)


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, "kitty"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "iterm"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "iterm"),
        ({"TERM": "foot"}, "sixel"),
        ({"TERM": "xterm-256color"}, "none"),
        ({"TERM": "tmux-256color", "KITTY_WINDOW_ID": "1"}, "none"),
        ({"TERM": "xterm-kitty", "TMUX": "/tmp/x"}, "none"),
        ({}, "none"),
    ],
)
def test_terminals_are_known_by_their_environment(environment, wanted):
    assert protocol(environment) == wanted


def test_kitty_gets_a_png_in_small_chunks():
    noise = np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8)
    text = encoded(Image.fromarray(noise), "kitty")
    parts = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", text)
    assert len(parts) > 2
    assert all(len(data) <= 4096 for _, data in parts)
    assert [keys.endswith("m=1") for keys, _ in parts] == [True] * (len(parts) - 1) + [False]
    png = b64decode("".join(data for _, data in parts))
    assert (np.asarray(Image.open(io.BytesIO(png))) == noise).all()


def test_iterm_gets_a_png_with_its_size(picture):
    said = re.fullmatch(
        r"\x1b\]1337;File=inline=1;size=(\d+);width=40px:(.*)\a\n", encoded(picture, "iterm")
    )
    png = b64decode(said[2])
    assert len(png) == int(said[1])


def test_sixels_can_be_drawn_again(picture):
    assert (drawn(encoded(picture, "sixel")) == np.asarray(picture)).all()


def test_nothing_is_sent_to_a_terminal_that_knows_no_pictures(picture):
    assert encoded(picture, "none") == ""


def drawn(text):
    """Draw sixels, slowly."""
    body = re.fullmatch(r'\x1bPq"1;1;(\d+);(\d+)(.*)\x1b\\\n', text)
    pixels = np.zeros((int(body[2]), int(body[1]), 3), np.uint8)
    palette, colour, x, top = {}, None, 0, 0
    token = r"#(\d+);2;(\d+);(\d+);(\d+)|#(\d+)|!(\d+)(.)|([$-])|(.)"
    for found in re.finditer(token, body[3]):
        number, *mixed, chosen, times, run, move, one = found.groups()
        if number:
            palette[number] = np.array([int(part) for part in mixed]) * 255 // 100
        elif chosen:
            colour = palette[chosen]
        elif move:
            x, top = 0, top + 6 * (move == "-")
        else:
            bits, end = ord(run or one) - 63, x + int(times or 1)
            for row in (row for row in range(6) if bits >> row & 1):
                pixels[top + row, x:end] = colour
            x = end
    return pixels
