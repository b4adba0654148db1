"""Makers of small files of every kind, for the tests of this folder."""

import io
import os
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

CORNERS = np.array([[230, 30, 30], [30, 200, 30], [40, 40, 220], [230, 220, 40]], np.uint8)
"""Colours of the top left, top right, bottom left and bottom right quarter."""


def data_folder() -> Path:
    return Path(os.environ.get("ALBUM_DATA") or Path(__file__).parents[3] / "shared" / "data")


def quarters(width: int = 64, height: int = 48) -> Image.Image:
    """A picture whose four quarters differ, so that every turn and mirror shows."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2] = CORNERS[0]
    pixels[: height // 2, width // 2 :] = CORNERS[1]
    pixels[height // 2 :, : width // 2] = CORNERS[2]
    pixels[height // 2 :, width // 2 :] = CORNERS[3]
    return Image.fromarray(pixels)


def exif(**tags: object) -> bytes:
    """An EXIF block: `orientation`, `modified`, `original`, `digitized`, `offset`, `subsec`."""
    block = Image.Exif()
    numbers = {"orientation": 0x0112, "modified": 0x0132, "make": 0x010F}
    below = {"original": 0x9003, "digitized": 0x9004, "offset": 0x9011, "subsec": 0x9291}
    for name, value in tags.items():
        if name in numbers:
            block[numbers[name]] = value
        else:
            block.get_ifd(0x8769)[below[name]] = value
    return block.tobytes()


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    """A picture as a file; HEIC through pillow-heif, anything else through Pillow."""
    buffer = io.BytesIO()
    if form == "HEIC":
        import pillow_heif

        pillow_heif.from_pillow(image).save(buffer, format="HEIF", quality=90, **options)
    else:
        image.save(buffer, form, **options)
    return buffer.getvalue()


def written(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


@lru_cache(maxsize=1)
def small_files() -> dict[str, bytes]:
    """One small file of each kind that is decoded."""
    image, noisy = (
        quarters(),
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)),
    )
    block = exif(orientation=6, original="2019:05:06 07:08:09")
    return {
        "a.jpg": encoded(noisy, "JPEG", quality=90, exif=block),
        "progressive.jpg": encoded(noisy, "JPEG", progressive=True),
        "a.png": encoded(noisy, "PNG", exif=block),
        "lossy.webp": encoded(noisy, "WEBP", exif=block),
        "lossless.webp": encoded(image, "WEBP", lossless=True),
        "a.gif": encoded(image.quantize(16), "GIF"),
        "a.bmp": encoded(image, "BMP"),
        "a.tiff": encoded(noisy, "TIFF", exif=block),
        "lzw.tiff": encoded(noisy, "TIFF", compression="tiff_lzw"),
        "a.avif": encoded(noisy, "AVIF", exif=block),
        "a.heic": encoded(noisy, "HEIC", exif=block),
    }


@lru_cache(maxsize=1)
def small_clip() -> bytes:
    """A second of moving noise in MP4."""
    import av

    rng = np.random.default_rng(0)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        container.metadata["creation_time"] = "2019-05-06T07:08:09Z"
        stream = container.add_stream("mpeg4", rate=5)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(5):
            pixels = rng.integers(0, 255, (48, 64, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return buffer.getvalue()
