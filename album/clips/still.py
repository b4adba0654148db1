"""One frame of a clip, as a picture to be shown."""

from album.clips.frames import CLOSER, Reader, Sampling
from album.clips.upright import Image
from album.errors import Damaged, StrPath
from album.media import translated


def frame_at(path: StrPath, time_ms: int) -> Image:
    """Decode the frame of a clip at a time, such as that of a stored face.

    Parameters
    ----------
    path : str or PathLike
        The clip.
    time_ms : int
        Milliseconds since the start.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
        Upright RGB with square pixels, at most 1920 pixels long. A box that the library has is in
        pixels of the upright clip at full size: scale it by the ratio of the widths.

    Raises
    ------
    MediaError
        The clip can't be read, or ends before.
    """
    once = Sampling(every=1, every_seen=1, budget=1)
    with translated(path), Reader(path, once, max_side=CLOSER, start_ms=time_ms) as reader:
        for frame in reader.window(faces_seen=False):
            return reader.closer(frame)
    raise Damaged(path, f"it has no frame at {time_ms / 1000:.1f} seconds")
