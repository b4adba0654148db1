"""Faces as small JPEGs, cut out once and kept in the cache folder.

A photo is decoded once for all faces in it that are going to be asked for. The folder lies below
`album.paths.cache_folder`, which forgetting somebody empties.
"""

import hashlib
import io
import os
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from album.errors import AlbumError
from album.thumbnails.pictures import Box, crop_faces, save_jpeg

SIDE = 208
"""Of a tile, in pixels: sharp at half that many on screens of today, and on paper."""
BOUND = 512 << 20
"""Bytes of all tiles together."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A face to be shown; the box is in pixels of the upright photo, or of the frame of a clip."""

    photo_id: int
    path: str
    box: Box
    time_ms: int | None = None

    @property
    def key(self) -> str:
        """A digest of all that decides the picture: a photo is its content."""
        text = "\n".join(map(str, (SIDE, self.photo_id, self.path, self.box, self.time_ms)))
        return hashlib.blake2b(os.fsencode(text), digest_size=12).hexdigest()


@dataclass(slots=True)
class FaceTiles:
    """The tiles of a library. Threads may ask for tiles at the same time."""

    folder: Path
    _wanted: dict[str, set[Tile]] = field(default_factory=dict)
    _broken: set[str] = field(default_factory=set)
    _busy: dict[str, threading.Lock] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def want(self, tiles: Iterable[Tile]) -> None:
        """Say which tiles are going to be asked for."""
        for tile in tiles:
            self._wanted.setdefault(tile.path, set()).add(tile)

    def is_there(self, tile: Tile) -> bool:
        """Tell whether a tile has been made, or its photo is there."""
        return self._path(tile).exists() or Path(tile.path).exists()

    def jpeg(self, tile: Tile) -> bytes | None:
        """Return a tile, or None where its photo can't be read.

        Raises
        ------
        OSError
            The cache can't be written.
        """
        with self._lock:
            busy = self._busy.setdefault(tile.path, threading.Lock())
        with busy:
            found = self._stored(tile)
            if found is None and tile.path not in self._broken:
                self._make(tile)
                found = self._stored(tile)
        return found

    def thumbnail(self, tile: Tile, side: int) -> bytes | None:
        """Return a tile at a smaller size; see `jpeg`."""
        from PIL import Image

        found = self.jpeg(tile)
        if found is None:
            return None
        small, made = io.BytesIO(found), io.BytesIO()
        with Image.open(small, formats=["JPEG"]) as image:
            image.resize((side, side), Image.Resampling.LANCZOS).save(made, "JPEG", quality=82)
        return made.getvalue()

    def _path(self, tile: Tile) -> Path:
        key = tile.key
        return self.folder / key[:2] / f"{key}.jpg"

    def _stored(self, tile: Tile) -> bytes | None:
        path = self._path(tile)
        with suppress(FileNotFoundError):
            content = path.read_bytes()
            os.utime(path)
            return content
        return None

    def _make(self, tile: Tile) -> None:
        """Cut out the faces of a photo that are wanted and not there yet."""
        same = {t for t in self._wanted.get(tile.path, ()) if t.time_ms == tile.time_ms} | {tile}
        missing = [one for one in same if not self._path(one).exists()]
        try:
            crops = crop_faces(
                tile.path, [one.box for one in missing], side=SIDE, time_ms=tile.time_ms
            )
        except AlbumError:
            self._broken.add(tile.path)
            return
        for one, crop in zip(missing, crops, strict=True):
            save_jpeg(crop, self._path(one))

    def clean(self, bound: int = BOUND) -> None:
        """Remove the tiles that were not used for longest, as far as all take more than `bound`."""
        found = [(status.st_mtime_ns, status.st_size, path) for path, status in self._files()]
        total = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if total <= bound:
                return
            path.unlink(missing_ok=True)
            total -= size

    def _files(self) -> Iterable[tuple[Path, os.stat_result]]:
        for path in self.folder.rglob("*.jpg"):
            with suppress(FileNotFoundError):
                yield path, path.stat()
