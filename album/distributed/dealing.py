"""Dealing the files of one index out to workers; what they find comes back in the order of files.

A chunk whose worker is lost goes to others file by file, each alone on its worker: so a file that
ends two workers is known for certain, and is given up. What a worker can't see that is there goes
elsewhere, and the worker gets nothing more of this index.

Nothing here knows a library, dask or a network.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePath

from album.analysis.analyse import Failed, Known, Outcome, Prepared, ReadClip, Task
from album.distributed.chunks import Chunk, after_loss, in_chunks
from album.distributed.hands import Held
from album.distributed.pool import Delivery, Pool
from album.distributed.work import Recipe, Trouble, read_chunk
from album.errors import is_remote, shown
from album.files.scan import is_unchanged
from album.indexing.sources import Told, Wanted

AHEAD = 4096
"""Files between the first that is not read yet and the last that is dealt out: what others have
found meanwhile waits in memory, some 15 kB for a photo of three faces."""
AHEAD_FACES = 20_000
"""Likewise of faces: crowds take more, 100 MB at most."""
FORGOTTEN = 2000
"""Forgotten contents that workers are told of; where there are more, they read them in vain."""
BLIND = frozenset(("vanished", "unreadable", "changing"))
"""Failures that may be the worker's rather than the file's."""


@dataclass(slots=True)
class Dealer:
    """Deals tasks to workers, for as many rounds as there are.

    Parameters
    ----------
    pool : Pool
    name : str
        Of the owner, in the pool.
    recipe : Recipe
    wanted : Wanted
    """

    pool: Pool
    name: str
    recipe: Recipe
    wanted: Wanted
    _held: dict[int, Chunk] = field(default_factory=dict)
    _again: deque[Chunk] = field(default_factory=deque)
    _found: dict[int, Outcome] = field(default_factory=dict)
    _sizes: dict[int, set[str]] = field(default_factory=dict)
    _faces: int = 0
    _next: int = 0

    def read(self, tasks: Iterable[Task]) -> Iterator[Told]:
        """Yield the outcome of each task, in their order, and changes of the workers between.

        Raises
        ------
        ClusterError
            Nobody is left to read them.
        """
        chunks = in_chunks(tasks, self._next)
        left = next(chunks, None)
        while left or self._again or self._held:
            while self._again and self._deal(self._again[0]):
                self._again.popleft()
            while left and self._is_near(left) and self._deal(left):
                left = next(chunks, None)
            came, notices = self.pool.gather(self.name)
            yield from notices
            for delivery in came:
                self._take(delivery)
            yield from self._in_order()

    def _is_near(self, chunk: Chunk) -> bool:
        return chunk.numbers[-1] - self._next < AHEAD and self._faces < AHEAD_FACES

    def _deal(self, chunk: Chunk) -> bool:
        """Give a chunk to somebody; return whether anybody could take it."""
        known = {one for task in chunk.tasks for one in self._contents(task.found.size)}
        if len(self.wanted.forgotten) <= FORGOTTEN:
            known |= self.wanted.forgotten
        args = self.recipe, chunk.tasks, frozenset(known)
        alone = bool(chunk.lost_on)
        held = Held(self.name, self.wanted.file_timeout or None)
        ticket = self.pool.deal(read_chunk, *args, held=held, alone=alone, avoid=chunk.lost_on)
        if ticket is None:
            return False
        self._held[ticket] = chunk
        return True

    def _contents(self, size: int) -> set[str]:
        """Return the contents of that size that need no analysis."""
        return self._sizes.setdefault(size, set(self.wanted.sizes.get(size, ())))

    def _take(self, delivery: Delivery) -> None:
        chunk = self._held.pop(delivery.ticket)
        if delivery.is_returned:
            self._again.append(chunk)
        elif delivery.is_lost:
            self._lose(chunk, delivery)
        elif isinstance(delivery.value, Trouble):
            self._again.append(chunk)
            self.pool.refuse(self.name, delivery.worker, delivery.value.sentence)
        else:
            self._keep(chunk, delivery)

    def _lose(self, chunk: Chunk, delivery: Delivery) -> None:
        left = after_loss(chunk, delivery.name, delivery.error)
        if isinstance(left, Failed):
            self._found[chunk.numbers[0]] = left
        else:
            self._again.extend(left)

    def _keep(self, chunk: Chunk, delivery: Delivery) -> None:
        unseen: list[int] = []
        for place, outcome in enumerate(delivery.value):
            if _is_blind(outcome):
                unseen.append(place)
                continue
            self._found[chunk.numbers[place]] = outcome
            self._faces += _faces(outcome)
            if isinstance(outcome, Prepared | ReadClip):
                self._contents(outcome.task.found.size).add(outcome.content_hash)
        if unseen:
            numbers = tuple(chunk.numbers[place] for place in unseen)
            tasks = tuple(chunk.tasks[place] for place in unseen)
            self._again.append(Chunk(numbers, tasks, chunk.lost_on))
            self.pool.refuse(self.name, delivery.worker, blindness(tasks[0]))

    def _in_order(self) -> Iterator[Outcome]:
        while self._next in self._found:
            outcome = self._found.pop(self._next)
            self._next += 1
            self._faces -= _faces(outcome)
            yield self._first_or_copy(outcome)

    def _first_or_copy(self, outcome: Outcome) -> Outcome:
        """Make what another file has brought already a copy of it, as on one machine."""
        if isinstance(outcome, Prepared | ReadClip):
            if outcome.content_hash in self.wanted.done:
                kind = "clip" if isinstance(outcome, ReadClip) else "image"
                return Known(outcome.task, outcome.content_hash, kind)
            self.wanted.done.add(outcome.content_hash)
        return outcome


def _faces(outcome: Outcome) -> int:
    return len(outcome.detections) if isinstance(outcome, Prepared) else 0


def _is_blind(outcome: Outcome) -> bool:
    """Tell whether a worker could not see what is there."""
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
