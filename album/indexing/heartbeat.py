"""How far an index is, kept in the library while it runs, so that others can tell."""

import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from album.events import (
    ClipDone,
    FileSkipped,
    Grouped,
    GroupingFaces,
    PhotoDone,
    PhotoFailed,
    Scanned,
)
from db.library import Library
from db.photos.progress import IndexProgress, drop_progress, load_progress, save_progress

PAUSE_S = 1.0
STALE_S = 120.0
"""An index that has said nothing for so long was killed."""


@dataclass(slots=True)
class Progress(IndexProgress):
    """How far an index is; see `db.photos.progress`."""

    @property
    def is_alive(self) -> bool:
        """Whether that index seems to be running still."""
        return time.time() - self.at < STALE_S

    @property
    def seconds_left(self) -> float | None:
        """How long reading will go on; None where nothing can be said yet."""
        if self.phase != "reading" or self.done < 16:
            return None
        return (self.total - self.done) * (self.at - self.started) / self.done


class Heartbeat:
    """Writes the progress of an index into its library, about once a second."""

    def __init__(self, library: Library, clock: Callable[[], float] = time.time) -> None:
        self._library, self._clock = library, clock
        self._state = Progress(os.getpid(), clock(), clock())
        self._next = 0.0

    def see(self, event: object) -> None:
        """Count an event, and write when it is time."""
        state = self._state
        match event:
            case Scanned():
                state.total, state.started = event.todo, self._clock()
            case PhotoDone() | ClipDone() | PhotoFailed() | FileSkipped():
                state.done += 1
                state.faces += getattr(event, "faces", 0)
                state.failed += isinstance(event, PhotoFailed)
            case GroupingFaces():
                state.phase, self._next = "grouping", 0.0
            case Grouped():
                self.end()
                return
        if self._clock() >= self._next:
            state.at = self._clock()
            self._next = state.at + PAUSE_S
            save_progress(self._library, state)

    def end(self) -> None:
        """Take the progress away: the index is over."""
        drop_progress(self._library)


def index_progress(library: Library) -> Progress | None:
    """Return how far an index of another process is; None where none is running."""
    stored = load_progress(library)
    if stored is None:
        return None
    state = Progress(**asdict(stored))
    return state if state.is_alive else None
