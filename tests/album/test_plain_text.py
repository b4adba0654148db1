"""Text that files bring in can be stored, shown and written into XML, or is no text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from album.plain_text import plain_text

ANYTHING = st.text(st.characters(exclude_categories=()), max_size=300)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Anna", "Anna"),
        ("  Anna \0\0", "Anna"),
        ("Anna\r\nLee", "Anna  Lee"),
        ("Anna\x1b[31m", "Anna [31m"),
        ("Anna\u2028Lee", "Anna Lee"),
        ("Anna\uffff\ufdd0", "Anna"),
        ("Anna \ud83d", ""),
        ("\udcff", ""),
        ("Anna \U0001f600", "Anna \U0001f600"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("क\u094d\u200dष", "क\u094d\u200dष"),
        ("\u200fאנה\u200f", "\u200fאנה\u200f"),
        (None, ""),
        (5, ""),
    ],
)
def test_what_becomes_of_a_text(text, plain):
    assert plain_text(text) == plain


def test_a_text_is_cut():
    assert plain_text("a" * 1_000_000) == "a" * 200
    assert plain_text("2004:05:06 07:08:09", 10) == "2004:05:06"


@given(ANYTHING)
def test_whatever_is_left_can_be_stored_and_written(text):
    plain = plain_text(text)
    assert len(plain) <= 200
    assert plain.encode("utf-8").decode("utf-8") == plain
    element = etree.Element("a")
    element.text = plain
    assert etree.fromstring(etree.tostring(element)).text == (plain or None)
