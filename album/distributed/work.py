"""What runs on workers: say the version, build the nets, read chunks of files.

Functions are pickled by name, their arguments and results by value: plain values and the
dataclasses of `album.analysis.analyse`. No pixels leave a worker, and it knows no library.
"""

import errno
import socket
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from threading import Lock

import numpy as np

import album
from album.analysis.analyse import Analyser, Failed, Outcome, Prepared, Task, outcomes
from album.analysis.workers import Clock
from album.errors import NeedsPackage, StillChanging, is_remote
from album.indexing.storing import BATCH, described
from album.media.allocation import keep_large_blocks
from album.media.clips.frames import Sampling
from album.models.engines import Choice, build
from nets.engine import Engine

PROTOCOL = 3
"""Rises with any change to what coordinator and workers send each other."""
VERSION = f"{album.__version__}.{PROTOCOL}"
"""Coordinator and workers must have the same."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to read; the same for all chunks of a run.

    Attributes
    ----------
    choice : Choice
        The nets.
    contract, emotions : str
        Contracts of the engine and of its classifier of emotions (empty without one), which the
        nets of the worker must have.
    view, clips, file_timeout
        See `album.indexing.index.IndexOptions`.
    now : datetime
        Naive local time of the coordinator, so that no worker's clock decides which dates are in
        the future.
    """

    choice: Choice
    contract: str
    emotions: str
    view: int
    clips: Sampling | None
    file_timeout: float
    now: datetime


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why this worker can't be used: the rest of the sentence that begins with its name."""

    reason: str


def about() -> dict[str, str]:
    """Return the version and the host of this worker; every version understands the answer."""
    return {"version": VERSION, "host": socket.gethostname()}


@lru_cache(maxsize=4)
def prepare(choice: Choice, contract: str, emotions: str) -> Unfit | None:
    """Build the nets and run each once; return what prevents that."""
    keep_large_blocks()
    try:
        engine = _engine(choice)
        if contracts(engine) != (contract, emotions):
            return Unfit("has other weights; install the same version of album-people there.")
        nobody = np.zeros((64, 64, 3), np.uint8)
        engine.describe(engine.crop(nobody, engine.detect(nobody)))
    except Exception as error:  # of whatever kind, it is due to this machine and to no photo
        return Unfit(f"cannot use the nets: {error or type(error).__name__}")
    return None


def contracts(engine: Engine) -> tuple[str, str]:
    """Return the contracts on which the analysis of a photo depends."""
    return engine.contract, engine.emotions.contract if engine.emotions else ""


_lock = Lock()


@lru_cache(maxsize=2)
def _built(choice: Choice) -> Engine:
    return build(choice)


def _engine(choice: Choice) -> Engine:
    with _lock:  # several chunks may begin at once, and the nets should be loaded once
        return _built(choice)


def read_chunk(
    recipe: Recipe, tasks: Sequence[Task], known: frozenset[str]
) -> list[Outcome] | Unfit:
    """Read some files.

    Parameters
    ----------
    recipe : Recipe
    tasks : sequence of Task
    known : frozenset of str
        Contents that some of them may have and that need no analysis.

    Returns
    -------
    list of Outcome
        One for each task, in their order. Faces are described and no chips are left.
    """
    if unfit := prepare(recipe.choice, recipe.contract, recipe.emotions):
        return unfit
    engine = _engine(recipe.choice)
    clock = Clock(recipe.file_timeout)
    analyser = Analyser(engine, set(known), recipe.view, recipe.clips, clock=clock, now=recipe.now)
    reader = _Reader(analyser, clock)
    try:
        return list(_described(engine, outcomes(reader, tasks, jobs=1)))
    except NeedsPackage as error:
        return Unfit(f"lacks something. {error}")
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return Unfit(
                f"has a full disk; free some space in {tempfile.gettempdir()} there, or set TMPDIR."
            )
        raise


@dataclass(frozen=True, slots=True)
class _Reader:
    """Refuses a file that has not the size that the coordinator has seen."""

    analyser: Analyser
    clock: Clock

    def __call__(self, task: Task) -> Outcome:
        """Read one file."""
        if is_remote(task.found.path):
            return self.analyser(task)
        try:
            other = Path(task.found.path).stat().st_size != task.found.size
        except OSError:
            other = False  # the analyser says it in its own words
        if other:
            error = StillChanging(task.found.path)
            return Failed(task, error.code, error.reason)
        return self.analyser(task)

    def give_up(self, task: Task) -> Outcome:
        """Return the outcome of a file that takes too long."""
        return self.analyser.give_up(task)


def _described(engine: Engine, read: Iterator[Outcome]) -> Iterator[Outcome]:
    """Describe the faces in batches across photos; keep the order."""
    waiting: list[Outcome] = []
    faces = 0
    for outcome in read:
        waiting.append(outcome)
        faces += len(outcome.detections) if isinstance(outcome, Prepared) else 0
        if faces >= BATCH:
            yield from _without_chips(engine, waiting)
            waiting, faces = [], 0
    yield from _without_chips(engine, waiting)


def _without_chips(engine: Engine, waiting: Sequence[Outcome]) -> Iterator[Outcome]:
    photos = [one for one in waiting if isinstance(one, Prepared)]
    descriptions = iter(described(engine, photos))
    for outcome in waiting:
        yield next(descriptions) if isinstance(outcome, Prepared) else outcome
