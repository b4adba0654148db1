"""The three ways of writing regions: of the Metadata Working Group, of Microsoft, of the IPTC."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lxml import etree

from album.metadata import xmp
from album.metadata.xmp import Element, name
from album.tags import read
from album.tags.regions import Region, centred, cornered, from_cornered

_RESOURCE = {name("rdf:parseType"): "Resource"}
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_HUMAN = "http://cv.iptc.org/newscodes/imageregiontype/human"


@dataclass(frozen=True, slots=True)
class Scheme:
    """One convention.

    Attributes
    ----------
    holder : str
        The property that holds the regions.
    array : str or None
        The field of it that is the list; None where it is the list itself.
    items : callable
        Yields the items below an ``rdf:RDF``.
    region : callable
        Reads an item; None where it makes no sense.
    fill : callable
        Writes a region into an empty item.
    name : str or None
        The field that holds the name, where a name may be given to a region of others.
    """

    holder: str
    array: str | None
    items: Callable[[Element], Iterator[Element]]
    region: Callable[[Element], Region | None]
    fill: Callable[[Element, Region], None]
    name: str | None


def number(value: float) -> str:
    """Return a number between 0 and 1 with six digits at most."""
    return f"{value:.6f}".rstrip("0").rstrip(".") or "0"


def child(parent: Element, prefixed: str, text: str | None = None) -> Element:
    """Add an element."""
    element = etree.SubElement(parent, name(prefixed))
    element.text = text
    return element


def structure(parent: Element, prefixed: str) -> Element:
    """Add an element whose children are fields."""
    return etree.SubElement(parent, name(prefixed), _RESOURCE)


def _fill_mwg(item: Element, region: Region) -> None:
    area = structure(item, "mwg-rs:Area")
    for key, value in zip("xywh", centred(region.box), strict=True):
        child(area, f"stArea:{key}", number(value))
    child(area, "stArea:unit", "normalized")
    child(item, "mwg-rs:Name", region.name)
    child(item, "mwg-rs:Type", "Face")


def _fill_mp(item: Element, region: Region) -> None:
    child(item, "MPReg:Rectangle", ", ".join(map(number, cornered(region.box))))
    child(item, "MPReg:PersonDisplayName", region.name)


def _fill_iptc(item: Element, region: Region) -> None:
    """Write a region as the IPTC Photo Metadata Standard 2019.1 has it."""
    boundary = structure(item, "Iptc4xmpExt:RegionBoundary")
    child(boundary, "Iptc4xmpExt:rbShape", "rectangle")
    child(boundary, "Iptc4xmpExt:rbUnit", "relative")
    for key, value in zip("XYWH", cornered(region.box), strict=True):
        child(boundary, f"Iptc4xmpExt:rb{key}", number(value))
    _alternative(item, region.name)
    kind = structure(child(child(item, "Iptc4xmpExt:rCtype"), "rdf:Bag"), "rdf:li")
    _alternative(kind, "human")
    child(child(child(kind, "xmp:Identifier"), "rdf:Bag"), "rdf:li", _HUMAN)


def _alternative(parent: Element, text: str) -> None:
    item = child(child(child(parent, "Iptc4xmpExt:Name"), "rdf:Alt"), "rdf:li", text)
    item.set(_LANGUAGE, "x-default")


def _iptc_items(rdf: Element) -> Iterator[Element]:
    for prop in xmp.properties(rdf, "Iptc4xmpExt:ImageRegion"):
        yield from xmp.items(prop)


def _iptc_region(item: Element) -> Region | None:
    boundary = xmp.field(item, "Iptc4xmpExt:RegionBoundary")
    if boundary is None or isinstance(boundary, str):
        return None
    try:
        numbers = [float(xmp.text_field(boundary, f"Iptc4xmpExt:rb{key}")) for key in "XYWH"]
    except ValueError:
        return None
    names = xmp.items(xmp.field(item, "Iptc4xmpExt:Name"))
    box = from_cornered(*numbers)
    return Region(xmp.text(names[0]) if names else "", box) if box else None


SCHEMES = {
    "mwg": Scheme(
        *("mwg-rs:Regions", "mwg-rs:RegionList", read.mwg_items, read.mwg_region),
        *(_fill_mwg, "mwg-rs:Name"),
    ),
    "mp": Scheme(
        *("MP:RegionInfo", "MPRI:Regions", read.mp_items, read.mp_region),
        *(_fill_mp, "MPReg:PersonDisplayName"),
    ),
    "iptc": Scheme("Iptc4xmpExt:ImageRegion", None, _iptc_items, _iptc_region, _fill_iptc, None),
}
"""By the name under which `album.tags.marks` remembers what was written."""
