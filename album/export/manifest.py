"""What an export has made, kept beside it, so that the next one knows what is its own.

Written before anything is made as well as after it, so that an export that is killed leaves nothing
behind that the next one would take for somebody else's.
"""

import hashlib
import json
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import BinaryIO

from album.errors import ExportError, StrPath, shown
from album.files.temporary import temporary

NAME = ".album-export.json"
PURPOSE = "export"
"""Part of the names of temporary files."""
FORMAT = 1
SLACK_NS = 2_000_000_000
"""The clock of FAT goes in steps of two seconds."""


@dataclass(frozen=True, slots=True)
class Made:
    """A file that an export makes.

    Attributes
    ----------
    kind : {'text', 'symbolic', 'hard', 'copy'}
    source : str
        The photo that is linked or copied.
    size, mtime_ns : int
        Of the photo.
    digests : tuple of str
        SHA-256 of a text; of the old and the new one while one takes the other's place.
    recipe : str
        Of a file that was drawn: a digest of what it was drawn from.
    """

    kind: str
    source: str = ""
    size: int = 0
    mtime_ns: int = 0
    digests: tuple[str, ...] = ()
    recipe: str = ""

    def is_at(self, path: Path) -> bool:
        """Tell whether this lies at a path, unchanged."""
        try:
            if self.kind == "symbolic":
                return path.is_symlink() and str(path.readlink()) == self.source
            found = path.lstat()
            if not stat.S_ISREG(found.st_mode):
                return False
            if self.kind == "text":
                return sha256(path) in self.digests
        except OSError:
            return False
        same = found.st_size == self.size and abs(found.st_mtime_ns - self.mtime_ns) <= SLACK_NS
        return same or (self.kind == "hard" and _same_file(path, self.source))

    def __or__(self, other: "Made") -> "Made":
        """Return what fits either of two texts."""
        return replace(self, digests=tuple(sorted({*self.digests, *other.digests})))


def _same_file(path: Path, source: str) -> bool:
    with suppress(OSError):
        return path.samefile(source)
    return False


def sha256(path: StrPath) -> str:
    """Return the digest of a file."""
    with Path(path).open("rb") as file:
        return digest_of(file)


def digest_of(file: BinaryIO) -> str:
    """Return the digest of an open file, read from its start."""
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


def read_manifest(folder: Path) -> dict[str, Made]:
    """Return what earlier exports made in a folder, by path below it with ``/`` between.

    Raises
    ------
    ExportError
        If the manifest makes no sense, or is of a newer version.
    """
    path = folder / NAME
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["format"] > FORMAT:
            raise ExportError(
                f"{shown(path)} was written by a newer version; update the program, or export into "
                "another folder."
            )
        return {name: _made(entry) for name, entry in data["files"].items() if _is_below(name)}
    except FileNotFoundError:
        return {}
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ExportError(
            f"{shown(path)} is damaged; export into another folder, or move it away."
        ) from error


def _made(entry: Mapping[str, object]) -> Made:
    made = Made(**entry)  # type: ignore[arg-type]
    return replace(made, digests=tuple(made.digests))


def _is_below(name: str) -> bool:
    """Refuse to touch anything outside the folder, whatever somebody wrote into the manifest."""
    return not name.startswith("/") and ".." not in name.split("/")


def write_manifest(folder: Path, files: Mapping[str, Made]) -> None:
    """Write down what lies in a folder, all of it or nothing."""
    entries = {
        name: {key: value for key, value in asdict(made).items() if value}
        for name, made in sorted(files.items())
    }
    # ASCII, because the source may be a path that is not UTF-8.
    text = json.dumps({"format": FORMAT, "files": entries}, indent=0)
    try:
        with temporary(folder, PURPOSE) as partial:
            with partial.open("w", encoding="ascii") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(folder / NAME)
    except OSError as error:
        error.filename = os.fspath(folder / NAME)
        raise
