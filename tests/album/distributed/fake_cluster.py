"""A cluster in this process, whose workers do what a test says."""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from album.distributed.cluster import (
    CallFailed,
    Reply,
    SchedulerLost,
    Worker,
    WorkerDied,
    fail,
)
from album.distributed.work import VERSION, read_chunk
from album.errors import ClusterError

READ_CHUNK = read_chunk


@dataclass
class FakeWorker:
    """One worker.

    `before` gets the arguments of each chunk before it is read and may raise `Dies` or `Later`;
    `read` is called in the place of `read_chunk`.
    """

    host: str = "host"
    threads: int = 1
    version: str = VERSION
    before: Callable[[Any], Any] | None = None
    read: Callable[..., Any] | None = None
    calls: list[Any] = field(default_factory=list)


class Dies(Exception):  # noqa: N818
    """Raised by `FakeWorker.before`: the worker dies."""


class Later(Exception):  # noqa: N818
    """Raised by `FakeWorker.before`: the call is done when no others wait."""


@dataclass
class _Call:
    workers: frozenset[str]
    function: Callable[..., Any]
    args: tuple[Any, ...]
    future: "Future[Any]" = field(default_factory=Future)
    deaths: int = 0


@dataclass
class FakeCluster:
    """Runs calls one after the other, in a thread; moves those of dead workers as dask does.

    `gone` is how many requests for the workers fail; `most` counts calls in flight.
    """

    there: dict[str, FakeWorker] = field(default_factory=dict)
    address: str = "tcp://test:8786"
    gone: int = 0
    comes_back: bool = True
    respawns: bool = True
    most: int = 0
    waiting: deque[_Call] = field(default_factory=deque)
    _condition: threading.Condition = field(default_factory=threading.Condition)
    _is_running: bool = False

    def workers(self):
        with self._condition:
            if self.gone:
                self.gone -= 1
                self.waiting.clear()
                if not self.comes_back:
                    raise ClusterError("The scheduler did not come back.")
                raise SchedulerLost
            return {
                address: Worker(address, f"{one.host} ({address})", one.threads, one.version)
                for address, one in self.there.items()
            }

    def submit(self, workers, call, /, *args):
        made = _Call(frozenset(workers), call, args)
        with self._condition:
            self.waiting.append(made)
            self.most = max(self.most, len(self.waiting))
            self._condition.notify()
            if not self._is_running:
                self._is_running = True
                threading.Thread(target=self._run, daemon=True).start()
        return made.future

    def scatter(self, workers, value):
        return value

    def close(self):
        self.there.clear()

    def _run(self):
        while True:
            with self._condition:
                if not self._condition.wait_for(lambda: self.waiting, timeout=5):
                    self._is_running = False
                    return
                call = self.waiting[0]
                able = call.workers & self.there.keys()
                if not able:  # lies there until the pool gives it up
                    self.waiting.popleft()
                    continue
                address = min(able, key=lambda one: (len(self.there[one].calls), one))
                worker = self.there[address]
            try:
                value = self._answer(worker, call)
            except Later:
                self.waiting.rotate(-1)
                continue
            except Dies:
                self._died(address, call)
                continue
            except Exception as error:
                self._done(call)
                fail(call.future, CallFailed(f"{type(error).__name__}: {error}", address))
                continue
            self._done(call)
            if not call.future.done():
                call.future.set_result(Reply(address, value))

    def _answer(self, worker, call):
        if call.function is not READ_CHUNK:
            return call.function(*call.args)
        if worker.before is not None:
            worker.before(call.args)
        worker.calls.append(call.args)
        return (worker.read or call.function)(*call.args)

    def _done(self, call):
        with self._condition:
            if call in self.waiting:
                self.waiting.remove(call)

    def _died(self, address, call):
        with self._condition:
            worker = self.there.pop(address)
            if self.respawns:
                self.there[f"{address}'"] = worker
            call.deaths += 1
            if call.deaths > 1:
                self.waiting.remove(call)
                fail(call.future, WorkerDied())
