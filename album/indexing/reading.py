"""Reading the files of a plan: faces are described in batches across photos, and stored."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field

from album.analysis.analyse import Failed, LiveClip, Outcome, Prepared, ReadClip, Task
from album.events import Event, FileSkipped, WorkersChanged
from album.files.scan import display_path
from album.indexing.planning import Contracts, Plan
from album.indexing.sharing import Shared
from album.indexing.sources import Read
from album.indexing.storing import BATCH, like_its_copy, save, save_clip, settle
from db.library import Library
from db.photos.files import link_live
from nets.engine import Engine


def read_files(
    library: Library, engine: Engine, plan: Plan, contracts: Contracts, read: Read, *, at_once: int
) -> Iterator[Event]:
    """Read every file of a plan that no other process reads, until all of them are done.

    Parameters
    ----------
    library : Library
    engine : Engine
        Describes the faces.
    plan : Plan
    contracts : Contracts
        Under which the results are stored.
    read : Read
        Reads files; from a `Source`.
    at_once : int
        Files to be claimed together where several processes share a library.
    """
    failed: dict[str | None, Failed] = {}
    lives: list[tuple[str, str]] = []
    # What lies at a known place keeps its photo, so it is stored before any copy of it is read.
    changed = [task for task in plan.tasks if task.expected is not None]
    others = [task for task in plan.tasks if task.expected is None]
    for part in filter(None, (changed, others)):
        with closing(Shared(library, part, contracts, at_once)) as shared:
            reading = _Reading(library, engine, plan, contracts, shared, failed, lives)
            for tasks in shared.rounds():
                with closing(reading.round(read, tasks)) as events:  # type: ignore[type-var]
                    yield from events
    link_live(library, lives)


@dataclass(slots=True)
class _Reading:
    """What is read, described and saved in the rounds of one run."""

    library: Library
    engine: Engine
    plan: Plan
    contracts: Contracts
    shared: Shared
    failed: dict[str | None, Failed]
    lives: list[tuple[str, str]]
    ready: list[Prepared] = field(default_factory=list)

    def round(self, read: Read, tasks: Iterable[Task]) -> Iterator[Event]:
        """Read every task, describe the faces in batches across photos, save photo by photo."""
        for outcome in read(tasks):
            if isinstance(outcome, WorkersChanged):
                yield outcome
            else:
                yield from self._save(outcome)
            yield from self._done_by_others()
        yield from self._save_ready()
        yield from self._done_by_others()

    def _save(self, outcome: Outcome) -> Iterator[Event]:
        if isinstance(outcome, Prepared):
            self.ready.append(outcome)
            if max(sum(len(one.detections) for one in self.ready), len(self.ready)) >= BATCH:
                yield from self._save_ready()
            return
        if isinstance(outcome, Failed):
            self.failed[outcome.content_hash] = outcome
        if isinstance(outcome, LiveClip):
            self.lives.append((outcome.task.found.path, outcome.still))
        if isinstance(outcome, ReadClip):
            event = save_clip(self.library, self.engine, outcome, self.contracts.clips)
        else:
            outcome = like_its_copy(outcome, self.failed)
            event = settle(self.library, outcome, self.plan.forgotten)
        self.shared.stored(outcome.task)
        yield event

    def _save_ready(self) -> Iterator[Event]:
        ready, self.ready = self.ready, []
        events = list(save(self.library, self.engine, ready, self.contracts.photos))
        self.shared.stored(*(photo.task for photo in ready))
        yield from events

    def _done_by_others(self) -> Iterator[Event]:
        for task in self.shared.elsewhere():
            yield FileSkipped(display_path(task.found.path), "elsewhere")
