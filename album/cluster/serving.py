"""`album worker`: processes that read for a scheduler, until they are stopped.

A worker of dask ends with its scheduler; these wait for it to come back and join it again.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from album.cluster.addresses import Tls, check
from album.cluster.dask import imported
from album.errors import ClusterError
from nets.models import load_manifest, read_weights

PAUSE_S = 1.0
Say = Callable[[str], None]


def serve(address: str, tls: Tls, *, workers: int, say: Say) -> None:
    """Read for a scheduler until the process is interrupted.

    Parameters
    ----------
    address : str
    tls : Tls
    workers : int
        Processes, of one thread each.
    say : callable
        Is told in a line when the scheduler was joined or lost.

    Raises
    ------
    WeightsError
        The weights here are damaged.
    ClusterError
        Dask is not installed, or the certificates do not fit.
    """
    distributed = imported()
    for entry in load_manifest().values():
        read_weights(entry)
    asyncio.run(_serve(distributed, address, tls.security(distributed), workers, say))


async def _serve(distributed: Any, address: str, security: Any, workers: int, say: Say) -> None:
    missing = False
    while True:
        try:
            await asyncio.to_thread(check, address, security)
        except ClusterError as error:
            if not error.may_pass:
                raise
            if not missing:
                say(f"{error} Waiting for it.")
            missing = True
            await asyncio.sleep(PAUSE_S)
            continue
        missing = False
        await _join(distributed, address, security, workers, say)
        say(f"{address} is gone.")
        await asyncio.sleep(PAUSE_S)


async def _join(distributed: Any, address: str, security: Any, workers: int, say: Say) -> None:
    """Start the processes, and wait until they have ended with their scheduler."""
    nannies = [
        distributed.Nanny(
            address,
            nthreads=1,
            memory_limit=0,
            security=security,
            silence_logs=logging.CRITICAL,
            dashboard=False,
        )
        for _ in range(workers)
    ]
    try:
        await asyncio.gather(*nannies)
        say(f"{workers} at work for {address}.")
        await asyncio.gather(*(nanny.finished() for nanny in nannies))
    except OSError:
        logging.getLogger(__name__).debug("the scheduler has gone meanwhile", exc_info=True)
    finally:
        await asyncio.gather(*(nanny.close() for nanny in nannies), return_exceptions=True)
