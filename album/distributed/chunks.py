"""Files that go to a worker together."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import PurePath

from album.analysis.analyse import Failed, Task
from album.distributed.isolation import killed_by
from album.errors import Unreadable
from album.files.kinds import CLIP_SUFFIXES

FILES = 16
"""Of a chunk: some two seconds of work, a hundred times what it costs to send it."""
BYTES = 512 << 20
"""Of a chunk, at most, unless one file alone has more."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some files.

    Attributes
    ----------
    numbers : tuple of int
        Their places in the order of all files.
    tasks : tuple of Task
    is_isolated : bool
        Workers have died with them, so they are read in a process of their own.
    avoid : frozenset of str
        Addresses of workers on which reading them has raised an error.
    """

    numbers: tuple[int, ...]
    tasks: tuple[Task, ...]
    is_isolated: bool = False
    avoid: frozenset[str] = frozenset()

    def one_by_one(self) -> "list[Chunk]":
        """Return a chunk for each file."""
        pairs = zip(self.numbers, self.tasks, strict=True)
        return [replace(self, numbers=(number,), tasks=(task,)) for number, task in pairs]


def in_chunks(tasks: Iterable[Task], first: int = 0) -> Iterator[Chunk]:
    """Divide tasks, as they come, into chunks; a clip is one of its own.

    Parameters
    ----------
    tasks : iterable of Task
    first : int
        The number of the first.
    """
    together: list[Task] = []
    for task in tasks:
        size = task.found.size + sum(one.found.size for one in together)
        is_full = len(together) >= FILES or size > BYTES
        if together and (is_full or _is_clip(task) or _is_clip(together[-1])):
            yield Chunk(tuple(range(first, first + len(together))), tuple(together))
            first, together = first + len(together), []
        together.append(task)
    if together:
        yield Chunk(tuple(range(first, first + len(together))), tuple(together))


def _is_clip(task: Task) -> bool:
    return PurePath(task.found.path).suffix.lower() in CLIP_SUFFIXES


def after_death(chunk: Chunk) -> list[Chunk] | Failed:
    """Return what to read next when workers have died with a chunk.

    First the chunk in a process of its own, which finds the file that is to blame. When workers die
    all the same, each file alone; then the file has failed.
    """
    if not chunk.is_isolated:
        return [replace(chunk, is_isolated=True)]
    if len(chunk.tasks) > 1:
        return chunk.one_by_one()
    return killed_by(chunk.tasks[0])


def after_error(chunk: Chunk, problem: str, worker: str) -> list[Chunk] | Failed:
    """Return what to read next when reading a chunk has raised an error.

    Each file alone, where possible on another worker; the second error is that of the file.

    Parameters
    ----------
    chunk : Chunk
    problem : str
        The error.
    worker : str
        Address of the worker.
    """
    if len(chunk.tasks) > 1 or not chunk.avoid:
        return replace(chunk, avoid=chunk.avoid | {worker}).one_by_one()
    task = chunk.tasks[0]
    error = Unreadable(task.found.path, problem)
    return Failed(task, error.code, error.reason, task.content_hash)
