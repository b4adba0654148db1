"""What the pages say of dates: what is believed, what is not, and why."""

import os

import pytest

from tests.album.albums import ANNA, Drawn, photo
from tests.album.web.conftest import Client, web_shelf


@pytest.fixture
def dated(album, tmp_path):
    """One photo more, taken in the future by its camera, so that its name is believed."""
    path = photo(tmp_path / "photos" / "IMG_20050607_080910.jpg", Drawn(ANNA, 25), year=2099)
    os.utime(path, (1_500_000_000, 1_500_000_000))
    album.index(tmp_path / "photos")
    with Client(web_shelf(album.path, tmp_path / "cache")) as client:
        yield client


def test_what_was_refused_is_listed_with_the_reason(dated):
    found = dated.get("/api/v1/dates?refused=true").json()
    assert found["total"] == 1
    (one,) = found["photos"]
    assert (one["date"], one["source"], one["trusted"]) == ("2005-06-07", "file-name", True)
    camera = next(claim for claim in one["claims"] if claim["source"] == "exif-original")
    assert "future" in camera["refusal"] and not camera["believed"]
    assert [claim["source"] for claim in one["claims"] if claim["believed"]] == ["file-name"]
    page = dated.get("/dates?refused=true").text
    assert camera["refusal"] in page
    assert "not believed: " in page
    assert camera["refusal"] in dated.get(one["url"]).text


def test_photos_by_what_they_go_by(dated):
    camera = dated.get("/api/v1/dates?source=exif-original&precision=second&limit=4").json()
    assert camera["total"] == 11
    assert len(camera["photos"]) == 4
    rest = dated.get("/api/v1/dates?source=exif-original&offset=4").json()["photos"]
    assert len(rest) == 7
    dates = [one["date"] for one in (*camera["photos"], *rest)]
    assert dates == sorted(dates)
    assert dated.get("/api/v1/dates?source=gps").json()["total"] == 0
    assert "There is no such photo." in dated.get("/dates?source=gps").text
    page = dated.get("/library").text
    assert 'href="/dates?source=exif-original&amp;precision=second"' in page
    assert "camera, when taken" in page


def test_a_date_is_set_and_taken_back(dated):
    (one,) = dated.get("/api/v1/dates?refused=true").json()["photos"]
    address = f"/api/v1/photos/{one['id']}"
    done = dated.patch(address, json={"date": "1999-05"})
    assert done.json()["summary"].endswith("to 1999-05.")
    assert dated.get(address).json()["date"] == "1999-05"
    assert "set by you" in dated.get(one["url"]).text
    dated.patch(address, json={"date": None})
    assert dated.get(address).json()["date"] == "2005-06-07"
    assert dated.patch(address, json={"date": None}).status_code == 409
    for bad in ("soon", "2999", "1500", ""):
        assert dated.patch(address, json={"date": bad}).status_code == 409
    assert dated.patch(address, json={}).status_code == 422
    assert dated.patch("/api/v1/photos/999", json={"date": "1999"}).status_code == 404
    dated.post("/api/v1/undo")
    assert dated.get(address).json()["date"] == "1999-05"
