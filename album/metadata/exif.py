"""EXIF through exifread, with bounds that a hostile file cannot pass.

exifread believes the counts it finds: a few kilobytes that point at themselves can keep it busy
for minutes. It is therefore given a file that counts, and stops answering.
"""

import io
import logging
from collections.abc import Mapping
from functools import lru_cache
from types import ModuleType
from typing import Any, BinaryIO

from album.metadata.decoder_errors import is_mistake
from album.plain_text import plain_text

MAX_BLOCK = 8 << 20
"""Bytes of an EXIF block; the largest seen in real files, with maker notes, are under 1 MB."""
MAX_READS = 20_000
"""Reads that exifread may do; the busiest of the files tried needed 941."""
MAX_BYTES = 4 << 20
MAX_EMPTY = 64
"""Reads past the end, which is where senseless counts lead."""

TEXT_TAGS = (
    "EXIF DateTimeOriginal",
    "EXIF DateTimeDigitized",
    "EXIF OffsetTime",
    "EXIF OffsetTimeOriginal",
    "EXIF OffsetTimeDigitized",
    "EXIF SubSecTime",
    "EXIF SubSecTimeOriginal",
    "EXIF SubSecTimeDigitized",
    "Image DateTime",
    "GPS GPSDate",
    "Image Make",
    "Image Model",
)


class _Exhausted(Exception):  # noqa: N818 - never leaves this module
    """The EXIF data wants more work than any camera's does."""


class _Bounded(io.RawIOBase):
    """A file for exifread that answers `MAX_READS` times with `MAX_BYTES` bytes in all."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._reads = 0
        self._bytes = 0
        self._empty = 0

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def read(self, size: int | None = -1) -> bytes:
        self._reads += 1
        limit = MAX_BYTES + 1 if size is None or size < 0 else min(size, MAX_BYTES + 1)
        data = self._file.read(limit)
        self._bytes += len(data)
        self._empty += not data
        if self._reads > MAX_READS or self._bytes > MAX_BYTES or self._empty > MAX_EMPTY:
            raise _Exhausted
        return data


@lru_cache(maxsize=1)
def _exifread() -> ModuleType:
    import exifread

    logging.getLogger("exifread").setLevel(logging.CRITICAL + 1)
    return exifread  # type: ignore[no-any-return]


def tiff_block(data: bytes) -> bytes:
    """Return the TIFF structure of an EXIF block, without the prefix some containers leave."""
    start = data[:16].find(b"Exif\0\0")
    return data[start + 6 :] if start >= 0 else data


def read_tags(source: bytes | BinaryIO, *, below: bool = False) -> dict[str, str]:
    r"""Read what says when and which way up a photo was taken. Never raises because of the data.

    Parameters
    ----------
    source : bytes or binary file
        An EXIF block (with or without ``Exif\0\0``), or an open TIFF file.
    below : bool
        Its first directory is the one that mostly hangs below: tags ``Image`` are ``EXIF``.

    Returns
    -------
    dict of str to str
        The tags of `TEXT_TAGS` that are there, ``GPS GPSTimeStamp`` as ``H:M:S`` and
        ``Image Orientation`` as a digit. Empty for data that makes no sense.
    """
    if isinstance(source, bytes):
        if len(source) > MAX_BLOCK:
            return {}
        source = io.BytesIO(tiff_block(source))
    try:
        tags = _exifread().process_file(
            _Bounded(source), details=False, debug=False, extract_thumbnail=False
        )
    except Exception as error:  # exifread raises whatever its parser runs into
        if is_mistake(error):
            raise
        return {}
    if below:
        tags = {name.replace("Image", "EXIF", 1): tag for name, tag in tags.items()}
    return _selected(tags)


def orientation(tags: Mapping[str, str]) -> int:
    """Return the EXIF orientation 1 to 8 of tags read here; 1 for a missing or senseless one."""
    value = tags.get("Image Orientation", "")
    return int(value) if value in tuple("12345678") else 1


def _selected(tags: Mapping[str, Any]) -> dict[str, str]:
    found = {name: _text(tags[name].values) for name in TEXT_TAGS if name in tags}
    if "Image Orientation" in tags:
        values = tags["Image Orientation"].values
        found["Image Orientation"] = str(values[0]) if values else ""
    if "GPS GPSTimeStamp" in tags:
        found["GPS GPSTimeStamp"] = _clock(tags["GPS GPSTimeStamp"].values)
    return {name: value for name, value in found.items() if value}


def _text(values: object) -> str:
    if isinstance(values, bytes):
        values = values.decode("latin-1")
    return plain_text(values, 64)


def _clock(values: object) -> str:
    """Write GPS time, three ratios, as ``H:M:S``; nothing when it is no time."""
    try:
        hour, minute, second = (float(value) for value in values)  # type: ignore[attr-defined]
        return f"{int(hour):02d}:{int(minute):02d}:{int(second):02d}"
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return ""
