"""Which files get which tags: from what the library says of people to what a file should say."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path, PurePath

from album.errors import MediaError
from album.files.kinds import read_kind
from album.files.scan import is_under
from album.people.labels import file_label
from album.plain_text import plain_text
from album.tags.edit import DesiredTags
from album.tags.regions import Region, from_upright, same_place
from album.tags.replacing import EMBEDDABLE
from db.library import Library
from db.photos.files import known_files
from db.tags.tagged import TaggableRow, TaggedRow, taggable

STYLES = ("full", "adobe")
"""``photo.jpg.xmp``, as digiKam, darktable and Immich have it; ``photo.xmp``, as Adobe has it."""


@dataclass(frozen=True, slots=True)
class TagOptions:
    """What to write, and where.

    Attributes
    ----------
    embed : bool
        Into photos that can carry it, and into sidecars that are there already.
    style : str
        One of `STYLES`: how sidecars are named.
    iptc : bool
        With IPTC's image regions, too.
    everyone : bool
        With people who have no name, as ``person-12``, and with those whom the user has hidden.
    remove : bool
        Take away what was written.
    dry_run : bool
        Only tell what would change.
    """

    embed: bool = False
    style: str = STYLES[0]
    iptc: bool = False
    everyone: bool = False
    remove: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """One file that tags are in, or should be.

    Attributes
    ----------
    path : str
        A sidecar or, where `embedded`, a photo.
    wanted : DesiredTags
    photo : bool
        The library knows a present photo for it.
    content_hash, picture, size, mtime_ns : str, str or None, int, int
        Of the photo, as the library knows it; only where `embedded`.
    """

    path: str
    wanted: DesiredTags
    embedded: bool = False
    photo: bool = True
    content_hash: str = ""
    picture: str | None = None
    size: int = 0
    mtime_ns: int = 0


def targets(
    library: Library,
    roots: Sequence[str],
    options: TagOptions,
    rows: Mapping[str, TaggedRow],
) -> list[Target]:
    """Return the files to look at, by path.

    These are the places where tags should be now, and all in which this program wrote earlier.
    """
    found: dict[str, Target] = {}
    for _, faces in groupby(taggable(library, roots), key=lambda row: row.path):
        for target in _of_photo(list(faces), options, rows):
            other = found.get(target.path)
            found[target.path] = target if other is None else _together(other, target)
    for path in rows:
        if path not in found and (not roots or any(is_under(path, root) for root in roots)):
            found[path] = _left_over(library, path)
    return [found[path] for path in sorted(found)]


def _of_photo(
    faces: Sequence[TaggableRow], options: TagOptions, rows: Mapping[str, TaggedRow]
) -> Iterable[Target]:
    first = faces[0]
    wanted = DesiredTags() if options.remove else wanted_of(faces, options)
    full, adobe = _sidecars(first.path)
    sidecar = adobe if options.style == "adobe" else full
    embed = options.embed and first.kind == "image" and _carries(first.path)
    places = [sidecar]
    if embed:
        places = [first.path, *(p for p in (full, adobe) if Path(p).exists())]
    if not wanted.names:
        places = []
    places += [place for place in (first.path, full, adobe) if place in rows]
    for place in dict.fromkeys(places):
        if place == first.path:
            yield _photo_target(first, wanted)
        else:
            yield Target(place, wanted)


def _photo_target(row: TaggableRow, wanted: DesiredTags) -> Target:
    return Target(
        row.path,
        wanted,
        embedded=True,
        content_hash=row.content_hash,
        picture=row.picture,
        size=row.size,
        mtime_ns=row.mtime_ns,
    )


def _sidecars(path: str) -> tuple[str, str]:
    """Return the names of both styles; bytes that are no UTF-8 stay as they are."""
    return f"{path}.xmp", os.fspath(PurePath(path).with_suffix(".xmp"))


def _carries(path: str) -> bool:
    try:
        return read_kind(path) in EMBEDDABLE
    except MediaError:
        return True  # and the reason is told where it is opened


def wanted_of(faces: Sequence[TaggableRow], options: TagOptions) -> DesiredTags:
    """Return what the tags of one file should say about its faces."""
    regions = []
    for row in faces:
        name = _name(row, options)
        if name:
            box = from_upright(row.box, row.upright, row.orientation)
            regions.append(Region(name, box))
    names = tuple(dict.fromkeys(region.name for region in regions))
    if faces[0].kind == "clip":
        return DesiredTags(names=names)
    sound = tuple(r for r in regions if r.box[2] > r.box[0] and r.box[3] > r.box[1])
    return DesiredTags(sound, names, faces[0].stored, options.iptc)


def _name(row: TaggableRow, options: TagOptions) -> str:
    if row.hidden and not options.everyone:
        return ""
    name = file_label(row.person_id, row.name) if options.everyone else row.name or ""
    return plain_text(name)  # XML can't hold control characters


def _together(a: Target, b: Target) -> Target:
    """Join what two photos want of one sidecar: a raw photo and the JPEG beside it."""
    faces = list(a.wanted.faces)
    faces += [r for r in b.wanted.faces if not any(same_place(r.box, one.box) for one in faces)]
    names = tuple(dict.fromkeys((*a.wanted.names, *b.wanted.names)))
    size = a.wanted.size or b.wanted.size
    wanted = DesiredTags(tuple(faces), names, size, a.wanted.iptc or b.wanted.iptc)
    return replace(a, wanted=wanted)


def _left_over(library: Library, path: str) -> Target:
    """Return a file in which something was written of people who are not in it any more."""
    if path.lower().endswith(".xmp"):
        return Target(path, DesiredTags(), photo=False)
    known = known_files(library, [path]).get(path)
    if known is None:
        return Target(path, DesiredTags(), True, photo=False)
    photo = known.photo_id is not None and not known.gone
    return Target(
        path,
        DesiredTags(),
        embedded=True,
        photo=photo,
        content_hash=known.content_hash or "",
        picture=known.picture,
        size=known.size,
        mtime_ns=known.mtime_ns,
    )
