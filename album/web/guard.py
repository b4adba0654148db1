"""Who may ask for what: the first thing that every request meets.

A page of another site must not be able to read or change the album, not even by making its own name
point to this machine (DNS rebinding): foreign ``Host`` and ``Origin`` headers are refused, and
whatever changes something has to carry a token that only pages of this server know. Away from
loopback a password comes first.
"""

import hmac
import ipaddress
import json
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = "album"
CSRF_HEADER = "x-csrf-token"
SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
OPEN_PATHS = ("/login", "/static/")
"""What is shown before the password is known."""
LARGEST_BODY = 1 << 20
"""Bytes of a request; nothing that this server is asked for needs more."""
LONGEST_TARGET = 8192
"""Bytes of path and query."""
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")

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
    """

    hosts: frozenset[str] = frozenset(LOOPBACK_NAMES)
    password: str | None = None
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    session: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    def is_password(self, text: str) -> bool:
        """Compare in constant time."""
        return self.password is not None and hmac.compare_digest(
            text.encode(), self.password.encode()
        )


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
    try:
        return (urlsplit(f"//{header}").hostname or "").lower()
    except ValueError:
        return ""


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
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        refused = self._refusal(scope, headers)
        if refused:
            status, sentence = refused
            page = status == 401 and "text/html" in headers.get("accept", "")
            await _answer(scope, send, 303 if page else status, sentence)
            return
        body = _Body(scope, receive, send)
        await self._app(scope, body.receive, body.send)

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
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and self._access.is_password(_as_utf8(given)):
            return True
        try:
            cookies = SimpleCookie(headers.get("cookie", ""))
        except CookieError:
            return False
        if COOKIE not in cookies:
            return False
        return hmac.compare_digest(cookies[COOKIE].value.encode(), self._access.session.encode())


def _is_same_origin(headers: dict[str, str]) -> bool:
    if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        # A link from elsewhere may open a page, but load nothing into one.
        return headers.get("sec-fetch-mode") == "navigate" and "origin" not in headers
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc.lower() == headers.get("host", "").lower()


def _length(headers: dict[str, str]) -> int:
    text = headers.get("content-length", "0")
    return int(text) if text.isascii() and text.isdecimal() else LARGEST_BODY + 1


class _Body:
    """A body that may come without a length, and without an end: too much of it is an answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._finish = _with_headers(send)
        self._seen, self._told = 0, False

    async def receive(self) -> Message:
        """Give what comes, up to the bound."""
        if self._seen <= LARGEST_BODY:
            message = await self._receive()
            self._seen += len(message.get("body", b""))
        return message if self._seen <= LARGEST_BODY else {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Send an answer, or instead of it that the request was too large."""
        if self._seen <= LARGEST_BODY:
            await self._finish(message)
        elif not self._told:
            self._told = True
            await _answer(self._scope, self._send, 413, "The request is too large.")


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            there = {name for name, _ in message["headers"]}
            extra = [(k.encode(), v.encode()) for k, v in HEADERS.items()]
            if b"cache-control" not in there:
                extra.append((b"cache-control", b"no-store"))
            message["headers"] = [*message["headers"], *extra]
        await send(message)

    return sending


async def _answer(scope: Scope, send: Send, status: int, sentence: str) -> None:
    """Answer in a sentence; in JSON, as every error there, where that is what is spoken."""
    body, kind = sentence.encode(), b"text/plain; charset=utf-8"
    if scope["path"].startswith("/api/"):
        problem = {"error": sentence, "status": status, "can_force": False}
        body, kind = json.dumps(problem).encode(), b"application/json"
    headers = [
        (b"content-type", kind),
        (b"content-length", str(len(body)).encode()),
        *([(b"location", b"/login")] if status == 303 else []),
    ]
    await _with_headers(send)({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
