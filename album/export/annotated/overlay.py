"""What is drawn on each frame of a clip: boxes that follow the faces, and their labels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from album.export.annotated.drawing import best, letters_for, spots
from album.export.annotated.planes import Planes, draw_box, put, written
from album.export.annotated.tracks import Ints, Watched
from nets.core.boxes import areas

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class _Path:
    """One face from frame to frame, in pixels of the copy.

    Attributes
    ----------
    times : ndarray of int64, shape (k,)
        Milliseconds, rising.
    boxes : ndarray of float32, shape (k, 4)
    lines : list of tuple of str
        What is written beside it.
    spot : ndarray of int64, shape (k,)
        Where, as `album.export.annotated.drawing.spots` counts.
    letters, width : int
        Height of the letters and width of the line in pixels, the same all the time.
    """

    times: Ints
    boxes: Floats
    lines: list[tuple[str, ...]]
    spot: Ints
    letters: int
    width: int

    def at(self, ms: float) -> tuple[Floats, int]:
        """Return the box at a time, and the row of what is seen nearest to it."""
        box = [np.interp(ms, self.times, edge) for edge in self.boxes.T]
        return np.array(box, np.float32), int(np.abs(self.times - ms).argmin())


class Overlay:
    """Draws on the frames of a clip.

    Parameters
    ----------
    seen : Watched
    lines : sequence of tuple of str
        What is written beside each face seen.
    size : tuple of int
        Width and height of the copy in pixels.
    """

    def __init__(
        self, seen: Watched, lines: Sequence[tuple[str, ...]], size: tuple[int, int]
    ) -> None:
        self._size = size
        step = np.diff(seen.times)
        # A face is drawn until halfway to the first frame in which it was not found.
        self._reach = float(np.median(step)) / 2 if len(step) else 500.0
        ratio = np.array([size[0] / seen.size[0], size[1] / seen.size[1]] * 2, np.float32)
        boxes = seen.faces.boxes * ratio
        tracks = [np.flatnonzero(seen.track == one) for one in np.unique(seen.track)]
        letters, width = np.zeros(len(boxes), np.int64), np.zeros(len(boxes), np.int64)
        for rows in tracks:
            side = float(np.median(np.sqrt(areas(boxes[rows]))))
            letters[rows] = letters_for(side, size)
            width[rows] = max(2, 2 * round(min(side, max(size) / 4) / 120))
        spot = self._spots(seen, boxes, lines, letters)
        self._paths = [
            _Path(
                seen.times[seen.frame[rows]],
                boxes[rows],
                [lines[row] for row in rows.tolist()],
                spot[rows],
                int(letters[rows[0]]),
                int(width[rows[0]]),
            )
            for rows in tracks
        ]

    def _spots(
        self, seen: Watched, boxes: Floats, lines: Sequence[tuple[str, ...]], letters: Ints
    ) -> Ints:
        """Choose where the label of each face lies: near, hiding little, and not jumping about."""
        chosen = np.zeros(len(boxes), np.int64)
        last: dict[int, int] = {}
        for frame in np.unique(seen.frame):
            rows = np.flatnonzero(seen.frame == frame)
            placed = boxes[rows]
            for row in rows[np.argsort(-areas(placed), kind="stable")].tolist():
                track = int(seen.track[row])
                around = self._around(boxes[row], lines[row], int(letters[row]))
                spot = best(around, boxes[row], self._size, placed, last.get(track))
                chosen[row] = last[track] = spot
                placed = np.concatenate([placed, around[spot][None]])
        return chosen

    def _around(self, box: Floats, lines: tuple[str, ...], letters: int) -> Floats:
        height, width = written(lines, letters).shape
        return spots(box, (width, height), self._size)

    def __call__(self, planes: Planes, ms: int) -> None:
        """Draw what is seen at a time on a frame."""
        shown = [
            (path, *path.at(ms))
            for path in self._paths
            if path.times[0] - self._reach <= ms <= path.times[-1] + self._reach
        ]
        for path, box, _ in shown:
            draw_box(planes, tuple(box.tolist()), path.width)
        for path, box, row in shown:
            lines = path.lines[row]
            x, y = self._around(box, lines, path.letters)[int(path.spot[row])][:2].tolist()
            put(planes, written(lines, path.letters), (x, y))
