"""The workflow of `album import-tags`: read tags, match regions with faces, decide, store.

What it does to people is one change of the journal. Files are read in threads; nets run only for
regions in which no face is known.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from album.analysis.region_faces import Described, describe_regions
from album.errors import AlbumError, MissingFolder, NotIndexed, one_file, shown
from album.events import ImportReport, TagsImported, TagsRead, TagsToRead, TagsUnread
from album.metadata.regular_files import is_missing
from album.tags.importing import names as spelled
from album.tags.importing.decide import Claim
from album.tags.importing.own import OwnTags
from album.tags.importing.read import PhotoTags, TaggedFace, in_pixels, read_photo
from album.tags.importing.store import Found, store
from db.library import Library
from db.photos.added_faces import IMPORTED
from db.photos.forgotten import forgotten_boxes
from db.photos.hints import save_hints
from db.photos.matching import match_boxes, same_faces
from db.tags.imports import (
    PlacedBox,
    TaggedPhoto,
    boxes_in,
    present_photos,
)
from nets.engine import Engine

SMALLEST = 12
"""Pixels of the upright photo that a region needs to be looked at."""

Event = TagsToRead | TagsRead | TagsUnread | TagsImported


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How to import.

    Attributes
    ----------
    jobs : int
        Files that are read at the same time.
    dry_run : bool
        Only tell what would be done. No net runs: regions without a known face are counted, not
        looked at.
    """

    jobs: int = os.cpu_count() or 1
    dry_run: bool = False


@dataclass(slots=True)
class _Matched:
    """Tags that were matched with the faces of their photos.

    Attributes
    ----------
    claims : list of Claim
        Names of known faces.
    open : list of tuple
        Photos with faces that only the tags know of.
    """

    claims: list[Claim] = field(default_factory=list)
    open: list[tuple[PhotoTags, list[TaggedFace]]] = field(default_factory=list)


def import_tags(
    library: Library, engine: Engine, photos: Sequence[TaggedPhoto], options: ImportOptions
) -> Iterator[Event]:
    """Bring in names and faces from the tags of photos that are in the library.

    Parameters
    ----------
    library : Library
        Open for writing.
    engine : Engine
        For faces that only a tag knows of: those nets by which the library is grouped.
    photos : sequence of TaggedPhoto
        As `photos_in` finds them.
    options : ImportOptions

    Yields
    ------
    Event
        `TagsToRead`, a `TagsRead` for each photo, a `TagsUnread` for each file with tags that
        can't be read, and `TagsImported`.
    """
    report = ImportReport(photos=len(photos))
    yield TagsToRead(len(photos))
    read: list[PhotoTags] = []
    for tags in _read(photos, options.jobs):
        _count(report, tags)
        for path, reason in tags.problems:
            yield TagsUnread(Path(path), reason)
        yield TagsRead(Path(tags.photo.paths[0]), len(tags.faces))
        read.append(tags)
    own = OwnTags(library, (tags.photo.photo_id for tags in read))
    matched = match(library, read, own, report)
    found: list[Found] = []
    for tags, faces in matched.open:
        if options.dry_run:
            found.append(Found(tags.photo.photo_id, faces, None))
            continue
        try:
            found.append(Found(tags.photo.photo_id, faces, _described(tags, faces, engine)))
        except AlbumError as error:
            report.failures.append((tags.photo.paths[0], str(error)))
            yield TagsUnread(Path(tags.photo.paths[0]), str(error))
    change = store(library, matched.claims, found, report, dry_run=options.dry_run)
    paths = {tags.photo.photo_id: tags.photo.paths[0] for tags in read}
    report.conflicts = [replace(one, path=paths[one.photo_id]) for one in report.conflicts]
    if not options.dry_run:
        hints = {tags.photo.photo_id: _hints(tags, own) for tags in read}
        report.hints = save_hints(library, hints)
    yield TagsImported(report, change)


def photos_in(
    library: Library, roots: Sequence[Path], *, strict: bool = False
) -> list[TaggedPhoto]:
    """Return the photos of the library that lie in some folders, by id.

    Parameters
    ----------
    library : Library
    roots : sequence of Path
        Files and folders; none: all photos that are present.
    strict : bool
        Each of them has to hold one.

    Raises
    ------
    MissingFolder, NotIndexed
    """
    for root in roots:
        if is_missing(root):
            raise MissingFolder(root)
    photos: dict[int, TaggedPhoto] = {}
    for root in roots:
        places = dict.fromkeys(str(place) for place in (root.absolute(), root.resolve()))
        inside = present_photos(library, list(places))
        if strict and not inside:
            raise NotIndexed(root)
        photos |= {one.photo_id: one for one in inside}
    if not roots:
        return present_photos(library)
    return [photo for _, photo in sorted(photos.items())]


def _read(photos: Sequence[TaggedPhoto], jobs: int) -> Iterator[PhotoTags]:
    with ThreadPoolExecutor(max(1, jobs)) as pool:
        yield from pool.map(read_photo, photos)


def _count(report: ImportReport, tags: PhotoTags) -> None:
    report.failures += tags.problems
    report.tagged += bool(tags.faces or tags.names)
    report.regions += len(tags.faces)
    report.cropped += [tags.photo.paths[0]] if tags.cropped else []


def _hints(tags: PhotoTags, own: OwnTags) -> list[str]:
    """Return names without a place; of a clip also those with one, which says no time.

    Without those that this library has written itself.
    """
    clip = tags.photo.kind != "image"
    placed = [face.name for face in tags.faces if face.name] if clip else []
    return [
        name
        for name in dict.fromkeys((*tags.names, *placed))
        if not spelled.problem(name) and not own.lists(tags.photo.photo_id, name)
    ]


def match(
    library: Library, read: Sequence[PhotoTags], own: OwnTags, report: ImportReport
) -> _Matched:
    """Match tagged faces with the stored faces of their photos; each face is used once.

    Only photos: of a clip, a region does not say when it is seen. Names that this library has
    written itself are known.
    """
    wanted = [tags for tags in read if tags.faces and tags.photo.kind == "image"]
    ids = [tags.photo.photo_id for tags in wanted]
    with library.snapshot() as moment:
        stored, gone = boxes_in(moment, ids), forgotten_boxes(moment, ids)
    out = _Matched()
    for tags in wanted:
        photo_id = tags.photo.photo_id
        known = stored.get(photo_id, [])
        boxes = np.array([one.box for one in known], np.float32).reshape(-1, 4)
        faces, rows = _best(tags, boxes)
        rest = []
        for face, row in zip(faces, rows.tolist(), strict=True):
            if own.has_region(photo_id, face):
                report.known += 1
                continue
            problem = spelled.problem(face.name)
            if problem and face.name:
                report.notes.append(f"{shown(tags.photo.paths[0])}: {problem}")
            if row >= 0 and face.name and not problem:
                out.claims.append(_claim(known[row], photo_id, face.name))
            elif row < 0 and not problem and _is_large(face, tags.photo):
                rest.append(face)
        rest = _remembered(rest, tags.photo, gone.get(photo_id, []))
        if rest:
            out.open.append((tags, rest))
    return out


def _best(
    tags: PhotoTags, boxes: NDArray[np.float32]
) -> tuple[tuple[TaggedFace, ...], NDArray[np.int64]]:
    """Match faces as they are; if none fits, as if drawn in the upright picture, as some do."""
    rows = match_boxes(boxes, in_pixels(tags.faces, tags.photo.size))
    if (rows >= 0).any() or tags.photo.orientation == 1 or not len(boxes):
        return tags.faces, rows
    turned = tuple(TaggedFace(face.name, face.drawn, face.drawn) for face in tags.faces)
    other = match_boxes(boxes, in_pixels(turned, tags.photo.size))
    return (turned, other) if (other >= 0).any() else (tags.faces, rows)


def _claim(face: PlacedBox, photo_id: int, name: str) -> Claim:
    return Claim(face.face_id, photo_id, name, seen=face.seen)


def _is_large(face: TaggedFace, photo: TaggedPhoto) -> bool:
    left, top, right, bottom = in_pixels([face], photo.size)[0].tolist()
    return bool(min(right - left, bottom - top) >= SMALLEST)


def _remembered(
    faces: list[TaggedFace],
    photo: TaggedPhoto,
    gone: Sequence[tuple[float, float, float, float]],
) -> list[TaggedFace]:
    """Leave out faces that were forgotten: they are not brought back."""
    if not gone or not faces:
        return faces
    places = in_pixels(faces, photo.size)
    is_gone = same_faces(places, np.array(gone, np.float64))
    return [face for face, row in zip(faces, is_gone, strict=True) if not row.any()]


def _described(tags: PhotoTags, faces: list[TaggedFace], engine: Engine) -> Described:
    """Look for faces in regions; with the first of the photo's files that can be read."""
    regions = in_pixels(faces, tags.photo.size)
    *others, last = tags.photo.paths
    for path in others:
        try:
            return _described_in(path, regions, engine)
        except AlbumError:
            continue
    return _described_in(last, regions, engine)


def _described_in(path: str, regions: NDArray[np.float32], engine: Engine) -> Described:
    with one_file(path):
        return describe_regions(path, regions, engine, IMPORTED)
