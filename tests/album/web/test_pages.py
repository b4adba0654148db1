"""Every page over a small library, and what can be done there."""

import os
import re

import pytest

from album.web import texts
from album.web.texts import ENGLISH
from db.library import Library
from tests.album.albums import Drawn, photo
from tests.album.web.conftest import Client, web_shelf

ANNA, BERT = 1, 2


def person(client, number):
    return client.get(f"/api/v1/people/{number}").json()


@pytest.mark.parametrize(
    "path",
    [
        *("/people", "/people?group=all&sort=name", "/people/1", "/people/1?newest=true"),
        *("/photos/1", "/review", "/review?names=true", "/map", "/library", "/search?q=2004"),
    ],
)
def test_pages_answer_with_a_heading_and_a_title(client, path):
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert len(re.findall("<h1", answer.text)) == 1
    assert "<title>" in answer.text
    assert 'style="' not in answer.text and "<script>" not in answer.text


def test_people_are_listed_sorted_and_filtered(client):
    found = client.get("/api/v1/people?group=all").json()
    assert [one["id"] for one in found["people"]] == [ANNA, BERT, 3]
    assert found["people"][0]["photos"] == 10
    assert client.get("/api/v1/people?group=all&limit=1&offset=1").json()["people"][0]["id"] == BERT
    client.patch(f"/api/v1/people/{BERT}", json={"name": "Bert"})
    named = client.get("/api/v1/people?group=named").json()
    assert [one["label"] for one in named["people"]] == ["Bert"]
    assert client.get("/api/v1/people?name=ber").json()["total"] == 1
    by_name = client.get("/api/v1/people?group=all&sort=name").json()["people"]
    assert by_name[0]["label"] == "Bert"
    assert client.get("/api/v1/people?sort=nonsense").status_code == 422


def test_saying_things_of_a_person_and_taking_them_back(client):
    before = person(client, ANNA)
    done = client.patch(f"/api/v1/people/{ANNA}", json={"name": "Anna"}).json()
    assert done["summary"] == "Named Person 1 Anna."
    assert person(client, ANNA)["name"] == "Anna"
    client.patch(f"/api/v1/people/{ANNA}", json={"born": "1980-05"})
    assert person(client, ANNA)["born"] == pytest.approx(1980.37, abs=0.1)
    client.patch(f"/api/v1/people/{ANNA}", json={"hidden": True})
    assert [one["id"] for one in client.get("/api/v1/people?group=hidden").json()["people"]] == [1]
    for _ in range(3):
        assert client.post("/api/v1/undo").status_code == 200
    assert person(client, ANNA) == before
    answer = client.post("/api/v1/undo")
    assert answer.status_code == 409
    assert client.post("/api/v1/redo").status_code == 200
    assert person(client, ANNA)["name"] == "Anna"


def test_one_thing_is_said_at_a_time(client):
    answer = client.patch("/api/v1/people/1", json={"name": "A", "hidden": True})
    assert answer.status_code == 409
    assert client.patch("/api/v1/people/1", json={"shoe": 42}).status_code == 422
    assert client.patch("/api/v1/people/99", json={"name": "A"}).status_code == 404


def test_what_is_refused_may_be_insisted_on(client):
    answer = client.post("/api/v1/people/merge", json={"person_ids": [ANNA, BERT]})
    assert answer.status_code == 409
    assert answer.json()["can_force"] is True
    assert answer.json()["error"].endswith(
        "Do you want to allow that, as in a mirror or a collage?"
    )
    done = client.post("/api/v1/people/merge", json={"person_ids": [ANNA, BERT], "force": True})
    assert done.json()["kind"] == "merge"
    assert client.get(f"/people/{BERT}").status_code == 404


def test_faces_are_split_moved_named_and_rejected(client):
    faces = client.get(f"/api/v1/people/{ANNA}/faces").json()
    assert faces["total"] == 10
    first, second, third = (one["face_id"] for one in faces["faces"][:3])
    new = client.post(f"/api/v1/people/{ANNA}/split", json={"face_ids": [first]}).json()
    assert new["person_ids"][0] == ANNA
    named = client.post("/api/v1/faces/move", json={"face_ids": [second], "name": "Zoë"}).json()
    zoe = named["person_ids"][-1]
    assert person(client, zoe)["name"] == "Zoë"
    client.post("/api/v1/faces/move", json={"face_ids": [first], "name": "zoë"})
    assert person(client, zoe)["faces"] == 2
    client.post("/api/v1/faces/reject", json={"face_ids": [third]})
    assert person(client, ANNA)["faces"] == 7
    assert client.post("/api/v1/faces/reject", json={"face_ids": [third]}).status_code == 409
    assert client.post("/api/v1/faces/move", json={"face_ids": [9999]}).status_code == 404


@pytest.mark.parametrize("newest", ["false", "true"])
def test_the_page_and_the_interface_list_faces_in_one_order(album, client, tmp_path, newest):
    photo(tmp_path / "photos" / "undated.jpg", Drawn(1, 25, male=False), year=None)
    album.index(tmp_path / "photos")
    told = client.get(f"/api/v1/people/{ANNA}/faces?newest={newest}").json()
    shown = re.findall(
        r'class="face" data-id="(\d+)"', client.get(f"/people/1?newest={newest}").text
    )
    assert [int(one) for one in shown] == [one["face_id"] for one in told["faces"]]
    assert len(shown) == told["total"] == 11
    dates = [one["date"] for one in told["faces"] if one["date"]]
    assert dates == sorted(dates, reverse=newest == "true")


def test_a_photo_tells_who_is_where(client):
    found = client.get("/api/v1/search?q=2004").json()
    both = next(one for one in found["photos"] if "," in one["people"])
    told = client.get(f"/api/v1/photos/{both['id']}").json()
    assert [one["person_id"] for one in told["faces"]] in ([ANNA, BERT], [BERT, ANNA])
    assert told["date"] == "2004-05-06"
    page = client.get(f"/photos/{both['id']}").text
    assert page.count('role="button"') == 2
    assert client.post(f"/api/v1/photos/{both['id']}/exempt", json={}).json()["kind"] == "twice"


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ("#1", 10),
        ("#1 with #2", 5),
        ("#1 without #2", 5),
        ("#1 age 20..24", 6),
        ("#1 2004", 2),
        ("#1 2004..2006", 4),
        ("#2 or #3", 6),
        ("#1 only", 5),
        ("from 2006 to 2008", 4),
        ("male", 6),
        ("faces 2", 5),
        ("unnamed 2000", 2),
    ],
)
def test_searching_by_a_few_words(client, words, count):
    assert client.get("/api/v1/search", params={"q": words}).json()["total"] == count


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("nobody", 404),
        ("#1 age", 400),
        ("#1 age x", 400),
        ("2009 to 2004", 400),
        ("#1 not #1", 400),
    ],
)
def test_a_search_that_makes_no_sense_says_so(client, words, status):
    answer = client.get("/api/v1/search", params={"q": words})
    assert answer.status_code == status
    assert answer.json()["error"]
    assert client.get("/search", params={"q": words}).status_code == 400


def test_questions_are_answered(album, client):
    found = client.get("/api/v1/questions?names=true").json()["questions"]
    who = next(one for one in found if one["kind"] == "name")
    assert who["sides"][0]["faces"]
    done = client.post("/api/v1/questions/answer", json={"key": who["key"], "answer": "Cleo"})
    assert done.json()["can_undo"] is True
    assert "Cleo" in [
        one["name"] for one in client.get("/api/v1/people?group=named").json()["people"]
    ]
    assert (
        client.post("/api/v1/questions/answer", json={"key": "x", "answer": "yes"}).status_code
        == 409
    )


def test_the_key_of_a_question_is_no_number_in_a_list(album, client):
    """Who a person is has the person's number as its key."""
    found = client.get("/api/v1/questions?names=true").json()["questions"]
    names = [one for one in found if one["kind"] == "name"]
    last = names[-1]
    assert len(names) > 1 and last["key"].isdecimal()
    said = {"key": last["key"], "answer": "Dora"}
    assert client.post("/api/v1/questions/answer", json=said).status_code == 200
    assert person(client, int(last["key"]))["name"] == "Dora"
    missing = client.post("/api/v1/questions/answer", json={"key": "77", "answer": "Emil"})
    assert missing.status_code == 409


def test_an_answer_can_not_be_forced(client):
    said = {"key": f"{ANNA},{BERT}", "answer": "yes"}
    answer = client.post("/api/v1/questions/answer", json=said)
    assert answer.status_code == 409
    assert "would be twice in" in answer.json()["error"]
    assert answer.json()["can_force"] is False


def test_distances_of_a_large_library_are_measured_by_another_process(album, client, monkeypatch):
    """They need memory that a server should not keep."""
    from album.grouping import candidates
    from album.web import measuring
    from db.people.suggestions import save_candidates

    library = client.shelf.library
    save_candidates(library, "none", b"")
    assert candidates.are_due(library) == 16
    asked = client.get("/api/v1/questions?names=true").json()
    assert candidates.are_due(library) == 0
    save_candidates(library, "none", b"")
    monkeypatch.setattr(measuring, "FEW", 0)
    monkeypatch.setattr(candidates, "measured", lambda *_, **__: pytest.fail("measured here"))
    assert client.get("/api/v1/questions?names=true").json() == asked
    assert candidates.are_due(library) == 0


def test_a_process_that_measures_and_is_ended_is_one_sentence(album, client, monkeypatch):
    from album.web import measuring
    from db.people.suggestions import save_candidates

    save_candidates(client.shelf.library, "none", b"")
    monkeypatch.setattr(measuring, "FEW", 0)
    monkeypatch.setattr(measuring, "_measure", os._exit)
    monkeypatch.setattr(client.shelf, "path", 9)
    answer = client.get("/api/v1/questions")
    assert answer.status_code == 400
    assert "perhaps for want of memory" in answer.json()["error"]


def test_what_another_process_refuses_is_told_as_it_is(album, client, monkeypatch):
    from album.web import measuring
    from db.people.suggestions import save_candidates

    save_candidates(client.shelf.library, "none", b"")
    monkeypatch.setattr(measuring, "FEW", 0)
    monkeypatch.setattr(client.shelf, "path", "/no/library.db")
    answer = client.get("/api/v1/questions")
    assert answer.status_code == 503
    assert "/no/library.db" in answer.json()["error"]


def test_the_map_has_every_face_of_whom_it_shows(client):
    found = client.get("/api/v1/map").json()
    assert len(found["spots"]) == sum(one["faces"] for one in found["people"])
    assert all(-1 <= one["x"] <= 1 and -1 <= one["y"] <= 1 for one in found["spots"])
    assert len(client.get("/api/v1/map?people=1").json()["spots"]) == 10
    assert client.get("/api/v1/map?people=nobody").status_code == 404


def test_the_library_page_names_what_could_not_be_read(album, client, tmp_path):
    (tmp_path / "photos" / "<b>broken.jpg").write_bytes(b"\xff\xd8\xff no")
    album.index(tmp_path / "photos")
    client.patch("/api/v1/people/1", json={"name": "Anna"})
    page = client.get("/library").text
    assert "&lt;b&gt;broken.jpg" in page and "<b>broken" not in page
    assert "Named Person 1 Anna." in page
    assert client.get("/api/v1/status").json()["failures"] == 1
    assert client.get("/api/v1/history").json()["events"][0]["summary"] == "Named Person 1 Anna."


HOSTILE = '<script>alert("x")</script>'


def test_a_hostile_name_is_a_name(client):
    client.patch("/api/v1/people/1", json={"name": HOSTILE})
    for path in ("/people", "/people/1", "/photos/1", "/library", "/search?q=%231", "/review",
                 "/review?names=true", "/map", "/dates", f"/people?name={HOSTILE}",
                 f"/search?q={HOSTILE}", f"/map?people={HOSTILE}", f"/dates?source={HOSTILE}",
                 f"/people/{HOSTILE}"):  # fmt: skip
        page = client.get(path).text
        assert "<script>alert" not in page, path
    assert "&lt;script&gt;" in client.get("/people/1").text


def test_pictures_are_made_once_and_kept(client, tmp_path):
    address = person(client, ANNA)["picture"]
    answer = client.get(address)
    assert answer.headers["content-type"] == "image/jpeg"
    assert "immutable" in answer.headers["cache-control"]
    assert "etag" in answer.headers
    kept = list((tmp_path / "cache").rglob("*.jpg"))
    assert len(kept) == 1
    client.get(address)
    assert len(list((tmp_path / "cache").rglob("*.jpg"))) == 1
    assert client.get("/photos/1/320.jpg").headers["content-type"] == "image/jpeg"
    assert client.get("/faces/9999/176.jpg").status_code == 404
    assert client.get("/photos/0/320.jpg").status_code == 422
    assert client.get(f"/photos/{'9' * 30}/320.jpg").status_code == 422


def test_scripts_are_kept_and_asked_for_again(client):
    for name in ("style.css", "album.js", "early.js"):
        answer = client.get(f"/static/{name}")
        assert answer.headers["cache-control"] == "no-cache"
        same = client.get(f"/static/{name}", headers={"if-none-match": answer.headers["etag"]})
        assert (same.status_code, same.content) == (304, b"")
    for path in ("/people", "/api/v1/people"):
        assert client.get(path).headers["cache-control"] == "no-store"


def test_the_file_itself_comes_in_ranges(client):
    whole = client.get("/photos/1/file")
    assert whole.headers["content-type"] == "image/jpeg"
    part = client.get("/photos/1/file", headers={"range": "bytes=0-9"})
    assert part.status_code == 206
    assert part.content == whole.content[:10]


def test_a_photo_that_is_gone_or_changed_is_not_served(client, tmp_path):
    path = next((tmp_path / "photos").rglob("cleo.jpg"))
    (found,) = client.get("/api/v1/search?q=2005").json()["photos"]
    photo(path, year=2005)
    answer = client.get(f"/photos/{found['id']}/file")
    assert answer.status_code == 422
    assert "changed" in answer.text
    path.unlink()
    assert client.get(f"/photos/{found['id']}/file").status_code == 410
    assert client.get(f"/photos/{found['id']}").status_code == 200


def test_a_library_that_may_not_be_changed(album, tmp_path):
    with Client(web_shelf(album.path, tmp_path / "cache", read_only=True)) as client:
        page = client.get("/people/1").text
        assert "changed from here" in page
        assert "data-merge" not in page
        answer = client.patch("/api/v1/people/1", json={"name": "Anna"})
        assert answer.status_code == 409


def test_no_library_at_all(tmp_path):
    with Client(web_shelf(tmp_path / "none.db", tmp_path / "cache")) as client:
        answer = client.get("/people")
        assert answer.status_code == 503
        assert "There is no library" in answer.text
        assert client.get("/api/v1/people").json()["status"] == 503


def test_a_library_that_another_process_is_writing(album, client):
    with Library.open(album.path) as other, other.write():
        assert client.get("/people").status_code == 200


def test_every_text_of_the_templates_is_there():
    folder = (texts.__file__ or "").replace("texts.py", "templates")
    from pathlib import Path

    used = set()
    for path in Path(folder).glob("*.html"):
        used |= set(re.findall(r'\bt\("([a-z_.]+)"[,)]', path.read_text(encoding="utf-8")))
    assert used and used <= ENGLISH.keys()


def test_the_document_of_the_interface_names_every_path(client):
    document = client.get("/api/v1/openapi.json").json()
    assert document["openapi"].startswith("3.")
    assert "/api/v1/people/{person_id}" in document["paths"]
    assert not any(path.startswith(("/people", "/photos")) for path in document["paths"])
    for path, methods in document["paths"].items():
        for method, said in methods.items():
            assert said["description"], path
            assert {"4XX", "5XX"} <= said["responses"].keys()
            wanted = [{"token": []}, {"token": [], "password": []}]
            assert (said["security"] == wanted) == (method != "get"), path


def test_the_token_is_to_be_had_by_this_site_alone(client):
    assert client.get("/api/v1/token").json() == {"token": client.shelf.access.csrf}
    for foreign in ({"origin": "https://evil.example"}, {"host": "evil.example"},
                    {"sec-fetch-site": "cross-site", "sec-fetch-mode": "cors"}):  # fmt: skip
        answer = client.get("/api/v1/token", headers=foreign)
        assert answer.status_code in (403, 421)
        assert client.shelf.access.csrf not in answer.text
        assert answer.json()["status"] == answer.status_code


def test_a_face_that_was_missed_is_marked_and_unmarked(album, client, tmp_path):
    """A drawing that the detector did not find, for being too small."""
    from tests.album.albums import picture

    image = picture(Drawn(1), Drawn(2), side=60)
    path = tmp_path / "photos" / "small.jpg"
    image.save(path, quality=95)
    album("index", "--profile", "fake", "--min-face", "70", tmp_path / "photos")
    found = client.get("/api/v1/search?q=faces 0").json()["photos"]
    (number,) = [one["id"] for one in found if one["kind"] == "image"]
    box = [24, 24, 84, 84]
    before = client.get(f"/api/v1/photos/{number}").json()
    done = client.post(f"/api/v1/photos/{number}/faces", json={"box": box, "name": "Dora"})
    assert done.status_code == 200, done.text
    (face,) = client.get(f"/api/v1/photos/{number}").json()["faces"]
    assert face["label"] == "Dora"
    assert face["box"] == pytest.approx(box, abs=6)
    again = client.post(f"/api/v1/photos/{number}/faces", json={"box": box})
    assert again.status_code == 409
    album("index", "--profile", "fake", "--min-face", "70", tmp_path / "photos")
    assert len(client.get(f"/api/v1/photos/{number}").json()["faces"]) == 1
    client.post("/api/v1/undo")
    assert client.get(f"/api/v1/photos/{number}").json() == before
    client.post("/api/v1/redo")
    assert client.get(f"/api/v1/photos/{number}").json()["faces"][0]["label"] == "Dora"
    for bad in ([0, 0, 5, 5], [90, 90, 10, 10], [5000, 5000, 6000, 6000]):
        answer = client.post(f"/api/v1/photos/{number}/faces", json={"box": bad})
        assert answer.status_code == 409
    assert client.post("/api/v1/photos/9999/faces", json={"box": box}).status_code == 404
