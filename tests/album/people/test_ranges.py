"""Ranges and dates as people write them."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from album.people.ranges import NotARange, Range, parse_date, parse_range, parse_years


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [("3", 3, 3), ("3..6", 3, 6), ("3..", 3, None), ("..6", None, 6), (" 0 .. 0 ", 0, 0)],
)
def test_ranges(text, low, high):
    assert parse_range(text) == Range(low, high)


@pytest.mark.parametrize(
    "text", ["", "..", "x", "3-6", "-3", "3.5", "3..x", "x..3", "1..2..3", "٣"]
)
def test_what_is_no_range(text):
    with pytest.raises(NotARange, match=r"is no range; write a number such as 3, or 3\.\.6"):
        parse_range(text)


def test_a_range_that_runs_backwards_is_told_how_to_run():
    with pytest.raises(NotARange, match=r"6\.\.3 runs backwards; write 3\.\.6"):
        parse_range("6..3")


@given(st.none() | st.integers(0, 999), st.none() | st.integers(0, 999), st.integers(0, 999))
def test_a_range_holds_what_lies_between_its_ends(low, high, value):
    held = (low is None or low <= value) and (high is None or high >= value)
    assert (value in Range(low, high)) == held


@pytest.mark.parametrize(
    ("text", "start", "after"),
    [
        ("2019", (2019, 1, 1), (2020, 1, 1)),
        ("2019-12", (2019, 12, 1), (2020, 1, 1)),
        ("2020-2", (2020, 2, 1), (2020, 3, 1)),
        ("2020-02-29", (2020, 2, 29), (2020, 3, 1)),
    ],
)
def test_dates(text, start, after):
    assert parse_date(text) == (datetime(*start), datetime(*after))


@pytest.mark.parametrize("text", ["", "19", "2019-13", "2019-02-29", "9999", "9999-12-31", "today"])
def test_what_is_no_date(text):
    with pytest.raises(NotARange, match="is no date; write a day, a month or a year"):
        parse_date(text)


def test_years():
    assert parse_years("2015..2019") == (datetime(2015, 1, 1), datetime(2020, 1, 1))
    assert parse_years("2015..") == (datetime(2015, 1, 1), None)
    assert parse_years("..2019") == (None, datetime(2020, 1, 1))
    for text in ("19", "20190", "9999"):
        with pytest.raises(NotARange, match="is no year; write 2019"):
            parse_years(text)
