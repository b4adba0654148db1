"""Digests of pictures in files that an earlier version has read, which knew none."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from album.errors import MediaError, one_file
from album.events import PictureRead, PicturesPending
from album.files.scan import Found, display_path
from album.metadata.picture_digest import Digests, digests
from db.library import Library
from db.photos.files import save_pictures

BATCH = 200
"""Files whose digests are stored in one transaction."""


def remember_pictures(
    library: Library, files: Sequence[Found], *, jobs: int
) -> Iterator[PicturesPending | PictureRead]:
    """Work out the digests of pictures in known files; what can't be read is left for later.

    Parameters
    ----------
    library : Library
        Open for writing.
    files : sequence of Found
        Unchanged since they were read.
    jobs : int
        Threads.

    Yields
    ------
    PicturesPending, PictureRead
        The first once, if there is anything to do; then one for each file.
    """
    if not files:
        return
    yield PicturesPending(len(files))
    with ThreadPoolExecutor(max(1, jobs)) as pool:
        for start in range(0, len(files), BATCH):
            part = files[start : start + BATCH]
            found = dict(zip((one.path for one in part), pool.map(_digests, part), strict=True))
            save_pictures(
                library,
                {path: (one.content, one.picture) for path, one in found.items() if one},
            )
            for one in part:
                yield PictureRead(Path(display_path(one.path)))


def _digests(found: Found) -> Digests | None:
    try:
        with one_file(Path(found.path)):
            return digests(found.path)
    except MediaError:
        return None
