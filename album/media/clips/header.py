"""Opening clips: what a clip says of itself before any frame is decoded, and what is refused."""

from dataclasses import dataclass
from functools import cache
from typing import Any, BinaryIO

from album.errors import Damaged, NotAPhoto, StrPath, TooLarge, UnsupportedClip
from album.metadata.decoder_errors import NO_DECODER

PIXELS = 40_000_000
"""Of one frame; 8K has 33 million."""
STREAMS = 64
HOURS = 7 * 24
"""A longer clip is none: the number is wrong."""


@dataclass(frozen=True, slots=True)
class Stream:
    """The moving picture of an open clip.

    Attributes
    ----------
    stream : av.VideoStream
    size : tuple of int
        Width and height in pixels as stored.
    seconds : float or None
        Length; None where the file does not say.
    rate : float
        Frames in a second, on average.
    frames : int
        Number of frames by the container; 0 where it does not say. Copied, because PyAV 19 refuses
        to look it up once the container is closed.
    """

    stream: Any
    size: tuple[int, int]
    seconds: float | None
    rate: float
    frames: int = 0


def open_clip(source: str | BinaryIO) -> Any:
    """Open a clip with PyAV 14 or newer; may raise whatever it raises.

    Parameters
    ----------
    source : str or binary file
        A path, or an open file.

    Returns
    -------
    av.container.InputContainer
        In its metadata, bytes that are not UTF-8 are surrogates (PEP 383).
    """
    import av

    return av.open(source, **_metadata_options())


@cache
def _metadata_options() -> dict[str, str]:
    """Return the option that keeps metadata that is not UTF-8 from being an error."""
    from av import __version__

    # PyAV 19 dropped the option and always decodes metadata in this way.
    return {} if int(__version__.split(".")[0]) >= 19 else {"metadata_errors": "surrogateescape"}


def find_picture(container: Any, path: StrPath) -> Stream:
    """Choose the moving picture of an open clip, and check its limits.

    Parameters
    ----------
    container : av.container.InputContainer
    path : str or PathLike
        For messages.

    Raises
    ------
    NotAPhoto
        There is sound only; the cover of a record is no moving picture.
    UnsupportedClip
        Nothing here decodes it.
    TooLarge, Damaged
        Beyond the limits of this module, or without streams or pixels.
    """
    if len(container.streams) > STREAMS:
        raise TooLarge(path, f"{len(container.streams)} streams")
    moving = [stream for stream in container.streams.video if not _is_cover(stream)]
    if not moving and not container.streams.audio:
        raise Damaged(path, "a clip with nothing in it")
    if not moving:
        raise NotAPhoto(path, "sound without a picture")
    stream = moving[0]
    if stream.codec_context is None:
        raise UnsupportedClip(path, NO_DECODER)
    width, height = int(stream.width or 0), int(stream.height or 0)
    if width < 1 or height < 1:
        raise Damaged(path, "a clip without pixels")
    if width * height > PIXELS:
        raise TooLarge(path, f"{width} x {height} pixels")
    seconds = _seconds(container, stream)
    if seconds is not None and seconds > HOURS * 3600:
        raise Damaged(path, f"a length of {seconds / 3600:.0f} hours")
    rate = float(stream.average_rate or stream.guessed_rate or 25)
    rate = rate if 0 < rate < 10_000 else 25.0
    return Stream(stream, (width, height), seconds, rate, int(stream.frames or 0))


def _is_cover(stream: Any) -> bool:
    return bool(stream.disposition & type(stream.disposition).attached_pic)


def _seconds(container: Any, stream: Any) -> float | None:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    # In units of AV_TIME_BASE: microseconds.
    return container.duration / 1e6 if container.duration else None
