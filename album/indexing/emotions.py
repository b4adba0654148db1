"""Telling what faces express that are in the library already, without looking for them again."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from album.analysis.cropping import crop
from album.analysis.workers import LIMIT, Clock, GivenUp, Workers
from album.errors import MediaError, TooSlow, one_file
from album.events import EmotionsClassified, EmotionsPending
from album.media import decoding, headers
from album.media.clips.still import frame_at
from album.media.views import VIEW, scaled
from db.library import Library
from db.photos.emotions import UnclassifiedFaces, save_emotions, unclassified_faces
from nets.core.api import Batch, Detections, Emotions
from nets.engine import cut, join

SIDE = 80
"""Pixels that a face should have to be cropped from: its chip has 64."""
BATCH = 64
"""Faces that are gathered, across photos, before the net runs."""

Event = EmotionsPending | EmotionsClassified


def tell_emotions(
    library: Library,
    net: Emotions,
    roots: Sequence[Path],
    *,
    jobs: int = 1,
    file_timeout: float = LIMIT,
) -> Iterator[Event]:
    """Tell what the faces in some folders express of which it is not known.

    Photos are decoded again, but no face is looked for. Of a clip only the frames are looked at
    that show its people best. What is done stays done, so that a run that was stopped goes on.

    Parameters
    ----------
    library : Library
        Open for writing.
    net : Emotions
    roots : sequence of Path
        Files and folders.
    jobs : int
        Files that are read at the same time.
    file_timeout : float
        Seconds after which a file is given up; 0 for never.

    Yields
    ------
    Event
        `EmotionsPending`, then `EmotionsClassified` for each photo or clip.
    """
    photos = unclassified_faces(library, net.contract, [str(root.absolute()) for root in roots])
    yield EmotionsPending(len(photos))
    read = _Read(net, Clock(file_timeout))
    ready: list[tuple[UnclassifiedFaces, Batch]] = []
    for photo, batch in _batches(read, photos, max(jobs, 1)):
        if isinstance(batch, str):
            yield EmotionsClassified(Path(photo.path), 0, batch)
            continue
        ready.append((photo, batch))
        if sum(len(one.face_id) for one, _ in ready) >= BATCH:
            yield from _told(library, net, ready)
            ready = []
    yield from _told(library, net, ready)


def _told(
    library: Library, net: Emotions, ready: Sequence[tuple[UnclassifiedFaces, Batch]]
) -> Iterator[Event]:
    """Run the net on the faces of some photos, and store what it says."""
    if not ready:
        return
    said = net.express(join([batch for _, batch in ready]))
    ids = np.concatenate([photo.face_id for photo, _ in ready])
    save_emotions(library, net.contract, ids, said)
    for photo, _ in ready:
        yield EmotionsClassified(Path(photo.path), len(photo.face_id))


@dataclass(frozen=True, slots=True)
class _Read:
    """Crops the faces of one photo or clip; called in threads."""

    net: Emotions
    clock: Clock = field(default_factory=Clock)

    def __call__(self, photo: UnclassifiedFaces) -> Batch | str:
        self.clock.start(photo.path)
        try:
            with one_file(photo.path):
                return self._of_clip(photo) if photo.kind == "clip" else self._of_photo(photo)
        except MediaError as error:
            return error.reason
        except MemoryError:
            return "needs more memory than there is."
        finally:
            self.clock.stop(photo.path)

    def _of_photo(self, photo: UnclassifiedFaces) -> Batch:
        path = Path(photo.path)
        header = headers.read_header(path)
        picture = decoding.read_upright(path, header, max_side=VIEW)
        ratio = [a / b for a, b in zip(picture.size, header.upright_size, strict=True)]
        faces = scaled(_faces(photo), *ratio)
        return crop(path, header, picture, faces, self.net.crops, side=SIDE)

    def _of_clip(self, photo: UnclassifiedFaces) -> Batch:
        faces, parts = _faces(photo), []
        for row, time in enumerate(photo.time_ms):
            frame = frame_at(photo.path, time or 0)
            one = scaled(faces.take(np.array([row])), *frame.scale)
            parts.append(cut(frame.pixels, one, self.net.crops))
        return join(parts)


def _faces(photo: UnclassifiedFaces) -> Detections:
    return Detections(photo.boxes, photo.landmarks, np.ones(len(photo.boxes), np.float32))


def _batches(
    read: _Read, photos: Sequence[UnclassifiedFaces], jobs: int
) -> Iterator[tuple[UnclassifiedFaces, Batch | str]]:
    """Read photos in threads, a few ahead of the caller, in their order."""
    pool = Workers(jobs)
    waiting: deque[tuple[UnclassifiedFaces, Future[Batch | str]]] = deque()

    def first() -> tuple[UnclassifiedFaces, Batch | str]:
        photo, future = waiting.popleft()
        try:
            return photo, read.clock.wait(photo.path, future)
        except GivenUp:
            pool.add()
            return photo, TooSlow(photo.path, f"more than {read.clock.limit:g} seconds").reason

    try:
        for photo in photos:
            waiting.append((photo, pool.submit(read, photo)))
            if len(waiting) > 2 * jobs:
                yield first()
        while waiting:
            yield first()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
