"""The workflow of `album analyze`: walk, find faces, describe, draw, write."""

import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from album.analysis.analyse import LAST_WAIT_S, Analyser
from album.analysis.workers import LIMIT, Clock, GivenUp, Workers
from album.errors import (
    AlbumError,
    Ignored,
    MediaError,
    MissingFolder,
    TooSlow,
    one_file,
    shown,
    trace_of,
)
from album.events import ClipDone, Event, FileSkipped, PhotoDone, PhotoFailed, Scanned
from album.export.annotated.clips import ClipTask, make_clip
from album.export.annotated.photos import make_photo
from album.export.annotated.places import Place, made_of, places, up_to_date
from album.export.annotated.record import MADE_BY, Named
from album.files import scan
from album.files.kinds import Kind
from album.media import headers, live
from album.media.clips.frames import Sampling
from album.metadata.decoder_errors import system_words
from album.metadata.regular_files import is_missing
from db.library import Library
from nets.engine import Engine
from nets.runtime.models import digest

VERSION = 1
"""Of everything in this package that decides what is drawn and written."""
EVERY_FRAME = Sampling(budget=0)
"""Every fifth frame, however long the clip: boxes follow the faces to its end."""


@dataclass(frozen=True, slots=True)
class AnalyzeOptions:
    """How to analyse.

    Attributes
    ----------
    jobs : int
        Files at the same time, at least 1.
    force : bool
        Make again what is up to date.
    quality : int
        Of JPEG, 1 to 100.
    clips : Sampling or None
        Which frames of clips are looked at; None: clips are left out.
    file_timeout : float
        Seconds after which a file is given up, a clip gets more by its length; 0 for never.
    """

    jobs: int = os.cpu_count() or 1
    force: bool = False
    quality: int = 92
    clips: Sampling | None = EVERY_FRAME
    file_timeout: float = LIMIT


def analyze(
    library: Library | None, engine: Engine, root: Path, out: Path, options: AnalyzeOptions
) -> Iterator[Event]:
    """Write annotated copies of photos and clips, with a text and a record of each.

    Parameters
    ----------
    library : Library or None
        Whose names are written beside the faces.
    engine : Engine
        With a head of emotions, or without.
    root : Path
        A folder, searched to any depth, or one photo or clip.
    out : Path
        A folder; made if need be.
    options : AnalyzeOptions

    Yields
    ------
    Event
        `Scanned`, then `PhotoDone`, `ClipDone`, `PhotoFailed` or `FileSkipped` for each file.

    Raises
    ------
    AlbumError
        If `root` does not exist, or `out` is a file or the folder itself.
    """
    if is_missing(root):
        raise MissingFolder(root)
    if out.exists() and (not out.is_dir() or out.resolve() == root.resolve()):
        raise AlbumError(f"{shown(out)} is no folder to write to; give one of its own.")
    walk = scan.walk([root])
    found = places(root, out, walk.files)
    yield Scanned(len(found), len(found), 0, 0)
    yield from (PhotoFailed(Path(error.path), error.reason) for error in walk.unreadable)
    yield from _all(library, _Worker(engine, options, Clock(options.file_timeout)), found)


@dataclass(frozen=True, slots=True)
class _Worker:
    """Does one file from beginning to end; called in threads."""

    engine: Engine
    options: AnalyzeOptions
    clock: Clock = field(default_factory=Clock)
    stopping: threading.Event = field(default_factory=threading.Event)

    def __call__(self, place: Place, known: Sequence[Named]) -> Event:
        path = Path(place.found.path)
        self.clock.start(place.found.path)
        try:
            with one_file(path):
                return self._written(path, place, known)
        except Ignored:
            return FileSkipped(path, "other")
        except MediaError as error:
            return PhotoFailed(path, error.reason, trace_of(error), error.code)
        except AlbumError as error:
            return PhotoFailed(path, str(error))
        except MemoryError:
            reason = "needs more memory than there is; close other programs."
            return PhotoFailed(path, reason, code="memory")
        finally:
            self.clock.stop(place.found.path)

    def _written(self, path: Path, place: Place, known: Sequence[Named]) -> Event:
        try:
            return self._made(path, place, known)
        except OSError as error:  # of what is read, it would be a MediaError
            why = system_words(error) or "FFmpeg could not write it"
            return PhotoFailed(
                path, f"could not be written ({why}); make room, or give another folder."
            )

    def _made(self, path: Path, place: Place, known: Sequence[Named]) -> Event:
        header = headers.read_header(path)
        if header.kind is Kind.CLIP:
            return self._clip(path, Place(place.found, place.stem, clip=True), header, known)
        before, settings = made_of(place), self._settings(known, self.options.quality)
        if not self.options.force and up_to_date(place, before, settings):
            return PhotoDone(path, 0, known=True)
        head, quality = self._head(place, settings), self.options.quality
        return PhotoDone(
            path, make_photo(Analyser(self.engine), place, header, known, head, quality=quality)
        )

    def _clip(
        self, path: Path, place: Place, header: headers.Header, known: Sequence[Named]
    ) -> Event:
        sampling = self.options.clips
        if sampling is None:
            return FileSkipped(path, "clip")
        if live.still_beside(place.found.path, header):
            return FileSkipped(path, "live")
        before, settings = made_of(place), self._settings(known, sampling)
        record = before
        if record is None or self.options.force or not up_to_date(place, record, settings):
            stopped = partial(self._stopped, place.found.path)
            task = ClipTask(place, sampling, self.options.jobs, stopped)
            record = make_clip(self.engine, task, known, self._head(place, settings))
        elif not record["problem"]:
            return PhotoDone(path, 0, known=True)
        problem = str(record["problem"])
        if problem:
            problem = f"was read in part ({problem}); copy it again from where it came from."
        return ClipDone(path, len(record["people"]), len(record["frames"]), problem)

    def _stopped(self, path: str) -> bool:
        self.clock.extend(path)
        return self.stopping.is_set()

    def _settings(self, known: Sequence[Named], *more: object) -> str:
        engine = self.engine
        nets = (one and one.contract for one in (engine.emotions, engine.sequence))
        return digest(VERSION, engine.contract, *nets, *more, *known)

    def _head(self, place: Place, settings: str) -> dict[str, Any]:
        """Return with what a record begins."""
        return {
            "format": 1,
            "made_by": MADE_BY,
            "settings": settings,
            "source": shown(Path(place.found.path)),
            "size": place.found.size,
            "mtime_ns": place.found.mtime_ns,
        }


def _all(library: Library | None, worker: _Worker, found: Sequence[Place]) -> Iterator[Event]:
    """Run the worker in threads, a few files ahead; the library is asked in this thread."""
    jobs = max(worker.options.jobs, 1)
    pool = Workers(jobs)
    waiting: deque[tuple[Place, Future[Event]]] = deque()
    try:
        for place in found:
            known = known_faces(library, place.found.path)
            waiting.append((place, pool.submit(worker, place, known)))
            if len(waiting) > 2 * jobs:
                yield _event(worker, *waiting.popleft(), pool)
        while waiting:
            yield _event(worker, *waiting.popleft(), pool)
    finally:
        worker.stopping.set()
        pool.shutdown(wait=False, cancel_futures=True)
        wait((future for _, future in waiting), timeout=LAST_WAIT_S)


def _event(worker: _Worker, place: Place, future: Future[Event], pool: Workers) -> Event:
    """Wait for one file, as long as it may take."""
    path = place.found.path
    try:
        return worker.clock.wait(path, future)
    except GivenUp:
        pool.add()
        error = TooSlow(path, f"more than {worker.clock.limit:g} seconds")
        return PhotoFailed(Path(path), error.reason, code=error.code)


def known_faces(library: Library | None, path: str) -> list[Named]:
    """Return the faces with a named person that the library knows in a photo or clip."""
    from db.people.faces import face_rows
    from db.photos.photos import photo_at

    photo = photo_at(library, path) if library else None
    if library is None or photo is None:
        return []
    rows = face_rows(library, photo_id=photo.photo_id)
    return [
        Named(row.box, row.person_id, row.person_name, row.time_ms)
        for row in rows
        if row.person_id is not None and row.person_name
    ]
