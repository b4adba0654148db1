"""Dask as the carrier: the one place that knows it. Needs the extra `cluster`.

Every call goes to a worker by name, so that who has what, and for how long, is known here; dask
carries, and keeps the list of workers. It pickles what it carries, which means that whoever may
talk to a scheduler may run anything on its workers: a scheduler of our own is reached by this
process and its workers alone, by certificates made for the occasion.
"""

import asyncio
import itertools
import logging
import multiprocessing
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

from album.distributed.addresses import Tls, check
from album.distributed.keeping import CLOSE_S, SETTINGS, keep, scratch_folder
from album.distributed.transport import Answer, Gone, KilledWorker, Present
from album.errors import ClusterError

CONNECT_S = 10.0
ASK_S = 30.0
"""A scheduler that does not answer for so long is gone."""
BACK_S = 120.0
"""How long a scheduler that is gone may take to come back."""
PAUSE_S = 1.0
RESTART_S = 10.0


def imported() -> Any:
    """Return the package `distributed`.

    Raises
    ------
    ClusterError
        It is not installed.
    """
    try:
        import distributed
    except ImportError as error:
        raise ClusterError(
            "Several workers need dask; install it with: pip install 'album-people[cluster]'"
        ) from error
    # What goes wrong is told here, in sentences; dask gives each of its parts a level of its own.
    parts = [name for name in logging.root.manager.loggerDict if name.startswith("distributed")]
    for name in ("asyncio", "tornado", *parts):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    return distributed


class Dask:
    """A client of a scheduler; implements `album.distributed.transport.Transport`.

    Parameters
    ----------
    connect : callable
        Returns a client that is connected; raises `ClusterError`.
    address : str
        Of the scheduler; empty where it and its workers are this process's own.
    cluster : object, optional
        The workers that were started for this process, to be ended with it.
    """

    def __init__(
        self,
        connect: Callable[[], Any],
        address: str,
        cluster: "_Local | None" = None,
    ) -> None:
        self.address = address
        self._connect, self._cluster = connect, cluster
        self._client = connect()
        self._tickets = itertools.count()
        self._futures: dict[int, Any] = {}
        self._came: SimpleQueue[Answer | None] = SimpleQueue()

    @property
    def client(self) -> Any:
        """The client of dask, of now: another after `again`."""
        return self._client

    def workers(self) -> Mapping[str, Present]:
        """Return the workers by address; raises `Gone`."""
        try:
            told = self._client.sync(
                self._client.scheduler.identity, n_workers=-1, callback_timeout=ASK_S
            )
        except Exception as error:
            raise Gone(self.address) from error
        return {address: _present(address, facts) for address, facts in told["workers"].items()}

    def submit(self, worker: str, call: Callable[..., Any], *args: Any) -> int:
        """Have a worker call something; return a ticket for the answer. Raises `Gone`."""
        ticket = next(self._tickets)
        how = {"workers": [worker], "allow_other_workers": False, "pure": False, "retries": 0}
        try:
            future = self._client.submit(call, *args, key=f"album-{id(self)}-{ticket}", **how)
        except Exception as error:
            if self._client.status != "running":
                raise Gone(self.address) from error
            raise
        self._futures[ticket] = future
        client = self._client
        future.add_done_callback(lambda done: self._done(client, ticket, done))
        return ticket

    def _done(self, client: Any, ticket: int, future: Any) -> None:
        """Fetch what has come of a call, in dask's own thread; nobody waits for it meanwhile."""
        if client is not self._client:
            return
        if future.status == "finished":
            client.loop.add_callback(self._fetch, client, ticket, future)
        elif future.status == "error":
            client.loop.add_callback(self._failed, ticket, future)
        elif ticket in self._futures:  # cancelled or lost, and not by us
            self._came.put(None)

    async def _fetch(self, client: Any, ticket: int, future: Any) -> None:
        try:
            self._came.put(Answer(ticket, await client.gather(future, asynchronous=True)))
        except Exception as error:  # the worker has gone meanwhile, which shows in the list
            self._came.put(Answer(ticket, error=error))

    async def _failed(self, ticket: int, future: Any) -> None:
        error = future._state.exception
        if type(error).__name__ == "KilledWorker":
            error = KilledWorker(str(error))
        self._came.put(Answer(ticket, error=error))

    def answers(self, timeout: float) -> list[Answer]:
        """Wait until something is answered, at most for so many seconds; raises `Gone`."""
        came: list[Answer] = []
        try:
            while True:
                answer = self._came.get(timeout=0 if came else timeout)
                if answer is None:
                    raise Gone(self.address)
                if self._futures.pop(answer.ticket, None) is not None:
                    came.append(answer)
        except Empty:
            return came

    def drop(self, ticket: int) -> None:
        """Want no answer any more."""
        future = self._futures.pop(ticket, None)
        if future is not None and self._client.status == "running":
            future.release()

    def replace(self, worker: str) -> None:
        """End a worker that does not answer and start another, where it is ours to end."""
        if self._cluster is None:
            return
        how = {"timeout": RESTART_S, "raise_for_error": False}
        self._client.loop.add_callback(self._restart, self._client, worker, how)

    @staticmethod
    async def _restart(client: Any, worker: str, how: dict[str, Any]) -> None:
        try:
            await client._restart_workers([worker], **how)
        except Exception:  # no nanny: it is off the list, and that is all that can be done
            logging.getLogger(__name__).debug("%s can't be restarted", worker, exc_info=True)

    def again(self) -> None:
        """Connect anew after `Gone`; raises `ClusterError` where that does not come about."""
        self._leave()
        until = time.monotonic() + BACK_S
        while True:
            try:
                self._client = self._connect()
            except ClusterError as error:
                if not error.may_pass or time.monotonic() > until:
                    raise ClusterError(
                        f"The scheduler {self.address} is gone and did not come back; what was "
                        f"finished is kept: start it, and run the same command."
                    ) from error
                time.sleep(PAUSE_S)
            else:
                return

    def _leave(self) -> None:
        self._futures.clear()
        self._came = SimpleQueue()
        try:
            self._client.close(timeout=2)
        except Exception:
            logging.getLogger(__name__).debug("the client does not close", exc_info=True)

    def close(self) -> None:
        """Leave the cluster, and end what was started for it."""
        self._leave()
        if self._cluster is not None:
            self._cluster.close()


def _present(address: str, facts: Mapping[str, Any]) -> Present:
    name = str(facts.get("name", address))
    return Present(
        str(facts["id"]),
        address.rpartition("://")[2] if name == address else name,
        int(facts["nthreads"]),
        float(facts["last_seen"]),
    )


class _Local:
    """A scheduler and workers of our own, on this machine.

    Parameters
    ----------
    distributed : module
    workers : int
    """

    def __init__(self, distributed: Any, workers: int) -> None:
        from dask import config

        security = distributed.Security.temporary()
        self._scratch = scratch_folder()
        with config.set(SETTINGS | {"temporary-directory": self._scratch.name}):
            self.cluster = distributed.LocalCluster(
                n_workers=0,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                security=security,
                silence_logs=logging.CRITICAL,
                scheduler_kwargs={"dashboard": False},
            )
        self._task: asyncio.Task[Any] | None = None
        self._loop = self.cluster.loop.asyncio_loop
        address, scratch = self.cluster.scheduler_address, self._scratch.name
        kept = keep(distributed, address, security, workers, scratch)
        self._kept = asyncio.run_coroutine_threadsafe(self._until_closed(kept), self._loop)

    async def _until_closed(self, kept: Coroutine[Any, Any, None]) -> None:
        self._task = asyncio.current_task()
        with suppress(asyncio.CancelledError):
            await kept

    def close(self) -> None:
        """End the workers, then the scheduler."""
        if self._task is not None:
            self._loop.call_soon_threadsafe(self._task.cancel)
        with suppress(TimeoutError):
            self._kept.result(CLOSE_S)
        self.cluster.close(timeout=CLOSE_S)
        # A process that was stopped does not hear that it should end, and Python would wait for it.
        for process in multiprocessing.active_children():
            process.kill()
        self._scratch.cleanup()


def local(workers: int) -> Dask:
    """Start workers on this machine, of one thread each."""
    distributed = imported()
    mine = _Local(distributed, workers)

    def connect() -> Any:
        return distributed.Client(mine.cluster, set_as_default=False, timeout=CONNECT_S)

    return Dask(connect, "", mine)


def at(address: str, tls: Tls) -> Dask:
    """Join a scheduler as its client.

    Raises
    ------
    ClusterError
        There is none, it does not let us in, or it is on another machine and neither encrypted nor
        allowed to be plain.
    """
    tls.refuse_plain(address)
    distributed = imported()
    security = tls.security(distributed)

    def connect() -> Any:
        check(address, security)
        try:
            how = {"set_as_default": False, "timeout": CONNECT_S, "security": security}
            return distributed.Client(address, **how)
        except (OSError, ValueError) as error:
            raise ClusterError(
                f"{address} is no dask scheduler that this version of dask can talk to ({error}); "
                f"check the address, that both have the same version of dask, and tls:// where it "
                f"asks for certificates.",
                may_pass=True,
            ) from error

    return Dask(connect, address)
