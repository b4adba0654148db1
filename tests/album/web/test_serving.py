"""The connections of a server that runs: deadlines, places, what is logged, who gets in."""

import http.client
import logging
import socket
import threading
import time
from contextlib import closing, contextmanager

import pytest

from album.web import serving
from album.web.app import make_app
from album.web.guard import HEADERS, Access
from album.web.serving import Seldom, make_server, most_connections
from album.web.throttle import Throttle
from tests.album.web.conftest import web_shelf

RIGHT = {"authorization": "Bearer right one"}
HALF = b"GET /people HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "


class Slow(Throttle):
    """Answers no wrong password within the time of a test."""

    def failed(self, address):
        return 3600.0


@contextmanager
def running(shelf):
    """Serve a library in this process; give the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = make_server(make_app(shelf))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


def connect(port, data=b""):
    made = socket.create_connection(("127.0.0.1", port), timeout=60)
    made.sendall(data)
    return made


def ask(port, method="GET", path="/api/v1/status", body=None, **headers):
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        answer.read()
    return answer


def is_closed(connection):
    """Wait until the other side has closed a connection; what it sent before is dropped."""
    try:
        while connection.recv(65536):
            pass
    except ConnectionResetError:
        pass
    return True


@pytest.fixture
def shelf(album, tmp_path):
    return web_shelf(album.path, tmp_path / "cache")


@pytest.fixture
def locked(album, tmp_path):
    access = Access(password="right one", throttle=Slow())
    return web_shelf(album.path, tmp_path / "cache", access=access)


@pytest.mark.parametrize(
    "start",
    [
        b"",
        HALF,
        b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9000\r\n\r\npassword=",
    ],
    ids=["nothing", "head", "body"],
)
def test_a_request_that_does_not_come_is_not_waited_for(shelf, monkeypatch, start):
    monkeypatch.setattr(serving, "HEAD_S", 0.5)
    monkeypatch.setattr(serving, "BODY_S", 0.5)
    with running(shelf) as port, closing(connect(port, start)) as slow:
        closed = threading.Event()

        def dribble():
            while start and not closed.wait(0.05):
                try:
                    slow.send(b"x")
                except OSError:
                    return

        sender = threading.Thread(target=dribble)
        sender.start()
        assert is_closed(slow)
        closed.set()
        sender.join()
        assert ask(port).status == 200


def test_a_connection_is_kept_between_requests(shelf):
    with running(shelf) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/api/v1/status")
        connection.getresponse().read()
        first = connection.sock
        connection.request("GET", "/api/v1/status")
        assert connection.getresponse().status == 200
        assert connection.sock is first
        connection.close()


@pytest.mark.parametrize("start", [b"", HALF], ids=["nothing", "head"])
def test_whoever_waits_longest_makes_room(shelf, monkeypatch, start):
    monkeypatch.setattr(serving, "most_connections", lambda: 8)
    with running(shelf) as port:
        held = [connect(port, start) for _ in range(8)]
        assert ask(port).status == 200
        assert is_closed(held[0])
        more = [connect(port, start) for _ in range(40)]
        assert ask(port, path="/people").status == 200
        assert all(is_closed(one) for one in (*held, *more[:30]))
        for one in (*held, *more):
            one.close()
        assert ask(port).status == 200


def test_right_ones_get_in_while_wrong_ones_wait(locked, monkeypatch):
    """From the same address, with every place taken by somebody who guesses."""
    monkeypatch.setattr(serving, "most_connections", lambda: 8)
    guess = b"GET /people HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer wrong\r\n\r\n"
    form = b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10\r\n\r\npassword=x"
    with running(locked) as port:
        held = [connect(port, one) for one in (guess, form) * 10]
        assert ask(port, **RIGHT).status == 200
        login = ask(port, "POST", "/login", "password=right+one")
        assert login.status == 303
        cookie = login.getheader("set-cookie").partition(";")[0]
        assert ask(port, cookie=cookie).status == 200
        for one in held[-4:]:
            one.setblocking(False)
            with pytest.raises(BlockingIOError):  # neither answered nor closed
                one.recv(1)
        for one in held:
            one.close()
        assert ask(port, **RIGHT).status == 200


def test_whoever_gives_up_is_not_waited_for(locked, monkeypatch):
    ended = threading.Event()
    hold_back = Access.hold_back

    async def held(self, scope, receive):
        await hold_back(self, scope, receive)
        ended.set()

    monkeypatch.setattr(Access, "hold_back", held)
    guess = b"GET /people HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer wrong\r\n\r\n"
    with running(locked) as port:
        connect(port, guess).close()
        assert ended.wait(60)


def test_what_is_no_http_is_refused_with_all_headers(shelf):
    with running(shelf) as port, closing(connect(port, b"\x16\x03\x01\r\n\r\n")) as made:
        answer = http.client.HTTPResponse(made)
        answer.begin()
        assert answer.status == 400
        assert {name: answer.getheader(name) for name in HEADERS} == HEADERS
        assert answer.read()


def test_descriptors_are_left_for_everything_else(monkeypatch):
    resource = pytest.importorskip("resource")
    for limit, most in ((192, 32), (256, 64), (1024, 256), (64, 16), (resource.RLIM_INFINITY, 256)):
        monkeypatch.setattr(resource, "getrlimit", lambda _, limit=limit: (limit, limit))
        assert most_connections() == most


def record(text, error=None):
    info = None if error is None else (type(error), error, error.__traceback__)
    return logging.LogRecord("uvicorn.error", logging.ERROR, "x.py", 1, text, (), info)


def test_the_same_message_is_logged_a_few_times():
    now = [0.0]
    seldom = Seldom(most=3, window_s=60, clock=lambda: now[0])
    assert sum(seldom.filter(record("accept failed\nsocket 7")) for _ in range(1000)) == 3
    assert seldom.filter(record("something else"))
    now[0] = 61
    again = record("accept failed")
    assert seldom.filter(again)
    assert again.getMessage() == "accept failed (997 more of this kind since then were not logged)"


def test_errors_of_other_places_are_other_messages():
    seldom = Seldom(most=1)

    def raised(how):
        try:
            how()
        except Exception as error:
            return error

    def first():
        return 1 / 0

    assert seldom.filter(record("Exception in ASGI application\n", raised(first)))
    assert not seldom.filter(record("Exception in ASGI application\n", raised(first)))
    assert seldom.filter(record("Exception in ASGI application\n", raised(lambda: 1 / 0)))


def test_many_kinds_of_message_do_not_fill_the_memory():
    seldom = Seldom(most=1, clock=time.monotonic)
    let_through = sum(seldom.filter(record(f"message {number}")) for number in range(10_000))
    assert let_through == Seldom.MOST_KINDS + 1
    assert len(seldom._seen) == Seldom.MOST_KINDS + 1
