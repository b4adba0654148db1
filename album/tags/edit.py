"""Bringing a packet up to date: what is wanted, without touching anything that others wrote."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lxml import etree

from album import __version__
from album.metadata import xmp
from album.metadata.xmp import Element, name
from album.tags import read
from album.tags.marks import REGIONS, Mark, Written, digest, near
from album.tags.regions import Region, centred, same_place
from album.tags.schemes import SCHEMES, Scheme, child, structure

TEXTS = {
    "Iptc4xmpExt:PersonInImage": ("rdf:Bag", ""),
    "dc:subject": ("rdf:Bag", ""),
    "lr:hierarchicalSubject": ("rdf:Bag", "|"),
    "digiKam:TagsList": ("rdf:Seq", "/"),
}
"""Lists of names: kind of array, and what separates a name from ``People`` in front of it."""
PARENT = "People"
EMPTY = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
    f'<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="album-people {__version__}">\n'
    ' <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n'
    " </rdf:RDF>\n</x:xmpmeta>\n"
    '<?xpacket end="w"?>'
).encode()
_ABOUT = name("rdf:about")
_PREFIXES = {key: uri for key, uri in xmp.NAMESPACES.items() if key not in ("x", "xmpNote")}


@dataclass(frozen=True, slots=True)
class DesiredTags:
    """What the tags of one file should say.

    Attributes
    ----------
    faces : tuple of Region
        Each with a name.
    names : tuple of str
        Of everybody in it, each once; also of a clip, which has no regions.
    size : tuple of int or None
        Of the stored picture.
    iptc : bool
        With IPTC's regions, too.
    keep : frozenset of str
        Further names that stay where this program wrote them.
    why : mapping of str to str
        Why a name is taken out, by its digest; only for those who read the changes.
    """

    faces: tuple[Region, ...] = ()
    names: tuple[str, ...] = ()
    size: tuple[int, int] | None = None
    iptc: bool = False
    keep: frozenset[str] = frozenset()
    why: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Edit:
    """One packet (with extended XMP two trees) while it is brought up to date."""

    trees: Sequence[Element]
    wanted: DesiredTags
    before: Written
    after: Written = field(default_factory=Written)
    changes: list[str] = field(default_factory=list)
    _new: Element | None = None

    def description(self) -> Element:
        """Return the description that holds what is new."""
        if self._new is None:
            rdf = self.trees[0]
            others = xmp.descriptions(rdf)
            about = others[0].get(_ABOUT, "") if others else ""
            self._new = etree.SubElement(
                rdf, name("rdf:Description"), {_ABOUT: about}, nsmap=_PREFIXES
            )
        return self._new

    def reason(self, text: str) -> str:
        """Return why a name is taken out, in brackets; empty where that is not known."""
        why = self.wanted.why.get(digest(text), "")
        return f" ({why})" if why else ""

    def finish(self) -> None:
        """Indent what is new, and declare only the prefixes that it uses."""
        if self._new is not None:
            rdf = self.trees[0]
            etree.cleanup_namespaces(self._new)
            etree.indent(self._new, " ", level=2)
            others = list(rdf)
            if len(others) > 1:
                others[-2].tail = (others[-2].tail or "").rstrip(" ") + "  "
            else:
                rdf.text = "\n  "
            self._new.tail = "\n "


def edit(
    trees: Sequence[Element], wanted: DesiredTags, before: Written
) -> tuple[Written, tuple[str, ...]]:
    """Change the trees of a file's packets so that they say what is wanted.

    Parameters
    ----------
    trees : sequence of Element
        The ``rdf:RDF`` of each packet; the first takes what is new. Changed in place.
    wanted : DesiredTags
    before : Written
        What this program wrote earlier: only that is ever removed or changed.

    Returns
    -------
    Written
        What is in the trees now and was written by this program.
    tuple of str
        The changes, as ``+ face Anna`` and ``- keyword People|Anna``; empty when nothing changed.
    """
    work = _Edit(trees, wanted, before)
    for key in REGIONS:
        skipped = key == "iptc" and not (wanted.iptc or before.regions.get(key))
        asked = () if skipped else wanted.faces
        _edit_regions(work, key, SCHEMES[key], asked)
    for prop, (kind, separator) in TEXTS.items():
        _edit_texts(work, prop, kind, separator)
    if any(change.startswith("- mwg region") for change in work.changes):
        _take_out_dimensions(trees)
    work.after.sized = work.after.sized or before.sized
    if work.after.sized and not work.after.regions["mwg"]:
        _take_out_size(trees)
        work.after.sized = False
    work.finish()
    return work.after, tuple(work.changes)


def _placed(text: str, separator: str) -> str:
    """Return a name as a keyword below `PARENT`; the separator can't be part of a name."""
    return f"{PARENT}{separator}{text.replace(separator, '-')}" if separator else text


def _edit_regions(work: _Edit, key: str, scheme: Scheme, asked: Iterable[Region]) -> None:
    mine, named = work.before.regions.get(key, []), work.before.named.get(key, [])
    left = list(asked)
    kept: list[Mark] = []
    named_now: list[Mark] = []
    old: list[tuple[Element, Region]] = []
    for item in [item for rdf in work.trees for item in scheme.items(rdf)]:
        region = scheme.region(item)
        if region is None or not region.is_face:
            continue
        if any(mark.fits(region) for mark in mine):
            fit = next((one for one in left if _is_same(one, region)), None)
            if fit is None and region.name not in work.wanted.keep:
                old.append((item, region))
            else:
                kept.append(Mark.of(region))
        else:
            fit = next((one for one in left if same_place(one.box, region.box)), None)
            if not region.name or any(mark.fits(region) for mark in named):
                named_now += _name_foreign(work, key, (item, region), fit)
        left = [one for one in left if one is not fit]
    for item, region in old:
        work.changes.append(f"- {key} region {_said(region)}{work.reason(region.name)}")
        _take_out(item)
    work.after.regions[key] = kept + _add_regions(work, key, scheme, left)
    work.after.named[key] = named_now


def _is_same(wanted: Region, region: Region) -> bool:
    return wanted.name == region.name and near(wanted.box, region.box)


def _name_foreign(
    work: _Edit, key: str, found: tuple[Element, Region], fit: Region | None
) -> list[Mark]:
    """Give a region of others a name where it has none but this program's; return its mark."""
    item, region = found
    prop = SCHEMES[key].name
    if prop is None:
        return []
    text = fit.name if fit else region.name if region.name in work.wanted.keep else ""
    if text != region.name:
        _set_name(item, prop, text)
        old = f"- {key} name {region.name}{work.reason(region.name)}"
        said = [old] if region.name else []
        work.changes += [*said, *([f"+ {key} name {text}"] if text else [])]
    return [Mark(digest(text), region.box)] if text else []


def _said(region: Region) -> str:
    return f"{region.name} ({', '.join(f'{v:.3f}' for v in centred(region.box))})"


def _set_name(item: Element, prop: str, text: str) -> None:
    """Give an item a name, or take it away, in the form that the item has."""
    inner = item.find(name("rdf:Description"))
    for place in (item, inner):
        if place is None:
            continue
        place.attrib.pop(name(prop), None)
        for element in place.findall(name(prop)):
            _take_out(element)
    if not text:
        return
    holder = item if inner is None else inner
    if inner is None and item.get(name("rdf:parseType")) != "Resource":
        holder.set(name(prop), text)
    else:
        child(holder, prop, text)


def _add_regions(work: _Edit, key: str, scheme: Scheme, regions: Sequence[Region]) -> list[Mark]:
    if not regions:
        return []
    bag = _region_list(work, scheme)
    made = [structure(bag, "rdf:li") for _ in regions]
    for item, region in zip(made, regions, strict=True):
        scheme.fill(item, region)
        work.changes.append(f"+ {key} region {_said(region)}")
    return [Mark.of(region) for region in regions]


def _region_list(work: _Edit, scheme: Scheme) -> Element:
    """Return the list of regions, made if need be, with the size that they refer to."""
    found = _elements(work.trees, scheme.holder)
    if scheme.array is None:
        holder = found[0] if found else child(work.description(), scheme.holder)
        return _array(holder, "rdf:Bag")
    holder = found[0] if found else structure(work.description(), scheme.holder)
    inner = holder.find(name("rdf:Description"))
    inside = holder if inner is None else inner
    if scheme.holder == "mwg-rs:Regions" and work.wanted.size:
        added = _add_dimensions(holder, inside, work.wanted.size)
        work.after.sized = bool(found) and added
    listed = xmp.field(holder, scheme.array)
    if listed is None or isinstance(listed, str):
        listed = child(inside, scheme.array)
    return _array(listed, "rdf:Bag")


def _add_dimensions(holder: Element, inside: Element, size: tuple[int, int]) -> bool:
    """Say which size regions refer to, where nobody has: some programs want it."""
    if xmp.field(holder, "mwg-rs:AppliedToDimensions") is not None:
        return False
    applied = structure(inside, "mwg-rs:AppliedToDimensions")
    for side, pixels in zip("wh", size, strict=True):
        child(applied, f"stDim:{side}", str(pixels))
    child(applied, "stDim:unit", "pixel")
    return True


def _elements(trees: Sequence[Element], prop: str) -> list[Element]:
    found = (value for rdf in trees for value in xmp.properties(rdf, prop))
    return [value for value in found if not isinstance(value, str)]


def _array(prop: Element, kind: str) -> Element:
    found = xmp.array(prop)
    return child(prop, kind) if found is None else found


def _edit_texts(work: _Edit, prop: str, kind: str, separator: str) -> None:
    asked = [_placed(one, separator) for one in work.wanted.names]
    staying = {*asked, *(_placed(one, separator) for one in work.wanted.keep)}
    mine = set(work.before.texts.get(prop, ()))
    arrays = [a for p in _elements(work.trees, prop) if (a := xmp.array(p)) is not None]
    kept: list[str] = []
    there: set[str] = set()
    for item in [item for array in arrays for item in array.findall(name("rdf:li"))]:
        text = xmp.text(item)
        if digest(text) not in mine:
            there.add(text)
        elif text in staying:
            there.add(text)
            kept.append(digest(text))
        else:
            name_in_it = text.rpartition(separator)[2] if separator else text
            work.changes.append(f"- {prop} {text}{work.reason(name_in_it)}")
            _take_out(item)
    there.update(text for rdf in work.trees for text in _single(rdf, prop))
    for text in asked:
        if text not in there:
            there.add(text)
            child(_text_array(work, prop, kind), "rdf:li", text)
            kept.append(digest(text))
            work.changes.append(f"+ {prop} {text}")
    work.after.texts[prop] = kept


def _single(rdf: Element, prop: str) -> Iterator[str]:
    """Yield the value of a property that should be a list and is a text."""
    for value in xmp.properties(rdf, prop):
        if isinstance(value, str) or xmp.array(value) is None:
            yield xmp.text(value)


def _text_array(work: _Edit, prop: str, kind: str) -> Element:
    """Return the list, made if need be; a single text becomes its first item."""
    for element in _elements(work.trees, prop):
        found = xmp.array(element)
        if found is None:
            text, element.text = xmp.text(element), None
            found = child(element, kind)
            if text:
                child(found, "rdf:li", text)
        return found
    attributes = [d for rdf in work.trees for d in xmp.descriptions(rdf) if d.get(name(prop))]
    made = child(child(work.description(), prop), kind)
    for description in attributes:
        child(made, "rdf:li", description.attrib.pop(name(prop)))
    return made


def _take_out(item: Element) -> None:
    """Remove an element, and what is empty without it: list, property and description."""
    parent = item.getparent()
    if parent is None:
        return
    previous = item.getprevious()
    if item.getnext() is None:  # the closing tag of the parent stays where it was
        if previous is not None:
            previous.tail = item.tail
        else:
            parent.text = item.tail
    item.tail = None
    parent.remove(item)
    if len(parent) or parent.tag == name("rdf:RDF"):
        return
    is_list = parent.tag in (name("rdf:Bag"), name("rdf:Seq"), name("rdf:Alt"))
    bare = all(key in (_ABOUT, name("rdf:parseType")) for key in parent.attrib)
    if is_list or (bare and not (parent.text or "").strip()):
        _take_out(parent)


def is_empty(trees: Iterable[Element]) -> bool:
    """Tell whether packets hold no property at all."""
    return not any(
        len(description) or any(key != _ABOUT for key in description.attrib)
        for rdf in trees
        for description in xmp.descriptions(rdf)
    )


def _take_out_dimensions(trees: Sequence[Element]) -> None:
    """Take out AppliedToDimensions where no MWG region is left for it."""
    for rdf in trees:
        if not list(read.mwg_items(rdf)):
            for holder in _elements([rdf], "mwg-rs:Regions"):
                _take_out(holder)


def _take_out_size(trees: Sequence[Element]) -> None:
    """Take out AppliedToDimensions that this program added to regions of others."""
    for holder in _elements(trees, "mwg-rs:Regions"):
        size = xmp.field(holder, "mwg-rs:AppliedToDimensions")
        if size is not None and not isinstance(size, str):
            _take_out(size)
