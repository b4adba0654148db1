"""Small clips with drawn faces, made by the tests themselves."""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from nets.fake import draw_face

SIZE = 320, 240
RATE = 30
TICKS = 600


@dataclass(frozen=True)
class Placed:
    """A drawn face at a place: its left top corner and its side."""

    person: int
    left: int = 40
    top: int = 60
    side: int = 80
    age: int = 30
    male: bool = True


def still(*faces: Placed, shade: int = 90, size: tuple[int, int] = SIZE) -> np.ndarray:
    pixels = np.full((size[1], size[0], 3), shade, np.uint8)
    for face in faces:
        box = (face.left, face.top, face.left + face.side, face.top + face.side)
        draw_face(pixels, box, person=face.person, age=face.age, male=face.male)
    return pixels


def write(
    path: Path,
    frames: Iterable[np.ndarray],
    *,
    rate: int = RATE,
    times: Sequence[float] | None = None,
    codec: str = "mpeg4",
    options: dict[str, str] | None = None,
    created: str | None = "2004-05-06T07:08:09Z",
    tags: dict[str, str] | None = None,
) -> Path:
    """Encode frames; `times` in seconds makes the frame rate vary."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", options=options or {}) as container:
        container.metadata.update(tags or {})
        if created:
            container.metadata["creation_time"] = created
        stream = container.add_stream(codec, rate=rate, options={"g": "30"})
        if times is not None:
            stream.codec_context.time_base = Fraction(1, TICKS)
        stream.bit_rate = 6_000_000
        for number, pixels in enumerate(frames):
            if not number:
                height, width = pixels.shape[:2]
                stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
                if codec == "mjpeg":
                    stream.pix_fmt = "yuvj420p"
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            if times is not None:
                frame.pts, frame.time_base = round(times[number] * TICKS), Fraction(1, TICKS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def sound(path: Path) -> Path:
    """A file of sound only."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 44100
        for number in range(20):
            frame.pts = 1024 * number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


MATRICES = {
    1: (1, 0, 0, 1),
    2: (-1, 0, 0, 1),
    3: (-1, 0, 0, -1),
    4: (1, 0, 0, -1),
    5: (0, 1, 1, 0),
    6: (0, 1, -1, 0),
    7: (0, -1, -1, 0),
    8: (0, -1, 1, 0),
}
"""a, b, c, d of the display matrix for each EXIF orientation."""


def turn(path: Path, orientation: int) -> Path:
    """Write a display matrix into the track header of an MP4 with one track."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4
    assert data[at] == 0  # version 0: the matrix is at 40 bytes after version and flags
    a, b, c, d = MATRICES[orientation]
    one = 1 << 16
    values = (a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    data[at + 40 : at + 76] = struct.pack(">9i", *values)
    path.write_bytes(bytes(data))
    return path
