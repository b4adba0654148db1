"""XMP in TIFF files (XMP part 3, 1.1.4): tag 700 of the first directory.

Written by appending: the new packet and a copy of the first directory go to the end of the file,
and the header points there. Nothing else moves, so no offset can become wrong.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from album.metadata.containers.pieces import BadContainer, Kept, Piece, exactly
from album.metadata.xmp import MAX_PACKET

_XMP = 700
_BYTE, _UNDEFINED = 1, 7
_MAX_ENTRIES = 4096


@dataclass(frozen=True, slots=True)
class _Form:
    """How numbers are written: classic TIFF, or BigTIFF with offsets of eight bytes."""

    order: str
    big: bool

    @property
    def count(self) -> str:
        return self.order + ("Q" if self.big else "H")

    @property
    def offset(self) -> str:
        return self.order + ("Q" if self.big else "I")

    @property
    def entry(self) -> str:
        return self.order + ("HHQQ" if self.big else "HHII")

    @property
    def pointer(self) -> int:
        """Where the header says where the first directory is."""
        return 8 if self.big else 4


@dataclass(frozen=True, slots=True)
class _Directory:
    """The entries of the first directory, each as bytes, and where the next directory is."""

    form: _Form
    entries: tuple[bytes, ...]
    following: bytes

    def packet(self) -> tuple[int, int] | None:
        """Return start and length of the packet; None where there is none."""
        for entry in self.entries:
            tag, kind, count, offset = struct.unpack(self.form.entry, entry)
            if tag == _XMP and kind in (_BYTE, _UNDEFINED) and count > 8:
                return offset, count
        return None


def _directory(file: BinaryIO) -> _Directory:
    file.seek(0)
    head = exactly(file, 8)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None:
        raise BadContainer("it does not begin like a TIFF")
    form = _Form(order, head[2:4] in (b"+\0", b"\0+"))
    file.seek(form.pointer)
    file.seek(_number(file, form.offset))
    count = _number(file, form.count)
    if count > _MAX_ENTRIES:
        raise BadContainer("its directory makes no sense")
    size = struct.calcsize(form.entry)
    entries = tuple(exactly(file, size) for _ in range(count))
    return _Directory(form, entries, exactly(file, struct.calcsize(form.offset)))


def _number(file: BinaryIO, form: str) -> int:
    return int(struct.unpack(form, exactly(file, struct.calcsize(form)))[0])


def read(file: BinaryIO) -> list[bytes]:
    """Return the packet, as a list of one, or none."""
    found = _directory(file).packet()
    if found is None:
        return []
    file.seek(found[0])
    return [exactly(file, min(found[1], MAX_PACKET + 1))]


def rewrite(file: BinaryIO, packets: Sequence[bytes]) -> list[Piece]:
    """Return the file with another packet."""
    directory = _directory(file)
    form = directory.form
    end = file.seek(0, 2)
    packet = packets[0] if packets else b""
    padding = b"\0" * (-end % 8)
    place = end + len(padding)
    after = b"\0" * (-len(packet) % 8)
    first = place + len(packet) + len(after)
    if not form.big and first > 0xFFFF0000:
        raise BadContainer("it is too large for another packet")
    entries = [e for e in directory.entries if struct.unpack(form.entry, e)[0] != _XMP]
    if packet:
        entries.append(struct.pack(form.entry, _XMP, _BYTE, len(packet), place))
    entries.sort(key=lambda entry: int(struct.unpack(form.entry, entry)[0]))
    made = struct.pack(form.count, len(entries)) + b"".join(entries) + directory.following
    pointer = struct.pack(form.offset, first)
    rest = Kept(form.pointer + len(pointer), end)
    return [Kept(0, form.pointer), pointer, rest, padding, packet, after, made]
