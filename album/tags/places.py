"""Where the tags of a photo or clip lie: in a sidecar beside it, and in the file itself."""

import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from album.errors import BadTags, StrPath, reading
from album.files import kinds
from album.files.kinds import Kind
from album.metadata import xmp
from album.metadata.containers import jpeg, png, tiff, webp
from album.metadata.containers.pieces import BadContainer
from album.metadata.regular_files import is_regular, open_regular
from album.metadata.sidecars import neighbours
from album.tags.read import Tags, read

NATIVE = {Kind.JPEG: jpeg, Kind.PNG: png, Kind.WEBP: webp, Kind.TIFF: tiff}
"""The kinds whose containers are read and written here, byte for byte."""
_TIFFS = (b"II*\0", b"MM\0*")


def sidecars(path: StrPath) -> list[str]:
    """Return the sidecars that a photo has: ``photo.jpg.xmp`` first, then ``photo.xmp``.

    ``photo.xmp`` beside both a raw photo and a JPEG of one name is said to be of both.
    """
    file = Path(path)
    names = neighbours(os.fspath(path))
    found = [
        os.fspath(file.with_name(stem + suffix))
        for stem in (file.name, file.stem)
        for suffix in (".xmp", ".XMP")
        if stem + suffix in names
    ]
    return [one for one in found if is_regular(one)]


def read_tags(path: StrPath) -> Tags:
    """Return what is said about a photo or clip: by its first sidecar with regions, else itself.

    People and keywords are those of the same place; where no place has regions, of the first that
    has any.

    Raises
    ------
    BadTags
        The packet makes no sense.
    Vanished, Unreadable
        The file cannot be read.
    """
    found = [tags for sidecar in sidecars(path) if (tags := read_sidecar(sidecar))]
    if not any(tags.regions for tags in found):
        embedded = read_embedded(path)
        found += [embedded] if embedded else []
    with_regions = [tags for tags in found if tags.regions]
    return (with_regions or found or [Tags()])[0]


def read_sidecar(path: StrPath) -> Tags:
    """Return what a sidecar says.

    Raises
    ------
    BadTags, Vanished, Unreadable
    """
    with reading(path), open_regular(path) as file:
        packet = file.read(xmp.MAX_PACKET + 1)
    return _understood(path, [packet]) if packet.strip() else Tags()


def read_embedded(path: StrPath) -> Tags:
    """Return what a photo itself says; nothing for a clip and for kinds that are not opened.

    Raises
    ------
    BadTags, Vanished, Unreadable
    """
    return _understood(path, embedded_packets(path))


def embedded_packets(path: StrPath) -> list[bytes]:
    """Return the XMP packets in a photo: one, or two with JPEG's extended XMP; none for a clip.

    Raises
    ------
    BadTags, Vanished, Unreadable
    """
    with reading(path), open_regular(path) as file:
        kind = kinds.kind_of(file, path)
        try:
            if kind in NATIVE:
                return list(NATIVE[kind].read(file))
            if kind is Kind.RAW and file.read(4) in _TIFFS:
                return tiff.read(file)
            return _by_decoder(file, kind)
        except BadContainer as error:
            raise BadTags(path, str(error)) from error


def _understood(path: StrPath, packets: list[bytes]) -> Tags:
    try:
        return read(packets)
    except xmp.BadPacket as error:
        raise BadTags(path, str(error)) from error


def _by_decoder(file: BinaryIO, kind: Kind) -> list[bytes]:
    """Return the packet of a HEIC or AVIF file; nothing where the file makes no sense."""
    packet: object = None
    with suppress(ValueError, EOFError, SyntaxError, RuntimeError, OSError):
        if kind is Kind.HEIC:
            import pillow_heif

            heif = pillow_heif.open_heif(file, convert_hdr_to_8bit=False)
            packet = heif.info.get("xmp")
        elif kind is Kind.AVIF:
            from PIL import Image

            with Image.open(file) as image:
                packet = image.info.get("xmp")
    return [packet] if isinstance(packet, bytes) and packet.strip(b"\0 ") else []
