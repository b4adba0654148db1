"""`album worker`: processes that read for a scheduler, until they are stopped.

A worker of dask ends with its scheduler; these wait for it to come back and join it again.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from album.distributed.addresses import Tls, check
from album.distributed.dask import imported
from album.distributed.keeping import CLOSE_S, PAUSE_S, keep, scratch_folder
from album.errors import ClusterError
from nets.runtime.models import load_manifest, read_weights

Say = Callable[[str], None]


def serve(address: str, tls: Tls, *, workers: int, say: Say) -> None:
    """Read for a scheduler until the process is interrupted.

    Parameters
    ----------
    address : str
    tls : Tls
        How the connection is secured.
    workers : int
        Processes, of one thread each.
    say : callable
        Is told in a line when the scheduler was joined or lost.

    Raises
    ------
    WeightsError
        The weights here are damaged.
    ClusterError
        Dask is not installed, the certificates do not fit, or the address is that of another
        machine and neither encrypted nor allowed to be plain.
    """
    tls.refuse_plain(address)
    distributed = imported()
    for entry in load_manifest().values():
        read_weights(entry)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    task = loop.create_task(_serve(distributed, address, tls.security(distributed), workers, say))
    try:
        loop.run_until_complete(task)
    except KeyboardInterrupt:
        # A while to end in peace; the processes end with this one in any case.
        task.cancel()
        loop.run_until_complete(asyncio.wait([task], timeout=CLOSE_S))
        raise


async def _serve(distributed: Any, address: str, security: Any, workers: int, say: Say) -> None:
    at_work, missing = False, False
    door = asyncio.Lock()

    async def ready() -> None:
        """Wait for the scheduler; one of the processes knocks for all."""
        nonlocal at_work, missing
        async with door:
            while True:
                try:
                    await asyncio.to_thread(check, address, security)
                except ClusterError as error:
                    if not error.may_pass:
                        raise
                    if not missing:
                        say(f"{error} Waiting for it.")
                    at_work, missing = False, True
                    await asyncio.sleep(PAUSE_S)
                else:
                    missing = False
                    return

    def joined() -> None:
        nonlocal at_work
        if not at_work:
            at_work = True
            say(f"At work for {address}.")

    with scratch_folder() as scratch:
        await keep(distributed, address, security, workers, scratch, ready=ready, joined=joined)
