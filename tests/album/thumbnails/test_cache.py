"""Small pictures are made once, and never more than the bound."""

import os
import threading

import pytest
from PIL import Image

from album.thumbnails.cache import Thumbnails, key_of


def picture(shade=0):
    return Image.new("RGB", (64, 64), (shade,) * 3)


def test_the_least_recently_used_go_first(tmp_path):
    thumbnails = Thumbnails(tmp_path)
    for number in range(10):
        path = thumbnails.get(f"{number:02}abc", picture)
        os.utime(path, (number, number))
    size = path.stat().st_size
    thumbnails.get("00abc", picture)  # it is used again
    thumbnails.bound = size * 5
    thumbnails.clean()
    left = sorted(path.stem for path in tmp_path.rglob("*.jpg"))
    assert left == ["00abc", "07abc", "08abc", "09abc"]


def test_two_who_ask_at_once_draw_once(tmp_path):
    thumbnails, drawn, ready = Thumbnails(tmp_path), [], threading.Barrier(4)

    def draw():
        drawn.append(1)
        return picture()

    def ask():
        ready.wait()
        thumbnails.get("abcd", draw)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(drawn) == 1


def test_what_can_not_be_drawn_leaves_nothing(tmp_path):
    def draw():
        raise LookupError("gone")

    thumbnails = Thumbnails(tmp_path)
    with pytest.raises(LookupError):
        thumbnails.get("abcd", draw)
    assert not list(tmp_path.rglob("*.jpg"))
    thumbnails.get("abcd", picture)
    assert len(list(tmp_path.rglob("*.jpg"))) == 1


def test_keys():
    assert key_of("a", 1) == key_of("a", 1) != key_of("a", 2)
    assert key_of("\udcff").isalnum()
