"""`album worker`: processes that read for a scheduler, until they are stopped.

A worker of dask ends with its scheduler; these wait for it to come back and join it again.
"""

import asyncio
from collections.abc import Callable

from album.distributed.addresses import Tls, check
from album.errors import ClusterError
from nets.runtime.models import load_manifest, read_weights


def serve(address: str, tls: Tls, *, workers: int, report: Callable[[str], None]) -> None:
    """Read for a scheduler until the process is interrupted.

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
        Dask is not installed, the certificates do not fit, or the address is that of another
        machine and neither encrypted nor allowed to be plain.
    """
    from album.distributed import dask

    tls.refuse_plain(address)
    for entry in load_manifest().values():
        read_weights(entry)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    task = loop.create_task(_serve(address, tls, workers, report))
    try:
        loop.run_until_complete(task)
    except KeyboardInterrupt:
        # A while to end in peace; the processes end with this one in any case.
        task.cancel()
        loop.run_until_complete(asyncio.wait([task], timeout=dask.CLOSE_S))
        raise


async def _serve(address: str, tls: Tls, workers: int, report: Callable[[str], None]) -> None:
    from album.distributed import dask

    security, context = dask.security_of(tls), dask.context_of(address, tls)
    has_joined, is_missing = False, False
    one_at_a_time = asyncio.Lock()

    async def ready() -> None:
        """Wait for the scheduler; one of the processes tries for all."""
        nonlocal has_joined, is_missing
        async with one_at_a_time:
            while True:
                try:
                    await asyncio.to_thread(check, address, context)
                except ClusterError as error:
                    if not error.may_pass:
                        raise
                    if not is_missing:
                        report(f"{error} Waiting for it.")
                    has_joined, is_missing = False, True
                    await asyncio.sleep(dask.PAUSE_S)
                else:
                    is_missing = False
                    return

    def joined() -> None:
        nonlocal has_joined
        if not has_joined:
            has_joined = True
            report(f"At work for {address}.")

    with dask.scratch_folder() as scratch:
        await dask.run_workers(address, security, workers, scratch, ready=ready, joined=joined)
