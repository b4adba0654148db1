"""The workflow of `album analyze`: walk, find faces, describe, draw, write."""

import json
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from album import media, scan
from album.analyse import Analyser
from album.analysis.drawing import draw_labels
from album.analysis.places import Place, made_of, places, up_to_date
from album.analysis.record import MADE_BY, Named, face_records, label, text_lines
from album.errors import AlbumError, Ignored, MediaError, MissingFolder, shown
from album.events import Event, FileSkipped, PhotoDone, PhotoFailed, Scanned
from album.kinds import Kind
from album.workers import Workers
from db.library import Library
from nets.api import Floats
from nets.boxes import overlaps
from nets.engine import Engine
from nets.models import digest

if TYPE_CHECKING:
    from PIL import Image

VERSION = 1
"""Of everything in this package that decides what is drawn and written."""
SAME = 0.4
"""Overlap from which on a face is the one that the library knows there."""


@dataclass(frozen=True, slots=True)
class AnalyzeOptions:
    """How to analyse.

    Attributes
    ----------
    jobs : int
        Photos at the same time, at least 1.
    force : bool
        Make again what is up to date.
    quality : int
        Of JPEG, 1 to 100.
    """

    jobs: int = os.cpu_count() or 1
    force: bool = False
    quality: int = 92


def analyze(
    library: Library | None, engine: Engine, root: Path, out: Path, options: AnalyzeOptions
) -> Iterator[Event]:
    """Write annotated copies of photos, with a text and a record of each.

    Parameters
    ----------
    library : Library or None
        Whose names are written beside the faces.
    engine : Engine
        With a head of emotions, or without.
    root : Path
        A folder, searched to any depth, or one photo.
    out : Path
        A folder; made if need be.
    options : AnalyzeOptions

    Yields
    ------
    Event
        `Scanned`, then `PhotoDone`, `PhotoFailed` or `FileSkipped` for each file.

    Raises
    ------
    AlbumError
        If `root` does not exist, or `out` is a file or the folder itself.
    """
    if not os.path.lexists(root):
        raise MissingFolder(root)
    if out.exists() and (not out.is_dir() or out.resolve() == root.resolve()):
        raise AlbumError(f"{shown(out)} is no folder to write to; give one of its own.")
    walk = scan.walk([root])
    found = places(root, out, walk.files)
    settings = digest(VERSION, engine.contract, engine.emotions and engine.emotions.contract)
    settings = digest(settings, options.quality)
    yield Scanned(len(found), len(found), 0, 0)
    yield from (PhotoFailed(Path(error.path), error.reason) for error in walk.unreadable)
    yield from _all(library, _Worker(Analyser(engine), settings, options), found)


@dataclass(frozen=True, slots=True)
class _Worker:
    """Does one photo from beginning to end; called in threads."""

    analyser: Analyser
    settings: str
    options: AnalyzeOptions

    def __call__(self, place: Place, known: Sequence[Named]) -> Event:
        path = Path(place.found.path)
        try:
            header = media.read_header(path)
            if header.kind is Kind.CLIP:
                return FileSkipped(path, "clip")
            before = made_of(place)
            settings = digest(self.settings, *known)
            if not self.options.force and up_to_date(place, before, settings):
                return PhotoDone(path, 0, known=True)
            return PhotoDone(path, self._make(place, header, known, settings))
        except Ignored:
            return FileSkipped(path, "other")
        except MediaError as error:
            return PhotoFailed(path, error.reason)
        except AlbumError as error:
            return PhotoFailed(path, str(error))
        except MemoryError:
            return PhotoFailed(path, "needs more memory than there is; try fewer --jobs.")

    def _make(
        self, place: Place, header: media.Header, known: Sequence[Named], settings: str
    ) -> int:
        path, engine = Path(place.found.path), self.analyser.engine
        faces, batch, _, _ = self.analyser.faces(path, header)
        said = engine.describe(batch)
        width, height = header.upright_size
        record: dict[str, Any] = {
            "format": 1,
            "made_by": MADE_BY,
            "settings": settings,
            "source": shown(path),
            "size": place.found.size,
            "mtime_ns": place.found.mtime_ns,
            "width": width,
            "height": height,
            "detector": engine.detector.name,
            "faces": face_records(faces, said, _match(faces.boxes, known)),
        }
        pixels = media.read_image(path, header).pixels
        labels = [label(face) for face in _shrunk(record, pixels.shape[1])]
        _write(place, draw_labels(pixels, labels), record, self.options.quality)
        return len(faces)


def _shrunk(record: dict[str, Any], width: int) -> list[dict[str, Any]]:
    """Return the faces in pixels of a picture that may have been decoded smaller than it is."""
    ratio = width / record["width"]
    return [{**face, "box": [edge * ratio for edge in face["box"]]} for face in record["faces"]]


def _match(boxes: Floats, known: Sequence[Named]) -> list[Named | None]:
    """Return whom the library knows at each box."""
    if not known or not len(boxes):
        return [None] * len(boxes)
    shared = overlaps(boxes, np.array([one.box for one in known], np.float32))
    return [known[int(row.argmax())] if row.max() >= SAME else None for row in shared]


def _write(place: Place, image: "Image.Image", record: dict[str, Any], quality: int) -> None:
    """Write the three files, each whole or not at all; the record last, as it says "done"."""
    place.stem.parent.mkdir(parents=True, exist_ok=True)
    how = ("PNG", {}) if place.copy.suffix == ".png" else ("JPEG", {"quality": quality})
    partial = place.copy.with_name(f".{place.copy.name}.part")
    try:
        if not place.record.exists():
            _text(place.record, json.dumps({"made_by": MADE_BY, "unfinished": True}))
        image.save(partial, how[0], **how[1])
        partial.replace(place.copy)
        _text(place.text, "\n".join(text_lines(record)) + "\n")
        _text(place.record, json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    finally:
        partial.unlink(missing_ok=True)


def _text(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.part")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _all(library: Library | None, worker: _Worker, found: Sequence[Place]) -> Iterator[Event]:
    """Run the worker in threads, a few photos ahead; the library is asked in this thread."""
    pool = Workers(max(worker.options.jobs, 1))
    waiting: deque[Future[Event]] = deque()
    try:
        for place in found:
            waiting.append(pool.submit(worker, place, known_faces(library, place.found.path)))
            if len(waiting) > 2 * worker.options.jobs:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def known_faces(library: Library | None, path: str) -> list[Named]:
    """Return the faces with a named person that the library knows in a photo."""
    from db.faces import face_rows
    from db.photos import photo_at

    photo = photo_at(library, path) if library else None
    if library is None or photo is None:
        return []
    rows = face_rows(library, photo_id=photo.photo_id)
    return [
        Named(row.box, row.person_id, row.person_name)
        for row in rows
        if row.person_id is not None and row.person_name
    ]
