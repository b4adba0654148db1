"""Faces that every detector has missed, marked by hand."""

import os
from pathlib import Path

import numpy as np

from album.analysis.region_faces import describe_regions
from album.edits.corrections import move_within
from album.edits.naming import face_owner
from album.edits.wording import label
from album.errors import NothingGrouped, Refused, Vanished
from album.models.added import models_folder
from album.models.contracts import nets_used
from db.errors import UnknownPhotoError
from db.journal import edits
from db.journal.imports import add_faces
from db.journal.journal import Change, changing
from db.library import Library
from db.photos.added_faces import IMPORTED
from db.photos.matching import SAME_FACE, overlaps
from db.photos.photos import photo_row
from db.tags.imports import boxes_in
from nets.engine import Engine, load_engine

SMALLEST = 12.0
"""Pixels of the upright photo that a box needs on each side."""

Box = tuple[float, float, float, float]


def library_engine(library: Library) -> Engine:
    """Put together the nets that a library was grouped with.

    Raises
    ------
    Refused
        Nothing has been grouped yet.
    """
    from album.models.selection import DETECTOR

    nets = nets_used(library)
    if nets is None:
        raise NothingGrouped()
    fake = nets.embedder == "fake"
    detector = "fake" if fake else DETECTOR.choose(library, None, "default")
    return load_engine(
        detector=detector,
        embedder=nets.embedder,
        attributes=nets.attributes,
        min_face=20,
        models=models_folder(),
        threads=os.cpu_count() or 1,
    )


def mark_face(
    library: Library,
    engine: Engine,
    photo_id: int,
    box: Box,
    *,
    person_id: int | None = None,
    name: str | None = None,
    force: bool = False,
) -> Change:
    """Store a face that was marked by hand and its person; undo takes both away.

    Where a detector sees a face in the box, its box and landmarks count.

    Parameters
    ----------
    library : Library
    engine : Engine
        From `library_engine`.
    photo_id : int
    box : tuple of float
        Left, top, right, bottom in pixels of the upright photo.
    person_id, name : int or None, str or None
        Whose it is; with neither, somebody new.
    force : bool
        Although the person is then twice in the photo.

    Raises
    ------
    UnknownPhotoError
        There is no such photo.
    Refused
        The box is too small, or in a clip, or a face is there already.
    MediaError
        The photo can't be read.
    """
    found = photo_row(library, photo_id)
    if found is None:
        raise UnknownPhotoError(f"There is no photo {photo_id}.")
    if found.facts.kind != "image":
        raise Refused("A face can be marked in a photo only, not in a clip.")
    if found.path is None or not found.present:
        raise Vanished(found.path or "The photo")
    region = _clipped(box, (found.facts.width, found.facts.height))
    known = [one.box for one in boxes_in(library, [photo_id]).get(photo_id, [])]
    if known and overlaps(np.array(known), region[None]).max() >= SAME_FACE:
        raise Refused("There is a face in that place already; click it to say whose it is.")
    described = describe_regions(str(Path(found.path)), region[None], engine, IMPORTED)
    with changing(library, "draw") as edit:
        (face_id,) = add_faces(
            edit, photo_id, described.faces, described.identity, described.attributes
        )
        to = face_owner(edit, person_id=person_id, name=name)
        move_within(edit, library, [face_id], to, force=force)
        row = edits.person_of(edit, to)
        edit.summary = f"Marked a face of {label(row)}."
    return edit.change


def _clipped(box: Box, size: tuple[int, int]) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
    """Return the part of a box that lies in the photo, or refuse a box that is too small."""
    limits = np.array([*size, *size], np.float32)
    region = np.clip(np.array(box, np.float32), 0, limits)
    if not np.isfinite(region).all() or (region[2:] - region[:2] < SMALLEST).any():
        raise Refused(f"The box is too small; a face needs {SMALLEST:.0f} pixels of the photo.")
    return region
