"""Everything that the frames of a clip show, face by face, for `album analyze`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from album.analysis.clips.collector import Collected, Collector, identity_threshold, scaled
from album.analysis.clips.people import CERTAIN, ClipPerson, group_tracks
from album.analysis.workers import Workers
from album.media.clips.frames import Frame, Reader, Sampling
from album.media.views import VIEW
from clustering.attributes.fusion import expected_ages
from nets.core.api import Detections, Floats, SequenceAges
from nets.engine import Engine, cut

Ints = NDArray[np.int64]

SMOOTH = 2
"""Frames looked at before and after one, with which its emotion is averaged."""


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """What was seen in a clip: n faces in k frames looked at.

    Attributes
    ----------
    size : tuple of int
        Width and height in pixels, upright and with square pixels.
    duration_ms : int or None
    problem : str
        What was wrong with the clip; empty where it was read to its end.
    times : ndarray of int64, shape (k,)
        Of the frames, in milliseconds, rising.
    people : list of ClipPerson
        By the first moment each is seen, however short; of each some frame is certain.
    frame, track, person : ndarray of int64, shape (n,)
        Rows of `times`; which face of the frame before it goes on from; row of `people`.
    faces : Detections
        In pixels of the upright clip.
    ages : ndarray of float64, shape (n,)
        In years; NaN where too few frames have been seen yet.
    emotions : ndarray of float32, shape (n, 7), or None
        Averaged over neighbouring frames.
    """

    size: tuple[int, int]
    duration_ms: int | None
    problem: str
    times: Ints
    people: list[ClipPerson]
    frame: Ints
    track: Ints
    person: Ints
    faces: Detections
    ages: NDArray[np.float64]
    emotions: Floats | None


@dataclass(frozen=True, slots=True)
class _More:
    """What is computed for every face in every frame, beyond where it is."""

    engine: Engine
    sequence: SequenceAges | None

    def __call__(self, frame: Frame, faces: Detections) -> tuple[Floats | None, Floats | None]:
        emotions, sequence = self.engine.emotions, self.sequence
        expressed = emotions.express(cut(frame.view, faces, emotions.crops)) if emotions else None
        known = sequence.features(cut(frame.view, faces, sequence.crops)) if sequence else None
        return expressed, known


def watch(
    path: Path,
    engine: Engine,
    sampling: Sampling,
    *,
    threads: int = 1,
    stopped: Callable[[], bool] = lambda: False,
) -> Watched:
    """Find and describe the faces of a clip.

    Parameters
    ----------
    path : Path
        A clip whose header could be read.
    engine : Engine
        With ages from sequences of frames (`Engine.sequence`), or fused over the clip.
    sampling : Sampling
        Which frames are looked at.
    threads : int
        Cores to use.
    stopped : callable
        Asked now and then whether the result is still needed.

    Raises
    ------
    MediaError
        Nothing of the clip can be read, or nobody wants it any more.
    """
    opened = Reader(path, sampling, max_side=VIEW, threads=min(threads, 4))
    with opened as reader, Workers(min(threads, 4) + 1) as pool:
        collector = Collector(engine, reader, pool, _More(engine, engine.sequence))
        collector.all(path, stopped)
        return _watched(collector.collected(), reader, engine)


def _watched(result: Collected, reader: Reader, engine: Engine) -> Watched:
    people, person = group_tracks(
        result.seen, result.described, threshold=identity_threshold(engine)
    )
    emotions = _joined([one for one, _ in result.more])
    features = _joined([one for _, one in result.more])
    if engine.sequence is not None and features is not None:
        ages = sequence_ages(features, result.seen.track, engine.sequence)
    else:
        fused = [float(expected_ages(one.ages[None])[0]) for one in people]
        ages = np.array(fused, np.float64)[person]
    # What no frame shows clearly to be a face is a pattern, however often it is seen.
    clear = np.array([one.score >= CERTAIN for one in people], bool)
    rows = np.flatnonzero(clear[person])
    seconds = reader.seconds
    return Watched(
        size=reader.size,
        duration_ms=None if seconds is None else round(1000 * seconds),
        problem=reader.problem,
        times=result.times,
        people=[one for one in people if one.score >= CERTAIN],
        frame=result.seen.frame[rows],
        track=result.seen.track[rows],
        person=(np.cumsum(clear) - 1)[person[rows]],
        faces=_upright(result.found, reader).take(rows),
        ages=ages[rows],
        emotions=None if emotions is None else smoothed(emotions, result.seen.track)[rows],
    )


def _joined(parts: list[Floats | None]) -> Floats | None:
    known = [part for part in parts if part is not None]
    return np.concatenate(known) if known else None


def _upright(found: list[Detections], reader: Reader) -> Detections:
    """Return the faces of all frames in pixels of the clip."""
    columns: dict[str, list[Any]] = {"boxes": [], "landmarks": [], "scores": []}
    view = reader.view_size[::-1] if reader.orientation >= 5 else reader.view_size
    ratio = reader.size[0] / view[0], reader.size[1] / view[1]
    for faces in (Detections.none(), *found):
        full = scaled(faces, ratio)
        for name, column in columns.items():
            column.append(getattr(full, name))
    return Detections(**{name: np.concatenate(column) for name, column in columns.items()})


def sequence_ages(features: Floats, track: Ints, net: SequenceAges) -> NDArray[np.float64]:
    """Return the age of each face from the last frames of its track.

    Parameters
    ----------
    features : ndarray of float32, shape (n, d)
        Of faces in the order of time.
    track : ndarray of int64, shape (n,)
    net : SequenceAges

    Returns
    -------
    ndarray of float64, shape (n,)
        NaN for the first faces of a track, which has not enough frames before them.
    """
    ages = np.full(len(track), np.nan)
    for one in np.unique(track):
        rows = np.flatnonzero(track == one)
        ends = np.arange(net.frames - 1, len(rows))
        if len(ends):
            before = rows[ends[:, None] + np.arange(1 - net.frames, 1)]
            ages[rows[ends]] = expected_ages(net.predict(features[before]))
    return ages


def smoothed(emotions: Floats, track: Ints) -> Floats:
    """Average what faces express with the frames before and after, within each track."""
    out = np.empty_like(emotions)
    for one in np.unique(track):
        rows = np.flatnonzero(track == one)
        sums = np.concatenate([np.zeros((1, emotions.shape[1])), emotions[rows].cumsum(axis=0)])
        at = np.arange(len(rows))
        low, high = np.maximum(at - SMOOTH, 0), np.minimum(at + SMOOTH + 1, len(rows))
        out[rows] = (sums[high] - sums[low]) / (high - low)[:, None]
    return out
