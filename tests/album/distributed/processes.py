"""Real processes: indexes, schedulers and workers, and ways to disturb them."""

import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[3]
HEARS_CTRL_C = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
"""A shell lets what it starts in the background ignore the signal, and so would these tests."""
ALBUM = "from album.cli import main; main()"
SCHEDULER = "from distributed.cli.dask_scheduler import main; main()"


def started(*words, code=ALBUM, before=(), also=""):
    """Start a command; `before` comes before Python, `also` is a folder to import from."""
    return subprocess.Popen(
        [*before, sys.executable, "-c", HEARS_CTRL_C + code, *map(str, words)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{also}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def free_port() -> int:
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def scheduler(port, *words, host="127.0.0.1", before=()):
    where = ("--host", host) if host else ()
    ports = "--port", port, "--dashboard-address", ":0", "--no-dashboard"
    return started(*where, *ports, *words, code=SCHEDULER, before=before)


def end(*processes):
    """End processes, by force where they don't."""
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
    for process in processes:
        try:
            process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


@contextmanager
def ended(*processes) -> Iterator[None]:
    try:
        yield
    finally:
        end(*processes)


def stored(library: Path) -> int:
    """Return how many photos a library file holds; 0 while there is none."""
    if not library.exists():
        return 0
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(library)) as raw:
        return raw.execute("SELECT count(*) FROM analysis").fetchone()[0]
    return 0


def wait_for(process, library: Path, photos: int) -> None:
    """Wait until an index has stored so many photos."""
    while process.poll() is None and stored(library) < photos:
        time.sleep(0.02)


def until_listening(port: int) -> None:
    """Wait until somebody listens at a port of this machine."""
    while True:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)


def workers_of(process) -> list[int]:
    """Return the processes that read, below one that started them."""
    try:
        below = psutil.Process(process.pid).children(recursive=True)
        return [one.pid for one in below if "spawn_main" in " ".join(one.cmdline())]
    except psutil.Error:
        return []


def kill_a_worker(process, chance: random.Random, *, within: float) -> bool:
    """Kill one of the readers of a process at a random moment after they have started."""
    until = time.monotonic() + 60
    while not (there := workers_of(process)) and time.monotonic() < until:
        if process.poll() is not None:
            return False
        time.sleep(0.05)
    time.sleep(chance.uniform(0, within))
    there = workers_of(process) or there
    if process.poll() is not None or not there:
        return False
    try:
        os.kill(chance.choice(there), signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
