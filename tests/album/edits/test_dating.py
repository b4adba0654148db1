"""Dates set by hand, taken back, shifted, and read again; what `album dates` says of them."""

import json
from pathlib import Path

import pytest

from album.edits.dating import find_dated, parse_date, parse_shift, refresh_dates, set_dates
from album.errors import Refused
from album.people.suggestions import suggestions
from db.library import Library
from db.photos.dates import dated_photos
from db.photos.hints import hinted_names
from tests.album.albums import ANNA, Drawn, Shelf, family, photo
from tests.databases import sql

pytestmark = pytest.mark.postgresql


@pytest.fixture
def shelf(tmp_path):
    shelf = Shelf(tmp_path)
    shelf.index(family(tmp_path / "photos"))
    return shelf


def dates_of(shelf, person):
    return sorted(one["date"] for one in shelf.seen(person))


def rows(shelf, query):
    return sql(shelf.path, query)


def test_the_table_of_sources(shelf):
    said = shelf("dates", "--json").json
    assert [(one["source"], one["photos"]) for one in said["sources"]] == [("exif-original", 11)]
    assert said["sources"][0]["trusted"] is True
    assert "EXIF, taken" in shelf("dates").out


def test_all_claims_are_listed_and_the_chosen_one_is_marked(shelf, tmp_path):
    bad = photo(tmp_path / "photos" / "IMG_20030405_060708.jpg", Drawn(ANNA, 23), year=2999)
    shelf.index(tmp_path / "photos")
    listed = shelf("dates", "list", bad).out.splitlines()
    assert listed[0].endswith("IMG_20030405_060708.jpg")
    assert "EXIF, taken" in listed[1] and "refused: in the future" in listed[1]
    assert listed[2].startswith("  * name of the file") and "2003-04-05 06:07:08" in listed[2]
    assert "time of the file" in listed[3]
    refused = shelf("dates", "list", "--refused", "--json").json["photos"]
    assert [Path(one["path"]).name for one in refused] == [bad.name]
    assert "1 photo with a date that was refused" in shelf("dates").out
    assert shelf("dates", "list", "--undated").out == "No such photo.\n"


def test_a_date_set_by_hand_counts_and_is_taken_back_exactly(shelf, tmp_path):
    before = rows(shelf, "SELECT * FROM photo ORDER BY id"), shelf.people()
    folder = tmp_path / "photos" / "2000"
    assert (
        "Set the date of 2 photos to 1990-05"
        in shelf("dates", "set", folder, "--date", "1990-05").out
    )
    anna = shelf.people()[0]["id"]
    assert dates_of(shelf, anna)[0] == "1990-05-15T00:00:00"
    assert shelf("find", "--year", "1990", "--count").out == "2\n"
    assert shelf.people()[0]["first"].startswith("1990-05-15")
    assert "set by you" in shelf("dates", "list", folder).out
    assert "Undone" in shelf("undo").out
    assert (rows(shelf, "SELECT * FROM photo ORDER BY id"), shelf.people()) == before
    assert "Done again" in shelf("redo").out
    assert dates_of(shelf, anna)[0] == "1990-05-15T00:00:00"
    shelf("dates", "unset", folder)
    assert (rows(shelf, "SELECT * FROM photo ORDER BY id"), shelf.people()) == before


def test_reading_a_photo_again_leaves_a_date_that_was_set(shelf, tmp_path):
    one = tmp_path / "photos" / "2000" / "anna.jpg"
    shelf("dates", "set", one, "--date", "1990")
    shelf("index", "--profile", "fake", "--min-face", "30", tmp_path / "photos")
    said = shelf("dates", "list", one, "--json").json["photos"][0]
    assert (said["date"], said["date_source"]) == ("1990-07-01T00:00:00", "user")
    shelf("dates", "unset", one)
    said = shelf("dates", "list", one, "--json").json["photos"][0]
    assert (said["date"], said["date_source"]) == ("2000-07-08T07:08:09", "exif-original")


def test_a_photo_read_before_claims_were_noted_gets_its_date_back(shelf, tmp_path):
    one = tmp_path / "photos" / "2000" / "anna.jpg"
    with Library.open(shelf.path) as library, library.write() as conn:
        from sqlalchemy import text

        conn.execute(text("UPDATE photo SET date_claims = NULL"))
    shelf("dates", "set", one, "--date", "1990")
    shelf("undo")
    said = shelf("dates", "list", one, "--json").json["photos"][0]
    assert (said["date"], said["date_source"]) == ("2000-07-08T07:08:09", "exif-original")


def test_a_wrong_clock(shelf, tmp_path):
    folder = tmp_path / "photos" / "2002"
    shelf("dates", "set", folder, "--shift", "+1d2h")
    said = shelf("dates", "list", folder, "--json").json["photos"]
    assert sorted(one["date"] for one in said) == ["2002-05-07T09:08:09", "2002-07-09T09:08:09"]
    assert {one["date_precision"] for one in said} == {"second"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--date", "soon"), "soon is no date; write 1984"),
        (("--date", "2999"), "is in the future"),
        (("--date", "1700"), "There were no photos in 1700"),
        (("--shift", "1h"), "1h says no shift"),
        ((), "Give either --date or --shift"),
    ],
)
def test_what_is_no_date_is_refused(shelf, tmp_path, words, told):
    before = rows(shelf, "SELECT * FROM photo")
    ran = shelf("dates", "set", tmp_path / "photos", *words)
    assert ran.code in (1, 2)
    assert told in ran.err
    assert rows(shelf, "SELECT * FROM photo") == before


def test_a_path_without_photos_is_refused(shelf, tmp_path):
    ran = shelf("dates", "set", tmp_path / "nowhere", "--date", "1990")
    assert "holds no photo of the library" in ran.err


def test_dates_and_shifts_are_read_as_they_are_written():
    assert parse_date("1984-05-17 12:30").precision == "second"
    assert parse_date("1984").taken_at.isoformat() == "1984-07-01T00:00:00"
    assert parse_shift("-30m").total_seconds() == -1800
    assert parse_shift("+1y").days == 365
    with pytest.raises(Refused):
        parse_shift("+")


def takeout(path, seconds, *names):
    people = [{"name": name} for name in names]
    text = json.dumps({"photoTakenTime": {"timestamp": str(seconds)}, "people": people})
    path.with_name(f"{path.name}.supplemental-metadata.json").write_text(text)


def test_sidecars_that_come_later_are_read_without_looking_at_pixels(tmp_path, monkeypatch):
    shelf = Shelf(tmp_path)
    folder = tmp_path / "photos"
    for year in range(2000, 2008, 2):
        photo(
            folder / f"{year}.jpg", Drawn(ANNA, year - 1980, male=False), year=None, shade=year % 90
        )
    shelf.index(folder)
    undated = shelf("status", "--json").json["photos_without_trusted_date"]
    assert undated == 4
    for year in range(2000, 2008, 2):
        takeout(folder / f"{year}.jpg", 86400 * 365.25 * (year - 1970) + 86400 * 99, "Ana", "Ben")
    monkeypatch.setattr("album.media.decoding.read_upright", None)
    assert shelf("dates", "refresh", "--json").json == {
        "format": 1, "read": 4, "changed": 4, "failed": 0,
    }  # fmt: skip
    assert shelf("dates", "refresh", folder, "--json").json["changed"] == 0
    said = shelf("dates", "--json").json["sources"]
    assert {one["source"] for one in said} == {"takeout"}
    assert shelf.people()[0]["born"] == pytest.approx(1980, abs=2)
    with Library.open(shelf.path) as library:
        who = shelf.people()[0]["id"]
        assert hinted_names(library, [who]) == {who: [("Ana", 4), ("Ben", 4)]}
        (question,) = suggestions(library, kinds=["name"])
        assert "Google Photos has Ana in 4 photos of these" in question.why


def test_a_file_that_is_gone_is_passed_over_and_named(shelf, tmp_path):
    (tmp_path / "photos" / "cleo.jpg").unlink()
    ran = shelf("dates", "refresh")
    assert ran.code == 3
    assert "cleo.jpg" in ran.err
    assert "10 photos read" in ran.out


def test_forgetting_a_photo_forgets_what_was_set(shelf, tmp_path):
    one = tmp_path / "photos" / "cleo.jpg"
    shelf("dates", "set", one, "--date", "1990")
    assert shelf("forget", "--photo", one, "--yes").code == 0
    assert rows(shelf, "SELECT count(*) FROM date_override") == [(0,)]


def test_the_twin_in_python(shelf, tmp_path):
    with Library.open(shelf.path) as library:
        found = find_dated(library, [tmp_path / "photos" / "2000"])
        assert len(found) == 2
        change = set_dates(library, found, parse_date("1990-05-17"))
        assert change.kind == "date" and change.event_id
        assert {one.date_precision for one in dated_photos(library, sources=["user"])} == {"day"}
        assert not any(one.changed for one in refresh_dates(library, dated_photos(library)))
