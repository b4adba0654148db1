"""Requests that no browser sends, to a server that runs: each is answered, and none by a 500."""

import random
import re
import socket

import pytest

from album.web.guard import HEADERS
from tests.album.web.test_serve import serving

REQUESTS = 400
METHODS = (b"GET",) * 6 + (b"POST",) * 3 + (b"PATCH", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"x")
PATHS = (
    *(b"/", b"/people", b"/people/1", b"/people/1/", b"/people/%ff", b"/people/1%00", b"/photos/1"),
    *(
        b"/photos/1/file",
        b"/photos/1/640.jpg",
        b"/photos/1/1.5.jpg",
        b"/faces/1/96.jpg",
        b"/review",
    ),
    *(
        b"/static/",
        b"/static/style.css",
        b"/static/%00",
        b"/static/..%2f..%2fapp.py",
        b"/static/%ff",
    ),
    *(
        b"/static/" + b"a" * 300,
        b"//",
        b"//evil.example",
        b"*",
        b"http://evil.example/x",
        b"/login",
    ),
    *(b"/map", b"/search", b"/dates", b"/library", b"/api/v1/people", b"/api/v1/people/1"),
    *(b"/api/v1/map", b"/api/v1/search", b"/api/v1/dates", b"/api/v1/questions", b"/api/v1/undo"),
    *(b"/api/v1/questions/answer", b"/api/v1/people/merge", b"/api/v1/people/1/split"),
    *(b"/api/v1/faces/move", b"/api/v1/photos/1/faces", b"/api/v1/nothing", b"/" + b"x" * 9000),
)
KEYS = (
    b"q",
    b"name",
    b"people",
    b"offset",
    b"limit",
    b"sort",
    b"group",
    b"at",
    b"newest",
    b"source",
)
VALUES = (
    *(b"", b"1", b"-1", b"9" * 30, b"%ff", b"%00", b"%ed%a0%80", b"1e9", b"nan", b"true"),
    *(b"%23" + b"9" * 25, b"age+3..6", b"2004", b"faces+0", b"a" * 250, b"%E2%80%AE", b"inf"),
    *(b"1,2,3," * 80, b"%D9%A3", b"%C2%B2", b"%23%C2%B2"),
)
NAMES = (
    *(b"host", b"origin", b"cookie", b"authorization", b"range", b"if-none-match", b"if-range"),
    *(b"if-modified-since", b"accept", b"accept-language", b"accept-encoding", b"content-type"),
    *(b"x-forwarded-for", b"x-forwarded-proto", b"forwarded", b"referer", b"user-agent"),
    *(b"sec-fetch-site", b"sec-fetch-mode", b"x-csrf-token", b"upgrade", b"te", b"\xff", b"x y"),
)
ODD = (
    *(b"", b"http://[", b"http://[::1", b"[", b"\xff\xfe", b"\xc3\xa9", b'"', b"a" * 5000, b"null"),
    *(b"http://x:99999999", b"http://\xe2\x84\x80.example", b"\xed\xa0\x80", b"-1", b"1" * 5000),
    *(b"bytes=0-", b"bytes=-", b"bytes=5-1", b"bytes=-" + b"9" * 20, b"bytes=" + b"1-2," * 500),
    *(b"Bearer", b"Bearer \xff", b"Basic eHg=", b"album=\xff", b'album="\\377"', b";;==", b"\\"),
    *(b"http://a@b:c/", b"127.0.0.1:x", b"a, b", b"websocket", b"h2c", b"*;q=99999", b"\t", b"<x>"),
    *(b"application/json", b"application/json; charset=\xff", b"multipart/form-data; boundary=x"),
)
BODIES = (
    *(b"", b"{}", b"[]", b'{"name":"\\ud800"}', b'{"face_ids":[1]}', b'{"key":"1,\xc2\xb2"}'),
    *(b'{"key":"\\ud800","answer":"yes"}', b'{"box":[1e308,0,1,1]}', b'{"box":[NaN,0,1,1]}'),
    *(b"password=%ff", b"password=\xff", b"&" * 3000, b"[" * 20_000, b"\xff" * 10, b"x" * 70_000),
)
BROKEN = (
    b"GET /people HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: " + b"9" * 19 + b"\r\n\r\n",
    b"GET /people HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
    b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n",
    b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: gzip\r\n\r\n",
    b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET /people HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET /people HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n",
    b"GET /\xff HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET /people\r\n\r\n",
    b"\0\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
)


def request(chosen, token):
    """Return a request that is whole, with odd parts."""
    method, path = chosen.choice(METHODS), chosen.choice(PATHS)
    if chosen.random() < 0.6:
        pairs = (chosen.choice(KEYS) + b"=" + chosen.choice(VALUES) for _ in range(2))
        path += b"?" + b"&".join(pairs)
    headers = [(b"connection", b"close"), (b"x-csrf-token", token)]
    odd = [(chosen.choice(NAMES), chosen.choice(ODD)) for _ in range(chosen.randint(0, 3))]
    if b"host" not in [name for name, _ in odd]:
        headers.append((b"host", b"127.0.0.1"))
    body = chosen.choice(BODIES) if method in (b"POST", b"PATCH", b"PUT") else b""
    headers.append((b"content-length", b"%d" % len(body)))
    lines = b"".join(b"%s: %s\r\n" % one for one in (*headers, *odd))
    return b"%s %s HTTP/1.1\r\n%s\r\n%s" % (method, path, lines, body)


def ask(port, data):
    """Send bytes and return what comes back before the connection ends; no answer is a failure."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as made:
        made.sendall(data)
        return b"".join(iter(lambda: made.recv(65536), b""))


def check(answer, sent):
    status = re.match(rb"HTTP/1\.1 (\d+)", answer)
    assert status and int(status[1]) < 500, (sent[:500], answer[:500])
    head = answer.partition(b"\r\n\r\n")[0].lower()
    assert all(name.encode() in head for name in HEADERS), (sent[:500], head)


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log"


@pytest.mark.long
def test_odd_requests(album, log):
    chosen = random.Random(16)
    with serving(album.path, log=log) as port:
        token = ask(port, request_for(b"/api/v1/token")).partition(b'token":"')[2][:32]
        assert len(token) == 32
        for _ in range(REQUESTS):
            sent = request(chosen, token)
            check(ask(port, sent), sent)
        for sent in BROKEN:
            answer = ask(port, sent + b"\r\n" * 2)
            check(answer, sent)
        assert ask(port, request_for(b"/people")).startswith(b"HTTP/1.1 200")
    assert b"Traceback" not in log.read_bytes()


def request_for(path):
    return b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n" % path


@pytest.mark.parametrize("path", [b"/login", b"/api/v1/undo", b"/api/v1/faces/reject"])
def test_two_megabytes_in_chunks(album, log, path):
    with serving(album.path, log=log) as port:
        token = ask(port, request_for(b"/api/v1/token")).partition(b'token":"')[2][:32]
        head = b"POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nX-CSRF-Token: %s\r\nConnection: close\r\n"
        chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        with socket.create_connection(("127.0.0.1", port), timeout=60) as made:
            made.sendall(head % (path, token) + b"Transfer-Encoding: chunked\r\n\r\n")
            try:
                for _ in range(32):
                    made.sendall(chunk)
                made.sendall(b"0\r\n\r\n")
            except OSError:
                pass  # the answer may come before all has been sent
            answer = made.recv(65536)
        wanted = b"413" if path != b"/api/v1/undo" else b"409"  # which reads no body
        assert answer.split()[1] == wanted
        check(answer, path)
        with socket.create_connection(("127.0.0.1", port), timeout=60) as made:
            made.sendall(b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99\r\n\r\nx")
        assert ask(port, request_for(b"/people")).startswith(b"HTTP/1.1 200")
    assert b"Traceback" not in log.read_bytes()
