"""Dask as the cluster: the only module that imports it. Needs the extra `cluster`.

Dask places calls, moves them away from workers that die, starts those again, and restores the
connection to a scheduler that is gone. It pickles what it carries, which means that whoever may
talk to a scheduler may run anything on its workers: a scheduler of our own is reached by this
process and its workers alone, by certificates made for the occasion.
"""

import asyncio
import logging
import multiprocessing
import ssl
import time
from collections.abc import Callable, Collection, Coroutine, Mapping
from concurrent.futures import CancelledError, Future
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from tempfile import TemporaryDirectory
from typing import Any, ParamSpec, TypeVar

from album.distributed.addresses import Tls, bracketed, check, own_address, split
from album.distributed.cluster import (
    CallFailed,
    Reply,
    SchedulerLost,
    Worker,
    WorkerDied,
    fail,
)
from album.distributed.work import about
from album.errors import BadCertificates, ClusterError
from nets.runtime.models import load_manifest, read_weights

try:
    import distributed
    from dask import config
except ImportError as error:
    raise ClusterError(
        "Several workers need dask; install it with: pip install 'album-people[cluster]'"
    ) from error

P = ParamSpec("P")
T = TypeVar("T")

CONNECT_S = 10.0
ASK_S = 30.0
"""A scheduler that does not answer for so long is gone."""
BACK_S = 120.0
"""How long a scheduler that is gone may take to come back."""
CLOSE_S = 5.0
PAUSE_S = 1.0
QUIET: dict[str, object] = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "500ms",
    "distributed.admin.tick.limit": "30s",
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.nanny.http.routes": [],
}
"""Of our own processes: dask would look at each thread a hundred times a second, and serve what it
sees by HTTP."""
LOCAL: dict[str, object] = {
    # One retry shows whether a worker dies of what it reads or has been killed.
    "distributed.scheduler.allowed-failures": 1,
    "distributed.scheduler.worker-ttl": "60s",
}
"""Of a scheduler of our own."""


class DaskCluster:
    """A scheduler of dask; implements `album.distributed.cluster.Cluster`.

    Parameters
    ----------
    client : distributed.Client
        Connected. It is closed in the end.
    address : str
        Of the scheduler; empty where it and its workers are this process's own.
    started : ExitStack, optional
        What was started for this process, to be ended with it.
    """

    def __init__(
        self,
        client: distributed.Client,
        address: str,
        started: ExitStack | None = None,
    ) -> None:
        self.address = address
        self._client, self._started = client, started
        self._versions: dict[str, Future[Reply[dict[str, str]]]] = {}
        self._lost_since: float | None = None

    def workers(self) -> Mapping[str, Worker]:
        """Return the workers by address; see `Cluster`."""
        try:
            if self._client.status != "running":
                raise SchedulerLost
            found = self._client.sync(
                self._client.scheduler.identity, n_workers=-1, callback_timeout=ASK_S
            )["workers"]
            ids = {str(facts["id"]): address for address, facts in found.items()}
            for new in ids.keys() - self._versions.keys():
                self._versions[new] = self.submit([ids[new]], about)
        except Exception as error:
            raise self._lost() from error
        self._versions = {known: self._versions[known] for known in ids}
        self._lost_since = None
        return {
            address: _worker(address, facts, self._versions[str(facts["id"])])
            for address, facts in found.items()
        }

    def _lost(self) -> Exception:
        self._versions.clear()
        now = time.monotonic()
        self._lost_since = now if self._lost_since is None else self._lost_since
        if self._client.status != "closed" and now - self._lost_since < BACK_S:
            return SchedulerLost()
        return ClusterError(
            f"The scheduler {self.address} is gone and did not come back; what was finished is "
            f"kept: start it, and run the same command."
        )

    def submit(
        self, workers: Collection[str], call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Future[Reply[T]]:
        """Have one of some workers call something; see `Cluster`."""
        try:
            there = self._client.submit(
                _call, call, *args, **kwargs, workers=list(workers), pure=False
            )
        except Exception as error:
            if self._client.status != "running":
                raise SchedulerLost from error
            raise
        here: Future[Reply[T]] = Future()
        here.add_done_callback(lambda _: there.release())
        self._client.loop.add_callback(_relay, self._client, there, here)
        return here

    def scatter(self, workers: Collection[str], value: T) -> T:
        """Send a value to one of some workers once; see `Cluster`."""
        try:
            stand_in: T = self._client.scatter(value, workers=list(workers), hash=False)
        except Exception as error:
            raise SchedulerLost from error
        return stand_in

    def close(self) -> None:
        """Leave the cluster, and end what was started for it."""
        with suppress(Exception):  # the scheduler may be gone
            self._client.close(timeout=2)
        if self._started is not None:
            self._started.close()


def _call(
    call: Callable[..., T], *args: object, **kwargs: object
) -> tuple[str, T | None, str | None]:
    """Call something on a worker; return the worker, the result and what it has raised."""
    worker = distributed.get_worker().address
    try:
        return worker, call(*args, **kwargs), None
    except Exception as error:
        return worker, None, _described(error)


def _described(error: BaseException) -> str:
    message = " ".join(str(error).split())[:200]
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


async def _relay(
    client: distributed.Client, there: distributed.Future, here: Future[Reply[Any]]
) -> None:
    """Complete a future here with what comes of a call there."""
    try:
        worker, value, problem = await client.gather(there, asynchronous=True)
    except distributed.KilledWorker:
        fail(here, WorkerDied())
    except (CancelledError, asyncio.CancelledError, OSError):
        fail(here, SchedulerLost())
    except Exception as error:  # what was sent can't be unpickled, there or here
        fail(here, CallFailed(_described(error)))
    else:
        if problem is not None:
            fail(here, CallFailed(problem, worker))
        elif not here.done():
            here.set_result(Reply(worker, value))


def _worker(address: str, facts: Mapping[str, Any], asked: Future[Reply[dict[str, str]]]) -> Worker:
    name = str(facts.get("name", address))
    name = address.rpartition("://")[2] if name == address else name
    if not asked.done():
        return Worker(address, name, int(facts["nthreads"]), None)
    if asked.exception() is not None:
        return Worker(address, name, int(facts["nthreads"]), "")
    answer = asked.result().value
    name = f"{answer['host']} ({name})"
    return Worker(address, name, int(facts["nthreads"]), answer["version"])


def connect(address: str, tls: Tls) -> DaskCluster:
    """Join a scheduler as its client.

    Parameters
    ----------
    address : str
    tls : Tls

    Raises
    ------
    ClusterError
        There is none, it does not let us in, or it is on another machine and neither encrypted nor
        allowed to be plain.
    """
    _silence()
    tls.refuse_plain(address)
    security = security_of(tls)
    check(address, context_of(address, security))
    how = {"set_as_default": False, "security": security}
    try:
        # The second has as long as this for every later connection, too.
        distributed.Client(address, timeout=CONNECT_S, **how).close()
        client = distributed.Client(address, timeout=BACK_S, **how)
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"{address} is no dask scheduler that this version of dask can talk to ({error}); "
            f"check the address, that both have the same version of dask, and tls:// where it "
            f"asks for certificates.",
            may_pass=True,
        ) from error
    return DaskCluster(client, address)


def start(workers: int) -> DaskCluster:
    """Start a scheduler and workers on this machine, of one thread each.

    Only this process and its workers can reach them, by certificates made for the occasion.

    Parameters
    ----------
    workers : int
    """
    _silence()
    security = distributed.Security.temporary()
    with ExitStack() as started:
        scratch = started.enter_context(scratch_folder())
        with config.set(QUIET | LOCAL | {"temporary-directory": scratch}):
            cluster = distributed.LocalCluster(
                n_workers=0,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                security=security,
                silence_logs=logging.CRITICAL,
                scheduler_kwargs={"dashboard": False},
            )
        started.callback(_kill_children)
        started.callback(cluster.close, timeout=CLOSE_S)
        running = run_workers(cluster.scheduler_address, security, workers, scratch)
        task = cluster.sync(_begin, running)
        started.callback(cluster.sync, _end, task)
        client = distributed.Client(cluster, set_as_default=False, timeout=CONNECT_S)
        return DaskCluster(client, "", started.pop_all())


async def _begin(running: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    return asyncio.create_task(running)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task], timeout=CLOSE_S)


def _kill_children() -> None:
    """Kill processes that were stopped: they do not hear that they should end."""
    for process in multiprocessing.active_children():
        process.kill()


def _silence() -> None:
    """Have dask log nothing: what goes wrong is reported in sentences."""
    parts = [name for name in logging.root.manager.loggerDict if name.startswith("distributed")]
    for name in ("asyncio", "tornado", *parts):  # dask gives each of its parts a level of its own
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def security_of(tls: Tls) -> distributed.Security:
    """Return certificates as dask takes them; what is not named is as its configuration has it.

    Raises
    ------
    ClusterError
        A file is not there.
    """
    files = {part: str(path) for part, path in tls.files().items()}
    given = {"tls_ca_file": files["ca"]} if "ca" in files else {}
    for role in ("client", "worker"):
        given |= {f"tls_{role}_{part}": files[part] for part in ("cert", "key") if part in files}
    return distributed.Security(**given)


def context_of(address: str, security: distributed.Security) -> ssl.SSLContext | None:
    """Return the certificates for an address; None where there are none.

    Raises
    ------
    ClusterError
        They can't be used.
    """
    if split(address)[0] != "tls":
        return None
    try:
        context: ssl.SSLContext | None = security.get_connection_args("client").get("ssl_context")
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise BadCertificates(
            f"The certificates for {address} can't be used ({reason})."
        ) from error
    return context


def scratch_folder() -> TemporaryDirectory[str]:
    """Make a folder for what dask writes, to be deleted in the end.

    By itself, dask leaves locks in a folder of the system's temporary one that all users share, and
    has its processes import from there.
    """
    return TemporaryDirectory(prefix="album-", ignore_cleanup_errors=True)


async def run_workers(
    address: str,
    security: distributed.Security,
    workers: int,
    scratch: str,
    waiting: "Waiting | None" = None,
) -> None:
    """Run worker processes of one thread each for a scheduler, until cancelled.

    A nanny starts its process again when that dies. It ends when that dies while it starts, or when
    the scheduler is gone; then another takes its place.

    Parameters
    ----------
    address : str
        Of the scheduler.
    security : distributed.Security
    workers : int
    scratch : str
        A folder, as `scratch_folder` makes it.
    waiting : Waiting, optional
        For a scheduler that may be gone.
    """

    async def run() -> None:
        if waiting is not None:
            await waiting.until_there()
        nanny = distributed.Nanny(
            address,
            # Of the nanny and of its worker, which dask would have listen on all interfaces.
            host=bracketed(await asyncio.to_thread(own_address, address)),
            nthreads=1,
            memory_limit=0,
            security=security,
            silence_logs=logging.CRITICAL,
            dashboard=False,
            dashboard_address="127.0.0.1:0",  # listens even without a dashboard
            config=QUIET,
            local_directory=scratch,
            preload=["album.distributed.work"],  # before it is asked for, while others start
        )
        try:
            await nanny
            if waiting is not None:
                waiting.has_joined()
            await nanny.finished()
        finally:
            with suppress(Exception):  # it has ended already, in whatever way
                await nanny.close(timeout=CLOSE_S)

    async def keep_running() -> None:
        while True:
            try:
                await run()
            except (OSError, RuntimeError):  # killed while it started, or the network has gone
                logging.getLogger(__name__).debug("a worker did not start", exc_info=True)
            await asyncio.sleep(PAUSE_S)

    await asyncio.gather(*(keep_running() for _ in range(workers)))


@dataclass(slots=True)
class Waiting:
    """The wait of several processes for a scheduler; reports when it is gone and when it is there.

    Parameters
    ----------
    address : str
    context : ssl.SSLContext or None
    report : callable
        Gets a line.
    """

    address: str
    context: ssl.SSLContext | None
    report: Callable[[str], None]
    _is_there: bool | None = None
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def until_there(self) -> None:
        """Wait for the scheduler; one process tries for all."""
        async with self._lock:
            while True:
                try:
                    return await asyncio.to_thread(check, self.address, self.context)
                except ClusterError as error:
                    if not error.may_pass:
                        raise
                    self._changed(False, f"{error} Waiting for it.")
                    await asyncio.sleep(PAUSE_S)

    def has_joined(self) -> None:
        """Note that a process has joined the scheduler."""
        self._changed(True, f"At work for {self.address}.")

    def _changed(self, is_there: bool, line: str) -> None:
        if self._is_there is not is_there:
            self._is_there = is_there
            self.report(line)


def serve(address: str, tls: Tls, *, workers: int, report: Callable[[str], None]) -> None:
    """Run workers for a scheduler until the process is interrupted.

    A worker of dask ends with its scheduler; these wait for it to come back and join it again.

    Parameters
    ----------
    address : str
    tls : Tls
        How the connection is secured.
    workers : int
        Processes, of one thread each.
    report : callable
        Gets a line when the scheduler was joined or lost.

    Raises
    ------
    WeightsError
        The weights here are damaged.
    ClusterError
        The certificates do not fit, or the address is that of another machine and neither encrypted
        nor allowed to be plain.
    """
    tls.refuse_plain(address)
    _silence()
    security = security_of(tls)
    waiting = Waiting(address, context_of(address, security), report)
    for entry in load_manifest().values():
        read_weights(entry)
    with scratch_folder() as scratch:
        asyncio.run(run_workers(address, security, workers, scratch, waiting))
