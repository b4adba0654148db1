"""The tasks of an index, divided among the processes that index one library at once.

A library in a file has one writer, and all tasks are its own. On a server, tasks are claimed a few
at a time (`db.photos.claims`). What others have claimed is left to them, and taken over if they end
without having done it; the index ends when everything of its plan is done, by whomever.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from album.analysis.analyse import Task
from album.indexing.planning import Contracts, all_known, is_due
from db.library import Library
from db.photos.claims import Claimed, key_of, offer, take
from db.rows import KnownFile

AT_ONCE = 16
"""Tasks that are claimed together: a second or two of work."""
PAUSE_S = 0.25
"""Between two looks at what others have claimed."""


@dataclass(slots=True)
class _Chunk:
    """Tasks that were claimed together, until all of them are stored."""

    claimed: Claimed
    open: set[str]


@dataclass(slots=True)
class Shared:
    """The tasks of one run; see the module.

    Parameters
    ----------
    library : Library
    tasks : list of Task
        In the order in which they are to be done.
    contracts : Contracts
    at_once : int
        Tasks that are claimed together.
    """

    library: Library
    tasks: list[Task]
    contracts: Contracts
    at_once: int = AT_ONCE
    _left: list[Task] = field(default_factory=list)
    _elsewhere: list[Task] = field(default_factory=list)
    _chunks: list[_Chunk] = field(default_factory=list)

    def rounds(self) -> Iterator[Iterator[Task]]:
        """Yield the tasks that can be done now, until all are done.

        Each round has to be done, and said to be `stored`, before the next is asked for.
        """
        if not self.library.is_shared:
            yield iter(self.tasks)
            return
        offer(self.library, [self._key(task) for task in self.tasks])
        self._left = list(self.tasks)
        while self._left:
            before = len(self._left)
            yield self._round()
            if len(self._left) == before:
                time.sleep(PAUSE_S)

    def _round(self) -> Iterator[Task]:
        waiting, self._left = self._left, []
        for start in range(0, len(waiting), self.at_once):
            yield from self._claim(waiting[start : start + self.at_once])

    def _claim(self, part: list[Task]) -> Iterator[Task]:
        by_key = {self._key(task): task for task in part}
        claimed = take(self.library, list(by_key))
        mine = [task for key, task in by_key.items() if key in claimed.mine]
        busy = [task for key, task in by_key.items() if key in claimed.others]
        self._left += busy
        due = self._due(mine)
        self._elsewhere += [task for task in part if task not in due and task not in busy]
        self._chunks.append(_Chunk(claimed, {task.found.path for task in due}))
        self._finish()
        yield from due

    def _key(self, task: Task) -> bytes:
        return key_of(task.found.path, f"{self.contracts.photos} {self.contracts.clips}")

    def _due(self, tasks: list[Task]) -> list[Task]:
        """Leave out what another process has done between this one's plan and its claim."""
        paths = [task.found.path for task in tasks]
        known = all_known(self.library, self.contracts, paths) if paths else {}
        return [task for task in tasks if not self._is_done(task, known.get(task.found.path))]

    def _is_done(self, task: Task, known: KnownFile | None) -> bool:
        if known is None or known.gone:
            return False
        as_found = (known.size, known.mtime_ns) == (task.found.size, task.found.mtime_ns)
        # A clip that was known may be here because of the still beside it, whatever its state.
        told = task.content_hash is None or known.kind == "image"
        return as_found and told and not is_due(known, clips=self.contracts.clips is not None)

    def stored(self, *tasks: Task) -> None:
        """Say that some tasks are done and stored, or recorded as failed."""
        for chunk in self._chunks:
            chunk.open.difference_update(task.found.path for task in tasks)
        self._finish()

    def _finish(self) -> None:
        for chunk in self._chunks:
            if not chunk.open:
                chunk.claimed.finish()
        self._chunks = [chunk for chunk in self._chunks if chunk.open]

    def elsewhere(self) -> Iterator[Task]:
        """Yield what others have done since this was asked last."""
        told, self._elsewhere = self._elsewhere, []
        yield from told

    def close(self) -> None:
        """Leave to others what was not done."""
        for chunk in self._chunks:
            chunk.claimed.release()
        self._chunks = []
