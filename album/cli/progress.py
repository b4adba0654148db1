"""Showing how far the index is: a bar in a terminal, a line now and then elsewhere."""

import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import Self

import click

from album.cli import text
from album.events import (
    ClipDone,
    EmotionsTold,
    EmotionsToTell,
    FileSkipped,
    GroupingFaces,
    PhotoDone,
    PhotoFailed,
    Scanned,
    TagsRead,
    TagsToRead,
    WorkersChanged,
)

FIRST_LINE_S = 5.0
LONGEST_PAUSE_S = 120.0
"""Pauses between lines double, up to this."""
ENOUGH = 16
"""Files from which on the time left is more than a guess."""


class Progress(ABC):
    """Counts the events of the index; sub-classes show them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._started = clock()
        self.total = self.done = self.faces = self.workers = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take away what should not stay on the screen; nothing, unless a sub-class says so."""
        return

    def add(self, event: object) -> None:
        """Count one event, and show what it changes."""
        match event:
            case Scanned():
                self.total, self._started = event.todo, self._clock()
                self.begin(event)
            case TagsToRead(photos=photos) | EmotionsToTell(photos=photos):
                self.done = self.faces = 0
                self.total, self._started = photos, self._clock()
                self.begin(Scanned(photos, photos, 0, 0))
            case (
                PhotoDone()
                | ClipDone()
                | PhotoFailed()
                | FileSkipped()
                | TagsRead()
                | EmotionsTold()
            ):
                self.done += 1
                self.faces += getattr(event, "faces", 0)
                self.advance()
            case WorkersChanged(workers=workers, problem=problem):
                self.workers = workers
                if problem:
                    self.say(problem)
            case GroupingFaces(faces=faces):
                self.group(faces)

    @property
    def told(self) -> list[str]:
        """What there is to say of faces, workers, speed and time."""
        told = [
            text.count(self.faces, "face"),
            text.count(self.workers, "worker") if self.workers else "",
            f"{self.per_second:.1f} photos/s",
            self.time_left,
        ]
        return [one for one in told if one]

    @property
    def per_second(self) -> float:
        """Files read in a second, since reading began."""
        return self.done / max(self._clock() - self._started, 1e-3)

    @property
    def time_left(self) -> str:
        """How long reading will go on, as people say it; empty where nothing can be said yet."""
        if self.done < ENOUGH or self.done >= self.total:
            return ""
        return f"{text.duration((self.total - self.done) / self.per_second)} left"

    @abstractmethod
    def begin(self, scanned: Scanned) -> None:
        """Show what was found in the folders."""

    @abstractmethod
    def advance(self) -> None:
        """Show that a file is done."""

    @abstractmethod
    def say(self, sentence: str) -> None:
        """Show what the user should know at once."""

    @abstractmethod
    def group(self, faces: int) -> None:
        """Show that reading is over and faces are being grouped."""


class Bar(Progress):
    """A bar that leaves nothing behind, on the error output."""

    def __init__(self) -> None:
        super().__init__()
        # Imported late: half of rich is not needed for lines.
        from rich.console import Console
        from rich.progress import BarColumn, SpinnerColumn, TextColumn
        from rich.progress import Progress as RichProgress

        self._bar = RichProgress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[told]}"),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task("Looking for photos", total=None, told="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def begin(self, scanned: Scanned) -> None:
        """Give the bar its length."""
        self._bar.update(self._task, description="Reading photos", total=max(self.total, 1))

    def advance(self) -> None:
        """Move the bar."""
        told = [f"{text.number(self.done)}/{text.number(self.total)}", *self.told]
        self._bar.update(self._task, completed=self.done, told=" · ".join(told))

    def say(self, sentence: str) -> None:
        """Print it above the bar."""
        self._bar.console.print(text.safe(sentence), markup=False, highlight=False)

    def group(self, faces: int) -> None:
        """Let the bar swing: nobody knows how long grouping takes."""
        self._bar.reset(self._task, total=None, told="")
        self._bar.update(self._task, description=f"Grouping {text.count(faces, 'face')}")


class Lines(Progress):
    """A few plain lines on the error output, further and further apart."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(clock)
        self._pause = FIRST_LINE_S
        self._next = clock() + self._pause

    def begin(self, scanned: Scanned) -> None:
        """Say what was found."""
        found, todo = text.count(scanned.found, "file"), text.number(scanned.todo)
        click.echo(f"{found} found, {todo} to be read.", err=True)

    def advance(self) -> None:
        """Say how far it is, when it is time for a line again."""
        if self._clock() < self._next:
            return
        self._pause = min(2 * self._pause, LONGEST_PAUSE_S)
        self._next = self._clock() + self._pause
        told = [f"{text.number(self.done)} of {text.count(self.total, 'file')}", *self.told]
        click.echo(", ".join(told), err=True)

    def say(self, sentence: str) -> None:
        """Print a line."""
        click.echo(text.safe(sentence), err=True)

    def group(self, faces: int) -> None:
        """Say what is going on."""
        click.echo(f"Grouping {text.count(faces, 'face')} …", err=True)


def progress() -> Progress:
    """Return what suits the error output."""
    return Bar() if sys.stderr.isatty() else Lines()
