"""JPEG, PNG and WebP: which of their bytes are the picture."""

import struct
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO, cast

from xxhash import xxh3_128

from album.metadata.containers import jpeg, png, riff, webp
from album.metadata.containers.pieces import BadContainer, Kept, Piece
from album.metadata.digests.one_pass import OnePass

_MAX_SEGMENTS = 1 << 14
_MAX_SCANS = 1 << 10
"""Segments behind the first one with data. What follows the data of each is searched again."""
_SOS, _EOI, _APP14, _COM = 0xDA, 0xD9, 0xEE, 0xFE
_IGNORED = frozenset((*range(0xE0, 0xF0), _COM)) - {_APP14}
"""Application data and comments; but Adobe's APP14 says how colours are meant (T.872, 6.5.3)."""
_IN_DATA = frozenset((*range(0xC0, 0xD0), *range(0xD9, 0xF0), _COM))
"""Markers that end the data of a scan. Others are damage in it, as decoders see it, or restarts."""
_ENDS_DATA = bytes(marker in _IN_DATA for marker in range(256))
_STEP = 1 << 17
"""Bytes that are searched for a marker at a time: what is behind it is searched in vain."""
_MAX_CHUNKS = 1 << 20
_PNG_PICTURE = frozenset((b"IHDR", b"PLTE", b"tRNS", b"acTL", b"fcTL", b"fdAT", b"IDAT"))
_WEBP_PICTURE = frozenset((b"VP8 ", b"VP8L", b"ALPH"))
_FRAME_HEAD = 16


def take_jpeg(file: BinaryIO, source: OnePass, picture: xxh3_128) -> None:
    """Put all segments of the first picture but those of metadata into a digest, and its data.

    A marker counts once however often it is repeated to fill up (ITU-T T.81, B.1.1.2), and so it
    does where tables share a segment or have one each (B.2.4), which jpegtran changes. Lengths do
    not count: each kind of segment says by itself how long it is. A picture without an end goes
    on to the end of the file.

    Raises
    ------
    BadContainer
        It has no data, or its segments make no sense.
    """
    last = None
    for segment in islice(jpeg.walk(file), _MAX_SEGMENTS):
        if segment.marker == _SOS:
            source.seek(segment.content)
            _take_scans(source, picture)
            return
        if segment.marker not in _IGNORED:
            if segment.marker != last:
                picture.update(bytes((0xFF, segment.marker)))
            source.seek(segment.content)
            source.copy_all(segment.end - segment.content, picture)
            last = segment.marker
    raise BadContainer("it holds no picture")


def _take_scans(source: OnePass, picture: xxh3_128) -> None:
    """Put what follows the first marker of a scan into a digest, up to the end of the picture."""
    marker: int | None = _SOS
    has_data = False
    for _ in range(_MAX_SCANS):
        length = max(0, int.from_bytes(source.read(2)) - 2)
        if marker in _IGNORED:
            source.seek(source.tell() + length)
        else:
            picture.update(bytes((0xFF, marker or 0)))
            source.copy(length, picture)
        start = source.tell()
        marker = _take_data(source, picture)
        has_data = has_data or source.tell() - start > 2
        if marker in (None, _EOI):
            break
    else:
        raise BadContainer("it has too many scans")
    if not has_data:
        raise BadContainer("it holds no picture")


def _take_data(source: OnePass, picture: xxh3_128) -> int | None:
    """Put the data of a scan into a digest; return the marker behind them, None at the end."""
    while True:
        window = source.window()
        at = _marker(window)
        if at is not None:
            marker = window[at + 1]
            picture.update(_unfilled(window[:at]))
            source.advance(at + 2)
            return marker
        # Bytes of 255 at the end of what was read may fill up before a marker. If there is nothing
        # else, they do nothing but that.
        used = len(_unfilled(window)) or max(0, len(window) - 1)
        picture.update(_unfilled(window))
        source.advance(used)
        if not source.more():
            picture.update(source.window())
            return None


def _marker(data: memoryview) -> int | None:
    """Return where the first marker in the data of a scan begins; None without one.

    A byte of 255 in the data is followed by a zero (ITU-T T.81, B.1.1.5), so that hardly any is
    left to be looked at. A regular expression takes three to five times as long.
    """
    # Imported late: it takes longer than to look for changed files.
    import numpy as np

    numbers = np.frombuffer(data, np.uint8)
    for start in range(0, len(numbers), _STEP):
        part = numbers[start : start + _STEP + 1]
        found = part[:-1] == 0xFF
        found &= part[1:] != 0
        places = np.flatnonzero(found)
        places = places[np.frombuffer(_ENDS_DATA, np.bool_)[part[places + 1]]]
        if len(places):
            return start + int(places[0])
    return None


def _unfilled(data: memoryview) -> memoryview:
    """Return data without the bytes of 255 at its end."""
    return memoryview(bytes(data).rstrip(b"\xff")) if data and data[-1] == 0xFF else data


def take_png(file: BinaryIO, source: OnePass, picture: xxh3_128) -> None:
    """Put the chunks of the picture into a digest, checksums apart (PNG, third edition, 5 and 11).

    The walker runs along with the pass, because a photo may have thousands of chunks. Those of data
    that follow each other count as one.

    Raises
    ------
    BadContainer
        It has no data, or is cut short.
    """
    last = b""
    has_data = False
    for kind, start, end in islice(png.walk(cast(BinaryIO, source)), _MAX_CHUNKS):
        if kind in _PNG_PICTURE:
            length = end - start - 12
            if kind != b"IDAT":
                picture.update(struct.pack(">4sI", kind, length))
            elif kind != last:
                picture.update(kind)
            source.copy_all(length, picture)
            has_data = has_data or (kind == b"IDAT" and length > 0)
        last = kind
    if not has_data:
        raise BadContainer("it holds no picture")


def webp_pieces(file: BinaryIO) -> Iterator[Piece]:
    """Yield name and content of the chunks of the picture, or of all frames (RFC 9649, 2.7).

    The chunk VP8X does not count: its flags say which metadata there are.

    Raises
    ------
    BadContainer
        It is cut short.
    """
    for chunk in islice(webp.walk(file), _MAX_SEGMENTS):
        if chunk.kind == b"ANMF":
            inside = chunk.content + _FRAME_HEAD
            yield chunk.kind
            yield Kept(chunk.content, inside)
            for part in islice(riff.chunks(file, inside, chunk.end), _MAX_SCANS):
                yield from _webp_chunk(part)
        else:
            yield from _webp_chunk(chunk)


def _webp_chunk(chunk: riff.Chunk) -> Iterator[Piece]:
    if chunk.kind in _WEBP_PICTURE:
        yield chunk.kind
        yield Kept(chunk.content, chunk.content + chunk.length)
