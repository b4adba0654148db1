"""What `album index` has to do: the folders compared with the library. Nothing is written here."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from album.analysis.analyse import Task, picture_key
from album.analysis.clips.collector import VERSION as CLIP_VERSION
from album.errors import MediaError, StrPath, is_remote
from album.events import Scanned
from album.files import scan
from album.indexing.retries import decoders_since, is_outdated
from album.media import live
from album.media.clips.frames import Sampling
from db.library import Library
from db.photos.files import NEVER_READ, known_files, not_described
from db.photos.forgotten import forgotten_digests
from db.rows import KnownFile
from nets.engine import Engine
from nets.runtime.models import digest


@dataclass(frozen=True, slots=True)
class Contracts:
    """Digests of everything that decides what is found in a file.

    Attributes
    ----------
    photos : str
    clips : str or None
        Depends on how frames are chosen, too; None: clips are left out.
    """

    photos: str
    clips: str | None

    @classmethod
    def of(cls, engine: Engine, view: int, sampling: Sampling | None) -> "Contracts":
        """Return those of an engine that looks at pictures `view` pixels long."""
        photos = digest(engine.contract, view)
        if sampling is None:
            return cls(photos, None)
        frames = sampling.every, sampling.every_seen, sampling.budget
        return cls(photos, digest(photos, "clips", CLIP_VERSION, *frames))


@dataclass(frozen=True, slots=True)
class Plan:
    """What an index is going to do.

    Attributes
    ----------
    roots : list of str
        Absolute paths and addresses that were walked.
    scanned : Scanned
        The plan in numbers.
    tasks : list of Task
        Files to be read; changed ones first, then new ones.
    done : set of str
        Content hashes and picture keys that need no analysis.
    sizes : dict of int to tuple of str
        Those of them that a file of so many bytes may have, for the sizes of the tasks.
    forgotten : frozenset of str
        Digests of contents and pictures of which nothing may be stored.
    undigested : list of Found
        Unchanged files of which the digest of the picture is not known.
    gone, back : list of str
        Paths of known files that have vanished, and of vanished ones that are there again.
    unreadable : list of MediaError
        Folders and files that could not be looked at.
    forgiven : list of str
        Paths of failures that are to be tried again.
    decoders_since : datetime
        When the decoders at hand were first used.
    """

    roots: list[str]
    scanned: Scanned
    tasks: list[Task]
    done: set[str]
    sizes: dict[int, tuple[str, ...]]
    forgotten: frozenset[str]
    undigested: list[scan.Found]
    gone: list[str]
    back: list[str]
    unreadable: list[MediaError]
    forgiven: list[str]
    decoders_since: datetime

    @property
    def changes_photos(self) -> bool:
        """Whether photos come, go or are read again."""
        return bool(self.tasks or self.gone or self.back)


def plan_index(
    library: Library,
    roots: Sequence[StrPath],
    engine: Engine,
    contracts: Contracts,
    *,
    retry: bool,
) -> Plan:
    """Walk the folders and compare them with the library.

    Parameters
    ----------
    library : Library
    roots : sequence of str or PathLike
        Files, folders, and addresses of servers.
    engine : Engine
        Decides which photos outside the roots have to be read again, see `_described_otherwise`.
    contracts : Contracts
    retry : bool
        Whether everything that failed below the roots is tried again.

    Raises
    ------
    MissingFolder
        If a root does not exist.
    """
    paths = [scan.absolute(root) for root in roots]
    walk = scan.walk(paths)
    since = decoders_since(library)
    known = {
        path: file
        for path, file in all_known(library, contracts).items()
        if file.size != NEVER_READ
    }
    forgiven = [
        path
        for path, file in known.items()
        if file.failed
        and (retry or is_outdated(file, since))
        and any(scan.is_under(path, root) for root in paths)
    ]
    for path in forgiven:
        known[path] = replace(known[path], failed_stage=None, failed_at=None)
    changes = scan.changes(walk.files, known, reachable=walk.reachable)
    fresh = {file.path for file in (*changes.new, *changes.changed)}
    again = [
        Task(file, known[file.path].content_hash, known[file.path].picture)
        for file in changes.unchanged
        if is_due(known[file.path], clips=contracts.clips is not None)
        or _is_paired_otherwise(known[file.path], fresh, file.beside)
    ]
    changed = [Task(file, expected=_key(known[file.path])) for file in changes.changed]
    new = [Task(file) for file in changes.new]
    # What is at a known place keeps its photo, so it comes before its copies. What was never read
    # comes before what is read again, by other nets for example.
    tasks = [task for part in (changed, new, again) for task in sorted(part, key=_by_path)]
    elsewhere = _described_otherwise(library, known, tasks, engine, contracts)
    gone = [path for path in changes.gone if not known[path].gone]
    # The photo of the clip of a Live Photo is its still.
    ready = [file for file in known.values() if file.done and file.kind != "live"]
    contents = {file.content_hash for file in ready if file.content_hash}
    forgotten = forgotten_digests(library)
    return Plan(
        roots=paths,
        scanned=Scanned(
            found=len(walk.files) + len(elsewhere),
            todo=len(tasks) + len(elsewhere),
            unchanged=len(walk.files) - len(tasks),
            gone=len(gone),
        ),
        tasks=[*tasks, *elsewhere],
        done=contents | {_key(file) for file in ready if file.picture} | forgotten,
        sizes=_contents_by_size({task.found.size for task in tasks}, known.values(), contents),
        forgotten=forgotten,
        undigested=[file for file in changes.unchanged if _is_undigested(known[file.path])],
        gone=gone,
        back=[file.path for file in changes.unchanged if known[file.path].gone],
        unreadable=walk.unreadable,
        forgiven=forgiven,
        decoders_since=since,
    )


def _contents_by_size(
    sizes: Container[int], known: Iterable[KnownFile], done: Container[str]
) -> dict[int, tuple[str, ...]]:
    """Return the analysed content hashes, by file size."""
    found: dict[int, set[str]] = {}
    for file in known:
        if file.size in sizes and file.content_hash and file.content_hash in done:
            found.setdefault(file.size, set()).add(file.content_hash)
    return {size: tuple(sorted(contents)) for size, contents in found.items()}


def _key(file: KnownFile) -> str:
    """Return the key of the picture of a file; empty where it has to be analysed all the same."""
    if not file.done or file.picture is None:
        return ""
    return picture_key(file.picture, file.orientation or 1)


def _by_path(task: Task) -> str:
    return task.found.path


def _described_otherwise(
    library: Library,
    known: Mapping[str, KnownFile],
    planned: Sequence[Task],
    engine: Engine,
    contracts: Contracts,
) -> list[Task]:
    """Return photos that only other nets have described, wherever they lie.

    Vectors of different nets can't be compared, so people would otherwise fall into two, and ages
    from different nets are not fused. A photo that is not there now, on a disk that is not
    connected for example, is left for another time.
    """
    contents = not_described(library, engine.embedder.contract, engine.attributes.contract)
    if not contents:
        return []
    paths = {task.found.path for task in planned}
    held = {task.content_hash for task in planned}
    tasks = []
    for path, file in sorted(known.items()):
        described_otherwise = file.content_hash in contents - held and not file.gone
        if not described_otherwise or path in paths:
            continue
        if not is_due(file, clips=contracts.clips is not None):
            continue
        try:
            status = Path(path).stat()
        except OSError:
            continue
        if (status.st_size, status.st_mtime_ns) == (file.size, file.mtime_ns):
            found = scan.Found(path, file.size, file.mtime_ns)
            tasks.append(Task(found, file.content_hash, file.picture))
            held.add(file.content_hash)
    return tasks


def all_known(
    library: Library, contracts: Contracts, roots: Sequence[str] | None = None
) -> dict[str, KnownFile]:
    """Return the known files by path; `KnownFile.done` is as the contract of its kind says.

    Parameters
    ----------
    library : Library
    contracts : Contracts
    roots : sequence of str, optional
        Only files in and below these.
    """
    known = known_files(library, roots, contract=contracts.photos)
    if any(file.kind == "clip" for file in known.values()):
        again = known_files(library, roots, contract=contracts.clips)
        known |= {path: file for path, file in again.items() if file.kind == "clip"}
    return known


def is_due(known: KnownFile, *, clips: bool) -> bool:
    """Tell whether a file that has not changed is still to be analysed."""
    readable = known.kind == "image" or (clips and known.kind == "clip")
    return readable and not known.done and not known.failed


def _is_undigested(known: KnownFile) -> bool:
    """Tell whether an earlier version has read a file, of a disk at hand."""
    photo = known.photo_id is not None and known.kind in ("image", "clip")
    return photo and known.picture is None and not known.failed and not is_remote(known.path)


def _is_paired_otherwise(known: KnownFile, fresh: Container[str], beside: Sequence[str]) -> bool:
    """Tell whether a clip now belongs to a Live Photo, no longer does, or has another still.

    Parameters
    ----------
    known : KnownFile
        A file that has not changed.
    fresh : container of str
        Paths of files that are new or have changed.
    beside : sequence of str
        Of a file on a server, the names of its neighbours.
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
