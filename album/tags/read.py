"""Reading faces and names out of XMP packets."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from album.metadata import xmp
from album.metadata.xmp import Element
from album.tags.regions import Box, Region, from_centred, from_cornered

MAX_REGIONS = 10_000


@dataclass(frozen=True, slots=True)
class Tags:
    """What the metadata of one file, or its sidecar, say about who is in the picture.

    Attributes
    ----------
    mwg : tuple of Region
        Of the Metadata Working Group, as digiKam, Lightroom and Picasa write them.
    mp : tuple of Region
        Microsoft's, as Windows Photo Gallery wrote them.
    applied_to : tuple of int or None
        Width and height for which the MWG regions were made. Some programs turn them with the
        orientation, others do not, so that only a change of their ratio says that a picture was
        cropped.
    people : tuple of str
        Iptc4xmpExt:PersonInImage.
    keywords : tuple of str
        dc:subject.
    hierarchical : tuple of str
        lr:hierarchicalSubject, ``People|Anna``.
    tags_list : tuple of str
        digiKam:TagsList, ``People/Anna``.
    """

    mwg: tuple[Region, ...] = ()
    mp: tuple[Region, ...] = ()
    applied_to: tuple[int, int] | None = None
    people: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    hierarchical: tuple[str, ...] = ()
    tags_list: tuple[str, ...] = ()

    @property
    def regions(self) -> tuple[Region, ...]:
        """The MWG regions; Microsoft's where there are none."""
        return self.mwg or self.mp

    @property
    def faces(self) -> tuple[Region, ...]:
        """Those regions that are somebody's face."""
        return tuple(region for region in self.regions if region.is_face)

    def __bool__(self) -> bool:
        listed = self.people or self.keywords or self.hierarchical or self.tags_list
        return bool(self.regions or listed)


def read(packets: Iterable[bytes]) -> Tags:
    """Read the packets of one file: one, or with JPEG's extended XMP two.

    Raises
    ------
    album.metadata.xmp.BadPacket
        When one of them makes no sense.
    """
    trees = [xmp.parse(packet) for packet in packets]
    return Tags(
        tuple(region for rdf in trees for region in mwg_regions(rdf)),
        tuple(region for rdf in trees for region in mp_regions(rdf)),
        next((size for rdf in trees if (size := applied_to(rdf))), None),
        _texts(trees, "Iptc4xmpExt:PersonInImage"),
        _texts(trees, "dc:subject"),
        _texts(trees, "lr:hierarchicalSubject"),
        _texts(trees, "digiKam:TagsList"),
    )


def _texts(trees: Iterable[Element], prefixed: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for rdf in trees for text in xmp.texts(rdf, prefixed)))


def mwg_regions(rdf: Element) -> list[Region]:
    """Return the MWG regions that have a place, in their order."""
    size = applied_to(rdf)
    return [region for item in mwg_items(rdf) if (region := mwg_region(item, size))]


def mwg_items(rdf: Element) -> Iterator[Element]:
    """Yield the items of all MWG region lists."""
    yield from _listed(rdf, "mwg-rs:Regions", "mwg-rs:RegionList")


def mp_regions(rdf: Element) -> list[Region]:
    """Return Microsoft's regions that have a place, in their order."""
    return [region for item in mp_items(rdf) if (region := mp_region(item))]


def mp_items(rdf: Element) -> Iterator[Element]:
    """Yield the items of all of Microsoft's region lists."""
    yield from _listed(rdf, "MP:RegionInfo", "MPRI:Regions")


def _listed(rdf: Element, holder: str, array: str) -> Iterator[Element]:
    for prop in xmp.properties(rdf, holder):
        if not isinstance(prop, str):
            yield from xmp.items(xmp.field(prop, array))[:MAX_REGIONS]


def applied_to(rdf: Element) -> tuple[int, int] | None:
    """Return the size in pixels for which the MWG regions were made, where it is said."""
    for prop in xmp.properties(rdf, "mwg-rs:Regions"):
        size = None if isinstance(prop, str) else xmp.field(prop, "mwg-rs:AppliedToDimensions")
        if size is None or isinstance(size, str):
            continue
        width, height = (_number(xmp.text_field(size, f"stDim:{side}")) for side in "wh")
        if width and height and 0 < width < 1e6 and 0 < height < 1e6:
            return round(width), round(height)
    return None


def mwg_region(item: Element, size: tuple[int, int] | None = None) -> Region | None:
    """Return the region of one item of an MWG list; None where its place makes no sense."""
    area = xmp.field(item, "mwg-rs:Area")
    box = None if area is None or isinstance(area, str) else _area(area, size)
    if box is None:
        return None
    return Region(
        xmp.text_field(item, "mwg-rs:Name"),
        box,
        xmp.text_field(item, "mwg-rs:Type"),
        _number(xmp.text_field(item, "mwg-rs:Rotation")) or 0.0,
    )


def mp_region(item: Element) -> Region | None:
    """Return the region of one item of Microsoft's list; None where it has no sound place."""
    parts = xmp.text_field(item, "MPReg:Rectangle").split(",")
    numbers = [value for part in parts if (value := _number(part)) is not None]
    if len(parts) != 4 or len(numbers) != 4:
        return None
    box = from_cornered(*numbers)
    return Region(xmp.text_field(item, "MPReg:PersonDisplayName"), box) if box else None


def _area(area: Element, size: tuple[int, int] | None) -> Box | None:
    """Return the place of an stArea structure: a rectangle by its middle, or a circle.

    A circle's diameter is relative to the shorter side (MWG 2.0, 5.9.2), which only the size tells;
    without one the picture counts as square.
    """
    x, y, w, h, d = (_number(xmp.text_field(area, f"stArea:{key}")) for key in "xywhd")
    width, height = size or (1, 1)
    if d is not None and (w is None or h is None):
        shorter = min(width, height)
        w, h = d * shorter / width, d * shorter / height
    if x is None or y is None or w is None or h is None:
        return None
    if xmp.text_field(area, "stArea:unit").casefold().startswith("pixel"):
        if size is None:
            return None
        x, y, w, h = x / width, y / height, w / width, h / height
    return from_centred(x, y, w, h)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
