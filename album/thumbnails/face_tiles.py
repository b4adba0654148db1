"""Faces as small JPEGs: a photo is decoded once for all faces in it that will be asked for."""

import io
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from album.errors import AlbumError
from album.thumbnails.cache import Thumbnails, face_key
from album.thumbnails.pictures import Box, crop_faces

SIDE = 208
"""Of a tile, in pixels: sharp at half that many on screens of today, and on paper."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A face to be shown; the box is in pixels of the upright photo, or of the frame of a clip."""

    photo_id: int
    path: str
    box: Box
    time_ms: int | None = None

    @property
    def key(self) -> str:
        """The key of the picture."""
        return face_key(self.photo_id, self.box, self.time_ms, SIDE)


@dataclass(slots=True)
class FaceTiles:
    """The tiles of a library. Threads may ask for tiles at the same time."""

    thumbnails: Thumbnails
    _expected: dict[str, set[Tile]] = field(default_factory=dict)
    _broken: set[str] = field(default_factory=set)
    _busy: dict[str, threading.Lock] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def expect(self, tiles: Iterable[Tile]) -> None:
        """Take note of tiles that will be asked for."""
        for tile in tiles:
            self._expected.setdefault(tile.path, set()).add(tile)

    def is_there(self, tile: Tile) -> bool:
        """Tell whether a tile has been made, or its photo is there."""
        return self.thumbnails.find(tile.key) is not None or Path(tile.path).exists()

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
            found = self.thumbnails.read(tile.key)
            if found is None and tile.path not in self._broken:
                self._make(tile)
                found = self.thumbnails.read(tile.key)
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

    def _make(self, tile: Tile) -> None:
        """Cut out the faces of a photo that are expected and not there yet."""
        same = {t for t in self._expected.get(tile.path, ()) if t.time_ms == tile.time_ms} | {tile}
        missing = [one for one in same if self.thumbnails.find(one.key) is None]
        try:
            crops = crop_faces(
                tile.path, [one.box for one in missing], side=SIDE, time_ms=tile.time_ms
            )
        except AlbumError:
            self._broken.add(tile.path)
            return
        for one, crop in zip(missing, crops, strict=True):
            self.thumbnails.put(one.key, crop)
