"""Indexing and grouping many libraries on one pool of workers, side by side and fairly.

Each library is indexed by `album.indexing.index` in a thread of its own, a few at a time. Workers
are shared by weight (`album.distributed.pool`). A library that fails or reaches a limit ends alone;
the next run goes on where this one ended.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import wait
from contextlib import closing
from dataclasses import dataclass, field
from queue import SimpleQueue

from album.analysis.analyse import Prepared, ReadClip, Task
from album.analysis.workers import Workers
from album.distributed.batch_config import Batch, Job
from album.distributed.pool import Pool
from album.distributed.source import AT_ONCE, ClusterSource
from album.errors import ClusterError
from album.events import Event, IndexReport
from album.grouping.memory import share_of
from album.indexing.index import IndexOptions, index
from album.indexing.sources import Read, ReadEvent, ReadSettings, Source
from album.media.clips.frames import Sampling
from album.models.engines import Choice, build
from album.models.selection import DETECTOR, HEAD
from clustering.linkage.tiles import TileSearch
from db.library import Library

WAIT_S = 60.0
"""How long a library is waited for that another process writes to."""
LAST_WAIT_S = 10.0


@dataclass(frozen=True, slots=True)
class Begun:
    """Work at a library has begun."""

    job: Job


@dataclass(frozen=True, slots=True)
class Advanced:
    """The index of one library has come further."""

    job: Job
    event: Event


@dataclass(slots=True)
class Ended:
    """Work at a library has ended.

    Attributes
    ----------
    job : Job
    report : IndexReport
        What was done, also where it failed.
    error : Exception or None
        Why it failed.
    limit : str
        The limit that was reached; empty where everything was read.
    is_begun : bool
        False where the workers were gone before its turn.
    """

    job: Job
    report: IndexReport
    error: Exception | None = None
    limit: str = ""
    is_begun: bool = True


BatchEvent = Begun | Advanced | Ended


@dataclass(slots=True)
class Limited:
    """A source that reads no more than it may; implements `album.indexing.sources.Source`.

    What is being read when a limit is reached is still read and stored, so that up to what is in
    flight comes on top of `faces` and `seconds`; `photos` is exact.
    """

    source: Source
    job: Job
    stop: threading.Event
    now: Callable[[], float] = time.monotonic
    reached: str = ""
    at_once: int = AT_ONCE
    _photos: int = 0
    _faces: int = 0

    @property
    def tile_search(self) -> TileSearch | None:
        """Who searches for near faces."""
        return self.source.tile_search

    def start(self, settings: ReadSettings) -> Read:
        """Return what reads tasks."""
        inner = self.source.start(settings)
        seconds = self.job.max_seconds
        until = None if seconds is None else self.now() + seconds

        def read(tasks: Iterable[Task]) -> Iterator[ReadEvent]:
            for outcome in inner(self._within(tasks, until)):
                if isinstance(outcome, Prepared):
                    self._faces += len(outcome.detections)
                elif isinstance(outcome, ReadClip):
                    self._faces += len(outcome.clip.faces)
                yield outcome

        return read

    def _within(self, tasks: Iterable[Task], until: float | None) -> Iterator[Task]:
        for task in tasks:
            self.reached = self._limit(until)
            if self.reached:
                return
            self._photos += 1
            yield task

    def _limit(self, until: float | None) -> str:
        if self.stop.is_set():
            return "stopped"
        if self.job.max_photos is not None and self._photos >= self.job.max_photos:
            return "max-photos"
        if self.job.max_faces is not None and self._faces >= self.job.max_faces:
            return "max-faces"
        return "max-seconds" if until is not None and self.now() >= until else ""


@dataclass(slots=True)
class _Run:
    """One run of a batch."""

    batch: Batch
    pool: Pool
    events: SimpleQueue[BatchEvent] = field(default_factory=SimpleQueue)
    stop: threading.Event = field(default_factory=threading.Event)

    def index(self, job: Job) -> None:
        """Index one library, unless the run has been stopped."""
        if self.stop.is_set():
            self.events.put(Ended(job, IndexReport(), is_begun=False))
            return
        self.events.put(Begun(job))
        ended, started = Ended(job, IndexReport()), time.monotonic()
        try:
            self._index(job, ended)
        except Exception as error:  # one library never ends the others
            ended.error = error
            if isinstance(error, ClusterError) and self.pool.is_empty:
                self.stop.set()
        ended.report.seconds = time.monotonic() - started
        self.events.put(ended)

    def _index(self, job: Job, ended: Ended) -> None:
        with Library.open(job.library, wait_s=WAIT_S) as library:
            choice = choice_of(library, job)
            workers = ClusterSource(self.pool, choice, weight=job.weight, limit=job.max_in_flight)
            source = Limited(workers, job, self.stop)
            options = IndexOptions(
                jobs=0,
                retry=job.retry,
                group=job.group,
                clips=Sampling() if job.clips else None,
                file_timeout=job.file_timeout,
                memory=share_of(min(self.batch.at_once, len(self.batch.jobs))),
            )
            events = index(library, build(choice), job.photos, options, source)
            with closing(events):  # type: ignore[type-var]
                for event in events:
                    ended.report.add(event)
                    self.events.put(Advanced(job, event))
            ended.limit = source.reached


def choice_of(library: Library, job: Job) -> Choice:
    """Return the nets that a library is indexed with; detector and head are remembered with it."""
    return Choice(
        profile=job.profile,
        detector=DETECTOR.choose(library, job.detector, job.profile),
        embedder=job.embedder,
        attributes=HEAD.choose(library, job.attributes, job.profile),
        min_face=job.min_face,
        device=job.device,
        emotions=job.emotions,
    )


def run_batch(batch: Batch, pool: Pool) -> Iterator[BatchEvent]:
    """Index and group all libraries of a batch.

    Parameters
    ----------
    batch : Batch
    pool : Pool
        The workers, for all of them.

    Yields
    ------
    BatchEvent
        For each library `Begun`, what its index says, and `Ended`; of several in between.
    """
    run, ended = _Run(batch, pool), 0
    threads = Workers(min(batch.at_once, len(batch.jobs)))
    jobs = [threads.submit(run.index, job) for job in batch.jobs]
    try:
        while ended < len(jobs):
            event = run.events.get()
            ended += isinstance(event, Ended)
            yield event
    finally:
        run.stop.set()
        threads.shutdown(wait=False, cancel_futures=True)
        wait(jobs, LAST_WAIT_S)
