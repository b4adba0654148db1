"""A transport in this process, whose workers do what a test says."""

import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from album.distributed.pool import VERSION
from album.distributed.transport import Answer, Gone, KilledWorker, Present
from album.distributed.work import about
from album.errors import ClusterError


@dataclass
class Worker:
    """One worker; `run` is asked before each call and may say what happens instead."""

    host: str = "host"
    threads: int = 1
    version: str = VERSION
    run: Callable[[Any], Any] | None = None
    id: str = ""
    seen: float = 0.0
    calls: list[Any] = field(default_factory=list)


class Dies(Exception):  # noqa: N818
    """Raised by `Worker.run`: the worker ends."""


class Hangs(Exception):  # noqa: N818
    """Raised by `Worker.run`: nothing is ever answered, and nobody hears of the worker."""


@dataclass
class Carrier:
    """Runs every call when answers are asked for, one worker after the other."""

    there: dict[str, Worker] = field(default_factory=dict)
    address: str = "tcp://test:8786"
    gone: int = 0
    comes_back: bool = True
    respawns: bool = True
    replaced: list[str] = field(default_factory=list)
    most: int = 0
    _waiting: deque[tuple[int, str, Any, Any]] = field(default_factory=deque)
    _tickets: Any = field(default_factory=itertools.count)
    _hung: set[str] = field(default_factory=set)

    def workers(self):
        if self.gone:
            self.gone -= 1
            self._waiting.clear()
            raise Gone
        for address, worker in self.there.items():
            worker.seen += address not in self._hung
        return {
            address: Present(worker.id or address, address, worker.threads, worker.seen)
            for address, worker in self.there.items()
        }

    def submit(self, worker, call, *args):
        ticket = next(self._tickets)
        self._waiting.append((ticket, worker, call, args))
        held = sum(one[2] is not about for one in self._waiting)
        self.most = max(self.most, held)
        return ticket

    def answers(self, timeout):
        if not self._waiting:
            return []
        ticket, address, call, args = self._waiting.popleft()
        worker = self.there.get(address)
        if worker is None or address in self._hung:
            return []
        if call is about:
            return [Answer(ticket, {"version": worker.version, "host": worker.host})]
        worker.calls.append(args)
        try:
            if worker.run is not None:
                worker.run(args)
            return [Answer(ticket, call(*args))]
        except Dies:
            self.end(address)
        except Hangs:
            self._hung.add(address)
        except KilledWorker as error:
            return [Answer(ticket, error=error)]
        except RuntimeError as error:
            return [Answer(ticket, error=error)]
        return []

    def end(self, address):
        worker = self.there.pop(address)
        self._waiting = deque(one for one in self._waiting if one[1] != address)
        if self.respawns:
            self.there[f"{address}'"] = worker

    def drop(self, ticket):
        self._waiting = deque(one for one in self._waiting if one[0] != ticket)

    def replace(self, worker):
        self.replaced.append(worker)
        self.there.pop(worker, None)

    def again(self):
        if not self.comes_back:
            raise ClusterError("The scheduler did not come back.")

    def close(self):
        self.there.clear()
