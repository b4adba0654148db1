"""Reading the files of one index on workers; outcomes come back in the order of the files.

Nothing here knows a library, dask or a network.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import PurePath

from album.analysis.analyse import Failed, Known, Outcome, Prepared, ReadClip, Task, picture_key
from album.distributed.chunks import Chunk, after_death, after_error, in_chunks
from album.distributed.cluster import CallFailed, Reply, WorkerDied
from album.distributed.isolation import read_isolated
from album.distributed.pool import Share
from album.distributed.work import Recipe, Unfit, read_chunk
from album.errors import is_remote, shown
from album.files.scan import is_unchanged
from album.indexing.sources import ReadEvent, ReadSettings

AHEAD = 4096
"""Files between the first that is not read yet and the last that is submitted: what comes meanwhile
waits in memory, some 15 kB for a photo with three faces."""
AHEAD_FACES = 20_000
"""Likewise of faces: photos of crowds take more, 100 MB at most."""
FORGOTTEN = 2000
"""Forgotten contents that workers are sent; where there are more, they are read in vain."""
BLIND = frozenset(("vanished", "unreadable", "changing"))
"""Failures that may be due to the worker rather than the file."""


@dataclass(slots=True)
class Reader:
    """Reads files on workers, in as many rounds as there are.

    Parameters
    ----------
    recipe : Recipe
    settings : ReadSettings
    """

    recipe: Recipe
    settings: ReadSettings
    _in_flight: "dict[Future[Reply[list[Outcome] | Unfit]], Chunk]" = field(default_factory=dict)
    _again: deque[Chunk] = field(default_factory=deque)
    _outcomes: dict[int, Outcome] = field(default_factory=dict)
    _known: dict[int, set[str]] = field(default_factory=dict)
    _faces: int = 0
    _next: int = 0

    def read(self, share: Share, tasks: Iterable[Task]) -> Iterator[ReadEvent]:
        """Yield the outcome of each task, in their order, and changes of the workers between.

        Parameters
        ----------
        share : Share
            Of the workers.
        tasks : iterable of Task

        Raises
        ------
        ClusterError
            Nobody is left to read them.
        """
        chunks = in_chunks(tasks, self._next)
        chunk = next(chunks, None)
        while chunk or self._again or self._in_flight:
            while self._again and self._submit(share, self._again[0]):
                self._again.popleft()
            while chunk and self._is_near(chunk) and self._submit(share, chunk):
                chunk = next(chunks, None)
            for future in share.completed():
                self._complete(share, future)
            yield from share.changes()
            yield from self._in_order()

    def _is_near(self, chunk: Chunk) -> bool:
        return chunk.numbers[-1] - self._next < AHEAD and self._faces < AHEAD_FACES

    def _submit(self, share: Share, chunk: Chunk) -> bool:
        """Submit a chunk; return whether there was room."""
        if not share.has_room:
            return False
        known = {one for task in chunk.tasks for one in self._contents(task.found.size)}
        if len(self.settings.forgotten) <= FORGOTTEN:
            known |= self.settings.forgotten
        call = read_isolated if chunk.is_isolated else read_chunk
        future = share.submit(chunk.avoid, call, self.recipe, chunk.tasks, frozenset(known))
        if future is not None:
            self._in_flight[future] = chunk
        return future is not None

    def _contents(self, size: int) -> set[str]:
        """Return the contents of that size that need no analysis."""
        return self._known.setdefault(size, set(self.settings.sizes.get(size, ())))

    def _complete(self, share: Share, future: "Future[Reply[list[Outcome] | Unfit]]") -> None:
        chunk = self._in_flight.pop(future)
        error = future.exception()
        if isinstance(error, WorkerDied):
            self._retry(chunk, after_death(chunk))
        elif isinstance(error, CallFailed):
            self._retry(chunk, after_error(chunk, str(error), error.worker))
        elif error is not None:  # the scheduler is lost, and no file is to blame
            self._again.append(chunk)
        else:
            self._receive(share, chunk, future.result())

    def _retry(self, chunk: Chunk, then: list[Chunk] | Failed) -> None:
        if isinstance(then, Failed):
            self._outcomes[chunk.numbers[0]] = then
        else:
            self._again.extend(then)

    def _receive(self, share: Share, chunk: Chunk, reply: Reply[list[Outcome] | Unfit]) -> None:
        """Take what a worker has read; what it could not read goes to others."""
        if isinstance(reply.value, Unfit):
            self._again.append(chunk)
            share.exclude(reply.worker, reply.value.reason)
            return
        unseen = []
        for one, outcome in zip(chunk.one_by_one(), reply.value, strict=True):
            if _is_blind(outcome):
                unseen.append(one)
                continue
            self._outcomes[one.numbers[0]] = outcome
            self._faces += _faces(outcome)
            if isinstance(outcome, Prepared | ReadClip):
                self._contents(outcome.task.found.size).add(outcome.content_hash)
        if unseen:
            self._again.extend(unseen)
            share.exclude(reply.worker, blindness(unseen[0].tasks[0]))

    def _in_order(self) -> Iterator[Outcome]:
        while self._next in self._outcomes:
            outcome = self._outcomes.pop(self._next)
            self._next += 1
            self._faces -= _faces(outcome)
            yield self._first_or_copy(outcome)

    def _first_or_copy(self, outcome: Outcome) -> Outcome:
        """Make a copy of what an earlier file has brought a known content, as on one machine."""
        if isinstance(outcome, Prepared | ReadClip):
            orientation = None if isinstance(outcome, ReadClip) else outcome.header.orientation
            keys = outcome.content_hash, picture_key(outcome.picture, orientation or 1)
            if not self.settings.done.isdisjoint(keys):
                return Known(
                    outcome.task,
                    outcome.content_hash,
                    outcome.picture,
                    "clip" if orientation is None else "image",
                    orientation,
                    outcome.taken,
                )
            self.settings.done.update(keys)
        return outcome


def _faces(outcome: Outcome) -> int:
    return len(outcome.detections) if isinstance(outcome, Prepared) else 0


def _is_blind(outcome: Outcome) -> bool:
    """Tell whether a worker could not see a file that is there."""
    return (
        isinstance(outcome, Failed) and outcome.stage in BLIND and is_unchanged(outcome.task.found)
    )


def blindness(task: Task) -> str:
    """Say that a worker can't see a file that is there, and what to do about it."""
    path = task.found.path
    if is_remote(path):
        return (
            f"does not reach {shown(path)}, which is there, and gets nothing more of these; "
            f"check its network and that it has the same credentials."
        )
    folder = PurePath(path).parent
    return (
        f"does not see {shown(path)} as it is here and gets nothing more of these; "
        f"mount {shown(folder)} there at the same path, readable by the worker."
    )
