"""Features of labelled faces by the frozen nets, computed once and kept in a folder.

Faces are found and cut out by the detector and the crops of the engine, as the index does it: a
head that was trained on other crops is much worse on those of an album.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nets.core.api import Batch, Detections, Detector, Image, Net
from nets.core.crops import CROPS
from nets.core.whole_files import whole
from nets.runtime.models import digest
from nets.train.augment import Changes, changed
from nets.train.maps import Maps, joined_maps

BATCH = 32
Array = NDArray[Any]
Read = Callable[[Path], Image]


@dataclass(frozen=True, slots=True)
class Features:
    """What the frozen nets say of n faces.

    Attributes
    ----------
    rows : ndarray of int64, shape (n,)
        Which of the pictures; those without a face that was found are missing.
    view : ndarray of int64, shape (n,)
        0 for the face as it is, k > 0 for its k-th change by `nets.train.augment`.
    identity : ndarray of float16, shape (n, 1024)
        Unit vector of ``faceres``.
    ages, male : ndarray of float16, shapes (n, 100) and (n,)
        Ages and gender of the same pass.
    descriptor : ndarray of float16, shape (n, 128)
        ``resnet29``.
    teacher_ages, teacher_male : ndarray of float16, shapes (n, 100) and (n,)
        What ``faceres-deep`` says, to learn from.
    maps : Maps or None
        What ``faceres`` sees half way, 200 kB a face.
    """

    rows: Array
    view: Array
    identity: Array
    ages: Array
    male: Array
    descriptor: Array
    teacher_ages: Array
    teacher_male: Array
    maps: Maps | None = None

    def take(self, chosen: Array) -> "Features":
        """Return some of the faces, by mask or index."""
        columns = {name: getattr(self, name)[chosen] for name in COLUMNS}
        return Features(**columns, maps=None if self.maps is None else self.maps[chosen])


COLUMNS = tuple(one.name for one in fields(Features) if one.name != "maps")


@dataclass(frozen=True, slots=True)
class Nets:
    """The frozen nets, and the detector that finds the faces."""

    detector: Detector
    faceres: Net
    resnet29: Net
    teacher: Net

    @property
    def contract(self) -> str:
        """Digest of what decides the features, the changes of faces among it."""
        parts = (self.detector, self.faceres, self.resnet29, self.teacher)
        return digest("features", Changes(), *(part.contract for part in parts))


def load_nets(*, threads: int = 1, maps: bool = False) -> Nets:
    """Return the nets that ship, and the default detector; see `Features` for `maps`."""
    from nets.detectors.mtcnn import Mtcnn
    from nets.runtime.models import OnnxNet, load_manifest

    known = load_manifest()
    names = ("faceres", "resnet29", "faceres-deep")
    return Nets(
        Mtcnn(min_face=40), *(OnnxNet(known[name], threads=threads, inner=maps) for name in names)
    )


def face_of(image: Image, detector: Detector, *, choose: str) -> Detections | None:
    """Find the one face that a labelled picture is of.

    Parameters
    ----------
    image : ndarray of uint8, shape (height, width, 3)
    detector : Detector
    choose : {'centre', 'largest', 'all'}
        The face nearest the centre, the largest, or all of them (unlabelled pictures).

    Returns
    -------
    Detections or None
        None where there is no face.
    """
    found = detector.detect(image)
    if not len(found):
        return None
    if choose == "all":
        return found
    size = found.boxes[:, 2:] - found.boxes[:, :2]
    if choose == "largest":
        rank = -np.prod(size, axis=1)
    else:
        middle = found.boxes[:, :2] + size / 2
        rank = np.hypot(*(middle - np.array(image.shape[1::-1]) / 2).T)
    return found.take(np.array([int(np.argmin(rank))]))


def extract(
    paths: Sequence[Path],
    read: Read,
    nets: Nets,
    *,
    choose: str,
    views: Sequence[int],
    seed: int = 0,
) -> Features:
    """Compute the features of pictures; see `face_of` for `choose`.

    Parameters
    ----------
    paths : sequence of Path
    read : callable
        Gives the upright RGB pixels of a file; the program's own, so that training sees what the
        index sees.
    nets : Nets
    choose : str
    views : sequence of int
        For each picture: its faces once as they are, and ``views - 1`` times changed.
    seed : int
        Of the changes; each picture has its own, from its name.
    """
    how = Changes()

    def chips() -> Iterator[tuple[int, int, Batch]]:
        for row, path in enumerate(paths):
            image = read(path)
            faces = face_of(image, nets.detector, choose=choose)
            if faces is None:
                continue
            for one in range(len(faces)):
                face = faces.take(np.array([one]))
                random = np.random.default_rng([seed, one, *path.name.encode()])
                yield row, 0, _cut(image, face)
                for view in range(1, views[row]):
                    yield row, view, _cut(*changed(image, face, random, how))

    parts: list[Features] = []
    waiting: list[tuple[int, int, Batch]] = []
    for item in chips():
        waiting.append(item)
        if len(waiting) == BATCH:
            parts.append(_described(waiting, nets))
            waiting = []
    parts.append(_described(waiting, nets))
    return joined(parts)


def joined(parts: Sequence[Features]) -> Features:
    """Return several sets of features as one."""
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS}
    maps = [part.maps for part in parts if part.maps is not None]
    return Features(**columns, maps=joined_maps(maps) if len(maps) == len(parts) else None)


def kept(path: Path, compute: Callable[[], Features]) -> Features:
    """Return features from a file, or compute them and keep them there, the maps beside it."""
    beside = path.with_suffix(".maps.npy")
    if not path.is_file():
        found = compute()
        if found.maps is not None:
            with whole(beside) as file:
                np.save(file, found.maps.load().astype(np.float16))
        with whole(path) as file:
            np.savez(file, **{name: getattr(found, name) for name in COLUMNS})
    with np.load(path) as stored:
        columns = {name: stored[name] for name in COLUMNS}
    maps = Maps.of(np.load(beside, mmap_mode="r")) if beside.is_file() else None
    return Features(**columns, maps=maps)


def _cut(image: Image, face: Detections) -> Batch:
    return Batch({name: crop(image, face) for name, crop in CROPS.items()})


def _described(items: Sequence[tuple[int, int, Batch]], nets: Nets) -> Features:
    chips = {
        name: np.concatenate([batch.chips[name] for *_, batch in items])
        if items
        else np.zeros((0, crop.size, crop.size, 3), np.uint8)
        for name, crop in CROPS.items()
    }
    batch = Batch(chips)
    student, teacher = batch.outputs(nets.faceres), batch.outputs(nets.teacher)
    columns = {
        "identity": student["identity"],
        "ages": student["age"],
        "male": student["male"],
        "descriptor": batch.outputs(nets.resnet29)["identity"],
        "teacher_ages": teacher["age"],
        "teacher_male": teacher["male"],
    }
    return Features(
        rows=np.array([row for row, *_ in items], np.int64),
        view=np.array([view for _, view, _ in items], np.int64),
        maps=Maps.of(student["map"].astype(np.float16)) if "map" in student else None,
        **{name: column.astype(np.float16) for name, column in columns.items()},
    )
