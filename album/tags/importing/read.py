"""What the tags of photos say of faces, turned upright; all files that hold a photo together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from album.errors import MediaError, one_file
from album.tags.importing.names import cleaned
from album.tags.places import read_tags
from album.tags.read import Tags
from album.tags.regions import Box, Region, same_place, turned
from db.tags.imports import TaggedPhoto

NEAR = 0.02
"""Largest difference of two ratios of width and height that are the same."""
PEOPLE = "people"
"""The keyword below which programs list people, in any case."""


@dataclass(frozen=True, slots=True)
class TaggedFace:
    """A place in a photo in which a face is, by its tags.

    Attributes
    ----------
    name : str
        Empty where nobody is named.
    box : tuple of float
        Left, top, right, bottom, 0 to 1, of the upright picture.
    drawn : tuple of float
        The same as it stands in the tag, which is to be of the stored picture.
    """

    name: str
    box: Box
    drawn: Box


@dataclass(frozen=True, slots=True)
class PhotoTags:
    """What the tags of a photo say, all files that hold it taken together.

    Attributes
    ----------
    photo : TaggedPhoto
    faces : tuple of TaggedFace
    names : tuple of str
        Of people without a place.
    problems : tuple of tuple
        Path and sentence for each file whose tags could not be read.
    cropped : bool
        The regions were drawn in a picture of another shape, and are left out.
    """

    photo: TaggedPhoto
    faces: tuple[TaggedFace, ...] = ()
    names: tuple[str, ...] = ()
    problems: tuple[tuple[str, str], ...] = ()
    cropped: bool = False


def read_photo(photo: TaggedPhoto) -> PhotoTags:
    """Read the tags of all files that hold a photo. Never raises because of a file."""
    faces: list[TaggedFace] = []
    names: dict[str, None] = {}
    problems: list[tuple[str, str]] = []
    cropped = False
    for path in photo.paths:
        try:
            with one_file(path):
                tags = read_tags(path)
        except MediaError as error:
            problems.append((path, str(error)))
            continue
        if tags.mwg and tags.applied_to and not fits(tags.applied_to, photo.stored_size):
            cropped = True
        else:
            faces += upright(tags.faces, photo.orientation)
        names |= dict.fromkeys(_listed(tags))
    placed = {face.name for face in faces}
    without = tuple(name for name in names if name not in placed)
    return PhotoTags(photo, tuple(_distinct(faces)), without, tuple(problems), cropped)


def fits(drawn: tuple[int, int], stored: tuple[int, int]) -> bool:
    """Tell whether a picture has the shape that it had when regions were drawn in it.

    Programs that turn a photo often leave width and height as they were.
    """
    ratio, wanted = drawn[0] / drawn[1], stored[0] / stored[1]
    return any(abs(one / wanted - 1) <= NEAR for one in (ratio, 1 / ratio))


def upright(regions: Iterable[Region], orientation: int) -> list[TaggedFace]:
    """Turn the regions of a stored picture upright."""
    return [
        TaggedFace(cleaned(region.name), turned(region.box, orientation), region.box)
        for region in regions
    ]


def in_pixels(faces: Sequence[TaggedFace], size: tuple[int, int]) -> NDArray[np.float32]:
    """Return the boxes of faces in pixels of the upright photo: float32, shape (n, 4)."""
    boxes = np.array([face.box for face in faces], np.float32).reshape(-1, 4)
    return np.asarray(boxes * np.array([*size, *size], np.float32), np.float32)


def _listed(tags: Tags) -> list[str]:
    """Return the names that stand in lists: of people, and of keywords below People."""
    found = list(tags.people)
    for keywords, separator in ((tags.tags_list, "/"), (tags.hierarchical, "|")):
        for keyword in keywords:
            first, *others = keyword.split(separator)
            found += others[-1:] if first.strip().casefold() == PEOPLE else []
    return [name for name in map(cleaned, found) if name]


def _distinct(faces: Sequence[TaggedFace]) -> list[TaggedFace]:
    """Leave out what is said twice, such as by two copies of a photo: one name at one place."""
    kept: list[TaggedFace] = []
    for face in sorted(faces, key=lambda face: not face.name):
        double = (
            other.name == face.name or not face.name
            for other in kept
            if same_place(face.box, other.box)
        )
        if not any(double):
            kept.append(face)
    return kept
