"""Who may ask for what: the first thing that every request meets.

A page of another site must not be able to read or change the album, not even by making its own name
point to this machine (DNS rebinding): foreign ``Host`` and ``Origin`` headers are refused, and
whatever changes something has to carry a token that only pages of this server know. Away from
loopback a password comes first.
"""

import asyncio
import hmac
import ipaddress
import json
import re
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from album.web.throttle import Throttle

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

CSRF_HEADER = "x-csrf-token"
SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
OPEN_PATHS = ("/login", "/static/")
"""What is shown before the password is known."""
LARGEST_BODY = 1 << 20
"""Bytes of a request; nothing that this server is asked for needs more."""
LONGEST_TARGET = 8192
"""Bytes of path and query."""
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
HOST = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<name>[^][/\\@:?#\s]+))(?::[0-9]*)?")
HELD_BACK = "held_back"
"""In the state of a request: its answer waits because the password was wrong."""

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; img-src 'self' data: blob:; media-src 'self'; style-src 'self'; "
        "script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


@dataclass(frozen=True, slots=True)
class Access:
    """Whom the server answers.

    Attributes
    ----------
    hosts : frozenset of str
        Names by which it may be called, without a port; addresses are always fine, since nobody
        can make an address point elsewhere.
    password : str or None
        Asked for before anything is shown; None only on loopback.
    csrf : str
        What requests that change something must carry.
    session : str
        What the cookie of a browser holds after its user has given the password.
    cookie : str
        Its name, which no other server of this machine has: browsers tell no ports apart.
    throttle : Throttle
        Delays wrong passwords.
    """

    hosts: frozenset[str] = frozenset(LOOPBACK_NAMES)
    password: str | None = None
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    session: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    cookie: str = field(default_factory=lambda: f"album-{secrets.token_hex(4)}")
    throttle: Throttle = field(default_factory=Throttle)

    def is_password(self, text: str) -> bool:
        """Compare in constant time."""
        return self.password is not None and hmac.compare_digest(
            text.encode(), self.password.encode()
        )

    async def hold_back(self, scope: Scope, receive: Receive) -> None:
        """Let whoever gave a wrong password wait for the answer, as long as they are there."""
        scope.setdefault("state", {})[HELD_BACK] = True
        client = scope.get("client")
        with suppress(TimeoutError):
            async with asyncio.timeout(self.throttle.failed(client[0] if client else "")):
                while (await receive())["type"] != "http.disconnect":
                    pass


def _as_utf8(text: str) -> str:
    """Read a header again as what command lines send, UTF-8; as it is where it is not that."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return text


def is_loopback(host: str) -> bool:
    """Tell whether an address or name to bind to is reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def host_name(header: str) -> str:
    """Return the name in a ``Host`` header, without port and brackets; empty if senseless."""
    found = HOST.fullmatch(header)
    return (found["v6"] or found["name"]).lower() if found else ""


class Guard:
    """ASGI middleware that refuses what is not to be answered, and adds headers to what is."""

    def __init__(self, app: App, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        body = _Body(scope, receive, send)
        try:
            await self._respond(scope, body)
        except Exception:
            if not body.started:
                sentence = "Something went wrong in the program; the log of the server says what."
                await _answer(scope, send, 500, sentence)
            raise

    async def _respond(self, scope: Scope, body: "_Body") -> None:
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        refused = self._refusal(scope, headers)
        if refused is None:
            await self._app(scope, body.receive, body.send)
            return
        status, sentence = refused
        if status == 401 and _bearer(headers) is not None:
            await self._access.hold_back(scope, body.receive)
        page = status == 401 and "text/html" in headers.get("accept", "")
        await _answer(scope, body.send, 303 if page else status, sentence)

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str] | None:
        """Return status and sentence for what is refused; None for what may pass."""
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > LONGEST_TARGET:
            return 414, "The address is too long; shorten the search."
        if not self._knows_host(headers.get("host", "")):
            return 421, "This server does not answer to that name; use the address it printed."
        if not _is_same_origin(headers):
            return 403, "The request comes from another site; open the album itself."
        if _length(headers) > LARGEST_BODY:
            return 413, "The request is too large."
        path = str(scope["path"])
        open_path = path.startswith(OPEN_PATHS)
        if self._access.password is not None and not open_path and not self._is_known(headers):
            return 401, "Log in first: open /login in a browser, or send the password as a bearer."
        if scope["method"] not in SAFE_METHODS and not open_path:
            return self._check_token(headers)
        return None

    def _check_token(self, headers: dict[str, str]) -> tuple[int, str] | None:
        given = headers.get(CSRF_HEADER, "")
        if hmac.compare_digest(given.encode(), self._access.csrf.encode()):
            return None
        return 403, "The token is missing or old; load the page again."

    def _knows_host(self, header: str) -> bool:
        name = host_name(header)
        if name in self._access.hosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return self._access.password is not None or is_loopback(name)

    def _is_known(self, headers: dict[str, str]) -> bool:
        given = _bearer(headers)
        if given is not None and self._access.is_password(_as_utf8(given)):
            return True
        cookie = _cookie(headers.get("cookie", ""), self._access.cookie)
        return hmac.compare_digest(cookie.encode(), self._access.session.encode())


def _bearer(headers: dict[str, str]) -> str | None:
    kind, _, given = headers.get("authorization", "").partition(" ")
    return given if kind.lower() == "bearer" else None


def _cookie(header: str, wanted: str) -> str:
    """Return a value out of a ``Cookie`` header, empty if it is not there.

    Browsers send the cookies of all servers of this machine; whatever those hold must not hide
    ours, as it would from `http.cookies`, which stops at the first that it does not understand.
    """
    for part in header.split(";"):
        name, _, value = part.partition("=")
        if name.strip() == wanted:
            return value.strip()
    return ""


def _is_same_origin(headers: dict[str, str]) -> bool:
    if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        # A link from elsewhere may open a page, but load nothing into one.
        return headers.get("sec-fetch-mode") == "navigate" and "origin" not in headers
    if "origin" not in headers:
        return True
    try:
        netloc = urlsplit(headers["origin"]).netloc
    except ValueError:
        return False
    return netloc.lower() == headers.get("host", "").lower()


def _length(headers: dict[str, str]) -> int:
    text = headers.get("content-length", "0")
    sensible = text.isascii() and text.isdecimal() and len(text) < 20
    return int(text) if sensible else LARGEST_BODY + 1


class _Body:
    """A request and its answer: a body may come without an end, too much of it is an answer.

    Attributes
    ----------
    started : bool
        Something has been answered.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._finish = _with_headers(send)
        self._seen, self.started = 0, False

    async def receive(self) -> Message:
        """Give what comes, up to the bound."""
        if self._seen <= LARGEST_BODY:
            message = await self._receive()
            self._seen += len(message.get("body", b""))
        return message if self._seen <= LARGEST_BODY else {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Send an answer, or instead of it that the request was too large."""
        if self._seen <= LARGEST_BODY:
            self.started = True
            await self._finish(message)
        elif not self.started:
            self.started = True
            await _answer(self._scope, self._send, 413, "The request is too large.")


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = _complete(message["headers"])
        await send(message)

    return sending


def _complete(headers: Headers) -> Headers:
    """Add what every answer has."""
    there = {name for name, _ in headers}
    added = {"cache-control": "no-store", **HEADERS}
    return [
        *headers,
        *((k.encode(), v.encode()) for k, v in added.items() if k.encode() not in there),
    ]


def bare_answer(sentence: str, kind: str = "text/plain; charset=utf-8") -> tuple[Headers, bytes]:
    """Return headers and body of an answer that needs no page."""
    body = sentence.encode()
    headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
    return _complete(headers), body


async def _answer(scope: Scope, send: Send, status: int, sentence: str) -> None:
    """Answer in a sentence; in JSON, as every error there, where that is what is spoken."""
    if scope["path"].startswith("/api/"):
        problem = {"error": sentence, "status": status, "can_force": False}
        headers, body = bare_answer(json.dumps(problem), "application/json")
    else:
        headers, body = bare_answer(sentence)
    if status == 303:
        headers = [*headers, (b"location", b"/login")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
