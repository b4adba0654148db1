"""Threads that may be given up, and how long one file may take.

A decoder that meets a hostile file can loop for hours, and a thread can't be ended from outside.
So its file is given up, another thread takes its place, and the process ends without waiting.
"""

import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any, ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")

LIMIT = 120.0
"""Seconds one file may take. The slowest picture within `album.media.limits` takes ten."""
SHARE = 0.1
"""Of that limit, what a clip gets for each window of frames: its length decides how long it may
take, and a window takes a second or two."""


@dataclass(slots=True)
class _Work:
    future: Future[Any]
    call: Callable[[], Any]

    def run(self) -> None:
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            result = self.call()
        except BaseException as error:
            self.future.set_exception(error)
        else:
            self.future.set_result(result)


class Workers(Executor):
    """A pool of threads of which none keeps the process from ending.

    Parameters
    ----------
    threads : int
        How many.
    """

    def __init__(self, threads: int) -> None:
        self._queue: SimpleQueue[_Work | None] = SimpleQueue()
        self._threads: list[Thread] = []
        for _ in range(threads):
            self.add()

    def add(self) -> None:
        """Start one more thread, in the place of one that hangs."""
        thread = Thread(target=self._run, name="album", daemon=True)
        self._threads.append(thread)
        thread.start()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have a function called in one of the threads, in the order of the calls."""
        future: Future[T] = Future()
        self._queue.put(_Work(future, lambda: fn(*args, **kwargs)))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let the threads end when they have done what they were given.

        Parameters
        ----------
        wait : bool
            Wait for them, however long they take.
        cancel_futures : bool
            Leave out what was not begun.
        """
        while cancel_futures:
            try:
                work = self._queue.get_nowait()
            except Empty:
                break
            if work is not None and work.future.cancel():
                work.future.set_running_or_notify_cancel()
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads if wait else ():
            thread.join()

    def _run(self) -> None:
        while (work := self._queue.get()) is not None:
            work.run()
            del work  # or it would keep its result until the next comes


class GivenUp(Exception):  # noqa: N818 - the name says what happened
    """A file has taken all the time it had."""


@dataclass(slots=True)
class Clock:
    """How long each file that is being read may still take; used from any thread.

    Parameters
    ----------
    limit : float
        Seconds for one file; 0 for no limit.
    now : callable
        The time in seconds.
    """

    limit: float = LIMIT
    now: Callable[[], float] = time.monotonic
    _until: dict[str, float] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def start(self, path: str) -> None:
        """Begin to count the time of a file."""
        with self._lock:
            self._until[path] = self.now() + self.limit

    def extend(self, path: str) -> None:
        """Grant a clip more time, for the window of frames that it has come through."""
        with self._lock:
            if path in self._until:
                self._until[path] += SHARE * self.limit

    def stop(self, path: str) -> None:
        """Forget a file that is done, or given up."""
        with self._lock:
            self._until.pop(path, None)

    def left(self, path: str) -> float | None:
        """Return the seconds that a file still has; None where there is no limit.

        A file that was not begun yet has all of them.
        """
        if not self.limit:
            return None
        with self._lock:
            until = self._until.get(path)
        return self.limit if until is None else until - self.now()

    def wait(self, path: str, future: Future[T]) -> T:
        """Return what is found in a file, or raise what its reading raises.

        Parameters
        ----------
        path : str
        future : Future
            Whose thread starts the clock of this file.

        Raises
        ------
        GivenUp
            It is not done, and has had its time. Its thread may go on forever.
        """
        while True:
            left = self.left(path)
            if left is not None and left <= 0 and not future.done():
                raise GivenUp(path)
            try:
                return future.result(left)
            except TimeoutError:
                if future.done():
                    return future.result()
