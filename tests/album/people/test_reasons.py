"""Reasons in words."""

from dataclasses import replace
from datetime import datetime

import pytest

from album.people.people import to_person
from album.people.suggestions import about, apart, facts, reasons, years
from tests.album.people.test_people import ROW

ONE = replace(
    to_person(ROW), born=2006.4, born_low=2005, born_high=2008, first=datetime(2009, 1, 1),
    last=datetime(2011, 5, 5), faces=25,
)  # fmt: skip
OTHER = replace(ONE, born=2007.1, first=datetime(2012, 1, 1), last=datetime(2015, 1, 1))


def test_dates_and_births_of_both():
    said = reasons(ONE, OTHER, 1.06, nearer=(0, 0))
    assert said == (
        "nearest to each other, 1.06 of the limit apart",
        "2009–2011 and 2012–2015",
        "born about 2006 and 2007",
    )


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (
            replace(ONE, born=1970.0, born_low=1968, born_high=1972),
            "about 2006 and 1970, which is far",
        ),
        (replace(ONE, born_date="2006-05"), "born about 2006 and 2006-05"),
        (replace(ONE, gender="male"), "female and male"),
        (ONE, "born about 2006 both"),
    ],
)
def test_what_speaks_against_it_is_said_too(other, told):
    assert told in "; ".join(reasons(ONE, other, 1.2, nearer=(3, 0)))


def test_what_is_not_known_is_left_out():
    nobody = replace(ONE, born=None, first=None, last=None, gender=None)
    assert reasons(nobody, OTHER, 1.2, nearer=(1, 0)) == ("1.20 of the limit apart",)
    assert facts(nobody) == ()
    assert (years(nobody), about(nobody)) == ("no dates", "unknown")


def test_parts_and_single_years():
    assert apart(1, ONE, 0.96) == "1 face of 25, 0.96 of the limit from the others"
    assert apart(3, ONE, 0.96).startswith("3 faces of 25")
    assert years(replace(ONE, last=ONE.first)) == "2009"
