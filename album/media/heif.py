"""The turns that a HEIF or AVIF container itself prescribes (ISO/IEC 23008-12, 6.5.10 and 6.5.12).

A container may say how to turn its picture (`irot`, `imir`), EXIF inside it may say so too, and a
decoder applies the first and knows nothing of the second. Whoever applies both turns photos twice;
whoever ignores EXIF shows files without `irot`, which some camera apps write, on their side.
"""

import struct
from typing import BinaryIO

from album.metadata.containers import heif, isobmff
from album.metadata.containers.pieces import BadContainer

_ORIENTATION = {
    (0, None): 1,
    (1, None): 8,
    (2, None): 3,
    (3, None): 6,
    (0, 0): 4,
    (1, 0): 5,
    (2, 0): 2,
    (3, 0): 7,
    (0, 1): 2,
    (1, 1): 7,
    (2, 1): 4,
    (3, 1): 5,
}
"""EXIF orientation by quarter turns anticlockwise and, after them, the mirror: 0 swaps top and
bottom, 1 swaps left and right."""


def container_orientation(file: BinaryIO) -> int | None:
    """Return the turn that the container prescribes for its primary picture.

    Parameters
    ----------
    file : binary file
        An open HEIF or AVIF file; the position is not kept.

    Returns
    -------
    int or None
        As an EXIF orientation, 1 to 8; None when the container is silent, or not understood.
    """
    try:
        meta = heif.meta(file)
        return _orientation(meta) if meta else None
    except (BadContainer, struct.error, IndexError, KeyError, OverflowError):
        return None


def _orientation(meta: heif.Meta) -> int | None:
    iprp = isobmff.parse(meta.content(b"iprp"))
    properties = isobmff.parse(dict(iprp)[b"ipco"])
    turns: int | None = None
    mirror: int | None = None
    for index in _associations([data for name, data in iprp if name == b"ipma"], meta.primary):
        name, data = properties[index - 1] if 0 < index <= len(properties) else (b"", b"")
        if name == b"irot":
            turns = data[0] & 3
        elif name == b"imir":
            mirror = data[0] & 1
    return None if turns is None and mirror is None else _ORIENTATION[turns or 0, mirror]


def _associations(tables: list[bytes], item: int) -> list[int]:
    """Return the 1-based property numbers of one item (`ipma`, ISO/IEC 23008-12, 9.3)."""
    for table in tables:
        wide_item, wide_index = bool(table[0]), bool(table[3] & 1)
        (count,) = struct.unpack_from(">I", table, 4)
        at = 8
        for _ in range(min(count, len(table))):
            (number,) = struct.unpack_from(">I" if wide_item else ">H", table, at)
            at += 4 if wide_item else 2
            n = table[at]
            at += 1
            if number == item:
                form = f">{n}H" if wide_index else f">{n}B"
                mask = 0x7FFF if wide_index else 0x7F
                return [value & mask for value in struct.unpack_from(form, table, at)]
            at += n * (2 if wide_index else 1)
    return []
