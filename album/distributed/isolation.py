"""Reading files whose worker has died, in a process of its own.

Which of its files has ended a worker can't be seen from outside. Read one by one in a child process
of a worker, the file at which that process ends is known for certain; the next child goes on behind
it.
"""

import faulthandler
import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Thread
from typing import BinaryIO

import album
from album.analysis.analyse import Failed, Outcome, Task
from album.distributed.work import Recipe, Unfit, prepare, read_chunk
from album.errors import EndsWorkers

SILENT_S = 120.0
"""A child whose threads have not run for so long ends: a decoder hangs and holds the interpreter's
lock, so that the file can't be given up as others are that take too long."""


def read_isolated(
    recipe: Recipe, tasks: Sequence[Task], known: frozenset[str]
) -> list[Outcome] | Unfit:
    """Read some files in child processes; see `album.distributed.work.read_chunk`."""
    outcomes: list[Outcome] = []
    while len(outcomes) < len(tasks):
        has_answered = False
        with _started() as child:
            for result in _results(child, (recipe, tasks[len(outcomes) :], known)):
                has_answered = True
                if isinstance(result, Unfit):
                    return result
                outcomes += result or ()  # None: the nets are built
        if not has_answered:
            return Unfit("can't start another process to read files in.")
        if len(outcomes) < len(tasks):
            outcomes.append(_culprit(tasks[len(outcomes)], child.returncode))
    return outcomes


def _started() -> subprocess.Popen[bytes]:
    # The folder from which the program was imported, in case it is not installed.
    folders = (str(Path(album.__file__).parents[1]), os.environ.get("PYTHONPATH", ""))
    return subprocess.Popen(
        [sys.executable, "-m", "album.distributed.isolation"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, folders))},
    )


def _results(
    child: subprocess.Popen[bytes], request: tuple[Recipe, Sequence[Task], frozenset[str]]
) -> Iterator[list[Outcome] | Unfit | None]:
    """Yield what a child sends until it ends."""
    assert child.stdin is not None and child.stdout is not None
    try:
        pickle.dump(request, child.stdin)
        child.stdin.close()
        while True:
            yield pickle.load(child.stdout)
    except (BrokenPipeError, EOFError, pickle.UnpicklingError):
        return


def _culprit(task: Task, status: int) -> Failed:
    host = socket.gethostname()
    how = f"by signal {-status}" if status < 0 else f"with exit status {status}"
    error = EndsWorkers(task.found.path, f"the last one {how} on {host}")
    return Failed(task, error.code, error.reason, task.content_hash)


def main() -> None:
    """Read the files that are named on standard input; send the outcomes to standard output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ends with the worker, when nobody listens
    results = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what decoders print must not get among the results
    recipe, tasks, known = pickle.load(sys.stdin.buffer)
    Thread(target=_watch, daemon=True).start()
    _send(results, prepare(recipe.choice, recipe.contract, recipe.emotions))
    for task in tasks:
        _send(results, read_chunk(recipe, [task], known))
    os._exit(0)  # without waiting for threads whose file was given up


def _send(results: BinaryIO, result: object) -> None:
    pickle.dump(result, results)
    results.flush()


def _watch() -> None:
    """End this process when this thread can't run for too long."""
    while True:
        faulthandler.dump_traceback_later(SILENT_S, exit=True)
        time.sleep(1)


if __name__ == "__main__":
    main()
