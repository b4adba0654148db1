"""TIFF files, and the raw photos that are built like them: which of their bytes are the picture.

Sources: TIFF 6.0 (sections 8 and 15), its technical note 2 (JPEG tables), DNG 1.7 (NewSubFileType,
PhotometricInterpretation), and the tags of Panasonic and Fujifilm as ExifTool documents them.
"""

import io
import struct
from collections.abc import Iterator
from typing import BinaryIO

from album.metadata.containers import tiff
from album.metadata.containers.pieces import BadContainer, Kept, Piece, exactly
from album.metadata.containers.tiff import Directory

_KIND, _PHOTOMETRIC = 0x00FE, 0x0106
_STRIPS, _TILES = (0x0111, 0x0117), (0x0144, 0x0145)
"""Tags of where the strips or tiles lie, and of their bytes."""
_DESCRIPTION = (0x0100, 0x0101, 0x0102, 0x0103, _PHOTOMETRIC, 0x0115, 0x0140)
"""Width, height, bits, compression, what numbers mean, samples, palette."""
_JPEG_TABLES = 0x015B
_DNG_VERSION, _RAW_AT = 0xC612, 0x0118
_OLYMPUS, _PANASONIC = (b"IIRO", b"IIRS", b"MMOR"), b"IIU\0"
_OF_SENSOR = frozenset((32803, 34892))
"""Mosaics, and linear data made from them."""
_MAX_LIST = 1 << 19
_MAX_TABLES = 1 << 16
_RAW_SHARE = 8
"""What the sensor saw makes up most of a raw photo. What is less than this part of it is a
thumbnail; the rest is then somewhere that no directory tells of."""


def tiff_pieces(file: BinaryIO) -> Iterator[Piece]:
    """Yield the strips or tiles of the first picture, or of what the sensor saw in a raw photo.

    Which of them it is goes by the content, never by the name, so that a name can be changed.

    Raises
    ------
    BadContainer
        There is none, or it makes no sense.
    struct.error
        Its numbers make no sense.
    """
    file.seek(0)
    head = file.read(12)
    first = tiff.first_directory(file)
    if head[:4] == _PANASONIC and first.number(_RAW_AT):
        yield Kept(first.number(_RAW_AT), file.seek(0, io.SEEK_END))
    elif _is_raw(head, first):
        yield from _strips(_sensor(file))
    else:
        yield from _description(first)
        yield from _strips(first)


def _is_raw(head: bytes, first: Directory) -> bool:
    is_small = bool(first.number(_KIND) & 1)
    return (
        head[:4] in (*_OLYMPUS, _PANASONIC)
        or head[8:10] == b"CR"
        or is_small
        or first.entry(_DNG_VERSION) is not None
    )


def _sensor(file: BinaryIO) -> Directory:
    """Return the directory of what the sensor saw: the largest picture at full resolution."""
    best, key = None, (False, False, 0)
    try:
        for directory in tiff.directories(file):
            is_full = directory.number(_KIND) == 0
            is_of_sensor = directory.number(_PHOTOMETRIC) in _OF_SENSOR
            size = sum(_numbers(directory)[1])
            if size and (is_full, is_of_sensor, size) > key:
                best, key = directory, (is_full, is_of_sensor, size)
    except BadContainer:
        pass  # what was found before is of use all the same
    if best is None or key[2] * _RAW_SHARE < file.seek(0, io.SEEK_END):
        raise BadContainer("no directory tells of its picture")
    return best


def _numbers(directory: Directory) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return where the strips or tiles of a directory lie, and their bytes; empty without any."""
    for at, size in (_STRIPS, _TILES):
        places, sizes = directory.numbers(at, _MAX_LIST), directory.numbers(size, _MAX_LIST)
        if places and len(places) == len(sizes):
            return places, sizes
    return (), ()


def _strips(directory: Directory) -> Iterator[Kept]:
    for place, size in zip(*_numbers(directory), strict=True):
        yield Kept(place, place + size)


def _description(directory: Directory) -> Iterator[bytes]:
    """Yield how the data are to be understood, in a form that no order of bytes changes."""
    for tag in _DESCRIPTION:
        values = " ".join(map(str, directory.numbers(tag, _MAX_LIST)))
        yield f"{tag}:{values};".encode()
    tables = directory.entry(_JPEG_TABLES)
    if tables and len(tables.value) < tables.length <= _MAX_TABLES:
        directory.file.seek(directory.place(tables))
        yield exactly(directory.file, tables.length)


def raf_pieces(file: BinaryIO) -> Iterator[Piece]:
    """Yield what the sensor saw in a raw photo of Fujifilm, where the header says that it lies."""
    file.seek(100)
    start, length = struct.unpack(">II", exactly(file, 8))
    yield Kept(start, start + length)
