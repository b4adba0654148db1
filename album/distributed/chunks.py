"""Files that go to a worker together."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePath

from album.analysis.analyse import Failed, Task
from album.errors import EndsWorkers, Unreadable
from album.files.kinds import CLIP_SUFFIXES

FILES = 16
"""Of a chunk: two seconds of work or so, some hundred times what dealing it out costs."""
BYTES = 512 << 20
"""Of a chunk, at most, unless one file alone has more."""
TRIES = 2
"""Workers that a file may end."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some files, with their numbers in the order of all.

    `lost_on` names the workers that were lost with it.
    """

    numbers: tuple[int, ...]
    tasks: tuple[Task, ...]
    lost_on: tuple[str, ...] = ()


def _is_clip(task: Task) -> bool:
    return PurePath(task.found.path).suffix.lower() in CLIP_SUFFIXES


def in_chunks(tasks: Iterable[Task], first: int = 0) -> Iterator[Chunk]:
    """Divide tasks, as they come, into chunks; a clip is one of its own.

    Parameters
    ----------
    tasks : iterable of Task
    first : int
        The number of the first.
    """
    numbers: list[int] = []
    together: list[Task] = []
    for number, task in enumerate(tasks, first):
        size = sum(one.found.size for one in together) + task.found.size
        if together and (len(together) >= FILES or size > BYTES or _is_clip(task)):
            yield Chunk(tuple(numbers), tuple(together))
            numbers, together = [], []
        numbers.append(number)
        together.append(task)
        if _is_clip(task):
            yield Chunk(tuple(numbers), tuple(together))
            numbers, together = [], []
    if together:
        yield Chunk(tuple(numbers), tuple(together))


def after_loss(chunk: Chunk, worker: str, problem: str = "") -> list[Chunk] | Failed:
    """Return what is to be tried when a worker was lost with a chunk: its files one by one.

    A file that was alone and has ended two workers has failed.

    Parameters
    ----------
    chunk : Chunk
    worker : str
        For people.
    problem : str
        What went wrong where it was not the end of the worker.
    """
    lost_on = (*chunk.lost_on, worker)
    if len(chunk.tasks) > 1:
        pairs = zip(chunk.numbers, chunk.tasks, strict=True)
        return [Chunk((number,), (task,), lost_on) for number, task in pairs]
    if len(lost_on) < TRIES:
        return [Chunk(chunk.numbers, chunk.tasks, lost_on)]
    task = chunk.tasks[0]
    path = task.found.path
    error = Unreadable(path, problem) if problem else EndsWorkers(path, " and ".join(lost_on))
    return Failed(task, error.code, error.reason, task.content_hash)
