"""TIFF directories, classic and BigTIFF (TIFF 6.0, Adobe), and the XMP in them (XMP part 3, 1.1.4).

One walker reads the directories of TIFF files, of raw photos and of the index of further pictures
in a JPEG. XMP is tag 700 of the first directory. It is written by appending: the new packet and a
copy of the first directory go to the end of the file, and the header points there. Nothing else
moves, so no offset can become wrong.
"""

import io
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from album.metadata.containers.pieces import BadContainer, Kept, Piece, exactly
from album.metadata.xmp import MAX_PACKET

SUB_IFDS = 0x014A
BYTE, UNDEFINED = 1, 7
_XMP = 700
_MAX_ENTRIES = 4096
_MAX_DIRECTORIES = 32
_MAX_VALUE = 4096
"""Bytes of a value that `Directory.numbers` reads unless it is told; but the places of strips and
tiles, no list of numbers read here is longer."""
_INTEGERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
_RATIONALS = {5: "II", 10: "ii"}


@dataclass(frozen=True, slots=True)
class Form:
    """How numbers are written: classic TIFF, or BigTIFF with offsets of eight bytes."""

    order: str
    big: bool = False

    @property
    def count(self) -> str:
        """The number of entries in a directory, for `struct`."""
        return self.order + ("Q" if self.big else "H")

    @property
    def offset(self) -> str:
        """A place in the file."""
        return self.order + ("Q" if self.big else "I")

    @property
    def entry(self) -> str:
        """An entry: tag, type, count, value or offset."""
        return self.order + ("HHQ8s" if self.big else "HHI4s")

    @property
    def pointer(self) -> int:
        """Where the header says where the first directory is."""
        return 8 if self.big else 4


class Entry(NamedTuple):
    """An entry of a directory: tag, type, number of values, and the values or where they lie."""

    tag: int
    kind: int
    length: int
    value: bytes


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory of a TIFF structure.

    Attributes
    ----------
    file : binary file
    form : Form
    base : int
        Where the structure begins in the file; offsets count from there.
    entries : tuple of Entry
    following : int
        Offset of the next directory, 0 after the last one.
    by_tag : dict of int to Entry
    announced : int
        How many entries the directory should have.
    whole : bool
        Whether the file holds all of it.
    """

    file: BinaryIO
    form: Form
    base: int
    entries: tuple[Entry, ...]
    by_tag: dict[int, Entry]
    following: int
    announced: int
    whole: bool

    def entry(self, tag: int) -> Entry | None:
        """Return the entry of a tag, the last one where a broken file has several."""
        return self.by_tag.get(tag)

    def place(self, entry: Entry) -> int:
        """Return where the value of an entry lies that does not fit into the entry."""
        return self.base + int(struct.unpack(self.form.offset, entry.value)[0])

    def numbers(self, tag: int, most: int = _MAX_VALUE) -> tuple[int, ...]:
        """Return the integers of a tag, ratios rounded; none where it has no, or far too many.

        Parameters
        ----------
        tag : int
        most : int
            Bytes beyond which they are too many.

        Raises
        ------
        BadContainer
            They lie beyond the end of the file.
        """
        entry = self.entry(tag)
        code = entry and (_INTEGERS.get(entry.kind) or _RATIONALS.get(entry.kind))
        if entry is None or code is None:
            return ()
        size = struct.calcsize("=" + code) * entry.length
        if size > most:
            return ()
        data = entry.value[:size]
        if size > len(entry.value):
            data = exactly(_at(self.file, self.place(entry)), size)
        if entry.kind in _RATIONALS:
            pairs = struct.iter_unpack(self.form.order + code, data)
            return tuple(round(above / below) if below else 0 for above, below in pairs)
        return struct.unpack(f"{self.form.order}{entry.length}{code}", data)

    def number(self, tag: int) -> int:
        """Return the first integer of a tag, 0 without one."""
        return next(iter(self.numbers(tag)), 0)


def first_directory(file: BinaryIO, base: int = 0) -> Directory:
    """Return the first directory of the TIFF structure that begins at `base`.

    Raises
    ------
    BadContainer
        It begins like no TIFF, or points beyond the end of the file.
    """
    form, offset = _header(file, base)
    return _directory(file, form, base, offset)


def directories(file: BinaryIO, base: int = 0) -> Iterator[Directory]:
    """Yield the directories of a TIFF structure: the first, those below it, those that follow.

    Each comes once, however they point at each other, and 32 at most.

    Raises
    ------
    BadContainer
        See `first_directory`.
    """
    form, offset = _header(file, base)
    pending = [offset]
    seen: set[int] = set()
    while pending and len(seen) < _MAX_DIRECTORIES:
        offset = pending.pop(0)
        if not offset or offset in seen:
            continue
        seen.add(offset)
        directory = _directory(file, form, base, offset)
        yield directory
        pending += [*directory.numbers(SUB_IFDS)[:_MAX_DIRECTORIES], directory.following]


def _header(file: BinaryIO, base: int) -> tuple[Form, int]:
    """Return the form of a TIFF structure and the offset of its first directory."""
    head = exactly(_at(file, base), 8)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None:
        raise BadContainer("it does not begin like a TIFF")
    form = Form(order, head[2:4] in (b"+\0", b"\0+"))
    return form, _number(_at(file, base + form.pointer), form.offset)


def _directory(file: BinaryIO, form: Form, base: int, offset: int) -> Directory:
    """Read a directory as far as it is there, and up to 4096 entries of it."""
    count = _number(_at(file, base + offset), form.count)
    size = struct.calcsize(form.entry)
    data = file.read(size * min(count, _MAX_ENTRIES))
    rows = len(data) // size
    entries = tuple(map(Entry._make, struct.iter_unpack(form.entry, data[: rows * size])))
    by_tag = {entry.tag: entry for entry in entries}
    whole = rows == count
    end = file.read(struct.calcsize(form.offset)) if whole else b""
    whole = whole and len(end) == struct.calcsize(form.offset)
    following = int(struct.unpack(form.offset, end)[0]) if whole else 0
    return Directory(file, form, base, entries, by_tag, following, count, whole)


def _at(file: BinaryIO, place: int) -> BinaryIO:
    if place > 1 << 62:  # no system goes there, and each refuses in words of its own
        raise BadContainer("it points beyond its end")
    file.seek(place)
    return file


def _number(file: BinaryIO, form: str) -> int:
    return int(struct.unpack(form, exactly(file, struct.calcsize(form)))[0])


def _whole_first_directory(file: BinaryIO) -> Directory:
    directory = first_directory(file)
    if not directory.whole:
        senseless = directory.announced > _MAX_ENTRIES
        raise BadContainer("its directory makes no sense" if senseless else "it is cut short")
    return directory


def read(file: BinaryIO) -> list[bytes]:
    """Return the packet, as a list of one, or none."""
    directory = _whole_first_directory(file)
    for entry in directory.entries:
        if entry.tag == _XMP and entry.kind in (BYTE, UNDEFINED) and entry.length > 8:
            place = _at(file, directory.place(entry))
            return [exactly(place, min(entry.length, MAX_PACKET + 1))]
    return []


def rewrite(file: BinaryIO, packets: Sequence[bytes]) -> list[Piece]:
    """Return the file with another packet."""
    directory = _whole_first_directory(file)
    form = directory.form
    end = file.seek(0, io.SEEK_END)
    packet = packets[0] if packets else b""
    padding = b"\0" * (-end % 8)
    place = end + len(padding)
    after = b"\0" * (-len(packet) % 8)
    first = place + len(packet) + len(after)
    if not form.big and first > 0xFFFF0000:
        raise BadContainer("it is too large for another packet")
    entries = [entry for entry in directory.entries if entry.tag != _XMP]
    if packet:
        entries.append(Entry(_XMP, BYTE, len(packet), struct.pack(form.offset, place)))
    entries.sort(key=lambda entry: entry.tag)
    made = struct.pack(form.count, len(entries))
    made += b"".join(struct.pack(form.entry, *entry) for entry in entries)
    made += struct.pack(form.offset, directory.following)
    pointer = struct.pack(form.offset, first)
    rest = Kept(form.pointer + len(pointer), end)
    return [Kept(0, form.pointer), pointer, rest, padding, packet, after, made]
