"""Dates and orientation in XMP (ISO 16684-1), read with expat and without building a tree."""

from xml.parsers import expat

from album.plain_text import plain_text

MAX_PACKET = 16 << 20

_NAMESPACES = {
    "http://ns.adobe.com/exif/1.0/": "exif",
    "http://ns.adobe.com/photoshop/1.0/": "photoshop",
    "http://ns.adobe.com/tiff/1.0/": "tiff",
    "http://ns.adobe.com/xap/1.0/": "xmp",
}
DATES = (
    "exif:DateTimeOriginal",
    "photoshop:DateCreated",
    "xmp:CreateDate",
    "exif:DateTimeDigitized",
)
"""Properties that say when a photo was taken, best first. Not those of its last change."""
GPS_TIME = "exif:GPSTimeStamp"
ORIENTATION = "tiff:Orientation"
NAMES = frozenset((*DATES, GPS_TIME, ORIENTATION))


class _Hostile(Exception):  # noqa: N818 - never leaves this module
    """The packet declares a document type, which XMP never does and attacks do."""


class _Collector:
    """Expat handlers that keep the properties of `NAMES`, as attributes or as elements."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self._open = ""
        self._text = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        for key, value in attributes.items():
            self._keep(_short(key), value)
        self._open, self._text = _short(name), ""

    def end(self, name: str) -> None:
        if _short(name) == self._open:
            self._keep(self._open, self._text)
        self._open = ""

    def text(self, data: str) -> None:
        if self._open in NAMES and len(self._text) < 64:
            self._text += data

    def doctype(self, *_: object) -> None:
        raise _Hostile

    def _keep(self, name: str, text: str) -> None:
        if name in NAMES and (kept := plain_text(text, 64)):
            self.found.setdefault(name, kept)


def read_properties(packet: bytes) -> dict[str, str]:
    """Return the text of the properties of `NAMES` in an XMP packet. Never raises.

    A packet that breaks off gives what was read until then.
    """
    collector = _Collector()
    if not packet or len(packet) > MAX_PACKET:
        return {}
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = collector.start
    parser.EndElementHandler = collector.end
    parser.CharacterDataHandler = collector.text
    parser.StartDoctypeDeclHandler = collector.doctype
    try:
        parser.Parse(packet.strip(b"\0"), True)
    except expat.ExpatError:
        pass
    except _Hostile:
        return {}
    return collector.found


def _short(name: str) -> str:
    namespace, _, local = name.rpartition(" ")
    return f"{_NAMESPACES.get(namespace, '')}:{local}"
