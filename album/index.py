"""The workflow of `album index`: scan, analyse, describe, save, group.

`index` says it in one place. Worker threads read, detect and crop (`album.analyse`); this thread
alone runs the nets on full batches and writes to the library. Every photo is one transaction that
also records that it is done, so a run that is killed loses at most the photos in flight.
"""

import os
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from album import scan
from album.analyse import VIEW, Analyser, Failed, Known, Prepared, ReadClip, Skipped, Task, outcomes
from album.clips import record as clip_record
from album.clips.frames import DEFAULT, Sampling
from album.clips.look import VERSION as CLIP_VERSION
from album.contracts import nets_of, remember_nets
from album.events import (
    ClipDone,
    Event,
    FileSkipped,
    Grouped,
    Moved,
    PhotoDone,
    PhotoFailed,
    Scanned,
)
from db.analyses import save_analyses
from db.files import (
    count_moved,
    forget_failures,
    known_files,
    mark_gone,
    mark_present,
    not_described,
    save_failure,
    save_files,
)
from db.forgetting import forgotten_contents
from db.library import Library
from db.records import Analysis, Attributes, Faces, Identity, PhotoFacts, SeenFile
from db.rows import KnownFile
from db.settings import GROUPED_UNDER, get_setting, set_setting
from db.status import status
from nets.engine import Description, Engine, join
from nets.models import digest

BATCH = 32
"""Faces that are gathered, across photos, before the nets run."""


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
        How: a key of `album.grouping.LINKAGE`.
    clips : Sampling or None
        Which frames of clips are looked at; None: clips are left out.
    """

    jobs: int = os.cpu_count() or 1
    view: int = VIEW
    retry: bool = False
    group: bool = True
    method: str = "default"
    clips: Sampling | None = DEFAULT


def index(
    library: Library, engine: Engine, roots: Sequence[Path], options: IndexOptions
) -> Iterator[Event]:
    """Find the faces in photos and group all faces of the library into people.

    Parameters
    ----------
    library : Library
        Open for writing.
    engine : Engine
        The nets.
    roots : sequence of Path
        Files and folders; folders are walked to any depth.
    options : IndexOptions
        How to go about it.

    Yields
    ------
    Event
        In order: one `Scanned`, a `PhotoDone`, `ClipDone` or `PhotoFailed` for each file read, and
        `GroupingFaces` and `Grouped` where there was something to group.

    Raises
    ------
    AlbumError
        If a root does not exist.
    LibraryError
        If the library can't be written.
    """
    contract = analysis_contract(engine, options.view)
    clips = clip_contract(contract, options.clips)
    plan = look(library, roots, contract, clips, retry=options.retry)
    plan = with_photos_elsewhere(library, plan, engine, contract, clips)
    if plan.tasks or plan.gone or plan.back:
        set_setting(library, GROUPED_UNDER, None)
    yield plan.scanned
    yield from plan.unreadable
    yield from analyse(library, engine, plan, contract, options)
    if plan.gone:
        yield Moved(count_moved(library, plan.gone))
    if options.group:
        yield from group_if_due(library, engine, options.method)


def group_if_due(library: Library, engine: Engine, method: str) -> Iterator[Event]:
    """Group the faces, unless nothing has changed since they were last grouped in this way."""
    from album.assigning import LAST_WHOLE, assign
    from album.calibration import calibration_files
    from album.candidates import prepare
    from album.grouping import group

    contracts = engine.embedder.contract, engine.attributes.contract
    how = digest(*contracts, method, *calibration_files())
    remember_nets(library, engine)
    if get_setting(library, GROUPED_UNDER) == how:
        counts = status(library)
        shown = counts.people - counts.passers_by
        yield Grouped(shown, counts.passers_by, counts.faces)
        return
    if method == "default":
        yield from assign(library, nets_of(engine))
    else:
        yield from group(library, engine, method=method)
        set_setting(library, LAST_WHOLE, f"{method} 0")
    prepare(library)
    set_setting(library, GROUPED_UNDER, how)


def analysis_contract(engine: Engine, view: int) -> str:
    """Return the digest of all that decides what is found in a photo."""
    return digest(engine.contract, view)


def clip_contract(contract: str, sampling: Sampling | None) -> str | None:
    """Return the same of clips, whose frames may be chosen in several ways; None without clips."""
    if sampling is None:
        return None
    how = sampling.every, sampling.every_seen, sampling.budget
    return digest(contract, "clips", CLIP_VERSION, *how)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a walk over the folders found to be done."""

    tasks: list[Task]
    done: set[str]
    forgotten: frozenset[str]
    gone: list[str]
    back: list[str]
    scanned: Scanned
    unreadable: list[PhotoFailed]


def look(
    library: Library, roots: Sequence[Path], contract: str, clips: str | None, *, retry: bool
) -> Plan:
    """Walk the folders, compare with the library, and mark what is gone or back."""
    paths = [str(root.absolute()) for root in roots]
    if retry:
        forget_failures(library, paths)
    walk = scan.walk(paths)
    known = all_known(library, contract, clips)
    changes = scan.changes(walk.files, known, reachable=walk.reachable)
    gone = [path for path in changes.gone if not known[path].gone]
    mark_gone(library, gone)
    back = [file.path for file in changes.unchanged if known[file.path].gone]
    mark_present(library, back)
    new = [Task(file) for file in (*changes.new, *changes.changed)]
    again = [
        Task(file, known[file.path].content_hash)
        for file in changes.unchanged
        if is_due(known[file.path], clips=clips is not None)
    ]
    # What was never read comes before what is read again, by other nets say.
    tasks = [*sorted(new, key=by_path), *sorted(again, key=by_path)]
    done = {file.content_hash for file in known.values() if file.done and file.content_hash}
    scanned = Scanned(len(walk.files), len(tasks), len(walk.files) - len(tasks), len(gone))
    unreadable = [PhotoFailed(Path(error.path), error.reason) for error in walk.unreadable]
    forgotten = forgotten_contents(library)
    return Plan(tasks, done | forgotten, forgotten, gone, back, scanned, unreadable)


def by_path(task: Task) -> str:
    """Return what tasks are sorted by."""
    return task.found.path


def with_photos_elsewhere(
    library: Library, plan: Plan, engine: Engine, contract: str, clips: str | None
) -> Plan:
    """Add what lies outside the folders of this run and was described by other nets only.

    Vectors of different nets can't be compared, so that people would otherwise fall into two. What
    is not there now, on a disk that is not connected say, is left for another time.
    """
    contents = not_described(library, engine.embedder.contract)
    if not contents:
        return plan
    planned = {task.found.path for task in plan.tasks}
    held = {task.content_hash for task in plan.tasks}
    tasks = []
    for path, known in sorted(all_known(library, contract, clips).items()):
        wanted = known.content_hash in contents - held and not known.gone
        if not wanted or path in planned or not is_due(known, clips=clips is not None):
            continue
        try:
            stat = Path(path).stat()
        except OSError:
            continue
        if (stat.st_size, stat.st_mtime_ns) == (known.size, known.mtime_ns):
            tasks.append(Task(scan.Found(path, known.size, known.mtime_ns), known.content_hash))
            held.add(known.content_hash)
    told = plan.scanned
    counts = Scanned(told.found + len(tasks), told.todo + len(tasks), told.unchanged, told.gone)
    return replace(plan, tasks=[*plan.tasks, *tasks], scanned=counts)


def all_known(library: Library, contract: str, clips: str | None) -> dict[str, KnownFile]:
    """Return every known file; what is done is decided by one contract, of clips by another."""
    known = known_files(library, [os.sep], contract=contract)
    if any(file.kind == "clip" for file in known.values()):
        again = known_files(library, [os.sep], contract=clips)
        known |= {path: file for path, file in again.items() if file.kind == "clip"}
    return known


def is_due(known: KnownFile, *, clips: bool) -> bool:
    """Tell whether a file that has not changed is still to be analysed."""
    wanted = known.kind == "image" or (clips and known.kind == "clip")
    return wanted and not known.done and not known.failed


def analyse(
    library: Library, engine: Engine, plan: Plan, contract: str, options: IndexOptions
) -> Iterator[Event]:
    """Read every task, describe the faces in batches across photos, and save photo by photo."""
    threads = max(1, options.jobs)
    analyser = Analyser(engine, plan.done, options.view, options.clips, threads)
    ready: list[Prepared] = []
    failed: dict[str | None, Failed] = {}
    stop = analyser.stopped.set
    for outcome in outcomes(analyser, plan.tasks, jobs=options.jobs, stop=stop):
        if isinstance(outcome, Failed):
            failed[outcome.content_hash] = outcome
        if isinstance(outcome, ReadClip):
            yield save_clip(library, engine, outcome, clip_contract(contract, options.clips))
            continue
        if not isinstance(outcome, Prepared):
            yield settle(library, like_its_copy(outcome, failed), plan.forgotten)
            continue
        ready.append(outcome)
        if max(sum(len(photo.detections) for photo in ready), len(ready)) >= BATCH:
            yield from save(library, engine, ready, contract)
            ready = []
    yield from save(library, engine, ready, contract)


def like_its_copy(
    outcome: Known | Skipped | Failed, failed: Mapping[str | None, Failed]
) -> Known | Skipped | Failed:
    """Return the failure of a file whose content could not be read from its copy, either."""
    if isinstance(outcome, Known) and outcome.content_hash in failed:
        return replace(failed[outcome.content_hash], task=outcome.task)
    return outcome


def settle(
    library: Library, outcome: Known | Skipped | Failed, forgotten: Container[str | None] = ()
) -> Event:
    """Record a file that needs no analysis: known content, no photo, or not to be read.

    Of forgotten content nothing is recorded, not even its path.
    """
    path = Path(outcome.task.found.path)
    match outcome:
        case Known(_, content_hash) if content_hash in forgotten:
            return FileSkipped(path, "forgotten")
        case Known(task, content_hash, kind):
            save_files(library, [seen(task, content_hash, kind)])
            return PhotoDone(path, 0, known=True)
        case Skipped(task, kind):
            save_files(library, [seen(task, None, kind)])
            return FileSkipped(path, kind)
        case Failed(task, stage, reason, content_hash, kind):
            save_failure(library, seen(task, content_hash, kind), stage=stage, reason=reason)
            return PhotoFailed(path, reason)


def seen(task: Task, content_hash: str | None, kind: str = "image") -> SeenFile:
    """Translate a file of the scan into what the library stores of it."""
    found = task.found
    return SeenFile(found.path, found.size, found.mtime_ns, content_hash, kind)


def save(
    library: Library, engine: Engine, ready: Sequence[Prepared], contract: str
) -> Iterator[Event]:
    """Describe the faces of some photos in one batch and save the photos."""
    if not ready:
        return
    said = engine.describe(join([photo.batch for photo in ready]))
    ends = np.cumsum([len(photo.detections) for photo in ready]).tolist()
    analyses = [
        record(photo, engine, said, slice(end - len(photo.detections), end), contract)
        for photo, end in zip(ready, ends, strict=True)
    ]
    save_files(library, [seen(photo.task, photo.content_hash) for photo in ready])
    save_analyses(library, analyses)
    for photo in ready:
        yield PhotoDone(Path(photo.task.found.path), len(photo.detections))


def save_clip(library: Library, engine: Engine, read: ReadClip, contract: str | None) -> Event:
    """Save a clip. What one that breaks off held is kept, and it counts as failed all the same."""
    assert contract is not None
    if read.clip.problem:
        contract = digest(contract, "incomplete")  # not done, so that it can be tried again
    file = seen(read.task, read.content_hash, "clip")
    save_files(library, [file])
    save_analyses(library, [clip_record.record(read, engine, contract)])
    problem = read.clip.problem
    if problem:
        problem = f"was read in part ({problem}); copy it again from where it came from."
        save_failure(library, file, stage="incomplete", reason=problem)
    return ClipDone(Path(read.task.found.path), len(read.clip.faces), read.clip.frames, problem)


def record(
    photo: Prepared, engine: Engine, said: Description, rows: slice, contract: str
) -> Analysis:
    """Translate what was found in a photo into what the library stores."""
    detections = photo.detections
    size, sharpness, frontal = photo.quality.T
    return Analysis(
        photo=facts(photo),
        faces=Faces(
            engine.detector.contract,
            *(detections.boxes, detections.landmarks, detections.scores),
            size=size,
            sharpness=sharpness,
            frontal=frontal,
        ),
        contract=contract,
        identity=(Identity(engine.embedder.contract, said.vectors[rows]),),
        attributes=(Attributes(engine.attributes.contract, said.ages[rows], said.male[rows]),),
        seconds=photo.seconds,
    )


def facts(photo: Prepared) -> PhotoFacts:
    """Translate header and date of a photo into what the library stores."""
    (width, height), (stored_width, stored_height) = (
        photo.header.upright_size,
        photo.header.stored_size,
    )
    return PhotoFacts(
        photo.content_hash,
        width,
        height,
        orientation=photo.header.orientation,
        stored_width=stored_width,
        stored_height=stored_height,
        taken_at=photo.taken.when,
        utc_offset_min=photo.taken.offset_minutes,
        date_source=photo.taken.source,
        date_precision=photo.taken.precision,
    )
