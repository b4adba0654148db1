"""What the nets say of a data set, kept in a folder so that it is computed once."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from album.evaluation.datasets import Faces
from album.evaluation.measure import Measured, joined, measure
from nets.core.whole_files import whole
from nets.engine import Engine
from nets.runtime.models import digest

Progress = Callable[[int], object]


def measured(
    faces: Faces,
    engine: Engine,
    *,
    choose: str,
    cache: Path | None = None,
    progress: Progress = lambda done: None,
) -> Measured:
    """Return what the nets say of a data set, from the cache where it is there.

    Parameters
    ----------
    faces : Faces
        The data set.
    engine : Engine
        The nets; what they said is kept under their contract.
    choose : str
        See `album.evaluation.measure.measure`.
    cache : Path, optional
        Folder of kept results; nothing is kept without it.
    progress : callable
        Called with the number of pictures done after each part.
    """
    names = digest(*(f"{path.parent.name}/{path.name}" for path in faces.paths))
    kept = cache and cache / f"{digest(engine.contract, choose, names)}.npz"
    if kept and kept.is_file():
        with np.load(kept) as stored:
            return Measured(**{name: stored[name] for name in stored.files})
    parts = []
    for part in measure(faces.paths, engine, choose=choose):
        parts.append(part)
        progress(int(part.rows.max(initial=0)) + 1)
    result = joined(parts)
    if kept:
        columns = {name: getattr(result, name) for name in Measured.__slots__}
        with whole(kept) as file:
            np.savez(file, **columns)
    return result
