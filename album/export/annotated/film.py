"""Writing a copy of a clip with something drawn on every frame: H.264 in MP4, with its sound."""

import math
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from album.errors import Damaged
from album.export.annotated.drawing import enlargement
from album.export.annotated.planes import Planes, packed, unpacked, upright
from album.media.clips.frames import CLOSER, Reader, Sampling
from album.media.clips.header import open_clip

CODECS = ("libx264", "libopenh264", "h264_videotoolbox", "mpeg4")
"""What may be there to write with, the best first; the last always is."""
SETTINGS = {"libx264": {"preset": "veryfast", "crf": "23"}}
BITS = 0.12
"""Of a pixel, for codecs that need a rate."""
SOUND = frozenset(("aac", "mp3", "ac3", "eac3", "alac", "flac", "opus"))
"""Codecs of sound that players expect in an MP4: copied as they are, others are left out."""
TICKS = 90_000
"""Of the clock of the copy, a second."""
PLAIN = frozenset(("yuv420p", "yuvj420p"))
COLOURS = ("color_range", "colorspace")

Draw = Callable[[Planes, int], None]


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a copy: how many frames it has, and whether the sound was copied."""

    frames: int
    sound: bool


def copy_size(size: tuple[int, int]) -> tuple[int, int]:
    """Return the size of the copy of a clip: even, at most full HD, enlarged where tiny."""
    scale = min(1.0, CLOSER / max(size)) * enlargement(size)
    width, height = (max(2, 2 * round(scale * side / 2)) for side in size)
    return width, height


def write_film(
    path: Path,
    target: Path,
    draw: Draw,
    *,
    threads: int = 1,
    stopped: Callable[[], bool] = lambda: False,
) -> Written:
    """Write a copy of a clip, upright, with what `draw` draws.

    Parameters
    ----------
    path : Path
        The clip.
    target : Path
        Written to, whatever is there.
    draw : callable
        Takes the planes of a frame, which it may change, and its time in milliseconds.
    threads : int
        Of the decoder.
    stopped : callable
        Asked every second of the clip; when it says so, the copy ends there.

    Raises
    ------
    MediaError
        Nothing can be decoded.
    OSError, av.FFmpegError
        The target can't be written.
    """
    import av

    reader = Reader(path, Sampling(1, 1, 0), threads=min(threads, 4))
    frames = _decoded(path, reader, stopped)
    stream, sound, count, last = None, None, 0, -1
    with (
        closing(frames),
        av.open(str(target), "w", format="mp4", options={"movflags": "+faststart"}) as out,
    ):
        for picture, planes, seconds in frames:
            draw(planes, round(1000 * seconds))
            frame = _encodable(planes, picture)
            last = frame.pts = max(round(seconds * TICKS), last + 1)
            if stream is None:
                stream, sound = _picture(out, frame, reader.rate), _sound(path, out)
            count += 1
            out.mux(stream.encode(frame))
            if sound:
                sound.until(last / TICKS)
        if stream is None:
            raise Damaged(path, "no frame can be decoded")
        out.mux(stream.encode(None))
        if sound:
            sound.until(math.inf)
            sound.close()
    return Written(count, sound is not None)


def _decoded(
    path: Path, reader: Reader, stopped: Callable[[], bool]
) -> Generator[tuple[Any, Planes, float], None, None]:
    """Yield the frames of the clip as decoded, their planes, and their times in seconds."""
    second = 0
    with reader:
        for seconds, picture in reader.pictures():
            if int(seconds) != second:
                second = int(seconds)
                if stopped():
                    return
            yield picture, _planes(reader, picture), seconds


def _encodable(planes: Planes, picture: Any) -> Any:
    """Return a frame of the copy, its colours meant as those of the decoded one."""
    import av

    frame = av.VideoFrame.from_ndarray(packed(planes), format="yuv420p")
    frame.time_base = Fraction(1, TICKS)
    for name in COLOURS:
        setattr(frame, name, getattr(picture, name))
    return frame


def _planes(reader: Reader, picture: Any) -> Planes:
    """Return a frame upright, as large as the copy; HDR as it is, in fewer steps."""
    width, height = copy_size(reader.size)
    size = (height, width) if reader.orientation >= 5 else (width, height)
    if (picture.width, picture.height) != size or picture.format.name not in PLAIN:
        picture = reader.scaled(picture, size)
    return upright(unpacked(picture.to_ndarray(), size), reader.orientation)


def _picture(out: Any, first: Any, rate: float) -> Any:
    """Add the moving picture to the copy, of so many frames a second."""
    from av.codec import codecs_available

    name = next(one for one in CODECS if one in codecs_available)
    nearly = Fraction(min(rate, 1000)).limit_denominator(1001)
    stream = out.add_stream(name, rate=nearly, options=SETTINGS.get(name, {}))
    stream.width, stream.height, stream.pix_fmt = first.width, first.height, "yuv420p"
    stream.codec_context.time_base = Fraction(1, TICKS)
    if name not in SETTINGS:
        stream.bit_rate = int(first.width * first.height * min(rate, 60) * BITS)
    for colour in COLOURS:
        setattr(stream.codec_context, colour, getattr(first, colour))
    return stream


@dataclass(slots=True)
class _Sound:
    """The sound of a clip, copied without being decoded, as far as the picture is."""

    container: Any
    stream: Any
    out: Any
    target: Any
    _waiting: Any = None
    _packets: Any = None

    def until(self, seconds: float) -> None:
        """Copy what is heard up to a time; what is damaged ends the sound, not the copy."""
        from av.error import FFmpegError

        start = (self.container.start_time or 0) / 1e6
        if self._packets is None:
            self._packets = self.container.demux(self.stream)
        try:
            while (packet := self._waiting or next(self._packets, None)) is not None:
                self._waiting = packet
                if packet.dts is None or packet.size == 0:
                    self._waiting = None
                    continue
                if float(packet.dts * packet.time_base) - start > seconds:
                    return
                shift = round(start / packet.time_base)
                packet.dts -= shift
                packet.pts = packet.dts if packet.pts is None else packet.pts - shift
                packet.stream = self.target
                self.out.mux(packet)
                self._waiting = None
        except FFmpegError:
            self._packets, self._waiting = iter(()), None

    def close(self) -> None:
        self.container.close()


def _sound(path: Path, out: Any) -> _Sound | None:
    """Add the sound to the copy, if there is any that players will find there."""
    from av.error import FFmpegError

    try:
        container = open_clip(str(path))
    except FFmpegError:
        return None
    heard = container.streams.audio
    if not heard or heard[0].codec_context.name not in SOUND:
        container.close()
        return None
    try:
        target = out.add_stream_from_template(heard[0])
    except (FFmpegError, ValueError):
        container.close()
        return None
    return _Sound(container, heard[0], out, target)
