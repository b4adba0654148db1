"""One frame of a clip, as a picture to be shown."""

from album.errors import StrPath
from album.media.clips.frames import CLOSER, Reader, Sampling
from album.media.decoding import Picture


def frame_at(path: StrPath, time_ms: int) -> Picture:
    """Decode the frame of a clip at a time, such as that of a stored face.

    Parameters
    ----------
    path : str or PathLike
        The clip.
    time_ms : int
        Milliseconds since the start.

    Returns
    -------
    Picture
        Upright, with square pixels, at most 1920 pixels long.

    Raises
    ------
    MediaError
        The clip can't be read, or ends before.
    """
    once = Sampling(every=1, every_seen=1, budget=1)
    with Reader(path, once, max_side=CLOSER, start_ms=time_ms) as reader:
        frame = reader.window(faces_seen=False)[0]
        pixels, (width, height) = reader.closer(frame), reader.size
        return Picture(pixels, (pixels.shape[1] / width, pixels.shape[0] / height))
