"""Indexing what comes into folders, as it comes; the twin of `album watch`.

What the system tells of files is gathered until nothing has come for a while and the files stop
growing; then the ordinary index runs over what has changed. Nothing depends on an event not being
missed: a whole index runs at the start, again after every so many hours, and whenever it is not
known what has changed.
"""

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from album.errors import AlbumError, MissingFolder
from album.events import Event, IndexReport
from album.files.scan import Found, is_skipped, iter_files

Changes = Iterable[set[tuple[object, str]] | None]
"""What `watchfiles.watch` yields: kinds of changes and paths; None where watching has broken off,
so that anything may have changed."""

_DELETED = 3
"""The kind of a change, `watchfiles.Change.deleted`."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait.

    Attributes
    ----------
    quiet_s : float
        Nothing may have come for so long before anything is read: debouncing.
    steady_s : float
        A file must not have changed for so long: it may be written still.
    longest_s : float
        Something that goes on changing for so long is read all the same.
    whole_s : float
        Between two whole indexes, in case something was missed.
    """

    quiet_s: float = 2.0
    steady_s: float = 2.0
    longest_s: float = 60.0
    whole_s: float = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class Batch:
    """What one index has done; `paths` are what had changed, as far as that is known."""

    paths: tuple[str, ...]
    report: IndexReport
    first: bool = False


@dataclass(slots=True)
class Waiting:
    """Paths that have changed and were not indexed yet, with the time of the first change."""

    patience: Patience
    clock: Callable[[], float] = time.monotonic
    _since: dict[str, float] = field(default_factory=dict)
    _last: float = 0.0
    _unknown_since: float | None = None

    def add_unknown(self) -> None:
        """Note that something has changed, and nobody knows what."""
        self._last = self.clock()
        if self._unknown_since is None:
            self._unknown_since = self._last

    def take_unknown(self) -> bool:
        """Tell whether it is time to look at everything, and wait for that no longer."""
        if self._unknown_since is None or not self._is_quiet(self._unknown_since):
            return False
        self._unknown_since = None
        return True

    def add(self, paths: Iterable[str]) -> None:
        """Note changes; what other programs keep for themselves is left out."""
        now = self.clock()
        for path in paths:
            if not any(is_skipped(part) for part in Path(path).parts[1:]):
                self._since.setdefault(path, now)
                self._last = now

    def take(self) -> tuple[str, ...]:
        """Return the paths that are ready, and wait for them no longer."""
        now = self.clock()
        if not self._since:
            return ()
        if not self._is_quiet(min(self._since.values())):
            return ()
        ready = [
            path
            for path, since in self._since.items()
            if is_steady(path, self.patience.steady_s) or now - since >= self.patience.longest_s
        ]
        for path in ready:
            del self._since[path]
        return tuple(sorted(ready))

    def _is_quiet(self, since: float) -> bool:
        """Tell whether nothing has come for a while, or has come for too long."""
        now = self.clock()
        patience = self.patience
        return now - self._last >= patience.quiet_s or now - since >= patience.longest_s


class Looking:
    """Folders that are walked again and again, where nobody tells what changes in them.

    Parameters
    ----------
    roots : sequence of Path
    pause_s : float
        Between two walks at least; after a long one ten times as long as it took.
    """

    def __init__(self, roots: Sequence[Path], pause_s: float = 1.0) -> None:
        self._roots = roots
        self._pause_s = pause_s
        self._next = 0.0
        self._files: frozenset[Found] = frozenset()
        self.changed()

    def changed(self) -> set[str]:
        """Return the paths that have changed since the last walk; none before the next is due."""
        began = time.monotonic()
        if not self._roots or began < self._next:
            return set()
        before = self._files
        with suppress(MissingFolder):  # whoever watches sees when it is back
            self._files = frozenset(iter_files(self._roots, report=lambda _: None))
        took = time.monotonic() - began
        self._next = began + took + max(self._pause_s, 10 * took)
        return {file.path for file in before ^ self._files}


def is_steady(path: str, seconds: float) -> bool:
    """Tell whether a file has not changed for some time; what is gone is steady."""
    try:
        status = Path(path).stat()
    except OSError:
        return True
    return abs(time.time() - status.st_mtime) >= seconds


def folders_of(paths: Sequence[str], roots: Sequence[Path]) -> list[Path]:
    """Return the least that has to be walked for these changes: folders that are there.

    A folder that is gone or empty is looked for from the one above it, never beyond a root: of an
    empty folder that it was asked for an index believes nothing, since its disk may be away.
    """
    wanted: set[Path] = set()
    tops = [Path(os.path.abspath(root)) for root in roots]  # noqa: PTH100
    for path in paths:
        place = Path(path).parent
        top = next((one for one in tops if place.is_relative_to(one)), None)
        if top is None:
            continue
        while place != top and not _has_files(place):
            place = place.parent
        wanted.add(place)
    return sorted(one for one in wanted if not any(up in wanted for up in one.parents))


def _has_files(place: Path) -> bool:
    try:
        return any(place.iterdir())
    except OSError:
        return False


def watch(
    roots: Sequence[Path],
    index: Callable[[Sequence[Path]], Iterator[Event]],
    start: Callable[[Sequence[Path]], Changes],
    *,
    patience: Patience | None = None,
    stop: threading.Event | None = None,
) -> Iterator[Batch]:
    """Index folders, then whatever comes into them, until the changes end or it is to stop.

    Parameters
    ----------
    roots : sequence of Path
    index : callable
        Indexes some folders; `album.indexing.index.index` with its library, nets and options.
    start : callable
        Begins to watch those roots that are there, given as absolute paths, and returns what
        changes as `watchfiles.watch` yields it: an empty set now and then where nothing has
        changed. It is called again after None, and when a root has become another folder: one that
        was made anew, or on a disk that has been plugged in again.
    patience : Patience, optional
    stop : threading.Event, optional
        Looked at whenever the changes yield.

    Yields
    ------
    Batch
        For the first index, and for each later one that did something.

    Raises
    ------
    AlbumError
        A folder was not there at the start.
    """
    use, ended = patience or Patience(), stop or threading.Event()
    waiting, coming = Waiting(use), _changed(roots, start)
    # Watching begins with the first question, so that nothing is missed while all is indexed.
    _note(next(coming, set()), waiting)
    yield Batch((), _indexed(index, roots), first=True)
    whole = time.monotonic()
    for found in coming:
        if ended.is_set():
            return
        _note(found, waiting)
        if found is None:  # what is indexed before watching begins anew may change unnoticed
            continue
        ready = waiting.take()
        there = [root for root in roots if _identity(root)]
        everything = waiting.take_unknown() or time.monotonic() - whole >= use.whole_s
        if everything:
            whole = time.monotonic()
        places = there if everything else folders_of(ready, there)
        if not places:
            continue
        try:
            report = _indexed(index, places)
        except AlbumError:
            # A folder has gone in this very moment; its own change will be told.
            waiting.add(ready)
            if everything:
                waiting.add_unknown()
            continue
        if report.changes_anything:
            yield Batch(ready, report)


def _note(found: set[str] | None, waiting: Waiting) -> None:
    if found is None:
        waiting.add_unknown()
    else:
        waiting.add(found)


def _changed(
    roots: Sequence[Path], start: Callable[[Sequence[Path]], Changes]
) -> Iterator[set[str] | None]:
    """Yield the paths that have changed, and None before watching begins anew."""
    tops = [Path(os.path.abspath(root)) for root in roots]  # noqa: PTH100
    while True:
        before = {top: _identity(top) for top in tops}
        for found in start([top for top in tops if before[top]]):
            yield {path for _, path in found or ()}
            # The system goes on to watch a folder that is no longer at this path, or none at all.
            # A new one may have the number of the old.
            deleted = any(kind == _DELETED and Path(path) in before for kind, path in found or ())
            if found is None or deleted or before != {top: _identity(top) for top in tops}:
                yield None
                break
        else:
            return


def _identity(root: Path) -> tuple[int, int] | None:
    """Return what tells a folder from another at the same path; None where there is none."""
    try:
        status = root.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _indexed(
    index: Callable[[Sequence[Path]], Iterator[Event]], places: Sequence[Path]
) -> IndexReport:
    started = time.monotonic()
    report = IndexReport()
    for event in index(places):
        report.add(event)
    report.seconds = time.monotonic() - started
    return report
