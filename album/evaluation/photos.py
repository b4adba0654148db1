"""A folder of photos without labels: the program as it is, and the rule of one person a photo.

What is counted is what `album index` would have stored, in a library that is thrown away, or kept
in the cache so that a second run has nothing to read.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from album.events import FileSkipped, PhotoDone, PhotoFailed, Scanned
from album.files.temporary import temporary_folder
from album.indexing.index import IndexOptions, index
from clustering.evaluation.metrics import violations
from db.library import Library
from db.people.faces import load_faces
from db.people.people import people
from db.photos.status import status
from nets.engine import Engine
from nets.runtime.models import digest

Progress = Callable[[int, int], object]


def score_photos(
    root: Path,
    engine: Engine,
    *,
    method: str = "default",
    cache: Path | None = None,
    progress: Progress = lambda done, total: None,
) -> Mapping[str, float]:
    """Index a folder and look at the people that come out.

    Parameters
    ----------
    root : Path
        Folder of photos.
    engine : Engine
        The nets.
    method : str
        A key of `album.grouping.grouping.LINKAGE`.
    cache : Path, optional
        Folder where the library is kept.
    progress : callable
        Called with files done and files in all.

    Returns
    -------
    mapping of str to float
        ``violations`` counts the pairs of faces of one photo that were given to one person.
    """
    with temporary_folder("bench") as scratch:
        folder = cache or scratch
        folder.mkdir(parents=True, exist_ok=True)
        name = digest(root.resolve(), engine.contract, method)
        with Library.open(folder / f"{name}.db", create=True) as library:
            _index(library, engine, root, method, progress)
            return _scores(library, engine)


def _index(library: Library, engine: Engine, root: Path, method: str, progress: Progress) -> None:
    done, total = 0, 0
    for event in index(library, engine, [root], IndexOptions(method=method)):
        if isinstance(event, Scanned):
            total = event.todo
        elif isinstance(event, PhotoDone | PhotoFailed | FileSkipped):
            done += 1
            progress(done, max(total, done))


def _scores(library: Library, engine: Engine) -> dict[str, float]:
    table = load_faces(
        library, identity=engine.embedder.contract, attributes=engine.attributes.contract
    )
    shown = people(library)
    everybody = people(library, passers_by=True)
    known = table.person_id > 0
    # A clip is many pictures: only at one moment of it are two faces two people.
    moments = np.unique(np.stack([table.photo_id, table.time_ms]), axis=1, return_inverse=True)[1]
    size = np.bincount(table.person_id[known]) if known.any() else np.zeros(1, np.int64)
    return {
        "faces": len(table),
        "missed": status(library).failures,
        "photos": len(np.unique(table.photo_id)),
        "people": len(everybody),
        "passers_by": len(everybody) - len(shown),
        "largest": int(size.max()),
        "alone": int((size == 1).sum()),
        "violations": violations(table.person_id[known], moments.reshape(-1)[known]),
    }
