"""Processes that read for a scheduler, each started again when it ends."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from tempfile import TemporaryDirectory
from typing import Any

from album.distributed.addresses import bracketed, own_address

PAUSE_S = 1.0
CLOSE_S = 5.0
SETTINGS: dict[str, object] = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "500ms",
    "distributed.admin.tick.limit": "30s",
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.nanny.http.routes": [],
}
"""Of our own processes: dask would look at each thread a hundred times a second, and tell whoever
asks by HTTP what it sees."""


def scratch_folder() -> TemporaryDirectory[str]:
    """Make a folder for what dask writes, to be deleted in the end.

    By itself, dask leaves locks in a folder of the system's temporary one that all users share, and
    has its processes import from there.
    """
    return TemporaryDirectory(prefix="album-", ignore_cleanup_errors=True)


async def _never() -> None:
    """Wait for nothing."""


async def keep(
    distributed: Any,
    address: str,
    security: Any,
    workers: int,
    scratch: str,
    *,
    ready: Callable[[], Awaitable[None]] = _never,
    joined: Callable[[], None] = lambda: None,
) -> None:
    """Have so many processes of one thread each read for a scheduler, until cancelled.

    A process that was killed is started again, and so is one that has ended with its scheduler.

    Parameters
    ----------
    distributed : module
    address : str
        Of the scheduler.
    security : distributed.Security
    workers : int
    scratch : str
        A folder, as `scratch_folder` makes it.
    ready : callable
        Is awaited before a process is started, which is no use before the scheduler is there.
    joined : callable
        Is called when one has joined.
    """

    async def one() -> None:
        while True:
            await ready()
            try:
                host = bracketed(await asyncio.to_thread(own_address, address))
            except OSError:  # the network has gone since
                await asyncio.sleep(PAUSE_S)
                continue
            nanny = distributed.Nanny(
                address,
                # Of the nanny and of its worker, which dask would have listen on all interfaces.
                host=host,
                nthreads=1,
                memory_limit=0,
                security=security,
                silence_logs=logging.CRITICAL,
                dashboard=False,
                dashboard_address="127.0.0.1:0",  # listens even without a dashboard
                config=SETTINGS,
                local_directory=scratch,
                preload=["album.distributed.work"],  # before it is asked for, while others start
            )
            try:
                await nanny
                joined()
                await nanny.finished()
            except (OSError, RuntimeError):  # killed while it started, or the scheduler has gone
                logging.getLogger(__name__).debug("a worker did not start", exc_info=True)
            finally:
                await _closed(nanny)
            await asyncio.sleep(PAUSE_S)

    await asyncio.gather(*(one() for _ in range(workers)))


async def _closed(nanny: Any) -> None:
    try:
        await nanny.close(timeout=CLOSE_S)
    except Exception:  # it has ended already, in whatever way
        logging.getLogger(__name__).debug("a worker does not close", exc_info=True)
