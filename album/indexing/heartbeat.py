"""How far an index is, kept in the library while it runs, so that others can tell."""

import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from album.events import Grouped, GroupingFaces, Progress
from db.library import Library
from db.photos.progress import IndexProgress, drop_progress, load_progress, save_progress

PAUSE_S = 1.0
STALE_S = 120.0
"""An index that has said nothing for so long was killed."""


@dataclass(slots=True)
class RunningIndex(IndexProgress):
    """How far an index of another process is; see `db.photos.progress`."""

    @property
    def is_alive(self) -> bool:
        """Whether that index seems to be running still."""
        return time.time() - self.at < STALE_S

    @property
    def seconds_left(self) -> float | None:
        """How long reading will go on; None where it is too early to tell."""
        if self.phase != "reading":
            return None
        return Progress(self.started, self.total, self.done).seconds_left(self.at)


class Heartbeat:
    """Writes the progress of an index into its library, about once a second."""

    def __init__(self, library: Library, clock: Callable[[], float] = time.time) -> None:
        self._library, self._clock = library, clock
        self._progress = Progress(clock())
        self._phase, self._next = "reading", 0.0

    def add(self, event: object) -> None:
        """Count an event, and write when it is time."""
        now = self._clock()
        self._progress.add(event, now)
        match event:
            case GroupingFaces():
                self._phase, self._next = "grouping", 0.0
            case Grouped():
                self.end()
                return
        if now >= self._next:
            self._next = now + PAUSE_S
            self._write(now)

    def _write(self, now: float) -> None:
        state = IndexProgress(pid=os.getpid(), at=now, phase=self._phase, **asdict(self._progress))
        save_progress(self._library, state)

    def end(self) -> None:
        """Take the progress away: the index is over."""
        drop_progress(self._library)


def index_progress(library: Library) -> RunningIndex | None:
    """Return how far an index of another process is; None where none is running."""
    stored = load_progress(library)
    if stored is None:
        return None
    state = RunningIndex(**asdict(stored))
    return state if state.is_alive else None
