"""The connections of the server: how many there may be, for how long, and what is logged of them.

uvicorn waits for a request for ever and takes as many connections as it gets; whoever opens a
thousand and says nothing would use up the file descriptors of the process, and the log would grow
by every attempt to take one more.
"""

import asyncio
import logging
import socket
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from album.web.guard import HELD_BACK, App, bare_answer

MOST_CONNECTIONS = 256
FILES_PER_CONNECTION = 2
"""The socket, and the file that is sent."""
OTHER_FILES = 128
"""Descriptors for the library, pictures that are decoded, and connections just being taken."""
FEWEST_CONNECTIONS = 16
HEAD_S = 10.0
"""Seconds that a request may take to come, without its body."""
BODY_S = 30.0
TAKEN_AT_ONCE = 16
"""Connections that asyncio takes before any of them can be closed again."""
BACKLOG = 256
"""Connections that wait to be taken."""


def most_connections() -> int:
    """Return how many connections leave enough descriptors for everything else."""
    try:
        import resource
    except ImportError:  # Windows knows no such limit
        return MOST_CONNECTIONS
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    room = (limit - OTHER_FILES) // FILES_PER_CONNECTION
    return min(max(room, FEWEST_CONNECTIONS), MOST_CONNECTIONS)


class Connection(H11Protocol):
    """A connection that is closed where a request does not come, or when others need its place.

    A new connection is always taken: where there are too many, the one that has kept the server
    waiting longest goes. So nobody is kept out by those who only hold connections.
    """

    def __init__(self, *args: Any, most: int, **options: Any) -> None:
        super().__init__(*args, **options)
        self.most = most
        self.since = self.loop.time()
        self._waits_for: tuple[str, object] | None = None
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a request, and close another connection where there are too many."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self._watch()
        if len(self.connections) > self.most:
            others: list[Connection] = [one for one in self.connections if one is not self]  # type: ignore[misc]
            waiting = [one for one in others if one.is_waiting()]
            # Who reads slowly may be watching a clip: they go last.
            leaving = min(waiting, key=lambda one: (one.flow.write_paused, one.since), default=self)
            leaving.drop()

    def data_received(self, data: bytes) -> None:
        """Take a part of a request."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Go on to the next request."""
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        super().connection_lost(exc)
        self._stop_watch()

    def is_waiting(self) -> bool:
        """Tell whether it is the other side that keeps this connection open."""
        if self._waits_for is not None or self.flow.write_paused:
            return True
        return HELD_BACK in self.scope.get("state", {})

    def drop(self) -> None:
        """Close the connection at once, whatever was still to be sent."""
        self.connections.discard(self)
        self.transport.abort()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, with the headers that every answer has."""
        headers, body = bare_answer(msg)
        response = h11.Response(
            status_code=400, headers=[*headers, (b"connection", b"close")], reason=b"Bad Request"
        )
        for event in (response, h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _watch(self) -> None:
        """Give the other side a deadline for what is to come next from it."""
        busy = self.cycle is not None and not self.cycle.response_complete
        if busy:
            waits_for = ("body", self.cycle) if self.cycle.more_body else None
        else:
            waits_for = ("head", self.cycle)
        if waits_for == self._waits_for and self._deadline is not None:
            return
        self._stop_watch()
        self._waits_for, self.since = waits_for, self.loop.time()
        if waits_for is not None:
            seconds = HEAD_S if waits_for[0] == "head" else BODY_S
            self._deadline = self.loop.call_later(seconds, self.drop)

    def _stop_watch(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class Server(uvicorn.Server):
    """uvicorn, with a longer queue of connections than asyncio takes at once."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer."""
        await super().startup(sockets)
        for listener in sockets or ():
            listener.listen(BACKLOG)


class Seldom(logging.Filter):
    """Lets a message through a few times in a while, and says later how often it came beside.

    Attributes
    ----------
    most : int
        Times in `window_s` seconds.
    window_s : float
    clock : callable
        Returns seconds that never go back.
    """

    MOST_KINDS = 200
    """Of messages that are told apart; further ones count as one kind."""

    def __init__(
        self,
        most: int = 5,
        window_s: float = 600.0,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self.most, self.window_s, self.clock = most, window_s, clock
        self._seen: dict[tuple[object, ...], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Decide about one message."""
        key = _kind(record)
        if key not in self._seen and len(self._seen) >= self.MOST_KINDS:
            key = ()
        now = self.clock()
        start, times = self._seen.get(key, (now, 0))
        if now - start >= self.window_s:
            if times > self.most:
                left_out = f"{times - self.most} more of this kind since then were not logged"
                record.msg = f"{str(record.msg).rstrip()} ({left_out})"
            start, times = now, 0
        self._seen[key] = start, times + 1
        return times < self.most


def _kind(record: logging.LogRecord) -> tuple[object, ...]:
    """Return what is the same for messages that say the same: text, kind of error and its place."""
    error, _, trace = record.exc_info or (None, None, None)
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = None if trace is None else (trace.tb_frame.f_code.co_filename, trace.tb_lineno)
    return (record.name, str(record.msg).partition("\n")[0][:200], error, place)


def make_server(app: App) -> Server:
    """Return a server for an application; `Server.run` takes the socket that it listens on."""
    config = uvicorn.Config(
        app,
        http=partial(Connection, most=most_connections()),  # type: ignore[arg-type]
        ws="none",
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=3,
        backlog=TAKEN_AT_ONCE,
    )
    for name in ("uvicorn.error", "asyncio"):
        logging.getLogger(name).addFilter(Seldom())
    return Server(config)
