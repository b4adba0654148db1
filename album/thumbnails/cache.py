"""The one cache of pictures made from a library: drawn once, by key, never without bound."""

import hashlib
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from album.errors import StrPath
from album.paths import cache_folder
from album.thumbnails.pictures import Box, jpeg, save_jpeg

if TYPE_CHECKING:
    from PIL import Image

BOUND = 512 << 20
"""Bytes of all pictures together."""
CHECK_EVERY = 256
"""Pictures made between two checks of the bound."""
LEAVE = 0.8
"""Share of the bound that is left after a clean-up."""


@dataclass(slots=True)
class Thumbnails:
    """A folder of JPEGs by key; the least recently used go first. Threads may share it.

    Attributes
    ----------
    folder : Path
        Emptied by `album.paths.empty_cache` when somebody is forgotten.
    bound : int
        Bytes.
    """

    folder: Path
    bound: int = BOUND
    _made: int = CHECK_EVERY
    _busy: dict[str, threading.Lock] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of_library(cls, library: StrPath) -> Self:
        """Return the pictures of a library."""
        return cls(cache_folder(library))

    def get(self, key: str, draw: "Callable[[], Image.Image]") -> Path | bytes:
        """Return the file of a picture, drawing it where it is not there yet.

        Where it can't be kept, because the disk is full for example, its bytes are returned.

        Parameters
        ----------
        key : str
            Letters, digits and dashes; says all that decides the picture.
        draw : callable
            Returns a PIL image; may raise an `AlbumError`.

        """
        path = self._path(key)
        with self._lock:
            busy = self._busy.setdefault(key, threading.Lock())
        try:
            with busy:
                if self._touch(path):
                    return path
                image = draw()
                try:
                    return self.put(key, image)
                except OSError:
                    return jpeg(image)
        finally:
            with self._lock:
                self._busy.pop(key, None)

    def put(self, key: str, image: "Image.Image") -> Path:
        """Store a picture, in place of one of the same key; return its file.

        Raises
        ------
        OSError
            The folder can't be written.
        """
        path = self._path(key)
        save_jpeg(image, path)
        self._count()
        return path

    def find(self, key: str) -> Path | None:
        """Return the file of a picture if it has been drawn before."""
        path = self._path(key)
        return path if self._touch(path) else None

    def read(self, key: str) -> bytes | None:
        """Return a picture if it has been drawn before."""
        path = self.find(key)
        with suppress(FileNotFoundError):  # another process has made room meanwhile
            return None if path is None else path.read_bytes()
        return None

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.jpg"

    def _touch(self, path: Path) -> bool:
        """Note that a picture is in use; tell whether it is there."""
        with suppress(OSError):  # a cache on a disk that can't be written can still be read
            os.utime(path)
        return os.access(path, os.R_OK)

    def _count(self) -> None:
        with self._lock:
            self._made += 1
            due = self._made >= CHECK_EVERY
            if due:
                self._made = 0
        if due:
            self.clean()

    def clean(self) -> None:
        """Remove the least recently used pictures beyond the bound."""
        found = []
        for path in self.folder.rglob("*.jpg"):
            with suppress(FileNotFoundError):
                status = path.stat()
                found.append((status.st_mtime_ns, status.st_size, path))
        total = sum(size for _, size, _ in found)
        if total <= self.bound:
            return
        for _, size, path in sorted(found):
            path.unlink(missing_ok=True)
            total -= size
            if total <= LEAVE * self.bound:
                return


def face_key(photo_id: int, box: Box, time_ms: int | None, side: int) -> str:
    """Return the key of a face cut out of a photo, which is its content, at some size."""
    return key_of("face", photo_id, box, time_ms, side)


def key_of(*parts: object) -> str:
    """Return a key of a picture: a digest of all that decides it."""
    text = "\n".join(map(str, parts))
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=12).hexdigest()
