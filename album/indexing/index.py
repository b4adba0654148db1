"""The workflow of `album index`; `_Run.run` lists its stages.

Worker threads read, detect and crop (`album.analysis.analyse`); this thread alone runs the nets on
full batches and writes to the library. Every photo is one transaction that also records that it is
done, so a run that is killed loses at most the photos in flight.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from album.analysis.workers import LIMIT
from album.events import (
    EmotionsClassified,
    EmotionsUnknown,
    Event,
    Moved,
    PhotoFailed,
    TagsImported,
)
from album.files.scan import display_path
from album.grouping.run import group_if_due
from album.indexing.duplicates import mark_duplicates
from album.indexing.emotions import tell_emotions
from album.indexing.heartbeat import Heartbeat
from album.indexing.pictures import remember_pictures
from album.indexing.planning import Contracts, Plan, plan_index
from album.indexing.reading import read_files
from album.indexing.retries import remember_decoders
from album.indexing.sources import ReadSettings, Source, Threads
from album.media.clips.frames import DEFAULT, Sampling
from album.media.views import VIEW
from db.library import Library
from db.photos.claims import alone
from db.photos.emotions import count_unclassified
from db.photos.files import (
    count_moved,
    forget_failures,
    mark_gone,
    mark_present,
    save_unreadable,
)
from db.settings import GROUPED_UNDER, set_setting
from nets.engine import Engine


@dataclass(frozen=True, slots=True)
class IndexOptions:
    """How to index.

    Attributes
    ----------
    jobs : int
        Threads that read photos and find faces; 0 does everything in one thread.
    view : int
        Longest side in pixels of the picture that faces are looked for in.
    retry : bool
        Read again what could not be read before.
    group : bool
        Group the faces into people afterwards.
    method : str
        How: a key of `album.grouping.grouping.LINKAGE`.
    clips : Sampling or None
        Which frames of clips are looked at; None: clips are left out.
    file_timeout : float
        Seconds after which a file is given up, a clip gets more by its length; 0 for never.
    read_tags : bool
        Bring in names that other programs have written into the photos.
    emotions : bool
        Tell what faces express that were found before, too. Of new ones that is told whenever the
        engine can.
    memory : int or None
        Bytes that a grouping may take, see `album.grouping.memory.Workspace`.
    """

    jobs: int = os.cpu_count() or 1
    view: int = VIEW
    retry: bool = False
    group: bool = True
    method: str = "default"
    clips: Sampling | None = DEFAULT
    file_timeout: float = LIMIT
    read_tags: bool = False
    emotions: bool = False
    memory: int | None = None


def index(
    library: Library,
    engine: Engine,
    roots: Sequence[Path | str],
    options: IndexOptions,
    source: Source | None = None,
) -> Iterator[Event]:
    """Find the faces in photos and group all faces of the library into people.

    Parameters
    ----------
    library : Library
        Open for writing.
    engine : Engine
        The nets.
    roots : sequence of Path or str
        Files and folders; folders are walked to any depth. Addresses of servers are str: of them
        neither tags are read nor what faces of earlier runs express.
    options : IndexOptions
        How to go about it.
    source : Source, optional
        What reads the files; else threads of this process do.

    Yields
    ------
    Event
        In order: after an upgrade `PicturesPending` and `PictureRead`, then one `Scanned`, a
        `PhotoDone`, `ClipDone` or `PhotoFailed` for each file read, with `WorkersChanged` in
        between where others read them, and `GroupingFaces` and `Grouped` where there was something
        to group. Tags come with events of their own, see `album.tags.importing.run.import_tags`,
        and are followed by another grouping.

    Raises
    ------
    AlbumError
        If a root does not exist, or nobody is left to read the files.
    LibraryError
        If the library can't be written.
    """
    run = _Run(library, engine, roots, options, source or Threads())
    heartbeat = Heartbeat(library)
    try:
        for event in run.run():
            heartbeat.add(event)
            yield event
    finally:
        heartbeat.end()


@dataclass(frozen=True, slots=True)
class _Run:
    """One run of `index`."""

    library: Library
    engine: Engine
    roots: Sequence[Path | str]
    options: IndexOptions
    source: Source

    def run(self) -> Iterator[Event]:
        """Go through the stages of an index."""
        plan = self.plan()
        if plan.undigested:
            yield from self.remember_pictures(plan)
            plan = self.plan()
        yield from self.announce(plan)
        self.record_what_changed(plan)
        yield from self.read(plan)
        with alone(self.library):  # the last process to come here sees what all have found
            yield from self.find_copies(plan)
            yield from self.classify_emotions()
            if self.options.group:
                yield from self.group()
        if self.options.read_tags:
            yield from self.import_tags()

    @property
    def contracts(self) -> Contracts:
        """The contracts under which files are read."""
        return Contracts.of(self.engine, self.options.view, self.options.clips)

    @property
    def local_roots(self) -> list[Path]:
        """The roots that are no addresses of servers."""
        return [root for root in self.roots if isinstance(root, Path)]

    def plan(self) -> Plan:
        """Compare the folders with the library, writing nothing."""
        return plan_index(
            self.library, self.roots, self.engine, self.contracts, retry=self.options.retry
        )

    def remember_pictures(self, plan: Plan) -> Iterator[Event]:
        """Work out the digests of pictures that an earlier version has read."""
        return remember_pictures(self.library, plan.undigested, jobs=self.options.jobs)

    def announce(self, plan: Plan) -> Iterator[Event]:
        """Report the plan, and what could not be looked at."""
        yield plan.scanned
        for error in plan.unreadable:
            yield PhotoFailed(display_path(error.path), error.reason)

    def record_what_changed(self, plan: Plan) -> None:
        """Store which files have vanished or come back, and which failures are tried again."""
        remember_decoders(self.library, plan.decoders_since)
        forget_failures(self.library, plan.forgiven)
        unreadable = [(error.path, error.code, error.reason) for error in plan.unreadable]
        save_unreadable(self.library, plan.roots, unreadable)
        mark_gone(self.library, plan.gone)
        mark_present(self.library, plan.back)
        if plan.changes_photos:
            set_setting(self.library, GROUPED_UNDER, None)

    def read(self, plan: Plan) -> Iterator[Event]:
        """Find and describe the faces in every file of the plan, and store them."""
        options, contracts = self.options, self.contracts
        read = self.source.start(
            ReadSettings(
                engine=self.engine,
                contract=contracts.photos,
                done=plan.done,
                sizes=plan.sizes,
                forgotten=plan.forgotten,
                view=options.view,
                clips=options.clips,
                jobs=options.jobs,
                file_timeout=options.file_timeout,
            )
        )
        return read_files(
            self.library, self.engine, plan, contracts, read, at_once=self.source.at_once
        )

    def find_copies(self, plan: Plan) -> Iterator[Event]:
        """Mark near-duplicates, and count the files that have only moved."""
        if plan.changes_photos:
            mark_duplicates(self.library)
        if plan.gone:
            yield Moved(count_moved(self.library, plan.gone))

    def classify_emotions(self) -> Iterator[Event]:
        """Classify the emotions of faces of earlier runs, or count those without one."""
        net = self.engine.emotions
        if net is None:
            return
        if self.options.emotions:
            classified = 0
            for event in tell_emotions(
                self.library,
                net,
                self.local_roots,
                jobs=self.options.jobs,
                file_timeout=self.options.file_timeout,
            ):
                classified += event.faces if isinstance(event, EmotionsClassified) else 0
                yield event
            if classified:
                set_setting(self.library, GROUPED_UNDER, None)  # covers prefer who smiles
        if unknown := count_unclassified(self.library, net.contract):
            yield EmotionsUnknown(unknown)

    def group(self) -> Iterator[Event]:
        """Group the faces into people, on the workers and in the memory of this run."""
        return group_if_due(
            self.library,
            self.engine,
            self.options.method,
            tile_search=self.source.tile_search,
            memory=self.options.memory,
        )

    def import_tags(self) -> Iterator[Event]:
        """Import names from tags, now that there are groups that can get them; group again."""
        from album.tags.importing.run import ImportOptions, import_tags, photos_in

        changed = False
        photos = photos_in(self.library, self.local_roots)
        how = ImportOptions(max(1, self.options.jobs))
        for event in import_tags(self.library, self.engine, photos, how):
            yield event
            if isinstance(event, TagsImported) and event.change:
                changed |= bool(event.change.event_id)
        if changed and self.options.group:
            yield from self.group()
