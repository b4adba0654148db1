"""What browsers can't show comes as JPEG, clips come in ranges, covers are chosen."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from album.people.biography import Curve
from album.people.people import Person
from album.web.charts import FLOOR, WIDTH, birth_chart
from tests.album.albums import ANNA, BERT, Drawn, Shelf, photo, picture
from tests.album.drawn_clips import Placed, still, write
from tests.album.media_files import encoded
from tests.album.web.conftest import Client, web_shelf


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """Photos of two people, one of them as HEIC; a clip of both."""
    folder = tmp_path_factory.mktemp("mixed")
    for year in (2002, 2004, 2006):
        photo(folder / "photos" / f"a{year}.jpg", Drawn(ANNA, year - 1980, male=False), year=year)
        photo(folder / "photos" / f"b{year}.jpg", Drawn(BERT, year - 1970), year=year)
    shown = picture(Drawn(ANNA, 24, male=False), shade=120, side=160)
    (folder / "photos" / "anna.heic").write_bytes(encoded(shown, "HEIC"))
    anna = Placed(ANNA, 20, 30, age=24, male=False)
    frames = [still(anna)] * 60 + [still(anna, Placed(BERT, 200, 100, age=34))] * 60
    write(folder / "photos" / "party.mp4", frames, created="2004-08-06T07:08:09Z")
    shelf = Shelf(folder)
    shelf.index(folder / "photos")
    with Client(web_shelf(shelf.path, folder / "cache")) as client:
        client.folder = folder / "photos"
        yield client


def number_of(client, suffix):
    """The id of the photo whose path ends so."""
    for number in range(1, 20):
        told = client.get(f"/api/v1/photos/{number}")
        if told.status_code == 200 and told.json()["path"].endswith(suffix):
            return number
    raise AssertionError(suffix)


def test_heic_is_shown_as_jpeg(mixed):
    number = number_of(mixed, ".heic")
    answer = mixed.get(f"/photos/{number}/640.jpg")
    assert answer.headers["content-type"] == "image/jpeg"
    shown = Image.open(io.BytesIO(answer.content))
    assert (shown.format, max(shown.size)) == ("JPEG", 208)
    page = mixed.get(f"/photos/{number}").text
    assert f'<img src="/photos/{number}/1600.jpg"' in page
    face = mixed.get(f"/api/v1/photos/{number}").json()["faces"][0]["face_id"]
    assert Image.open(io.BytesIO(mixed.get(f"/faces/{face}/96.jpg").content)).format == "JPEG"
    original = mixed.get(f"/photos/{number}/file")
    assert original.headers["content-type"] == "application/octet-stream"
    assert "attachment" in original.headers["content-disposition"]


def test_clips_play_from_any_moment(mixed):
    number = number_of(mixed, ".mp4")
    whole = (mixed.folder / "party.mp4").read_bytes()
    address = f"/photos/{number}/file"
    head = mixed.get(address, headers={"range": "bytes=0-"})
    assert (head.status_code, head.headers["content-type"]) == (206, "video/mp4")
    assert head.headers["accept-ranges"] == "bytes"
    middle = mixed.get(address, headers={"range": "bytes=1000-1999"})
    assert middle.headers["content-range"] == f"bytes 1000-1999/{len(whole)}"
    assert middle.content == whole[1000:2000]
    end = mixed.get(address, headers={"range": "bytes=-50"})
    assert end.content == whole[-50:]
    beyond = mixed.get(address, headers={"range": f"bytes={len(whole)}-"})
    assert beyond.status_code == 416
    page = mixed.get(f"/photos/{number}?at=2000").text
    assert f'src="/photos/{number}/file"' in page and 'data-at="2000"' in page
    assert mixed.get(f"/photos/{number}/640.jpg").headers["content-type"] == "image/jpeg"


def test_a_person_tells_the_moments_of_clips(mixed):
    number = number_of(mixed, ".mp4")
    moments = {one["label"]: one["moments"] for one in
               mixed.get(f"/api/v1/photos/{number}").json()["faces"]}  # fmt: skip
    assert sorted(moments.values()) == [[[0, 3833]], [[2000, 3833]]]
    pages = [mixed.get(f"/people/{one}").text for one in (1, 2)]
    assert any(f'href="/photos/{number}?at=2000">0:02–0:03</a>' in page for page in pages)


def test_a_cover_is_chosen_and_taken_back(mixed):
    faces = mixed.get("/api/v1/people/1/faces").json()["faces"]
    before = mixed.get("/api/v1/people/1").json()["picture"]
    other = next(one for one in faces if one["picture"] != before)
    done = mixed.patch("/api/v1/people/1", json={"cover": other["face_id"]})
    assert done.status_code == 200
    assert mixed.get("/api/v1/people/1").json()["picture"] == other["picture"]
    strange = mixed.get("/api/v1/people/2/faces").json()["faces"][0]["face_id"]
    assert mixed.patch("/api/v1/people/1", json={"cover": strange}).status_code == 409
    mixed.post("/api/v1/undo")
    assert mixed.get("/api/v1/people/1").json()["picture"] == before


def born(low, middle, high):
    nothing = dict.fromkeys(Person.__slots__)
    return Person(**{**nothing, "id": 1, "born": middle, "born_low": low, "born_high": high})


def test_the_birth_year_is_drawn_with_its_interval():
    years = np.linspace(1970, 1990, 81)
    curve = Curve(years, np.exp(-((years - 1980) ** 2) / 8), np.array([1979.0, 1981, 1990.5]))
    chart = birth_chart(curve, born(1978.0, 1980.0, 1982.0))
    left, width = chart["band"]
    assert (left, width) == (WIDTH * 8 / 20, WIDTH * 4 / 20)
    assert chart["middle"] == WIDTH / 2
    points = [tuple(map(float, point.split(","))) for point in chart["points"].split()]
    assert min(points, key=lambda point: point[1])[0] == WIDTH / 2
    assert points[0][1] == points[-1][1] == FLOOR
    assert all(0 <= x <= WIDTH and 0 < y <= FLOOR for x, y in points)
    assert chart["dots"] == [WIDTH * 9 / 20, WIDTH * 11 / 20]
    assert 1980 in [year for _, year in chart["ticks"]]
    wide = birth_chart(curve, born(1960.0, 1980.0, 2000.0))
    assert wide["band"][0] > 0 and sum(wide["band"]) < WIDTH
    assert birth_chart(curve, born(None, None, None))["band"] is None


def test_the_page_of_a_person_shows_the_chart(mixed):
    page = mixed.get("/people/1").text
    assert 'class="band"' in page and 'class="density"' in page
    assert "with 80 % probability between" in page


def test_a_file_whose_suffix_is_not_utf_8(tmp_path):
    """What a file is, its content says; its name may be anything."""
    for number, name in enumerate((b"a.\xff", b"b.jp\xe9", b"c.jpg", b'd "x".tif\n')):
        path = Path(os.fsdecode(os.fsencode(tmp_path / "photos") + b"/" + name))
        try:
            photo(path, Drawn(ANNA), shade=30 + number)
        except OSError:
            pytest.skip("names of files have to be UTF-8 here")
    shelf = Shelf(tmp_path)
    assert shelf.index(tmp_path / "photos")["photos"] == 4
    with Client(web_shelf(shelf.path, tmp_path / "cache")) as client:
        named = []
        for number in range(1, 5):
            answer = client.get(f"/photos/{number}/file")
            assert answer.status_code == 200 and answer.content.startswith(b"\xff\xd8\xff")
            named.append(answer.headers.get("content-disposition", "").partition("filename=")[2])
            assert client.get(f"/photos/{number}").status_code == 200
            assert client.get(f"/photos/{number}/320.jpg").status_code == 200
    assert named == ['"photo-1"', '"photo-2"', "", '"photo-4"']


def test_pictures_are_shown_where_the_cache_can_not_be_written(tmp_path):
    shelf = Shelf(tmp_path)
    photo(tmp_path / "photos" / "a.jpg", Drawn(ANNA))
    shelf.index(tmp_path / "photos")
    (tmp_path / "cache").write_text("no folder")
    with Client(web_shelf(shelf.path, tmp_path / "cache")) as client:
        for path in ("/photos/1/320.jpg", "/faces/1/96.jpg"):
            answer = client.get(path)
            assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
            assert Image.open(io.BytesIO(answer.content)).format == "JPEG"
