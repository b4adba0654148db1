"""XMP packets (ISO 16684-1) as trees that keep everything that is in them.

lxml keeps order, comments, prefixes and namespaces that nobody here knows. A packet is looked at
before it is parsed: XMP never declares a document type, and attacks need one.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

from lxml import etree

MAX_PACKET = 16 << 20
"""Bytes; the largest packets that are known, with the history of a retouched picture, are 5 MB."""

NAMESPACES = {
    "x": "adobe:ns:meta/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "mwg-rs": "http://www.metadataworkinggroup.com/schemas/regions/",
    "stArea": "http://ns.adobe.com/xmp/sType/Area#",
    "stDim": "http://ns.adobe.com/xap/1.0/sType/Dimensions#",
    "MP": "http://ns.microsoft.com/photo/1.2/",
    "MPRI": "http://ns.microsoft.com/photo/1.2/t/RegionInfo#",
    "MPReg": "http://ns.microsoft.com/photo/1.2/t/Region#",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpNote": "http://ns.adobe.com/xmp/note/",
}
_ALIASES = {
    # Written by old versions of Windows and of this and that program without the final slash.
    "MP": "http://ns.microsoft.com/photo/1.2",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-19/",
}

Element = Any
"""An element of lxml; a property, a structure or an item."""


class BadPacket(ValueError):  # noqa: N818 - what it says, as those of album.errors
    """A packet that is not XMP, or that no careful program opens; `str` of it says why."""


@cache
def name(prefixed: str) -> str:
    """Return ``{namespace}local`` for ``prefix:local``."""
    prefix, _, local = prefixed.partition(":")
    return f"{{{NAMESPACES[prefix]}}}{local}"


@cache
def _names(prefixed: str) -> tuple[str, ...]:
    prefix, _, local = prefixed.partition(":")
    other = _ALIASES.get(prefix)
    return (name(prefixed), f"{{{other}}}{local}") if other else (name(prefixed),)


def checked(packet: bytes) -> bytes:
    """Return a packet without the padding around it.

    Raises
    ------
    BadPacket
        It is too large, or declares a document type.
    """
    if len(packet) > MAX_PACKET:
        raise BadPacket(f"{len(packet):,} bytes")
    if b"<!DOCTYPE" in packet.replace(b"\0", b""):
        raise BadPacket("it declares a document type")
    if b"\0" not in packet[:4] and not packet.startswith((b"\xff\xfe", b"\xfe\xff")):
        packet = packet.strip(b"\0 \t\r\n")
    return packet


def parser(target: object = None) -> Any:
    """Return a parser that opens nothing but the packet: no entity, no document type, no address.

    Parameters
    ----------
    target : object, optional
        Takes the events of lxml's parser target interface; None builds a tree.
    """
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, target=target)


def parse(packet: bytes) -> Element:
    """Return the ``rdf:RDF`` element of a packet.

    Raises
    ------
    BadPacket
        It is too large, no XML, no XMP, or declares a document type.
    """
    try:
        root = etree.fromstring(checked(packet), parser())
    except (etree.XMLSyntaxError, LookupError, ValueError) as error:
        raise BadPacket(str(error).split("(<string>")[0].strip() or "it is no XML") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise BadPacket("it declares a document type")
    rdf = root if root.tag == name("rdf:RDF") else root.find(f".//{name('rdf:RDF')}")
    if rdf is None:
        raise BadPacket("it holds no rdf:RDF")
    return rdf


def serialise(rdf: Element) -> bytes:
    """Return the packet that an element belongs to, as UTF-8, with what stood around it."""
    tree = rdf.getroottree()
    declared = tree.docinfo.standalone is not None
    data: bytes = etree.tostring(tree, encoding="UTF-8", xml_declaration=declared or None)
    return data + b"\n"


def descriptions(rdf: Element) -> list[Element]:
    """Return the ``rdf:Description`` elements, which hold the properties."""
    return list(rdf.findall(name("rdf:Description")))


def field(holder: Element, prefixed: str) -> Element | str | None:
    """Return a property of a description, or a field of a structure.

    All forms are understood: an element, an attribute, either of them in an ``rdf:Description``
    of their own within the structure.
    """
    for place in (holder, *holder.findall(name("rdf:Description"))):
        for full in _names(prefixed):
            value = place.get(full)
            if value is None:
                value = place.find(full)
            if value is not None:
                return value
    return None


def text_field(holder: Element, prefixed: str) -> str:
    """Return the text of a field, stripped; empty where there is none."""
    return text(field(holder, prefixed))


def text(value: Element | str | None) -> str:
    """Return the text of an attribute, an element or an item, stripped."""
    if value is None or isinstance(value, str):
        return (value or "").strip()
    if len(value):
        qualified = field(value, "rdf:value")
        if qualified is not None:
            return text(qualified)
        return str(value.xpath("string()")).strip()
    return (value.text or value.get(name("rdf:resource")) or "").strip()


def array(prop: Element | str | None) -> Element | None:
    """Return the ``rdf:Bag``, ``rdf:Seq`` or ``rdf:Alt`` of a property; None without one."""
    if prop is None or isinstance(prop, str):
        return None
    for kind in ("rdf:Bag", "rdf:Seq", "rdf:Alt"):
        found = prop.find(name(kind))
        if found is not None:
            return found
    return None


def items(prop: Element | str | None) -> list[Element]:
    """Return the ``rdf:li`` elements of an array; none where it is no array."""
    found = array(prop)
    return [] if found is None else list(found.findall(name("rdf:li")))


def properties(rdf: Element, prefixed: str) -> Iterator[Element | str]:
    """Yield a property wherever it stands: once in a sound packet."""
    for description in descriptions(rdf):
        for full in _names(prefixed):
            value = description.get(full)
            if value is None:
                value = description.find(full)
            if value is not None:
                yield value


def texts(rdf: Element, prefixed: str) -> list[str]:
    """Return the texts of an array of texts, each once; a single text counts as an array of one."""
    found: dict[str, None] = {}
    for prop in properties(rdf, prefixed):
        values = items(prop) if array(prop) is not None else [prop]
        found.update((text(value), None) for value in values)
    return [value for value in found if value]


def bytes_of(element: Element) -> bytes:
    """Return an element as text, without what follows it."""
    data: bytes = etree.tostring(element, with_tail=False)
    return data


def add_description(rdf: Element, like: Element) -> Element:
    """Add a description of the same resource as another one."""
    about = name("rdf:about")
    return etree.SubElement(rdf, name("rdf:Description"), {about: like.get(about, "")})
