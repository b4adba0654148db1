"""The workers of a cluster, shared fairly among those who have calls for them.

Dask places each call. What it does not know is decided here: which workers may have it (those with
this version of the program, that can see the photos), how many calls of each share are in flight,
and when there is nobody left. A pool may be used from several threads, one for each share.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import RLock
from typing import Any, ParamSpec, TypeVar

from album.distributed.cluster import (
    Cluster,
    Reply,
    SchedulerLost,
    Worker,
    WorkerDied,
    fail,
)
from album.distributed.work import VERSION
from album.errors import ClusterError, NoWorkers
from album.events import WorkersChanged

P = ParamSpec("P")
T = TypeVar("T")

REFRESH_S = 1.0
"""Between two requests for the list of workers."""
WAIT_S = 0.2
"""How long one wait for results takes at most."""
JOIN_S = 120.0
"""How long a run waits for a first worker, or for another when all are gone."""
UNFIT_S = 5.0
"""How long it waits when the workers that are there can't be used."""
IDLE_S = 2.0
"""A share that has submitted nothing for so long leaves its part to the others."""


@dataclass(slots=True)
class Pool:
    """The workers of one cluster.

    Parameters
    ----------
    cluster : Cluster

    Attributes
    ----------
    is_connected : bool
        Whether the scheduler answers.
    """

    cluster: Cluster
    _workers: Mapping[str, Worker] = field(default_factory=dict)
    _shares: "list[Share]" = field(default_factory=list)
    _lock: RLock = field(default_factory=RLock)
    _refreshed: float = float("-inf")
    is_connected: bool = field(default=True, init=False)

    @contextmanager
    def share(self, *, weight: float = 1.0, limit: int | None = None) -> "Iterator[Share]":
        """Take part of the workers; in the end, calls in flight are given up.

        Parameters
        ----------
        weight : float
            Of this share beside the others.
        limit : int, optional
            Calls in flight.
        """
        share = Share(self, weight, limit)
        with self._lock:
            self._shares.append(share)
            if share.workers:
                share.report()
        try:
            yield share
        finally:
            with self._lock:
                self._shares.remove(share)
                share.give_up(SchedulerLost())

    @property
    def is_empty(self) -> bool:
        """Whether there is no worker that anybody could use."""
        return not self.usable

    @property
    def usable(self) -> dict[str, Worker]:
        """The workers with this version of the program, by address."""
        workers = self._workers.items()
        return {address: worker for address, worker in workers if worker.version == VERSION}

    def refresh(self) -> None:
        """Find out who has come and who has gone, unless that was done just now.

        Raises
        ------
        ClusterError
            The scheduler has been gone for too long.
        """
        with self._lock:
            now = time.monotonic()
            if now - self._refreshed < (min(WAIT_S, REFRESH_S) if self.is_empty else REFRESH_S):
                return
            before = self._workers
            try:
                self._workers = self.cluster.workers()
            except SchedulerLost:
                self._disconnected()
                return
            finally:
                self._refreshed = time.monotonic()
            self.is_connected = True
            self._report_changes(before, self._workers)
            for share in self._shares:
                share.give_up(WorkerDied(), unless=self._workers.keys())

    def _disconnected(self) -> None:
        self._workers = {}
        if self.is_connected:
            self._report("The scheduler is gone; waiting for it to come back.")
        self.is_connected = False
        for share in self._shares:
            share.give_up(SchedulerLost())

    def _report_changes(self, before: Mapping[str, Worker], now: Mapping[str, Worker]) -> None:
        for worker in before.values():
            if worker.address not in now and worker.version == VERSION:
                has_calls = any(share.is_in_flight_on(worker.address) for share in self._shares)
                consequence = "; what it had goes to others" if has_calls else ""
                self._report(f"Worker {worker.name} is gone{consequence}.")
        for worker in now.values():
            known = before.get(worker.address)
            if worker.version is None or (known is not None and known.version == worker.version):
                continue
            if worker.version == VERSION:
                self._report()
                continue
            found = f"version {worker.version}" if worker.version else "no album-people"
            self._report(
                f"Worker {worker.name} has {found} instead of {VERSION} and is not used; "
                f"install this version there."
            )

    def _report(self, problem: str = "") -> None:
        for share in self._shares:
            share.report(problem)

    def allowance(self, share: "Share") -> float:
        """Return how many calls a share may have in flight: its part of one a thread and one more.

        Parameters
        ----------
        share : Share
        """
        since = time.monotonic() - IDLE_S
        busy = sum(one.weight for one in self._shares if one.submitted >= since or one is share)
        slots = sum(worker.threads + 1 for worker in self.usable.values())
        allowed = max(1.0, slots * share.weight / busy)
        return min(allowed, share.limit or allowed)

    @property
    def has_answered(self) -> bool:
        """Whether there are workers, and all have said which version they have."""
        versions = [worker.version for worker in self._workers.values()]
        return bool(versions) and None not in versions


@dataclass(slots=True, eq=False)
class Share:
    """Part of the workers of a pool; see `Pool.share`.

    Attributes
    ----------
    submitted : float
        When something was last to be submitted, whether there was room for it or not.
    """

    pool: Pool
    weight: float
    limit: int | None
    submitted: float = float("-inf")
    _excluded: set[str] = field(default_factory=set)
    _in_flight: "dict[Future[Any], frozenset[str]]" = field(default_factory=dict)
    _changes: list[WorkersChanged] = field(default_factory=list)
    _problem: str = ""
    _alone_since: float = field(default_factory=time.monotonic)

    @property
    def workers(self) -> dict[str, Worker]:
        """The workers that may be used, by address."""
        usable = self.pool.usable.items()
        return {address: worker for address, worker in usable if address not in self._excluded}

    @property
    def has_room(self) -> bool:
        """Whether a call can be submitted now."""
        with self.pool._lock:
            self.submitted = time.monotonic()
            return bool(self.workers) and len(self._in_flight) < self.pool.allowance(self)

    def submit(
        self, avoid: Collection[str], call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> "Future[Reply[T]] | None":
        """Have a worker call something.

        Parameters
        ----------
        avoid : collection of str
            Addresses of workers that should not run it where there are others.
        call : callable
        args, kwargs
            See `Cluster.submit`.

        Returns
        -------
        Future or None
            None where there is no room now. It comes back from `completed`.
        """
        with self.pool._lock:
            if not self.has_room:
                return None
            workers = self.workers.keys() - set(avoid) or self.workers.keys()
            try:
                future = self.pool.cluster.submit(workers, call, *args, **kwargs)
            except SchedulerLost:
                return None
            self._in_flight[future] = frozenset(workers)
            return future

    def completed(self) -> "list[Future[Any]]":
        """Wait a moment; return the futures that are complete, in the order of their calls.

        Raises
        ------
        ClusterError
            Nobody is left to run anything, or the scheduler does not come back.
        """
        self.pool.refresh()
        futures = list(self._in_flight)
        if not futures:
            self._require_workers()
            time.sleep(WAIT_S)
            return []
        self._alone_since = time.monotonic()
        done, _ = wait(futures, WAIT_S, return_when=FIRST_COMPLETED)
        complete = [future for future in futures if future in done]
        with self.pool._lock:
            for future in complete:
                del self._in_flight[future]
        return complete

    def changes(self) -> list[WorkersChanged]:
        """Return what has happened to the workers since the last call."""
        with self.pool._lock:
            changes, self._changes = self._changes, []
            return changes

    def exclude(self, address: str, reason: str) -> None:
        """Submit nothing more to a worker.

        Parameters
        ----------
        address : str
        reason : str
            The rest of the sentence that begins with the name of the worker.
        """
        with self.pool._lock:
            worker = self.workers.get(address)
            if worker is not None:
                self._excluded.add(address)
                self.report(f"Worker {worker.name} {reason}")

    def report(self, problem: str = "") -> None:
        """Note that the workers have changed, and what is wrong with one."""
        self._problem = problem or self._problem
        self._changes.append(WorkersChanged(len(self.workers), problem))

    def is_in_flight_on(self, address: str) -> bool:
        """Tell whether a worker may have a call of this share."""
        return any(address in workers for workers in self._in_flight.values())

    def give_up(self, error: Exception, unless: Collection[str] = ()) -> None:
        """Complete the calls in flight with an error, unless one of some workers may run them."""
        for future, workers in list(self._in_flight.items()):
            if workers.isdisjoint(unless):
                fail(future, error)

    def _require_workers(self) -> None:
        """Raise where there have been no workers for too long."""
        if self.workers or not self.pool.is_connected:
            self._alone_since = time.monotonic()
            return
        waited = time.monotonic() - self._alone_since
        if self.pool.has_answered and waited > UNFIT_S:
            raise ClusterError(f"No worker can be used. {self._problem}")
        if waited > JOIN_S:
            raise NoWorkers(self.pool.cluster.address, JOIN_S)
