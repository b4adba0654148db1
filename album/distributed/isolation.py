"""Reading files whose worker has died, in a process of its own.

Which of its files has killed a worker can't be seen from outside. Read one by one in a child
process of a worker, the file at which that process dies is known for certain.
"""

import faulthandler
import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from threading import Thread

from album.analysis.analyse import Failed, Outcome, Task
from album.distributed.work import Recipe, Unfit, prepare, read_chunk
from album.errors import EndsWorkers

SILENT_S = 120.0
"""A child whose threads have not run for so long ends: a decoder hangs and holds the interpreter's
lock, so that its file can't be given up as others are that take too long."""


def read_isolated(
    recipe: Recipe, tasks: Sequence[Task], known: frozenset[str]
) -> list[Outcome] | Unfit:
    """Read some files in a child process, in another after each file that kills it.

    Parameters
    ----------
    recipe, tasks, known
        See `album.distributed.work.read_chunk`.
    """
    multiprocessing.current_process().daemon = False  # as dask's are, which may have no children
    outcomes: list[Outcome] = []
    while len(outcomes) < len(tasks):
        with ProcessPoolExecutor(
            1, multiprocessing.get_context("spawn"), initializer=_watch
        ) as child:
            try:
                child.submit(prepare, recipe.choice, recipe.contract, recipe.emotions).result()
            except BrokenProcessPool:
                return Unfit("can't start another process to read files in.")
            try:
                for task in tasks[len(outcomes) :]:
                    result = child.submit(read_chunk, recipe, [task], known).result()
                    if isinstance(result, Unfit):
                        return result
                    outcomes += result
            except BrokenProcessPool:
                outcomes.append(
                    killed_by(tasks[len(outcomes)], f"the last one on {socket.gethostname()}")
                )
    return outcomes


def killed_by(task: Task, detail: str = "") -> Failed:
    """Return the outcome of a file that kills the processes that read it."""
    error = EndsWorkers(task.found.path, detail)
    return Failed(task, error.code, error.reason, task.content_hash)


def _watch() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ends with its worker instead
    Thread(target=_end_in_time, daemon=True).start()


def _end_in_time() -> None:
    """End this process when its worker has died, or when this thread can't run for too long."""
    parent = multiprocessing.parent_process()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    while parent is not None and parent.is_alive():
        faulthandler.dump_traceback_later(SILENT_S, exit=True, file=nowhere)
        time.sleep(1)
    os._exit(1)
