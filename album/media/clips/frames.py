"""Sample the frames of a clip: in order, upright, with the time of each.

Frames are chosen by time, not by number, so that a variable frame rate and frames that the decoder
leaves out change nothing. A long clip is sampled in stretches distributed over its length.
"""

import math
import os
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Self

import numpy as np

from album.errors import Damaged, StrPath
from album.media.clips.header import PIXELS, Stream, find_picture, open_clip
from album.media.clips.upright import Image, orientation, shown_size, turned
from album.metadata.decoder_errors import translated
from album.metadata.regular_files import require_regular

WINDOW = 9
"""Frames that are handed over at a time: a second and a half, in which a face is described once."""
VIEW = 1280
"""Longest side in pixels of the picture given to the detector, at most. Frames are blurred by
motion and compression: a face needs 40 pixels here, 60 in full HD, to be recognised."""
CLOSER = 1920
"""Longest side of the picture that faces are cropped from; bounds the memory of a frame."""
STRETCH = WINDOW
"""Frames sampled in one stretch of a long clip."""
RATES = 20.0, 30.0
"""Bounds of the frame rate by which "every fifth" is counted: slow motion is not sampled ten times
as often, and a slow camera often enough for faces to be tracked."""
_SKIPS = frozenset(("h264", "hevc"))
"""Codecs whose non-reference frames are not decoded when sampling is sparse."""
LOST_S, LOST_SHARE = 2.0, 0.05
"""A clip that ends this many seconds, and this share of its length, too early is cut short."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """Which frames are sampled.

    Attributes
    ----------
    every : int
        Sample one frame in this many while no face is seen.
    every_seen : int
        Sample one frame in this many while faces are seen.
    budget : int
        Frames of one clip at most; 0 for no limit.
    """

    every: int = 5
    every_seen: int = 5
    budget: int = 1800


DEFAULT = Sampling()


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One sampled frame.

    Attributes
    ----------
    time_ms : int
        Since the start of the clip, as players count.
    stretch : int
        Number of the stretch; frames of two stretches do not follow each other.
    view : ndarray of uint8, shape (height, width, 3)
        Upright RGB, at most `VIEW` pixels long.
    picture : av.VideoFrame
        The same as decoded, for `Reader.closer`.
    """

    time_ms: int
    stretch: int
    view: Image
    picture: Any


class Reader:
    """Reads the frames of one clip; a context manager.

    Parameters
    ----------
    path : str or PathLike
        The clip.
    sampling : Sampling
        Which frames.
    max_side : int
        Longest side of views, in pixels, if smaller than `VIEW`.
    threads : int
        Of the decoder.
    start_ms : int
        The first frame is the one at this time.

    Attributes
    ----------
    size : tuple of int
        Width and height in pixels, upright and with square pixels; known after the first window.
    view_size : tuple of int
        Of views before they are turned upright; likewise.
    stored_size : tuple of int
        As stored.
    orientation : int
        EXIF orientation of the stored frames; known after the first window.
    seconds : float or None
        Length of the clip; None where it does not say.
    """

    def __init__(
        self,
        path: StrPath,
        sampling: Sampling,
        *,
        max_side: int = VIEW,
        threads: int = 1,
        start_ms: int = 0,
    ) -> None:
        self._path, self._sampling = path, sampling
        self._side, self._threads = min(max_side, VIEW), threads
        self.size, self.view_size, self.orientation = (0, 0), (0, 0), 1
        self._last_s = -math.inf
        self._from_s = start_ms / 1000
        self._packets = self._bad = 0
        self._ended = False

    def __enter__(self) -> Self:
        """Open the clip.

        Raises
        ------
        MediaError
            It can't be opened, or holds no picture that is read here.
        """
        with translated(self._path):
            from av.video.reformatter import VideoReformatter

            self._scale, self._shrink, self._close = (VideoReformatter() for _ in range(3))
            require_regular(self._path)
            self._container = open_clip(os.fspath(self._path))
            try:
                self._found = find_picture(self._container, self._path)
                self.stored_size, self.seconds = self._found.size, self._found.seconds
                self._prepare(self._found)
            except BaseException:
                self._container.close()
                raise
        return self

    def __exit__(self, *_: object) -> None:
        self._frames.close()
        self._container.close()

    def _prepare(self, found: Stream) -> None:
        context = found.stream.codec_context
        context.thread_type = "AUTO"
        context.thread_count = self._threads
        context.options = {"max_pixels": str(PIXELS)}
        self._rate = min(max(found.rate, RATES[0]), RATES[1])
        self._period = self._sampling.every / self._rate
        if context.name in _SKIPS and self._sampling.every >= 3:
            context.skip_frame = "NONREF"
        base = found.stream.time_base
        self._base = float(base) if base else 1 / found.rate
        # The zero of players, who begin with whatever comes first, mostly the sound.
        start = self._container.start_time
        self._start_s = start / 1e6 if start is not None else 0.0
        self._frames = self._choose()

    def window(self, *, faces_seen: bool) -> list[Frame]:
        """Return the next frames, at most `WINDOW`; none at the end of the clip.

        Parameters
        ----------
        faces_seen : bool
            Whether faces have been seen lately; decides how densely to sample.

        Raises
        ------
        MediaError
            Decoding failed; `Damaged` where no frame can be decoded at all, or none from
            `start_ms` on.
        """
        sampling = self._sampling
        self._period = (sampling.every_seen if faces_seen else sampling.every) / self._rate
        with translated(self._path):
            frames = list(islice(self._frames, WINDOW))
        if not frames and self.size == (0, 0):
            where = f" at {self._from_s:.1f} seconds" if self._from_s else ""
            raise Damaged(self._path, f"no frame{where} can be decoded")
        return frames

    def pictures(self) -> Iterator[tuple[float, Any]]:
        """Yield every frame as decoded, with its time in seconds since the start of the clip.

        Instead of `window`, whose `Sampling` then decides nothing; errors as there.
        """
        with translated(self._path):
            self._found.stream.codec_context.skip_frame = "DEFAULT"
            for seconds, picture in self._decode(smooth=True):
                if self.size == (0, 0):
                    self._measure(picture)
                yield seconds, picture
        self._ended = True

    @property
    def rate(self) -> float:
        """Frames a second, on average."""
        return self._found.rate

    def scaled(self, picture: Any, size: tuple[int, int]) -> Any:
        """Return a decoded frame as ``yuv420p`` of a size that it has before it is turned."""
        with translated(self._path):
            return self._shrink.reformat(picture, *size, "yuv420p", interpolation="AREA")

    def closer(self, frame: Frame) -> Image:
        """Return a frame upright in as many pixels as are of use for cropping faces."""
        with translated(self._path):
            return self._pixels(self._close, frame.picture, self._closer_size)

    @property
    def problem(self) -> str:
        """What was wrong with the clip, in words for the middle of a sentence; mostly nothing."""
        if self._ended and self._cut_short():
            assert self.seconds is not None
            return f"it breaks off after {self._last_s:.0f} of {self.seconds:.0f} seconds"
        if self._bad > max(3.0, LOST_SHARE * self._packets):
            return f"{self._bad} of {self._packets} pieces of it are damaged"
        return ""

    def _cut_short(self) -> bool:
        """Tell whether the clip ended too early, by its length and by its number of frames."""
        if self.seconds is None:
            return False
        early = self.seconds - self._last_s > max(LOST_S, LOST_SHARE * self.seconds)
        announced = self._found.frames
        return early and (not announced or self._packets < (1 - LOST_SHARE) * announced)

    def _stretches(self) -> tuple[list[float], float]:
        """Return the starts of the stretches in seconds, and the frames of each."""
        budget = self._sampling.budget or math.inf
        least = min(self._sampling.every, self._sampling.every_seen) / self._rate
        if self.seconds is None or self.seconds / least <= budget or budget < 2 * STRETCH:
            return [0.0], budget
        count = int(budget) // STRETCH
        return [i * self.seconds / count for i in range(count)], STRETCH

    def _choose(self) -> Generator[Frame, None, None]:
        starts, frames = self._stretches()
        after = -math.inf
        if self._from_s:
            self._go_to(self._from_s)
            after = self._from_s - 1e-3
        for number, start in enumerate(starts):
            if number:
                self._go_to(start)
                after = max(self._last_s + self._period, start - (starts[1] - starts[0]) / 2)
            left, due = frames, after
            for seconds, picture in self._decode(smooth=len(starts) == 1):
                if seconds < due - 1e-3:
                    continue
                if seconds > due + self._period / 2 and math.isfinite(due):
                    # Too few frames are decoded for this sampling rate.
                    self._found.stream.codec_context.skip_frame = "DEFAULT"
                due = max(due if math.isfinite(due) else seconds, seconds - self._period / 2)
                due += self._period
                yield self._frame(seconds, number, picture)
                left -= 1
                if left <= 0:
                    break
            else:
                self._ended = len(starts) == 1
                return

    def _go_to(self, seconds: float) -> None:
        ticks = int((seconds + self._start_s) / self._base)
        self._container.seek(ticks, stream=self._found.stream, backward=True)

    def _decode(self, *, smooth: bool) -> Iterator[tuple[float, Any]]:
        """Yield time in seconds and frame; damaged packets are left out and counted.

        Parameters
        ----------
        smooth : bool
            Where the clock of the clip jumps back, as in clips that were put together, go on
            counting.
        """
        from av.error import EOFError as End
        from av.error import FFmpegError

        shift, step = 0.0, 1 / self._found.rate
        packets = self._container.demux(self._found.stream)
        last = self._last_s
        while True:
            try:
                packet = next(packets, None)
                if packet is None:
                    return
                self._packets += packet.size > 0
                pictures = packet.decode()
            except End:
                return
            except FFmpegError:
                self._bad += 1
                if self._bad > 10_000:
                    return
                continue
            for picture in pictures:
                if picture.is_corrupt or picture.width * picture.height > PIXELS:
                    self._bad += 1
                    continue
                known = picture.pts is not None
                seconds = picture.pts * self._base - self._start_s + shift if known else last + step
                if smooth and math.isfinite(last) and seconds < last - 0.5:
                    shift += last + step - seconds
                    seconds = last + step
                last = self._last_s = seconds
                yield max(seconds, 0.0), picture

    def _frame(self, seconds: float, stretch: int, picture: Any) -> Frame:
        if self.size == (0, 0):
            self._measure(picture)
        if max(picture.width, picture.height) > CLOSER:
            # Kept until the window is done: no larger than is of use.
            picture = self.scaled(picture, self._closer_size)
        view = self._pixels(self._scale, picture, self.view_size)
        return Frame(round(1000 * seconds), stretch, view, picture)

    def _pixels(self, scaler: Any, picture: Any, size: tuple[int, int]) -> Image:
        """Convert a decoded frame to upright RGB of a size that it has before it is turned."""
        scaled: Image = scaler.reformat(picture, *size, "rgb24", interpolation="AREA").to_ndarray()
        return turned(scaled, self.orientation)

    def _measure(self, picture: Any) -> None:
        """Learn from the first frame how the clip is to be shown."""
        ratio = float(self._found.stream.sample_aspect_ratio or 1)
        self.stored_size = picture.width, picture.height
        width, height = shown_size(self.stored_size, ratio)
        self.orientation = orientation(picture)
        self.size = (height, width) if self.orientation >= 5 else (width, height)
        self.view_size = _within((width, height), self._side)
        self._closer_size = _within((width, height), CLOSER)


def _within(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Return a size shrunk to a longest side."""
    scale = min(1.0, side / max(size))
    width, height = (max(1, int(np.rint(scale * length))) for length in size)
    return width, height
