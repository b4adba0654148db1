"""The faces of labelled sets, found as the index finds them, for nets that look at pixels."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from album.errors import MediaError
from album.evaluation.labelled import LabelledSet
from album.media import decoding, headers
from album.media.views import VIEW, shrink
from nets.core.api import Image
from nets.core.whole_files import whole
from nets.runtime.models import digest
from nets.train import splits
from nets.train.chips import Chips, Located, locate

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Step:
    """How far it is: in which stage, of how many, and what is measured there."""

    stage: str
    done: int
    total: int
    said: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """The faces of all sets that were found, with labels.

    Attributes
    ----------
    paths : list of Path, length n
    where : Located
        Of the same faces; its rows count from 0.
    ages, male : ndarray of float64, shape (n,)
        NaN where not known.
    part : ndarray of str, shape (n,)
        See `nets.train.splits`.
    missed : int
        Pictures without a face, or that can't be read.
    """

    paths: list[Path]
    where: Located
    ages: Array
    male: Array
    part: Array
    missed: int

    def chips(self, rows: Array, *, seed: int, plain: bool = False) -> Chips:
        """Return what a net is shown of some of the faces."""
        where = Located(rows, self.where.boxes[rows], self.where.landmarks[rows])
        return Chips([self.paths[row] for row in rows], where, read, seed=seed, plain=plain)


def read(path: Path) -> Image | None:
    """Return the pixels in which the index looks for faces; None where they can't be read."""
    try:
        picture = decoding.read_image(path, headers.read_header(path), max_side=VIEW)
    except MediaError:
        return None
    return shrink(picture.pixels, VIEW)[0]


def find_faces(sets: Sequence[LabelledSet], cache: Path) -> Iterator[Step | Found]:
    """Find the labelled faces of some sets; what was found is kept."""
    parts: list[tuple[LabelledSet, Located]] = []
    for one in sets:
        paths = one.faces.paths
        for said in _located(one, cache):
            if isinstance(said, int):
                yield Step(f"faces of {one.name}", said, len(paths))
            else:
                parts.append((one, said))
    chosen = [(one, where.rows) for one, where in parts]
    yield Found(
        paths=[one.faces.paths[row] for one, rows in chosen for row in rows],
        where=Located(
            np.arange(sum(len(rows) for _, rows in chosen)),
            np.concatenate([where.boxes for _, where in parts]),
            np.concatenate([where.landmarks for _, where in parts]),
        ),
        ages=np.concatenate([one.faces.ages[rows] for one, rows in chosen]),
        male=np.concatenate([one.faces.male[rows] for one, rows in chosen]),
        part=np.concatenate([splits.parts(list(one.groups))[rows] for one, rows in chosen]),
        missed=sum(len(one.faces.paths) - len(rows) for one, rows in chosen),
    )


def _located(one: LabelledSet, cache: Path) -> Iterator[int | Located]:
    from nets.detectors.mtcnn import Mtcnn

    detector, paths = Mtcnn(min_face=40), one.faces.paths
    file = cache / f"{digest('faces', detector.contract, one.choose, *paths)}.npz"
    if file.is_file():
        with np.load(file) as stored:
            yield Located(stored["rows"], stored["boxes"], stored["landmarks"])
        return
    for said in locate(paths, read, detector, choose=one.choose, boxes=one.boxes):
        if isinstance(said, Located):
            with whole(file) as new:
                np.savez(new, rows=said.rows, boxes=said.boxes, landmarks=said.landmarks)
        yield said
