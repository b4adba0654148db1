"""What stands before every page: names, origins, tokens, passwords, sizes."""

import asyncio

import pytest

from album.web.guard import CSRF_HEADER, HEADERS, Access, Guard, host_name, is_loopback
from album.web.throttle import Throttle
from tests.album.web.conftest import Client, web_shelf

REBOUND = {"host": "evil.example:8765"}


def test_a_foreign_name_is_refused(client):
    """A page elsewhere can make its own name point here; the name tells it."""
    assert client.get("/people", headers=REBOUND).status_code == 421
    for name in ("localhost", "localhost:8765", "127.0.0.1:1", "[::1]:8765"):
        assert client.get("/people", headers={"host": name}).status_code == 200
    foreign = ("", "evil", "127.0.0.1.evil.example", "192.168.1.7", "[::1", "a b")
    senseless = ("evil@127.0.0.1", "127.0.0.1/evil", "127.0.0.1?", "127.0.0.1:x", "\\[::1]")
    for name in foreign + senseless:
        assert client.get("/people", headers={"host": name}).status_code == 421


def test_a_foreign_origin_is_refused(client):
    foreign = {"origin": "https://evil.example"}
    assert client.get("/api/v1/people", headers=foreign).status_code == 403
    assert client.post("/api/v1/undo", headers=foreign).status_code == 403
    assert client.post("/api/v1/undo", headers={"origin": "null"}).status_code == 403
    for senseless in ("http://[", "http://[::1", "http://\u2100.example".encode(), "["):
        assert client.get("/api/v1/people", headers={"origin": senseless}).status_code == 403
    own = {"origin": "http://127.0.0.1"}
    assert client.get("/api/v1/people", headers=own).status_code == 200
    embedded = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}
    assert client.get("/photos/1/file", headers=embedded).status_code == 403
    followed = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert client.get("/people", headers=followed).status_code == 200


@pytest.mark.parametrize("token", ["", "x", "x" * 500])
def test_changes_need_the_token(client, token):
    client.headers[CSRF_HEADER] = token
    for method in ("post", "patch", "delete", "put"):
        answer = getattr(client, method)("/api/v1/people/1")
        assert answer.status_code == 403
    assert client.get("/api/v1/history").json()["events"] == []


def test_a_form_of_another_page_changes_nothing(client):
    """Browsers send such forms without asking first."""
    del client.headers[CSRF_HEADER]
    sent = client.post("/api/v1/undo", data={"csrf": "x"})
    assert sent.status_code == 403


def test_headers_forbid_what_pages_do_not_need(client):
    for path in ("/people", "/static/style.css", "/nowhere", "/api/v1/people"):
        headers = client.get(path).headers
        for name, value in HEADERS.items():
            assert headers[name] == value
    assert "script-src 'self'" in HEADERS["content-security-policy"]
    assert "unsafe" not in HEADERS["content-security-policy"]


def test_large_requests_are_refused(client):
    assert client.post("/api/v1/undo", content=b"x" * (2 << 20)).status_code == 413
    assert client.get("/search?q=" + "x" * 9000).status_code == 414
    assert client.get("/search?q=" + "x" * 400).status_code == 422


@pytest.mark.parametrize(
    "path",
    [
        "/static/../texts.py",
        "/static/%2e%2e/texts.py",
        "/photos/..%2f..%2fetc/file",
        "/faces/a/1.jpg",
    ],
)
def test_no_path_reaches_the_disk(client, path):
    assert client.get(path).status_code in (404, 422)


@pytest.fixture
def locked(album, tmp_path):
    access = Access(password="secret ü", hosts=frozenset(("album.local",)))
    with Client(web_shelf(album.path, tmp_path / "cache", access=access)) as client:
        yield client


def test_a_password_comes_first(locked, monkeypatch):
    failed = []
    monkeypatch.setattr(Throttle, "failed", lambda _, address: failed.append(address) or 0.0)
    assert locked.get("/api/v1/people").status_code == 401
    answer = locked.get("/people", headers={"accept": "text/html"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert locked.get("/login").status_code == 200
    assert locked.get("/static/style.css").status_code == 200
    assert locked.post("/login", data={"password": "wrong"}).status_code == 403
    assert len(failed) == 1
    assert locked.get("/api/v1/people").status_code == 401
    cookie = locked.post("/login", data={"password": "secret ü"}, follow_redirects=False).headers[
        "set-cookie"
    ]
    assert cookie.startswith(f"{locked.shelf.access.cookie}=") and "httponly" in cookie.lower()
    assert "samesite=strict" in cookie.lower() and "secret" not in cookie
    assert locked.get("/api/v1/people").status_code == 200
    assert locked.get("/api/v1/people", headers={"host": "192.168.1.7:8765"}).status_code == 200


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_the_password_in_bytes(encoding):
    """A command line sends UTF-8; JavaScript can only send Latin-1."""
    sent = []

    async def app(scope, receive, send):
        sent.append(200)

    async def send(message):
        sent.append(message.get("status"))

    bearer = "Bearer secret \u00fc".encode(encoding)
    scope = {"type": "http", "method": "GET", "path": "/people", "query_string": b""}
    scope["headers"] = [(b"host", b"127.0.0.1"), (b"authorization", bearer)]
    asyncio.run(Guard(app, Access(password="secret \u00fc"))(scope, None, send))
    assert sent == [200]


def test_the_password_as_a_bearer(locked):
    good = {"authorization": "Bearer secret \u00fc".encode()}
    assert locked.get("/api/v1/people", headers=good).status_code == 200
    assert locked.get("/api/v1/people", headers={"authorization": "Bearer x"}).status_code == 401
    locked.cookies.set(locked.shelf.access.cookie, "x")
    assert locked.get("/api/v1/people").status_code == 401


def test_cookies_of_other_servers_do_not_hide_ours(locked):
    """Browsers send them to every port of a machine; some are none that `http.cookies` reads."""
    session = locked.shelf.access.session
    name = locked.shelf.access.cookie
    ours = f"{name}={session}"
    for cookie in (
        f'a={{"b": 1}}; {ours}',
        f"[x]; {ours}; y",
        f"caf\u00e9=\u00e9;{ours}",
        f"a=\x7f; {ours} ",
    ):
        sent = {"cookie": cookie.encode()}
        assert locked.get("/api/v1/people", headers=sent).status_code == 200, cookie
    for cookie in ("", ";;", f"{name}=", name, f"x{name}={session}", f"{name}={session}x"):
        assert locked.get("/api/v1/people", headers={"cookie": cookie}).status_code == 401, cookie


def test_only_wrong_passwords_wait(locked, monkeypatch):
    failed = []
    monkeypatch.setattr(Throttle, "failed", lambda _, address: failed.append(address) or 0.0)
    wrong = f"{locked.shelf.access.cookie}=x"
    for headers in ({}, {"cookie": wrong}, {"authorization": "Basic eA=="},
                    {"authorization": "Bearer secret \u00fc".encode()}):  # fmt: skip
        locked.get("/api/v1/people", headers=headers)
    assert failed == []
    for given in ("x", "", "\xff"):
        bearer = {"authorization": f"Bearer {given}".encode("latin-1")}
        assert locked.get("/api/v1/people", headers=bearer).status_code == 401
    assert locked.post("/login", content=b"").status_code == 403
    assert len(failed) == 4


def test_every_error_has_the_headers(client, album, tmp_path, monkeypatch):
    """Those of the guard, of the pages, and the one that nobody expects."""

    def broken(*_, **__):
        raise KeyError  # a fault of the program, not something that is not there

    with Client(web_shelf(album.path, tmp_path / "other", access=Access(password="x"))) as locked:
        answers = [locked.get("/people"), locked.post("/login", data={"password": "y"})]
    answers += [
        client.get("/search", params={"q": "age ..x"}),
        client.get("/people", headers={"origin": "http://["}),
        client.get("/nowhere"),
        client.put("/people"),
        client.post("/login", content=b"x" * (2 << 20)),
        client.get("/search?q=" + "x" * 9000),
        client.get("/people", headers=REBOUND),
        client.get("/people/x"),
    ]
    monkeypatch.setattr("album.web.people.people_cards", broken)
    answers.append(client.get("/people"))
    monkeypatch.setattr(Guard, "_refusal", broken)
    answers.append(client.get("/api/v1/people"))
    statuses = [401, 403, 400, 403, 404, 405, 413, 414, 421, 422, 500, 500]
    assert [one.status_code for one in answers] == statuses
    for one in answers:
        assert {name: one.headers.get(name) for name in HEADERS} == HEADERS
        assert one.headers["cache-control"] == "no-store"
    assert answers[-1].json()["status"] == 500


def test_two_servers_of_one_machine_have_cookies_of_their_own():
    assert Access().cookie != Access().cookie


def test_addresses():
    assert is_loopback("127.0.0.1") and is_loopback("::1") and is_loopback("localhost")
    assert not is_loopback("0.0.0.0") and not is_loopback("example.org")
    assert host_name("[::1]:80") == "::1"
    assert host_name("A.example:80") == "a.example"
    assert host_name("[") == ""
