"""Showing how far something is: a bar in a terminal, a line now and then elsewhere."""

import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

import click

from album.cli import text
from album.events import (
    EmotionsPending,
    GroupingFaces,
    PicturesPending,
    Progress,
    Scanned,
    TagsToRead,
    WorkersChanged,
)

FIRST_LINE_S = 5.0
LONGEST_PAUSE_S = 120.0

Clock = Callable[[], float]


class Pauses:
    """Says when the next line is due: the pauses between lines double, up to a bound."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock, self._pause = clock, FIRST_LINE_S
        self._next = clock() + self._pause

    def is_over(self) -> bool:
        """Return whether a line is due now; the next pause begins with it."""
        if self._clock() < self._next:
            return False
        self._pause = min(2 * self._pause, LONGEST_PAUSE_S)
        self._next = self._clock() + self._pause
        return True


class Display(ABC):
    """Counts the events of the index; sub-classes show them."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self.progress = Progress(clock())
        self.workers = 0

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
        if self.progress.add(event, self._clock()):
            self.advance()
        match event:
            case Scanned():
                self.begin(event)
            case (
                PicturesPending(files=files)
                | TagsToRead(photos=files)
                | EmotionsPending(photos=files)
            ):
                self.begin(Scanned(files, files, 0, 0))
            case WorkersChanged(workers=workers, problem=problem):
                self.workers = workers
                if problem:
                    self.say(problem)
            case GroupingFaces(faces=faces):
                self.group(faces)

    @property
    def details(self) -> list[str]:
        """Faces, workers, speed and the time left, in words."""
        now = self._clock()
        details = [
            text.count(self.progress.faces, "face"),
            text.count(self.workers, "worker") if self.workers else "",
            f"{self.progress.per_second(now):.1f} photos/s",
            time_left(self.progress, now),
        ]
        return [one for one in details if one]

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


class Bar(Display):
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
            TextColumn("{task.fields[details]}"),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task("Looking for photos", total=None, details="")

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
        self._bar.update(
            self._task, description="Reading photos", total=max(self.progress.total, 1)
        )

    def advance(self) -> None:
        """Move the bar."""
        shown = [
            f"{text.number(self.progress.done)}/{text.number(self.progress.total)}",
            *self.details,
        ]
        self._bar.update(self._task, completed=self.progress.done, details=" · ".join(shown))

    def say(self, sentence: str) -> None:
        """Print it above the bar."""
        self._bar.console.print(text.safe(sentence), markup=False, highlight=False)

    def group(self, faces: int) -> None:
        """Let the bar swing: nobody knows how long grouping takes."""
        self._bar.reset(self._task, total=None, details="")
        self._bar.update(self._task, description=f"Grouping {text.count(faces, 'face')}")


class Lines(Display):
    """A few plain lines on the error output, further and further apart."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(clock)
        self._pauses = Pauses(clock)

    def begin(self, scanned: Scanned) -> None:
        """Say what was found."""
        found, todo = text.count(scanned.found, "file"), text.number(scanned.todo)
        click.echo(f"{found} found, {todo} to be read.", err=True)

    def advance(self) -> None:
        """Say how far it is, when it is time for a line again."""
        if not self._pauses.is_over():
            return
        shown = [
            f"{text.number(self.progress.done)} of {text.count(self.progress.total, 'file')}",
            *self.details,
        ]
        click.echo(", ".join(shown), err=True)

    def say(self, sentence: str) -> None:
        """Print a line."""
        click.echo(text.safe(sentence), err=True)

    def group(self, faces: int) -> None:
        """Say what is going on."""
        click.echo(f"Grouping {text.count(faces, 'face')} …", err=True)


def time_left(progress: Progress, now: float) -> str:
    """Return how long a pass will go on, in words; empty where it is too early to tell."""
    seconds = progress.seconds_left(now)
    return f"{text.duration(seconds)} left" if seconds else ""


def display() -> Display:
    """Return what suits the error output."""
    return Bar() if sys.stderr.isatty() else Lines()


@contextmanager
def counting(
    title: str, noun: str, clock: Clock = time.monotonic
) -> Iterator[Callable[[int, int], None]]:
    """Show how many of how many things are done.

    Yields
    ------
    callable
        To be called with how many are done, and of how many.
    """
    if sys.stderr.isatty():
        with _counting_bar(title) as advance:
            yield advance
        return
    pauses, progress = Pauses(clock), Progress(clock())

    def line(done: int, total: int) -> None:
        progress.done, progress.total = done, total
        if pauses.is_over():
            left = time_left(progress, clock())
            words = f"{text.number(done)} of {text.count(total, noun)}"
            click.echo(", ".join((words, *([left] if left else []))), err=True)

    yield line


@contextmanager
def _counting_bar(title: str) -> Iterator[Callable[[int, int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns = title, BarColumn(bar_width=None), MofNCompleteColumn(), TimeRemainingColumn()
    with RichProgress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def advance(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield advance
