"""The packets of one file, from bytes to trees and back."""

from collections.abc import Sequence
from dataclasses import dataclass

from album.metadata import xmp
from album.metadata.containers.jpeg import MAX_MAIN, guid
from album.metadata.xmp import Element, name
from album.tags.edit import EMPTY, DesiredTags, edit, is_empty
from album.tags.marks import Written

_NOTE = name("xmpNote:HasExtendedXMP")


@dataclass(frozen=True, slots=True)
class Edited:
    """What became of a file's packets.

    Attributes
    ----------
    packets : tuple of bytes
        As they should be; none where nothing is left in them.
    written : Written
        What of it is this program's.
    changes : tuple of str
        Empty where everything was right already; the packets are then as they were.
    """

    packets: tuple[bytes, ...]
    written: Written
    changes: tuple[str, ...]


def edited(packets: Sequence[bytes], wanted: DesiredTags, before: Written) -> Edited:
    """Bring the packets of a file up to date.

    Parameters
    ----------
    packets : sequence of bytes
        None, one, or with JPEG's extended XMP two.
    wanted : DesiredTags
    before : Written
        What of it this program wrote.

    Raises
    ------
    album.metadata.xmp.BadPacket
        A packet makes no sense; it is never replaced.
    """
    trees = [xmp.parse(packet) for packet in packets or (EMPTY,)]
    written, changes = edit(trees, wanted, before)
    if not changes:
        return Edited(tuple(packets), written, ())
    if is_empty(trees):
        return Edited((), written, changes)
    return Edited(tuple(_serialised(trees)), written, changes)


def _serialised(trees: Sequence[Element]) -> list[bytes]:
    if len(trees) == 1:
        return [xmp.serialise(trees[0])]
    extended = xmp.serialise(trees[1])
    for description in xmp.descriptions(trees[0]):
        value = xmp.field(description, "xmpNote:HasExtendedXMP")
        if isinstance(value, str):
            description.set(_NOTE, guid(extended))
        elif value is not None:
            value.text = guid(extended)
    return [xmp.serialise(trees[0]), extended]


def split(packets: Sequence[bytes]) -> list[bytes]:
    """Move what does not fit into a JPEG's main packet to the extended one, largest first."""
    if not packets or len(packets[0]) <= MAX_MAIN:
        return list(packets)
    trees = [xmp.parse(packet) for packet in packets]
    if len(trees) == 1:
        trees.append(xmp.parse(EMPTY))
        first = xmp.descriptions(trees[0])[0]
        first.set(_NOTE, "0" * 32)
    properties = [prop for d in xmp.descriptions(trees[0]) for prop in d if prop.tag != _NOTE]
    sizes = [(len(xmp.bytes_of(prop)), prop) for prop in properties]
    left = len(packets[0]) + 100
    for size, prop in sorted(sizes, key=lambda pair: -pair[0]):
        if left <= MAX_MAIN:
            break
        _move(prop, trees[1])
        left -= size
    return _serialised(trees)


def _move(prop: Element, rdf: Element) -> None:
    """Move a property into another packet; lxml takes its namespaces along."""
    home = prop.getparent()
    targets = xmp.descriptions(rdf)
    target = targets[0] if targets else xmp.add_description(rdf, home)
    target.append(prop)
