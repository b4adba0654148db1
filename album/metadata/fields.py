"""What a file's metadata say about its date and orientation, as plain text by fixed names.

The names are those of exifread (``EXIF DateTimeOriginal``, ``GPS GPSDate``, ...), those of
`album.metadata.xmp_properties` after ``XMP`` or ``Sidecar``, ``IPTC DateTimeCreated``, and ``Clip``
names here.
"""

import struct
from collections.abc import Mapping
from typing import Any, BinaryIO

from album.metadata import exif, sidecars, xmp_properties
from album.plain_text import plain_text

_IPTC_RESOURCE = 0x0404
_IPTC_DATE_CREATED, _IPTC_TIME_CREATED = (2, 55), (2, 60)

CLIP_LOCAL = "Clip CreationDate"
CLIP_UTC = "Clip CreationTime"
CLIP_ID = "Clip ContentIdentifier"
"""What ties the clip of a Live Photo to its still."""


def still_tags(info: Mapping[Any, Any], file: BinaryIO | None) -> dict[str, str]:
    """Collect the tags of a still picture.

    Parameters
    ----------
    info : mapping
        What Pillow's plugin collected while it read the header.
    file : binary file or None
        The file itself where it is a TIFF, whose EXIF is spread over the file.
    """
    tags = exif.read_tags(file if file is not None else _exif_block(info))
    tags |= _named("XMP", xmp_properties.read_properties(xmp_packet(info)))
    created = _iptc_created(info.get("photoshop"))
    return tags | ({"IPTC DateTimeCreated": created} if created else {})


def sidecar_tags(path: str, names: frozenset[str]) -> dict[str, str]:
    """Collect the tags of the XMP sidecar of a photo or clip, if it has one."""
    packet = sidecars.read_xmp_sidecar(path, names)
    return _named("Sidecar", xmp_properties.read_properties(packet))


def orientation(tags: Mapping[str, str]) -> int:
    """Return the orientation 1 to 8 that tags speak of, 1 when none does.

    EXIF in the file comes first. A sidecar that disagrees may be older than an edit that turned
    the pixels, so it is asked only where the file is silent.
    """
    for name in ("Image Orientation", "Sidecar tiff:Orientation", "XMP tiff:Orientation"):
        if name in tags:
            return exif.orientation({"Image Orientation": tags[name]})
    return 1


def clip_tags(container: Mapping[str, str], stream: Mapping[str, str]) -> dict[str, str]:
    """Collect the dates of a clip, and Apple's identifier, from the metadata that FFmpeg found.

    Apple's creationdate and the user data's date say the local time with its zone, creation_time
    is UTC by specification.
    """
    local = container.get("com.apple.quicktime.creationdate") or container.get("date")
    utc = container.get("creation_time") or stream.get("creation_time")
    identifier = container.get("com.apple.quicktime.content.identifier")
    found = {CLIP_LOCAL: local, CLIP_UTC: utc, CLIP_ID: identifier}
    return {name: kept for name, text in found.items() if (kept := plain_text(text, 64))}


def _named(prefix: str, properties: Mapping[str, str]) -> dict[str, str]:
    return {f"{prefix} {name}": text for name, text in properties.items()}


def _exif_block(info: Mapping[Any, Any]) -> bytes:
    block = info.get("exif")
    if isinstance(block, bytes):
        return block
    # ImageMagick writes EXIF into PNG as text: a name, a length, and hexadecimal digits.
    text = info.get("Raw profile type exif") or info.get("Raw profile type APP1")
    if not isinstance(text, str) or len(text) > 3 * exif.MAX_BLOCK:
        return b""
    try:
        return bytes.fromhex("".join(text.split()[2:]))
    except ValueError:
        return b""


def xmp_packet(info: Mapping[Any, Any]) -> bytes:
    """Return the XMP of a still picture, empty where there is none."""
    packet = info.get("xmp") or info.get("XML:com.adobe.xmp") or b""
    return packet.encode() if isinstance(packet, str) else bytes(packet)


def _iptc_created(resources: object) -> str:
    """Return date and time created of an IPTC block (IIM 4.2, 2:55 and 2:60), or nothing."""
    block = resources.get(_IPTC_RESOURCE) if isinstance(resources, Mapping) else None
    if not isinstance(block, bytes):
        return ""
    fields = _iptc_fields(block)
    day = fields.get(_IPTC_DATE_CREATED, "")
    clock = fields.get(_IPTC_TIME_CREATED, "")
    if len(day) != 8 or not day.isdigit():
        return ""
    text = f"{day[:4]}-{day[4:6]}-{day[6:]}"
    if len(clock) < 6 or not clock[:6].isdigit():
        return text
    # Many programs write +0000 only because the field wants a zone.
    zone = "" if clock[7:] == "0000" else clock[6:]
    return plain_text(f"{text}T{clock[:2]}:{clock[2:4]}:{clock[4:6]}{zone}", 64)


def _iptc_fields(block: bytes) -> dict[tuple[int, int], str]:
    fields: dict[tuple[int, int], str] = {}
    at = 0
    while at + 5 <= len(block) and block[at] == 0x1C:
        record, dataset, size = struct.unpack_from(">BBH", block, at + 1)
        at += 5
        if size & 0x8000:  # an extended length, never used for dates
            break
        fields.setdefault((record, dataset), block[at : at + size].decode("latin-1"))
        at += size
    return fields
