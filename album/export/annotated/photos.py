"""One photo: its faces found, described, drawn on a copy and written down."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from album.analysis.analyse import Analyser
from album.export.annotated.drawing import draw_labels
from album.export.annotated.places import Place, write
from album.export.annotated.record import Named, face_records, label, text_lines
from album.media import decoding, headers
from nets.core.api import Floats
from nets.core.boxes import overlaps

SAME = 0.4
"""Overlap from which on a face is the one that the library knows there."""


def make_photo(
    analyser: Analyser,
    place: Place,
    header: headers.Header,
    known: Sequence[Named],
    head: dict[str, Any],
    *,
    quality: int,
) -> int:
    """Analyse a photo, write the copy, the text and the record, and return how many faces it has.

    Parameters
    ----------
    analyser : Analyser
    place : Place
    header : Header
    known : sequence of Named
        Faces that the library knows.
    head : dict
        With what the record begins.
    quality : int
        Of JPEG, 1 to 100.
    """
    path, engine = Path(place.found.path), analyser.engine
    faces, batch, _, _ = analyser.faces(path, header)
    description = engine.describe(batch)
    width, height = header.upright_size
    record = head | {
        "width": width,
        "height": height,
        "detector": engine.detector.name,
        "faces": face_records(faces, description, match(faces.boxes, known)),
    }
    pixels = decoding.read_image(path, header).pixels
    labels = [label(face) for face in _shrunk(record, pixels.shape[1])]
    image = draw_labels(pixels, labels)
    how = ("PNG", {}) if place.copy.suffix == ".png" else ("JPEG", {"quality": quality})
    lines = text_lines(record)
    write(place, record, lines, lambda target: image.save(target, how[0], **how[1]))
    return len(faces)


def _shrunk(record: dict[str, Any], width: int) -> list[dict[str, Any]]:
    """Return the faces in pixels of a picture that may have been decoded smaller than it is."""
    ratio = width / record["width"]
    return [{**face, "box": [edge * ratio for edge in face["box"]]} for face in record["faces"]]


def match(boxes: Floats, known: Sequence[Named]) -> list[Named | None]:
    """Return whom the library knows at each box."""
    if not known or not len(boxes):
        return [None] * len(boxes)
    shared = overlaps(boxes, np.array([one.box for one in known], np.float32))
    return [known[int(row.argmax())] if row.max() >= SAME else None for row in shared]
