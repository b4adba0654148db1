"""Reading one clip: frames, faces, tracks, nets, people. Runs in worker threads, knows no library.

While one window of frames is looked at, the next is being decoded and the faces of the one before
are being described; the result does not depend on the number of threads.
"""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from album.analysis.clips.people import ClipPerson, Described, Seen, find_people, moments
from album.analysis.workers import Workers
from album.errors import StrPath, Unreadable
from album.media.clips.frames import Frame, Reader, Sampling
from album.media.clips.upright import Image
from album.models.calibration import identity_calibration
from clustering.identity.tracks import Tracker
from db.records import Sighting
from nets.core.api import Batch, Detections
from nets.core.quality import CROP as QUALITY_CROP
from nets.core.quality import clarity, frontalness, quality, size
from nets.engine import Description, Engine, join

VERSION = 1
"""Of everything in this package that decides what is found in a clip."""

MAX_FACES = 30
"""Of one frame, the largest: bounds the work on a crowd."""
CHIP_SIDE = 160
"""A face smaller than this, in pixels of the view, is cropped from a larger picture."""
BATCH = 16
"""Faces that are gathered before the nets run."""
CUT = 24.0
"""Mean change of grey from one frame to the next, of 255, at which a new shot begins."""


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """What was found in a clip: k people.

    Attributes
    ----------
    size, stored_size : tuple of int
        Width and height in pixels, upright and as stored.
    orientation : int
        EXIF orientation of the stored frames.
    duration_ms : int or None
    frames : int
        How many were looked at.
    faces : Detections
        The face that shows each person best, in pixels of the upright clip.
    quality : ndarray of float32, shape (k, 3)
        Size, sharpness and frontalness of that face.
    time_ms : ndarray of int64, shape (k,)
        When it is seen.
    said : Description
        Fused over frames.
    sightings : tuple of Sighting
    problem : str
        What was wrong with the clip; empty where it was read to its end.
    """

    size: tuple[int, int]
    stored_size: tuple[int, int]
    orientation: int
    duration_ms: int | None
    frames: int
    faces: Detections
    quality: NDArray[np.float32]
    time_ms: NDArray[np.int64]
    said: Description
    sightings: tuple[Sighting, ...]
    problem: str


def read_clip(
    path: StrPath,
    engine: Engine,
    sampling: Sampling,
    *,
    view: int,
    threads: int = 1,
    stopped: Callable[[], bool] = lambda: False,
) -> Clip:
    """Find the people of a clip.

    Parameters
    ----------
    path : str or PathLike
        A clip whose header could be read.
    engine : Engine
    sampling : Sampling
        Which frames are looked at.
    view : int
        Longest side in pixels of the picture that faces are looked for in, at most.
    threads : int
        Cores to use.
    stopped : callable
        Asked now and then whether the result is still wanted.

    Raises
    ------
    MediaError
        Nothing of the clip can be read, or nobody wants it any more. What breaks off later is
        returned, with the reason.
    """
    opened = Reader(path, sampling, max_side=view, threads=min(threads, 4))
    with opened as reader, Workers(min(threads, 4) + 1) as pool:
        collector = Collector(engine, reader, pool)
        collector.all(path, stopped)
        return collector.result()


@dataclass(frozen=True, slots=True, eq=False)
class _Best:
    """The best face of a track in a window, cropped."""

    track: int
    window: int
    time_ms: int
    face: Detections
    quality: NDArray[np.float32]


@dataclass(slots=True)
class Collector:
    """Gathers what is seen, window by window.

    Parameters
    ----------
    engine : Engine
    reader : Reader
        Open.
    pool : Executor
        Two threads at least.
    each : callable, optional
        What more is wanted of each frame and its faces, in pixels of its view; see
        `Collected.more`.
        Called in any thread.
    """

    engine: Engine
    reader: Reader
    pool: Executor
    each: Callable[[Frame, Detections], Any] | None = None
    faces_seen: bool = False
    _tracker: Tracker = field(default_factory=Tracker)
    _times: list[int] = field(default_factory=list)
    _found: list[tuple[Detections, Any]] = field(default_factory=list)
    _seen: list[NDArray[np.int64]] = field(default_factory=list)
    _best: list[_Best] = field(default_factory=list)
    _waiting: list[Batch] = field(default_factory=list)
    _said: list[Future[Description]] = field(default_factory=list)
    _windows: int = 0
    _last: tuple[int, NDArray[np.float32]] | None = None

    def all(self, path: StrPath, stopped: Callable[[], bool]) -> None:
        """Look at the whole clip; `stopped` is asked now and then whether that is still wanted."""
        upcoming = self.pool.submit(self.reader.window, faces_seen=False)
        while window := upcoming.result():
            upcoming = self.pool.submit(self.reader.window, faces_seen=self.faces_seen)
            self.add(window)
            if stopped():
                raise Unreadable(path, "stopped")

    def add(self, window: list[Frame]) -> None:
        """Find and follow the faces of some frames, and describe the best of each track."""
        looked = list(self.pool.map(self._detect, window))
        found = [faces for faces, _ in looked]
        tracks = [
            self._tracker.step(faces.boxes, cut=self._is_cut(frame))
            for frame, faces in zip(window, found, strict=True)
        ]
        self.faces_seen = any(len(faces) for faces in found[-2:])
        for at, (frame, track) in enumerate(zip(window, tracks, strict=True)):
            where = np.full_like(track, len(self._times)), np.full_like(track, self._windows)
            self._seen.append(np.stack([track, *where], axis=1))
            self._times.append(frame.time_ms)
            self._found.append(looked[at])
            best = [row for row, one in enumerate(track) if _is_best(one, at, row, tracks, found)]
            if best:
                self._crop(frame, found[at].take(np.array(best)), track[best])
        self._windows += 1
        if sum(map(len, self._waiting)) >= BATCH:
            self._describe()

    def _detect(self, frame: Frame) -> tuple[Detections, Any]:
        faces = self.engine.detect(frame.view)
        if len(faces) > MAX_FACES:
            faces = faces.take(np.sort(np.argsort(-size(faces), kind="stable")[:MAX_FACES]))
        return faces, self.each(frame, faces) if self.each else None

    def _is_cut(self, frame: Frame) -> bool:
        """Tell whether a new shot begins: another stretch, or another picture altogether."""
        small = frame.view[::16, ::16].mean(axis=2, dtype=np.float32)
        before, self._last = self._last, (frame.stretch, small)
        if before is None or before[0] != frame.stretch:
            return True
        return float(np.abs(small - before[1]).mean()) > CUT

    def _crop(self, frame: Frame, faces: Detections, tracks: NDArray[np.int64]) -> None:
        pixels: Image = frame.view
        if size(faces).min() < CHIP_SIDE:
            pixels = self.reader.closer(frame)
            faces = scaled(faces, _ratio(pixels, frame.view))
        batch = self.engine.crop(pixels, faces)
        shown = quality(batch.chips[QUALITY_CROP], faces)
        width, height = self.reader.size
        ratio = width / pixels.shape[1], height / pixels.shape[0]
        shown[:, 0] *= np.sqrt(ratio[0] * ratio[1])
        full = scaled(faces, ratio)
        for row, track in enumerate(tracks.tolist()):
            one = full.take(np.array([row]))
            self._best.append(_Best(track, self._windows, frame.time_ms, one, shown[row]))
        self._waiting.append(batch)

    def _describe(self) -> None:
        if self._waiting:
            self._said.append(self.pool.submit(self.engine.describe, join(self._waiting)))
            self._waiting = []

    def result(self) -> Clip:
        """Group what was seen into people."""
        collected = self.collected()
        threshold = identity_threshold(self.engine)
        people = find_people(
            collected.seen, collected.described, threshold=threshold, frames=len(collected.times)
        )
        best = [self._best[person.best] for person in people]
        reader = self.reader
        return Clip(
            *(reader.size, reader.stored_size, reader.orientation),
            duration_ms=None if reader.seconds is None else round(1000 * reader.seconds),
            frames=len(collected.times),
            faces=_stacked([one.face for one in best]),
            quality=np.array([one.quality for one in best], np.float32).reshape(-1, 3),
            time_ms=np.array([one.time_ms for one in best], np.int64),
            said=_fused(people),
            sightings=tuple(
                Sighting(row, *moment)
                for row, person in enumerate(people)
                for moment in moments(collected.times[person.frames])
            ),
            problem=reader.problem,
        )

    def collected(self) -> "Collected":
        """Return all that was seen so far, before it is grouped into people."""
        self._describe()
        said = [one.result() for one in self._said]
        seen = np.concatenate([*self._seen, np.zeros((0, 3), np.int64)]).T
        shown = np.array([one.quality for one in self._best], np.float64).reshape(-1, 3)
        described = Described(
            track=np.array([one.track for one in self._best], np.int64),
            window=np.array([one.window for one in self._best], np.int64),
            weight=np.maximum(clarity(*shown.T), 1e-6),
            score=np.array([one.face.scores[0] for one in self._best], np.float32),
            **_columns(said),
        )
        times = np.array(self._times, np.int64)
        found, more = [list(column) for column in zip(*self._found, strict=True)] or ([], [])
        return Collected(times, found, more, Seen(*seen), described)


@dataclass(frozen=True, slots=True, eq=False)
class Collected:
    """All that was seen in a clip of k frames.

    Attributes
    ----------
    times : ndarray of int64, shape (k,)
        Of the frames looked at, in milliseconds, rising.
    found : list of Detections
        The faces of each, in pixels of its view.
    more : list
        What `Collector.each` returned for each.
    seen : Seen
        A row for each of these faces, in the same order.
    described : Described
    """

    times: NDArray[np.int64]
    found: list[Detections]
    more: list[Any]
    seen: Seen
    described: Described


def identity_threshold(engine: Engine) -> float:
    """Return the largest average squared distance of identity vectors within a person."""
    names = engine.embedder.name, engine.attributes.name
    return identity_calibration(*names).identity_threshold


def _columns(said: list[Description]) -> dict[str, Any]:
    """Return what the nets say of some faces, one batch after another."""
    if not said:
        nothing = np.zeros((0, 1), np.float32)
        return {"vectors": nothing, "ages": nothing, "male": nothing[:, 0], "emotions": None}
    names = ["vectors", "ages", "male"]
    emotions = None
    if all(one.emotions is not None for one in said):
        emotions = np.concatenate([one.emotions for one in said if one.emotions is not None])
    columns = {name: np.concatenate([getattr(one, name) for one in said]) for name in names}
    return columns | {"emotions": emotions}


def _is_best(
    track: int, at: int, row: int, tracks: list[NDArray[np.int64]], found: list[Detections]
) -> bool:
    """Tell whether a face is the one to describe of its track, among the frames of a window."""
    candidates = [
        (-_promise(faces, other), number, other)
        for number, (ids, faces) in enumerate(zip(tracks, found, strict=True))
        for other in np.flatnonzero(ids == track).tolist()
    ]
    return min(candidates)[1:] == (at, row)


def _promise(faces: Detections, row: int) -> float:
    """Return how much a face promises to show, before it is cropped."""
    one = faces.take(np.array([row]))
    return float(size(one)[0] * (0.3 + frontalness(one)[0]) * one.scores[0])


def _fused(people: list[ClipPerson]) -> Description:
    """Return what the nets say of the people; of nobody, with no columns that could be known."""
    if not people:
        nothing = np.zeros((0, 1), np.float32)
        return Description(nothing, nothing, np.zeros(0, np.float32))
    emotions = [person.emotions for person in people if person.emotions is not None]
    return Description(
        np.stack([person.vector for person in people]),
        np.stack([person.ages for person in people]),
        np.array([person.male for person in people], np.float32),
        np.stack(emotions) if emotions else None,
    )


def _stacked(faces: list[Detections]) -> Detections:
    if not faces:
        return Detections.none()
    columns = ("boxes", "landmarks", "scores")
    return Detections(*(np.concatenate([getattr(one, c) for one in faces]) for c in columns))


def _ratio(larger: Image, smaller: Image) -> tuple[float, float]:
    return larger.shape[1] / smaller.shape[1], larger.shape[0] / smaller.shape[0]


def scaled(faces: Detections, ratio: tuple[float, float]) -> Detections:
    """Return faces in the pixels of a picture that is wider and higher by two ratios."""
    factors = np.array(ratio, np.float32)
    return Detections(faces.boxes * np.tile(factors, 2), faces.landmarks * factors, faces.scores)
