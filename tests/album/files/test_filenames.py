"""Names that every system accepts."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from album.files.filenames import LONGEST, Taken, folded, safe_name


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("Anna", "Anna"),
        ("IMG_0001.JPG", "IMG_0001.JPG"),
        ("a/b\\c:d*e?f", "a_b_c_d_e_f"),
        ("..", "fallback"),
        (".hidden", "_hidden"),
        ("ends with dots. . ", "ends with dots"),
        ("con", "_con"),
        ("Nul.jpg", "_Nul.jpg"),
        ("COM1.tar.gz", "_COM1.tar.gz"),
        ("console", "console"),
        ("caf\udce9.jpg", "caf_.jpg"),
        ("tab\tand\x1b[31m", "tab_and_[31m"),
        ("Zoe\u0308", "Zoë"),
        ("", "fallback"),
        ("田中さん", "田中さん"),
    ],
)
def test_examples(name, safe):
    assert safe_name(name, "fallback") == safe


def test_long_names_keep_their_extension():
    name = safe_name("ä" * 300 + ".jpeg")
    assert name.endswith("ä.jpeg")
    assert len(name.encode()) <= LONGEST


@given(st.text())
def test_any_text_becomes_a_name(text):
    name = safe_name(text, "fallback")
    assert name
    assert len(name.encode()) <= LONGEST
    assert not set(name) & set('<>:"/\\|?*')
    assert not name.startswith((".", " "))
    assert not name.endswith((".", " "))
    assert all(unicodedata.category(c) not in ("Cc", "Cs") for c in name)
    assert safe_name(name) == name


def test_names_that_are_one_on_some_system_are_told_apart():
    taken = Taken(["IMG.jpg"])
    assert taken.claim("img.JPG") == "img (2).JPG"
    assert taken.claim("Zoë") == "Zoë"
    assert taken.claim("zoe\u0308", "Zoë (person-3)") == "Zoë (person-3)"
    assert taken.claim("zoë", "zoë (person-3)") == "zoë (2)"


@given(st.lists(st.sampled_from(["a.jpg", "A.jpg", "a (2).jpg", "b", "ä" * 110 + ".jpg"])))
def test_no_name_is_given_out_twice(names):
    taken = Taken()
    claimed = [taken.claim(safe_name(name)) for name in names]
    assert len({folded(name) for name in claimed}) == len(names)
    assert all(len(name.encode()) <= LONGEST for name in claimed)
