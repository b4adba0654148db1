"""Motion photos: a clip behind the picture, in the same file.

Google: XMP ``GCamera:MotionPhoto`` or ``MicroVideo``, and the length of the clip at the end of the
file (Motion Photo format 1.0, developer.android.com). Samsung: a directory of its own at the end of
a JPEG (``SEFH`` … ``SEFT``), with an entry for the clip. HEIC: a box ``mpvd`` (the same format).
"""

import re
import struct
from typing import BinaryIO

from album.files.kinds import Kind
from album.metadata.containers import isobmff

_FLAG = re.compile(rb"(?:MotionPhoto|MicroVideo)\s*(?:=\s*[\"']|>)\s*1\s*[\"'<]")
_OFFSET = re.compile(rb"MicroVideoOffset\s*(?:=\s*[\"']|>)\s*(\d{1,12})")
_ITEM = re.compile(rb"<[^<>]*Semantic\s*=\s*[\"']MotionPhoto[\"'][^<>]*>")
_LENGTH = re.compile(rb"Length\s*=\s*[\"'](\d{1,12})[\"']")
_SAMSUNG_CLIP = 0x0A30
_MAX_ENTRIES = 256


def is_motion_photo(file: BinaryIO, kind: Kind, packet: bytes) -> bool:
    """Tell whether a clip follows the picture in a file; never raises for what it finds.

    Parameters
    ----------
    file : binary file
        An open JPEG or HEIC; the position is not kept.
    kind : Kind
    packet : bytes
        Its XMP, empty where there is none.
    """
    if kind is Kind.HEIC:
        return any(box.name == b"mpvd" and box.end - box.start > 16 for box in isobmff.boxes(file))
    if kind is not Kind.JPEG:
        return False
    return _announced_in_xmp(file, packet) or _has_samsung_clip(file)


def _announced_in_xmp(file: BinaryIO, packet: bytes) -> bool:
    """Believe the XMP only where the clip is there: programs that edit a photo drop it."""
    if not _FLAG.search(packet):
        return False
    lengths = _OFFSET.findall(packet)
    lengths += [n for item in _ITEM.findall(packet) for n in _LENGTH.findall(item)]
    size = file.seek(0, 2)
    for length in map(int, lengths):
        if 16 <= length < size:
            file.seek(size - length)
            if file.read(8)[4:] == b"ftyp":
                return True
    return False


def _has_samsung_clip(file: BinaryIO) -> bool:
    size = file.seek(0, 2)
    file.seek(max(0, size - 8))
    tail = file.read(8)
    if tail[4:] != b"SEFT":
        return False
    (length,) = struct.unpack("<I", tail[:4])
    if not 12 <= length < size - 8:
        return False
    file.seek(size - 8 - length)
    directory = file.read(min(length, 12 + 12 * _MAX_ENTRIES))
    entries = struct.iter_unpack("<HHII", directory[12 : 12 + (len(directory) - 12) // 12 * 12])
    return directory[:4] == b"SEFH" and any(kind == _SAMSUNG_CLIP for _, kind, _, _ in entries)
