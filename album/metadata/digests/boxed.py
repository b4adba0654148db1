"""HEIF, AVIF, clips and others made of boxes or elements: which bytes are the picture."""

import io
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO

from album.metadata.containers import heif, isobmff, matroska, riff
from album.metadata.containers.pieces import Kept, Piece

_MAX_BOXES = 1 << 18
"""A clip in fragments of a second, of 36 hours."""
_MAX_CHUNKS = 256
_JXLP_INDEX = 4


def isobmff_pieces(file: BinaryIO) -> Iterator[Piece]:
    """Yield the data of the primary picture of HEIF and AVIF; of anything else, all media data.

    Media data are the boxes `mdat` at the top (ISO/IEC 14496-12, 8.1.1). Clips, and Canon's CR3,
    keep their metadata elsewhere.

    Raises
    ------
    BadContainer, struct.error, IndexError
        Its boxes make no sense.
    """
    meta = heif.meta(file)
    if meta and meta.is_of_pictures:
        yield from heif.primary_data(meta, file.seek(0, io.SEEK_END))
    else:
        yield from _named(file, b"mdat")


def jp2_pieces(file: BinaryIO) -> Iterator[Piece]:
    """Yield the codestreams of JPEG 2000 (ISO/IEC 15444-1, I.5.4)."""
    return _named(file, b"jp2c")


def jxl_pieces(file: BinaryIO) -> Iterator[Piece]:
    """Yield the codestream of JPEG XL, whole or in parts (ISO/IEC 18181-2, 9.8 and 9.9).

    A file may be nothing but the codestream; whoever adds metadata puts it into a container.
    """
    file.seek(0)
    if file.read(2) == b"\xff\x0a":
        yield Kept(0, file.seek(0, io.SEEK_END))
        return
    for box in isobmff.boxes(file, most=_MAX_BOXES):
        if box.name == b"jxlc":
            yield Kept(box.start, box.end)
        elif box.name == b"jxlp":
            yield Kept(min(box.start + _JXLP_INDEX, box.end), box.end)


def _named(file: BinaryIO, name: bytes) -> Iterator[Piece]:
    for box in isobmff.boxes(file, most=_MAX_BOXES):
        if box.name == name:
            yield Kept(box.start, box.end)


def avi_pieces(file: BinaryIO) -> Iterator[Piece]:
    """Yield the lists of frames (Microsoft, AVI RIFF file reference; OpenDML 1.02: one a part).

    A recording that was broken off has lengths of zero: it goes on to the end of the file.

    Raises
    ------
    BadContainer
        Its chunks make no sense.
    """
    size = file.seek(0, io.SEEK_END)
    for part in islice(riff.chunks(file, 0, size), _MAX_CHUNKS * 4):
        stop = min(part.end, size) if part.length else size
        for chunk in islice(riff.chunks(file, part.content + 4, stop), _MAX_CHUNKS):
            file.seek(chunk.content)
            if chunk.kind == b"LIST" and file.read(4) == b"movi":
                yield Kept(chunk.content + 4, min(chunk.end, stop) if chunk.length else stop)
                break


def matroska_pieces(file: BinaryIO) -> Iterator[Piece]:
    """Yield the clusters of Matroska and WebM (RFC 9559, 5.1.3), which hold the frames."""
    for element in matroska.elements(file):
        if element.name == matroska.CLUSTER:
            yield Kept(element.start, element.end)
