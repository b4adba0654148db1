"""The workflow of `album index`: scan, analyse, describe, save, group.

`index` says it in one place. Worker threads read, detect and crop (`album.analysis.analyse`); this
thread alone runs the nets on full batches and writes to the library. Every photo is one transaction
that also records that it is done, so a run that is killed loses at most the photos in flight.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from album.analysis.analyse import Failed, LiveClip, Outcome, Prepared, ReadClip, Task
from album.analysis.clips.look import VERSION as CLIP_VERSION
from album.analysis.workers import LIMIT
from album.events import (
    EmotionsTold,
    EmotionsUnknown,
    Event,
    FileSkipped,
    Grouped,
    Moved,
    TagsImported,
    WorkersChanged,
)
from album.files.scan import display_path
from album.indexing.duplicates import mark_duplicates
from album.indexing.emotions import tell_emotions
from album.indexing.heartbeat import Heartbeat
from album.indexing.planning import Plan, look, with_photos_elsewhere
from album.indexing.sharing import Shared
from album.indexing.sources import Read, Source, Threads, Wanted
from album.indexing.storing import BATCH, like_its_copy, save, save_clip, settle
from album.media.clips.frames import DEFAULT, Sampling
from album.media.views import VIEW
from album.models.contracts import nets_of, remember_nets
from album.tags.recovery import settle as settle_tags
from clustering.linkage.tiles import Spread
from db.library import Library
from db.people.faces import last_face
from db.photos.claims import alone
from db.photos.emotions import count_untold
from db.photos.files import count_moved, link_live
from db.photos.status import status
from db.settings import GROUPED_UNDER, get_setting, set_setting
from nets.engine import Engine
from nets.runtime.models import digest


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
        Bytes that a grouping may take, see `album.grouping.memory.Space`.
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
        In order: one `Scanned`, a `PhotoDone`, `ClipDone` or `PhotoFailed` for each file read, with
        `WorkersChanged` in between where others read them, and `GroupingFaces` and `Grouped` where
        there was something to group. Tags come with events of their own, see
        `album.tags.importing.run.import_tags`, and are followed by another grouping.

    Raises
    ------
    AlbumError
        If a root does not exist, or nobody is left to read the files.
    LibraryError
        If the library can't be written.
    """
    heartbeat = Heartbeat(library)
    try:
        for event in _index(library, engine, roots, options, source or Threads()):
            heartbeat.see(event)
            yield event
    finally:
        heartbeat.end()


def _index(
    library: Library,
    engine: Engine,
    roots: Sequence[Path | str],
    options: IndexOptions,
    source: Source,
) -> Iterator[Event]:
    contract = analysis_contract(engine, options.view)
    clips = clip_contract(contract, options.clips)
    settle_tags(library)
    plan = look(library, roots, contract, clips, retry=options.retry)
    plan = with_photos_elsewhere(library, plan, engine, contract, clips)
    if plan.tasks or plan.gone or plan.back:
        set_setting(library, GROUPED_UNDER, None)
    yield plan.scanned
    yield from plan.unreadable
    yield from analyse(library, engine, plan, source, options)
    here = [root for root in roots if isinstance(root, Path)]
    with alone(library):  # the last to come here sees what all have found
        if plan.tasks or plan.gone or plan.back:
            mark_duplicates(library)
        if plan.gone:
            yield Moved(count_moved(library, plan.gone))
        yield from _express(library, engine, here, options)
        if options.group:
            yield from group_if_due(
                library, engine, options.method, spread=source.spread, memory=options.memory
            )
    if options.read_tags:
        yield from _read_tags(library, engine, here, options, source.spread)


def _express(
    library: Library, engine: Engine, roots: Sequence[Path], options: IndexOptions
) -> Iterator[Event]:
    """Tell what faces of earlier runs express, or of how many that is not known."""
    net = engine.emotions
    if net is None:
        return
    if options.emotions:
        told, jobs, limit = 0, options.jobs, options.file_timeout
        for event in tell_emotions(library, net, roots, jobs=jobs, file_timeout=limit):
            told += event.faces if isinstance(event, EmotionsTold) else 0
            yield event
        if told:
            set_setting(library, GROUPED_UNDER, None)  # covers prefer who smiles
    if unknown := count_untold(library, net.contract):
        yield EmotionsUnknown(unknown)


def _read_tags(
    library: Library,
    engine: Engine,
    roots: Sequence[Path],
    options: IndexOptions,
    spread: Spread | None,
) -> Iterator[Event]:
    """Bring in what tags say, now that there are groups which can get names, and group again."""
    from album.tags.importing.run import ImportOptions, import_tags, photos_in

    changed = False
    photos = photos_in(library, roots)
    for event in import_tags(library, engine, photos, ImportOptions(max(1, options.jobs))):
        yield event
        changed |= isinstance(event, TagsImported) and bool(event.change and event.change.event_id)
    if changed and options.group:
        yield from group_if_due(
            library, engine, options.method, spread=spread, memory=options.memory
        )


def group_if_due(
    library: Library,
    engine: Engine,
    method: str,
    *,
    spread: Spread | None = None,
    memory: int | None = None,
) -> Iterator[Event]:
    """Group the faces, unless nothing has changed since they were last grouped in this way.

    Parameters
    ----------
    library : Library
    engine : Engine
    method : str
        A key of `album.grouping.grouping.LINKAGE`.
    spread : callable, optional
        Has the search for near faces done elsewhere, as `clustering.linkage.tiles.Spread`.
    memory : int, optional
        See `album.grouping.memory.Space`.
    """
    from album.grouping.candidates import prepare
    from album.grouping.grouping import group
    from album.grouping.incremental import LAST_WHOLE, assign
    from album.grouping.memory import space_for
    from album.models.calibration import calibration_files

    contracts = engine.embedder.contract, engine.attributes.contract
    how = f"{digest(*contracts, method, *calibration_files())} {last_face(library)}"
    remember_nets(library, engine)
    if get_setting(library, GROUPED_UNDER) == how:
        counts = status(library)
        shown = counts.people - counts.passers_by
        yield Grouped(shown, counts.passers_by, counts.faces)
        return
    # Stored with the grouping itself: whatever changes from then on needs another one.
    done = {GROUPED_UNDER: how}
    with space_for(library.path, memory, spread=spread) as space:
        if method == "default":
            yield from assign(library, nets_of(engine), space, settings=done)
        else:
            done[LAST_WHOLE] = f"{method} 0"
            yield from group(library, engine, method=method, settings=done)
        prepare(library, space)


def analysis_contract(engine: Engine, view: int) -> str:
    """Return the digest of all that decides what is found in a photo."""
    return digest(engine.contract, view)


def clip_contract(contract: str, sampling: Sampling | None) -> str | None:
    """Return the same of clips, whose frames may be chosen in several ways; None without clips."""
    if sampling is None:
        return None
    how = sampling.every, sampling.every_seen, sampling.budget
    return digest(contract, "clips", CLIP_VERSION, *how)


@dataclass(slots=True)
class _Reading:
    """What is read, described and saved in the rounds of one run."""

    library: Library
    engine: Engine
    plan: Plan
    contract: str
    options: IndexOptions
    shared: Shared
    failed: dict[str | None, Failed] = field(default_factory=dict)
    lives: list[tuple[str, str]] = field(default_factory=list)
    ready: list[Prepared] = field(default_factory=list)

    def round(self, read: Read, tasks: Iterable[Task]) -> Iterator[Event]:
        """Read every task, describe the faces in batches across photos, save photo by photo."""
        for told in read(tasks):
            if isinstance(told, WorkersChanged):
                yield told
            else:
                yield from self._save(told)
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
            clips = clip_contract(self.contract, self.options.clips)
            event = save_clip(self.library, self.engine, outcome, clips)
        else:
            told = like_its_copy(outcome, self.failed)
            event = settle(self.library, told, self.plan.forgotten)
        self.shared.stored(outcome.task)
        yield event

    def _save_ready(self) -> Iterator[Event]:
        ready, self.ready = self.ready, []
        events = list(save(self.library, self.engine, ready, self.contract))
        self.shared.stored(*(photo.task for photo in ready))
        yield from events

    def _done_by_others(self) -> Iterator[Event]:
        for task in self.shared.elsewhere():
            yield FileSkipped(display_path(task.found.path), "elsewhere")


def analyse(
    library: Library, engine: Engine, plan: Plan, source: Source, options: IndexOptions
) -> Iterator[Event]:
    """Read every task that no other process reads, until all of them are done."""
    contract = analysis_contract(engine, options.view)
    clips = clip_contract(contract, options.clips)
    read = source.start(
        Wanted(
            *(engine, contract, plan.done, plan.sizes, plan.forgotten),
            *(options.view, options.clips, options.jobs, options.file_timeout),
        )
    )
    with closing(Shared(library, plan.tasks, contract, clips, source.at_once)) as shared:
        reading = _Reading(library, engine, plan, contract, options, shared)
        for tasks in shared.rounds():
            with closing(reading.round(read, tasks)) as events:  # type: ignore[type-var]
                yield from events
    link_live(library, reading.lives)
