"""`album bench` as a function: folders in, scores beside the published ones out."""

from collections.abc import Callable, Mapping
from pathlib import Path

from album.bench.cache import measured
from album.bench.datasets import Faces, read_fgnet, read_lfw, read_utkface
from album.bench.protocols import (
    PAPER,
    Labelled,
    Row,
    label,
    score_attributes,
    score_birth_years,
    score_identity,
)
from album.calibration import attribute_calibration, identity_calibration
from nets.engine import Engine, load_engine

Reader = Callable[[Path], Faces]
Progress = Callable[[int, int], object]

SETS: Mapping[str, tuple[Reader, str]] = {
    "lfw": (read_lfw, "centre"),
    "fgnet": (read_fgnet, "largest"),
    "utkface": (read_utkface, "whole"),
}
"""How each set is read, and which face of a picture is the labelled one."""


def bench(
    folders: Mapping[str, Path],
    *,
    profile: str = "default",
    embedder: str | None = None,
    attributes: str | None = None,
    clustering: str = "default",
    cache: Path | None = None,
    progress: Progress = lambda done, total: None,
) -> dict[str, dict[str, Row]]:
    """Score labelled folders with the calibration that ships.

    Parameters
    ----------
    folders : mapping of str to Path
        Folder by name in `SETS`.
    profile, embedder, attributes : str
        As for `nets.engine.load_engine`.
    clustering : str
        A key of `album.grouping.LINKAGE`.
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
        If a folder does not hold its set.
    """
    engine = load_engine(profile=profile, embedder=embedder, attributes=attributes, threads=0)
    result = {}
    for name, folder in folders.items():
        read, choose = SETS[name]
        faces = read(folder)

        def tell(done: int, total: int = len(faces.paths)) -> None:
            progress(done, total)

        said = measured(faces, engine, choose=choose, cache=cache, progress=tell)
        scores = score(name, label(faces, said), engine, clustering)
        paper = "utkface-deep" if name == "utkface" and "deep" in engine.attributes.name else name
        result[name] = {"measured": scores, "paper": PAPER.get(paper, {})}
    return result


def score(name: str, data: Labelled, engine: Engine, clustering: str) -> Row:
    """Score what a set has labels for."""
    scores: dict[str, float] = {}
    if name in ("lfw", "fgnet"):
        scores |= score_identity(
            data, identity_calibration(engine.embedder.name), method=clustering
        )
    if name in ("fgnet", "utkface"):
        scores |= score_attributes(data)
    if name == "fgnet":
        born = score_birth_years(data, attribute_calibration(engine.attributes.name))
        scores |= {f"birth_{key}": value for key, value in born.items() if key != "people"}
    return scores
