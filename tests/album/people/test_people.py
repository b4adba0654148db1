"""Records of people and faces."""

from dataclasses import fields, replace
from datetime import datetime

import pytest

from album.people.people import Person, to_person
from album.people.records import PERSON_KEYS, path_record, person_record
from db.rows import PersonRow

ROW = PersonRow(
    *(7, None, False, False, None, None, 0.02, 1980.4, 1976.0, 1983.9),
    *(34, 35, datetime(2004, 5, 6, 7, 8, 9, 123456), datetime(2019, 8, 1), 3),
    datetime(2020, 1, 1),
)


def test_gender_is_the_likelier_one_with_its_probability():
    person = to_person(ROW)
    assert (person.gender, person.gender_source) == ("female", "estimated")
    assert person.gender_probability == pytest.approx(0.98)
    assert to_person(replace(ROW, p_male=0.9)).gender == "male"
    unknown = to_person(replace(ROW, p_male=None))
    assert (unknown.gender, unknown.gender_source) == (None, None)


def test_what_the_user_said_goes_first():
    person = to_person(replace(ROW, gender_override="m", born_override="1984-05"))
    assert (person.gender, person.gender_probability, person.gender_source) == (
        "male",
        None,
        "user",
    )
    assert person.born_source == "user"
    assert person.born_low == pytest.approx(1984 + 121 / 366)
    assert person.born_high == pytest.approx(1984 + 152 / 366)
    assert person.born == pytest.approx((person.born_low + person.born_high) / 2)


def test_record_of_a_person_has_the_columns_of_the_csv():
    record = person_record(to_person(ROW))
    assert tuple(record) == PERSON_KEYS
    assert {field.name for field in fields(Person)} == set(record)
    assert record["first"] == "2004-05-06T07:08:09"


def test_who_has_a_name_is_no_passer_by():
    assert to_person(replace(ROW, passer_by=True)).passer_by
    named = to_person(replace(ROW, passer_by=True, name="Anna"))
    assert (named.passer_by, named.label) == (False, "Anna")
    unnamed, named = to_person(ROW), to_person(replace(ROW, name="Anna"))
    assert (unnamed.label, unnamed.file_label) == ("Person 7", "person-7")
    assert named.label == named.file_label == "Anna"


def test_paths_are_text_and_bytes_only_where_they_must_be():
    assert path_record("/photos/ä.jpg") == {"path": "/photos/ä.jpg"}
    assert path_record("/p/\udce9.jpg") == {"path": "/p/\\xe9.jpg", "path_base64": "L3Av6S5qcGc="}
    assert path_record(None) == {"path": None}
