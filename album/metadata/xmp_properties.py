"""Dates and orientation in XMP (ISO 16684-1), read without building a tree."""

from collections.abc import Mapping

from lxml import etree

from album.metadata import xmp
from album.plain_text import plain_text

DATES = (
    "exif:DateTimeOriginal",
    "photoshop:DateCreated",
    "xmp:CreateDate",
    "exif:DateTimeDigitized",
)
"""Properties that say when a photo was taken, best first. Not those of its last change."""
GPS_TIME = "exif:GPSTimeStamp"
ORIENTATION = "tiff:Orientation"
_NAMESPACES = {
    "exif": "http://ns.adobe.com/exif/1.0/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
}
_NAMES = {
    f"{{{_NAMESPACES[prefix]}}}{local}": f"{prefix}:{local}"
    for prefix, local in (name.split(":") for name in (*DATES, GPS_TIME, ORIENTATION))
}
_LONGEST = 64


class _Collector:
    """Target of lxml's parser that collects the properties of `_NAMES`.

    XMP writes a property as an attribute or as an element; the first one counts.
    """

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self.declares_type = False
        self._open = self._text = ""

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        for key, value in attributes.items():
            self._add(key, value)
        self._open, self._text = tag, ""

    def end(self, tag: str) -> None:
        if tag == self._open:
            self._add(tag, self._text)
        self._open = ""

    def data(self, data: str) -> None:
        if self._open in _NAMES and len(self._text) < _LONGEST:
            self._text += data

    def doctype(self, *_: object) -> None:
        self.declares_type = True

    def close(self) -> None:
        """End of the packet, or where it breaks off."""

    def _add(self, tag: str, value: str) -> None:
        if tag in _NAMES and (text := plain_text(value, _LONGEST)):
            self.found.setdefault(_NAMES[tag], text)


def read_properties(packet: bytes) -> dict[str, str]:
    """Return the texts of dates, GPS time and orientation in an XMP packet. Never raises.

    A packet that breaks off gives what was read until then; one that is too large or declares a
    document type gives nothing.
    """
    collector = _Collector()
    if not packet:
        return {}
    try:
        etree.fromstring(xmp.checked(packet), xmp.parser(target=collector))
    except xmp.BadPacket:
        return {}
    except (etree.XMLSyntaxError, LookupError, ValueError):
        pass
    return {} if collector.declares_type else collector.found
