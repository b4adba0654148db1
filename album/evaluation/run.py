"""`album bench` as a function: folders in, scores beside the published ones out."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from album.evaluation.cache import measured
from album.evaluation.datasets import (
    DatasetError,
    Faces,
    read_fairface,
    read_fgnet,
    read_lfw,
    read_utkface,
)
from album.evaluation.detection import detected, open_end, read_wider, score_detection
from album.evaluation.photos import score_photos
from album.evaluation.protocols import (
    PAPER,
    Labelled,
    Row,
    label,
    score_age_ranges,
    score_attributes,
    score_birth_years,
    score_identity,
)
from album.media.views import VIEW
from album.models.added import models_folder
from album.models.calibration import attribute_calibration, identity_calibration
from nets.engine import HEADS, Engine, load_engine
from nets.train import splits

Reader = Callable[[Path], Faces]
Progress = Callable[[int, int], object]

FACES: Mapping[str, tuple[Reader, str]] = {
    "lfw": (read_lfw, "centre"),
    "fgnet": (read_fgnet, "largest"),
    "utkface": (read_utkface, "whole"),
    "fairface": (read_fairface, "centre"),
}
"""How each set of one face a picture is read, and which face of a picture is the labelled one."""
SETS = (*FACES, "wider", "photos")


def bench(
    folders: Mapping[str, Path],
    *,
    profile: str = "default",
    parts: Mapping[str, str | None] | None = None,
    clustering: str = "default",
    view: int = VIEW,
    cache: Path | None = None,
    progress: Progress = lambda done, total: None,
) -> dict[str, dict[str, Row]]:
    """Score folders with the calibration that ships.

    Parameters
    ----------
    folders : mapping of str to Path
        Folder by name in `SETS`; all are labelled but ``photos``.
    profile : str
        As for `nets.engine.load_engine`.
    parts : mapping of str to str, optional
        Its ``detector``, ``embedder`` and ``attributes``, where they are not those of the profile.
    clustering : str
        A key of `album.grouping.grouping.LINKAGE`.
    view : int
        Longest side in pixels of the pictures of ``wider`` that faces are looked for in.
    cache : Path, optional
        Folder where what the nets say is kept.
    progress : callable
        Called with pictures done and pictures in all.

    Returns
    -------
    dict
        For each folder ``measured`` and ``paper``, each a measure by name.

    Raises
    ------
    DatasetError
        If a folder does not hold its set, or no face is found in it.

    Notes
    -----
    The heads that are trained here (`nets.engine.HEADS`) have learned from UTKFace: of that set
    they are scored on the fifth that `nets.train.splits` keeps for it.
    """
    named: dict[str, Any] = dict(parts or {})
    engine = load_engine(profile=profile, **named, threads=0, models=models_folder())
    result: dict[str, dict[str, Row]] = {}
    for name, folder in folders.items():
        if name == "wider":
            scores = _wider(folder, engine, view, progress)
        elif name == "photos":
            scores = score_photos(folder, engine, method=clustering, cache=cache, progress=progress)
        else:
            scores = _faces(name, folder, engine, clustering, cache=cache, progress=progress)
        deep = name == "utkface" and engine.attributes.name == "faceres-deep"
        paper = "utkface-deep" if deep else name
        result[name] = {"measured": scores, "paper": PAPER.get(paper, {})}
    return result


def _wider(folder: Path, engine: Engine, view: int, progress: Progress) -> Row:
    pictures = read_wider(folder)
    detector, threshold = open_end(engine.detector, threads=0)

    def tell(done: int) -> None:
        progress(done, len(pictures))

    found = list(detected(pictures, detector, view=view, progress=tell))
    return score_detection(pictures, found, threshold)


def _faces(
    name: str,
    folder: Path,
    engine: Engine,
    clustering: str,
    *,
    cache: Path | None,
    progress: Progress,
) -> Row:
    read, choose = FACES[name]
    faces = read(folder)
    if name == "utkface" and engine.attributes.name in HEADS:
        faces = _unseen(folder, faces)

    def tell(done: int) -> None:
        progress(done, len(faces.paths))

    said = measured(faces, engine, choose=choose, cache=cache, progress=tell)
    if not len(said.rows):
        raise DatasetError(f"{folder}: no face was found in any of {len(faces.paths)} pictures")
    return score(name, label(faces, said), engine, clustering)


def _unseen(folder: Path, faces: Faces) -> Faces:
    """Return the faces that heads trained here have neither learned from nor been chosen by."""
    rows = np.flatnonzero(splits.parts([path.name for path in faces.paths]) == "test")
    if not len(rows):
        raise DatasetError(f"{folder}: the heads were trained on all of its pictures; add others.")
    paths = [faces.paths[row] for row in rows.tolist()]
    return Faces(paths, faces.people[rows], faces.ages[rows], faces.male[rows], faces.years[rows])


def score(name: str, data: Labelled, engine: Engine, clustering: str) -> Row:
    """Score what a set of one face a picture has labels for."""
    scores: dict[str, float] = {}
    if name in ("lfw", "fgnet"):
        scores |= score_identity(
            data,
            identity_calibration(engine.embedder.name, engine.attributes.name),
            method=clustering,
        )
    if name in ("fgnet", "utkface"):
        scores |= score_attributes(data)
    if name == "fairface":
        scores |= score_age_ranges(data)
    if name == "fgnet":
        born = score_birth_years(data, attribute_calibration(engine.attributes.name))
        scores |= {f"birth_{key}": value for key, value in born.items() if key != "people"}
    return scores
