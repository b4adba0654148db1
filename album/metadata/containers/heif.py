"""Items of HEIF and AVIF files: where the data of the primary picture lie.

Sources: ISO/IEC 14496-12, 8.11.3 (`iloc`), 8.11.4 (`pitm`), 8.11.12 (`iref`); ISO/IEC 23008-12, 6.6
(pictures that are put together from others: grids and overlays).
"""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from album.metadata.containers import isobmff
from album.metadata.containers.isobmff import Box
from album.metadata.containers.pieces import BadContainer, Kept

_MAX_PIECES = 1 << 16
_MAX_DEPTH = 8
_IN_FILE, _IN_IDAT = 0, 1
_NUMBERS = {0: "", 4: "I", 8: "Q"}


@dataclass(frozen=True, slots=True)
class Meta:
    """The `meta` box of a file: its content, where that lies in the file, and the boxes in it."""

    data: bytes
    start: int
    inside: dict[bytes, Box]

    def content(self, name: bytes) -> bytes:
        """Return the content of a box in it.

        Raises
        ------
        BadContainer
            There is none.
        """
        box = self.inside.get(name)
        if box is None:
            raise BadContainer(f"it has no {name.decode('ascii', 'replace')} box")
        return self.data[box.start : box.end]

    @property
    def primary(self) -> int:
        """The number of the primary item."""
        pitm = self.content(b"pitm")
        return int(struct.unpack_from(">I" if pitm[0] else ">H", pitm, 4)[0])

    @property
    def is_of_pictures(self) -> bool:
        """Whether it tells of still pictures; that of a clip tells of other things."""
        return b"hdlr" in self.inside and self.content(b"hdlr")[8:12] == b"pict"


def meta(file: BinaryIO) -> Meta | None:
    """Return the `meta` box at the top of a file; None where there is none."""
    box = next((box for box in isobmff.boxes(file) if box.name == b"meta"), None)
    if box is None:
        return None
    data = isobmff.read(file, box)
    return Meta(data, box.start, {one.name: one for one in isobmff.boxes(io.BytesIO(data), 4)})


def primary_data(found: Meta, size: int) -> list[Kept]:
    """Return where the data of the primary picture lie, in the order in which they belong.

    Of a picture that is put together, those are its own data (rows and columns of a grid) and then
    those of its parts.

    Parameters
    ----------
    found : Meta
    size : int
        Bytes of the file.

    Raises
    ------
    BadContainer
        It makes no sense, or lies in another file.
    struct.error, IndexError
        It is cut short.
    """
    places = _places(found, size)
    parts = _parts(found)
    pieces: list[Kept] = []
    for count, item in enumerate(_with_parts(found.primary, parts, _MAX_DEPTH)):
        if item not in places and item not in parts:
            raise BadContainer("a part of its picture is not there")
        pieces += places.get(item, ())
        if max(count, len(pieces)) > _MAX_PIECES:
            raise BadContainer("its picture has too many parts")
    return pieces


def _with_parts(item: int, parts: dict[int, tuple[int, ...]], depth: int) -> Iterator[int]:
    if not depth:
        raise BadContainer("its picture is put together from itself")
    yield item
    for part in parts.get(item, ()):
        yield from _with_parts(part, parts, depth - 1)


def _parts(found: Meta) -> dict[int, tuple[int, ...]]:
    """Return the items that pictures are put together from (`dimg`), in order."""
    parts: dict[int, tuple[int, ...]] = {}
    if b"iref" not in found.inside:
        return parts
    iref = found.content(b"iref")
    code = "I" if iref[0] else "H"
    for name, data in isobmff.parse(iref[4:]):
        if name == b"dimg":
            item, count = struct.unpack_from(f">{code}H", data)
            start = struct.calcsize(f">{code}H")
            parts[item] = struct.unpack_from(f">{count}{code}", data, start)
    return parts


def _places(found: Meta, size: int) -> dict[int, list[Kept]]:
    """Return where the extents of each item lie in the file."""
    reader = _Reader(found.content(b"iloc"))
    version = reader.next("B3x")
    sizes = reader.next("B"), reader.next("B")
    offset, length, base = (_NUMBERS.get(n) for n in (sizes[0] >> 4, sizes[0] & 15, sizes[1] >> 4))
    index = _NUMBERS.get(sizes[1] & 15) if version else ""
    if offset is None or length is None or base is None or index is None or version > 2:
        raise BadContainer("the places of its items make no sense")
    wide = "I" if version == 2 else "H"
    places: dict[int, list[Kept]] = {}
    left = _MAX_PIECES
    for _ in range(reader.next(wide)):
        item = reader.next(wide)
        method = reader.next("H") & 15 if version else _IN_FILE
        is_elsewhere = bool(reader.next("H"))
        start, count = reader.next(base), reader.next("H")
        left -= count
        if left < 0:
            raise BadContainer("its items have too many parts")
        numbers = [
            (reader.next(index), start + reader.next(offset), reader.next(length))
            for _ in range(count)
        ]
        if not is_elsewhere and method in (_IN_FILE, _IN_IDAT):
            begin, end = _room(found, method, size)
            places[item] = [
                Kept(begin + at, begin + at + extent if extent else end)
                for _, at, extent in numbers
            ]
    return places


def _room(found: Meta, method: int, size: int) -> tuple[int, int]:
    """Return where what offsets count from starts and ends: the file, or the `idat` box."""
    if method == _IN_FILE:
        return 0, size
    idat = found.inside.get(b"idat")
    if idat is None:
        raise BadContainer("its items have no data")
    return found.start + idat.start, found.start + idat.end


class _Reader:
    """Reads one number after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def next(self, code: str) -> int:
        """Return the next number in a form of `struct`; 0 for one that has no bytes."""
        if not code:
            return 0
        (number,) = struct.unpack_from(">" + code, self._data, self._at)
        self._at += struct.calcsize(">" + code)
        return int(number)
