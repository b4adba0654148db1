"""What `album index` has to do: the folders compared with the library."""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from album.analysis.analyse import Task
from album.errors import StrPath, is_remote
from album.events import PhotoFailed, Scanned
from album.files import scan
from album.indexing.retries import forget_outdated
from album.media import live
from db.journal.forgetting import forgotten_contents
from db.library import Library
from db.photos.files import (
    forget_failures,
    known_files,
    mark_gone,
    mark_present,
    not_described,
    save_unreadable,
)
from db.rows import KnownFile
from nets.engine import Engine


@dataclass(frozen=True, slots=True)
class Plan:
    """What a walk over the folders found to be done.

    `sizes` has the contents of `done` by the sizes of their files, for the sizes of the tasks.
    """

    tasks: list[Task]
    done: set[str]
    sizes: dict[int, tuple[str, ...]]
    forgotten: frozenset[str]
    gone: list[str]
    back: list[str]
    scanned: Scanned
    unreadable: list[PhotoFailed]


def look(
    library: Library, roots: Sequence[StrPath], contract: str, clips: str | None, *, retry: bool
) -> Plan:
    """Walk the folders, compare with the library, and mark what is gone or back."""
    paths = [scan.absolute(root) for root in roots]
    if retry:
        forget_failures(library, paths)
    walk = scan.walk(paths)
    forget_outdated(library, paths)
    told = [(error.path, error.code, error.reason) for error in walk.unreadable]
    save_unreadable(library, paths, told)
    known = all_known(library, contract, clips)
    changes = scan.changes(walk.files, known, reachable=walk.reachable)
    gone = [path for path in changes.gone if not known[path].gone]
    mark_gone(library, gone)
    back = [file.path for file in changes.unchanged if known[file.path].gone]
    mark_present(library, back)
    new = [Task(file) for file in (*changes.new, *changes.changed)]
    fresh = {file.path for file in (*changes.new, *changes.changed)}
    again = [
        Task(file, known[file.path].content_hash)
        for file in changes.unchanged
        if is_due(known[file.path], clips=clips is not None)
        or is_paired_otherwise(known[file.path], fresh, file.beside)
    ]
    # What was never read comes before what is read again, by other nets say.
    tasks = [*sorted(new, key=by_path), *sorted(again, key=by_path)]
    done = {
        file.content_hash
        for file in known.values()
        # The photo of the clip of a Live Photo is its still.
        if file.done and file.content_hash and file.kind != "live"
    }
    scanned = Scanned(len(walk.files), len(tasks), len(walk.files) - len(tasks), len(gone))
    unreadable = [
        PhotoFailed(scan.display_path(error.path), error.reason) for error in walk.unreadable
    ]
    forgotten = forgotten_contents(library)
    sizes = _sizes({task.found.size for task in tasks}, known.values(), done)
    return Plan(tasks, done | forgotten, sizes, forgotten, gone, back, scanned, unreadable)


def _sizes(
    wanted: Container[int], known: Iterable[KnownFile], done: Container[str]
) -> dict[int, tuple[str, ...]]:
    """Return which of the contents that are done a file of so many bytes may have."""
    found: dict[int, set[str]] = {}
    for file in known:
        if file.size in wanted and file.content_hash and file.content_hash in done:
            found.setdefault(file.size, set()).add(file.content_hash)
    return {size: tuple(sorted(contents)) for size, contents in found.items()}


def by_path(task: Task) -> str:
    """Return what tasks are sorted by."""
    return task.found.path


def with_photos_elsewhere(
    library: Library, plan: Plan, engine: Engine, contract: str, clips: str | None
) -> Plan:
    """Add what lies outside the folders of this run and was described by other nets only.

    Vectors of different nets can't be compared, so that people would otherwise fall into two, and
    ages of different nets are not put together. What is not there now, on a disk that is not
    connected say, is left for another time.
    """
    nets = engine.embedder.contract, engine.attributes.contract
    contents = not_described(library, *nets)
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


def all_known(
    library: Library, contract: str, clips: str | None, roots: Sequence[str] | None = None
) -> dict[str, KnownFile]:
    """Return every known file; what is done is decided by one contract, of clips by another."""
    known = known_files(library, roots, contract=contract)
    if any(file.kind == "clip" for file in known.values()):
        again = known_files(library, roots, contract=clips)
        known |= {path: file for path, file in again.items() if file.kind == "clip"}
    return known


def is_due(known: KnownFile, *, clips: bool) -> bool:
    """Tell whether a file that has not changed is still to be analysed."""
    wanted = known.kind == "image" or (clips and known.kind == "clip")
    return wanted and not known.done and not known.failed


def is_paired_otherwise(
    known: KnownFile, fresh: Container[str], beside: Sequence[str] = ()
) -> bool:
    """Tell whether a clip has become that of a Live Photo, is no more, or has another still.

    Parameters
    ----------
    known : KnownFile
        A file that has not changed.
    fresh : container of str
        Paths of files that are new or have changed.
    beside : sequence of str
        Of a file on a server, the names of what belongs to it.
    """
    if known.kind not in ("clip", "live") or known.failed:
        return False
    remote = is_remote(known.path)
    stills = live.stills_beside(known.path, beside if remote else None)
    if known.kind == "live":
        return known.photo_id is None or not stills or any(still in fresh for still in stills)
    if remote:  # it would have to be fetched to be looked at
        return any(still in fresh for still in stills)
    return bool(stills) and live.is_live(known.path)
