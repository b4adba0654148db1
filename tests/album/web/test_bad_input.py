"""Whatever is asked for: a page that says what happened, a status to match, nothing changed."""

import asyncio
import itertools
import json
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from album.events import GroupingFaces, PhotoDone, PhotoFailed, Scanned
from album.indexing.heartbeat import Heartbeat
from album.web.guard import LARGEST_BODY
from db.library import Library
from tests.album.albums import Shelf, family
from tests.album.web.conftest import HOST, Client, web_shelf

NOBODY = 987_654_321


def content(path):
    """Everything that the library holds, but how far an index is."""
    with closing(sqlite3.connect(path)) as raw:
        return [line for line in raw.iterdump() if "index_progress" not in line]


def bodies():
    """What each changing path may be sent, by its end."""
    return {
        "/people/{person_id}": {"name": "X"},
        "/people/merge": {"person_ids": [NOBODY, NOBODY + 1]},
        "/people/{person_id}/split": {"face_ids": [NOBODY]},
        "/faces/move": {"face_ids": [NOBODY], "person_id": 1},
        "/faces/reject": {"face_ids": [NOBODY]},
        "/photos/{photo_id}": {"date": "1999"},
        "/photos/{photo_id}/faces": {"box": [1, 1, 90, 90]},
        "/photos/{photo_id}/exempt": {},
        "/questions/answer": {"key": f"{NOBODY},{NOBODY + 1}", "answer": "yes"},
        "/undo": {},
        "/redo": {},
    }


def changing(client):
    """Every path and method of the interface that changes something, with a body for it."""
    paths = client.get("/api/v1/openapi.json").json()["paths"]
    found = [
        (m, p) for p, ms in paths.items() for m in ms if m in ("post", "patch", "put", "delete")
    ]
    return [(method, path, bodies()[path.removeprefix("/api/v1")]) for method, path in found]


@pytest.fixture(scope="module")
def steady(tmp_path_factory):
    """A library that nothing here changes, and a client."""
    folder = tmp_path_factory.mktemp("steady")
    shelf = Shelf(folder)
    shelf.index(family(folder / "photos"))
    with Client(web_shelf(shelf.path, folder / "cache")) as client:
        yield shelf, client


def ask(client, method, path, body, *, number):
    address = path.replace("{person_id}", str(number)).replace("{photo_id}", str(number))
    return getattr(client, method)(address, json=body)


def test_ids_that_nobody_has(steady):
    album, client = steady
    before = content(album.path)
    for path in ("people/{}", "photos/{}", "faces/{}/176.jpg", "photos/{}/640.jpg",
                 "photos/{}/file"):  # fmt: skip
        for number, status in ((NOBODY, 404), (0, 422), (-1, 422), (1 << 70, 422), ("x", 422)):
            answer = client.get(f"/{path.format(number)}")
            assert answer.status_code == status, path
            assert "<h1>" in answer.text
    for method, path, body in changing(client):
        answer = ask(client, method, path, body, number=NOBODY)
        assert answer.status_code in (404, 409), path
        assert answer.json()["error"].endswith("."), path
    assert client.get("/nowhere").status_code == 404
    assert content(album.path) == before


def test_a_read_only_library_refuses_every_change(steady, tmp_path):
    album, _ = steady
    before = content(album.path)
    with Client(web_shelf(album.path, tmp_path / "cache", read_only=True)) as client:
        for method, path, body in changing(client):
            answer = ask(client, method, path, body, number=1)
            assert answer.status_code == 409, path
            assert "can't be changed" in answer.json()["error"]
        for path in ("/people", "/people/1", "/photos/1", "/review", "/map", "/library", "/dates"):
            page = client.get(path)
            assert page.status_code == 200
            assert "changed from here" in page.text
            for mark in ("data-post", "data-patch", "data-merge", "data-answer", "data-who"):
                assert mark not in page.text, path
    assert content(album.path) == before


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
def test_a_file_that_may_not_be_written(album, tmp_path):
    album.path.chmod(0o400)
    with Client(web_shelf(album.path, tmp_path / "cache")) as client:
        assert "changed from here" in client.get("/people").text
        assert client.patch("/api/v1/people/1", json={"name": "X"}).status_code == 409


def test_while_another_process_writes_nothing_waits_for_ever(album, tmp_path):
    shelf = web_shelf(album.path, tmp_path / "cache")
    shelf._library = Library.open(album.path, wait_s=0.05)
    with Client(shelf) as client, Library.open(album.path) as other:
        before = content(album.path)
        with other.write():
            for path in ("/people", "/people/1", "/photos/1", "/library", "/map", "/search?q=2004"):
                assert client.get(path).status_code == 200
            answer = client.patch("/api/v1/people/1", json={"name": "X"})
            assert answer.status_code == 503
            assert answer.headers["retry-after"] == "5"
            assert "another" in answer.json()["error"].lower()
        assert content(album.path) == before
        assert client.patch("/api/v1/people/1", json={"name": "X"}).status_code == 200


def test_an_index_by_another_process_is_watched(album, client):
    page = client.get("/library").text
    assert 'id="indexing"' in page and "hidden>" in page.split('id="indexing"')[1].split("\n")[0]
    with Library.open(album.path) as other:
        ticks = itertools.count(time.time(), 2)  # two seconds between two photos
        beat = Heartbeat(other, clock=lambda: next(ticks))
        beat.add(Scanned(found=50, todo=40, unchanged=10, gone=0))
        for _ in range(20):
            beat.add(PhotoDone(Path("a.jpg"), faces=2))
        beat.add(PhotoFailed(Path("b.jpg"), "broken"))
        now = client.get("/api/v1/status").json()["indexing"]
        assert (now["total"], now["done"], now["faces"], now["failed"]) == (40, 21, 40, 1)
        assert now["phase"] == "reading" and now["seconds_left"] > 10
        shown = client.get("/library").text.split('id="indexing"')[1].split("\n")[0]
        assert "hidden>" not in shown
        beat.add(GroupingFaces(faces=40))
        assert client.get("/api/v1/status").json()["indexing"]["phase"] == "grouping"
        beat.end()
        assert client.get("/api/v1/status").json()["indexing"] is None


def test_originals_that_were_deleted(album, client, tmp_path):
    person = client.get("/api/v1/people/1").json()
    face = client.get("/api/v1/people/1/faces").json()["faces"][0]
    for path in (tmp_path / "photos").glob("2*/*.jpg"):
        path.unlink()
    for address in (face["picture"], "/photos/1/640.jpg", "/photos/1/file"):
        answer = client.get(address)
        assert answer.status_code == 410
        assert "<h1>" in answer.text
    album.index(tmp_path / "photos")
    assert client.get("/people/1").status_code == 200
    assert "not on the disk" in client.get("/photos/1").text
    assert client.get("/search?q=2004").status_code == 200
    assert client.get("/map").status_code == 200
    assert client.get("/review").status_code == 200
    assert person["photos"] > 0 == client.get("/api/v1/people/1").json()["photos"]


HOSTILE = (
    b"", b"null", b"[]", b"{", b'{"name": NaN}', b'{"name": 1e999}', b'{"name": "\\ud800"}',
    b'{"name": "\\u0000"}', b'{"born": "0000-00-00"}', b'{"born": "99999-99"}', b'{"cover": 0}',
    b'{"cover": 1e30}', b'{"cover": true}', b'{"gender": "x"}', b'{"hidden": "perhaps"}',
    b'{"name": "' + b"x" * 5000 + b'"}', b'{"name": {"$ne": null}}', b"\xff\xfe", b'{"a": 1}',
    b"[" * 30_000 + b"]" * 30_000, b'{"name": "' + "é".encode("latin-1") + b'"}',
)  # fmt: skip


@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_body_is_refused(steady, body):
    album, client = steady
    before = content(album.path)
    answer = client.patch(
        "/api/v1/people/1", content=body, headers={"content-type": "application/json"}
    )
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.json()["error"]
    assert content(album.path) == before


QUERIES = (
    "' OR 1=1 --", "\x00", "\ud800".encode("utf-8", "surrogatepass"), "#" + "9" * 250, "age 9..1",
    "age ..", "%", "_", "(" * 290, "faces 99999999999999999999", "0001..9999", "99999", "\u202e",
    "#1 " * 90, "ana with with", "or or or", "-1", "age 1e9", "1e309",
)  # fmt: skip


@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
def test_a_hostile_search_finds_nothing_or_says_why(steady, query):
    _, client = steady
    for path in ("/search", "/api/v1/search"):
        answer = client.get(path, params={"q": query})
        assert answer.status_code in (200, 400, 404, 409, 422), answer.text
    for key in ("name", "people", "sort"):
        for path in ("/api/v1/people", "/map", "/api/v1/map"):
            assert client.get(path, params={key: query}).status_code < 500


def test_a_body_without_length_has_an_end(steady):
    """A chunked body may go on for ever; what is too much is told so, and not read on."""
    _, client = steady
    sent, chunks = [], iter(range(10_000))

    async def receive():
        next(chunks)
        return {"type": "http.request", "body": b" " * 65_536, "more_body": True}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST",
        "scheme": "http", "query_string": b"",
        "root_path": "", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
        "headers": [(b"host", HOST.removeprefix("http://").encode()),
                    (b"content-type", b"application/json"),
                    (b"x-csrf-token", client.shelf.access.csrf.encode())],
    }  # fmt: skip
    path = "/api/v1/faces/reject"
    scope |= {"path": path, "raw_path": path.encode()}
    asyncio.run(client.app(scope, receive, send))
    assert next(chunks) <= LARGEST_BODY // 65_536 + 3
    assert [one["status"] for one in sent if "status" in one] == [413]
    assert json.loads(b"".join(one.get("body", b"") for one in sent))["status"] == 413
