"""From one file to everything the nets need of it: runs in worker threads, knows no library."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from album.analysis.clips.collector import Clip, read_clip
from album.analysis.cropping import crop
from album.analysis.workers import Clock, GivenUp, Workers
from album.dates import photo_date
from album.errors import Ignored, MediaError, TooSlow, one_file, trace_of
from album.files import scan
from album.files.kinds import Kind
from album.media import decoding, headers, live
from album.media.clips.frames import Sampling
from album.media.perceptual_hash import turned_hashes
from album.media.views import VIEW, scaled, shrunk
from album.metadata.picture_digest import digests
from nets.core.api import Batch, Detections
from nets.core.quality import CROP as QUALITY_CROP
from nets.core.quality import quality
from nets.engine import Description, Engine

if TYPE_CHECKING:
    from PIL.Image import Image as Pixels

LAST_WAIT_S = 10.0
"""How long a run that is to end waits for what is being read, in seconds."""


@dataclass(frozen=True, slots=True)
class Task:
    """One file to look at.

    Attributes
    ----------
    found : Found
    content_hash : str or None
        Where it is known already.
    picture : str or None
        Likewise, the digest of its picture.
    expected : str or None
        The key (`picture_key`) of the photo that lay at this path before, if it needs no analysis,
        else empty; None where nothing lay there.
    """

    found: scan.Found
    content_hash: str | None = None
    picture: str | None = None
    expected: str | None = None


def picture_key(picture: str, orientation: int) -> str:
    """Return what decides whether faces have to be looked for: a picture, and its way up."""
    return f"{picture}@{orientation}"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A file that was read, its faces detected and cropped.

    `detections` are in pixels of the upright photo at full size; `batch` holds the chips of the
    same faces; `quality` has a row of size, sharpness and frontalness for each; `hashes` are those
    of the whole picture (`album.media.perceptual_hash.turned_hashes`). Where the faces were
    described already, `said` is what the nets say, and there are no chips.
    """

    task: Task
    content_hash: str
    picture: str
    header: headers.Header
    taken: photo_date.TakenAt
    detections: Detections
    batch: Batch
    quality: NDArray[np.float32]
    hashes: tuple[int, ...]
    seconds: float
    said: Description | None = None


@dataclass(frozen=True, slots=True)
class ReadClip:
    """A clip that was read, its people found and described."""

    task: Task
    content_hash: str
    picture: str
    taken: photo_date.TakenAt
    clip: Clip
    seconds: float


@dataclass(frozen=True, slots=True)
class Known:
    """A file whose picture the library has already: a copy, or one that was moved or edited.

    Attributes
    ----------
    task : Task
    content_hash, picture : str
    kind : {'image', 'clip'}
    orientation : int or None
        As the file says; None for a clip.
    taken : TakenAt or None
        What it says about its date, with its name and sidecars; None where it was not read.
    """

    task: Task
    content_hash: str
    picture: str
    kind: str = "image"
    orientation: int | None = None
    taken: photo_date.TakenAt | None = None


@dataclass(frozen=True, slots=True)
class LiveClip:
    """The clip of a Live Photo, and the path of its still: no clip of its own."""

    task: Task
    content_hash: str
    still: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that is not read: a clip where none are wanted, or something else ('other')."""

    task: Task
    kind: str


@dataclass(frozen=True, slots=True)
class Failed:
    """A file that could not be read.

    `stage` is the kind of error, `reason` the sentence, `trace` the traceback of what lies behind.
    """

    task: Task
    stage: str
    reason: str
    content_hash: str | None = None
    kind: str = "image"
    trace: str = ""


Outcome = Prepared | ReadClip | LiveClip | Known | Skipped | Failed


@dataclass(slots=True)
class Analyser:
    """Reads files: hash, header, date, pixels, faces, chips.

    Parameters
    ----------
    engine : Engine
        Detects and crops.
    done : set of str
        Content hashes and picture keys that need no analysis, or that a thread is at already;
        grows. Also the digests of forgotten pictures, whichever way up.
    view : int
        Longest side in pixels of the picture that faces are looked for in.
    clips : Sampling or None
        Which frames of clips are looked at; None: clips are left out.
    threads : int
        Cores that one clip may use.
    stopped : threading.Event
        Once set, a clip is not read to its end: it would keep the user waiting.
    clock : Clock
        How long a file may take; `outcomes` looks at it.
    now : datetime or None
        Naive local time that decides which dates are in the future; None: the clock's.
    """

    engine: Engine
    done: set[str] = field(default_factory=set)
    view: int = VIEW
    clips: Sampling | None = None
    threads: int = 1
    stopped: threading.Event = field(default_factory=threading.Event)
    clock: Clock = field(default_factory=Clock)
    now: datetime | None = None
    _reading: dict[str, tuple[str | None, str]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, task: Task) -> Outcome:
        """Read one file; whatever is wrong with it comes back as `Failed`, never as an error."""
        self.clock.start(task.found.path)
        try:
            with scan.local_copy(task.found) as place:
                return self._read(task, place)
        except MediaError as error:  # of a server
            return _failed(task, error, task.content_hash)
        finally:
            self.clock.stop(task.found.path)
            self._reading.pop(task.found.path, None)

    def give_up(self, task: Task) -> Failed:
        """Return the outcome of a file that takes too long. Its thread may go on forever."""
        content_hash, kind = self._reading.get(task.found.path, (task.content_hash, "image"))
        error = TooSlow(task.found.path, f"more than {self.clock.limit:g} seconds")
        return _failed(task, error, content_hash, kind)

    def _read(self, task: Task, place: str) -> Outcome:
        """Read one file, which is at hand at a place."""
        started = time.perf_counter()
        path, content_hash, picture, kind = Path(place), task.content_hash, task.picture, "image"
        try:
            with one_file(path):
                header = headers.read_header(path)
                kind = "clip" if header.kind is Kind.CLIP else kind
                if kind == "clip" and (still := live.still_beside(place, header)):
                    still = scan.sibling(task.found.path, still)
                    return LiveClip(task, content_hash or scan.content_hash(path), still)
                if kind == "clip" and self.clips is None:
                    return Skipped(task, kind)
                if content_hash is None or picture is None:
                    found = digests(path)
                    content_hash, picture = found.content, found.picture
                orientation = None if kind == "clip" else header.orientation
                claimed = self._claim(task, content_hash, picture, orientation or 1)
                self._reading[task.found.path] = content_hash, kind
                taken = photo_date.read_date(path, header, now=self.now)
                if not claimed:
                    return Known(task, content_hash, picture, kind, orientation, taken)
                if self.clips is not None and kind == "clip":
                    clip = self._read_clip(task.found.path, place, self.clips)
                    seconds = time.perf_counter() - started
                    return ReadClip(task, content_hash, picture, taken, clip, seconds)
                detections, batch, scores, look = self.faces(path, header)
        except Ignored:
            return Skipped(task, "other")
        except MediaError as error:
            return _failed(task, error, content_hash, kind)
        except MemoryError:
            reason = "needs more memory than there is; close other programs."
            return Failed(task, "memory", reason, content_hash, kind)
        seconds = time.perf_counter() - started
        return Prepared(
            task,
            content_hash,
            picture,
            header,
            taken,
            detections,
            batch,
            scores,
            look,
            seconds,
        )

    def _read_clip(self, path: str, place: str, sampling: Sampling) -> Clip:
        def stopped() -> bool:
            self.clock.extend(path)
            return self.stopped.is_set()

        how = {"view": self.view, "threads": self.threads}
        return read_clip(place, self.engine, sampling, stopped=stopped, **how)

    def _claim(self, task: Task, content_hash: str, picture: str, orientation: int) -> bool:
        """Take a picture for this thread; False where it is done, or another thread has it."""
        key = picture_key(picture, orientation)
        with self._lock:
            claimed = self.done.isdisjoint((content_hash, picture, key)) and key != task.expected
            self.done.update((content_hash, key))
        return claimed

    def faces(
        self, path: Path, header: headers.Header
    ) -> tuple[Detections, Batch, NDArray[np.float32], tuple[int, ...]]:
        """Decode a photo, find its faces and crop them, in as few pixels as that takes."""
        picture = decoding.read_upright(path, header, max_side=self.view)
        view, ratio = self._seen(picture)
        zoom = max(picture.size) / ratio[0] / min(self.view, max(picture.size))
        detections = scaled(self.engine.detect(view, zoom=zoom), *ratio)
        batch = crop(path, header, picture, detections, self.engine.crops)
        scores = quality(batch.chips[QUALITY_CROP], detections)
        full_w, full_h = header.upright_size
        to_full = full_w / picture.width, full_h / picture.height
        scores[:, 0] *= np.sqrt(to_full[0] * to_full[1])
        return scaled(detections, *to_full), batch, scores, turned_hashes(view)

    def _seen(self, picture: "Pixels") -> tuple["Pixels", tuple[float, float]]:
        """Return what the detector is to look at, and the ratios of the picture's size to it."""
        sees = self.engine.detector.sees
        factor = max(picture.size) // min(sees, self.view) if sees else 0
        if factor > 1:
            # Averaging whole blocks takes a fifth of the time of shrinking to the size of the view.
            return picture.reduce(factor), (factor, factor)
        view = shrunk(picture, self.view)
        return view, (picture.width / view.width, picture.height / view.height)


def _failed(task: Task, error: MediaError, content_hash: str | None, kind: str = "image") -> Failed:
    return Failed(task, error.code, error.reason, content_hash, kind, trace_of(error))


class Reader(Protocol):
    """What `outcomes` needs of an `Analyser`."""

    @property
    def clock(self) -> Clock:
        """How long a file may take."""
        ...

    def __call__(self, task: Task) -> Outcome:
        """Read one file."""
        ...

    def give_up(self, task: Task) -> Outcome:
        """Return the outcome of a file that takes too long."""
        ...


def outcomes(
    analyse: Reader, tasks: Iterable[Task], *, jobs: int, stop: Callable[[], None] = lambda: None
) -> Iterator[Outcome]:
    """Read files in `jobs` threads, a few ahead of the caller; in the order of the tasks.

    A file that takes longer than ``analyse.clock`` allows is given up, and its thread left to
    itself. `stop` is called when no more is wanted, before waiting for what is being read. With
    ``jobs=0`` everything happens in the caller's thread, which is easier to debug, and has no
    limits of time.
    """
    if jobs == 0:
        yield from map(analyse, tasks)
        return
    pool = Workers(jobs)
    waiting: deque[tuple[Task, Future[Outcome]]] = deque()
    try:
        for task in tasks:
            waiting.append((task, pool.submit(analyse, task)))
            if len(waiting) > 2 * jobs:
                yield _outcome(analyse, *waiting.popleft(), pool)
        while waiting:
            yield _outcome(analyse, *waiting.popleft(), pool)
    finally:
        stop()
        pool.shutdown(wait=False, cancel_futures=True)
        wait((future for _, future in waiting), timeout=LAST_WAIT_S)


def _outcome(analyse: Reader, task: Task, future: Future[Outcome], pool: Workers) -> Outcome:
    """Wait for one file, as long as it may take."""
    try:
        return analyse.clock.wait(task.found.path, future)
    except GivenUp:
        pool.add()
        return analyse.give_up(task)
