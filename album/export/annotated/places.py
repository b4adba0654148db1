"""Where the copies of `album analyze` go: folders mirrored, no name twice, nothing overwritten."""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from album.errors import AlbumError, MediaError, shown
from album.export.annotated.record import MADE_BY
from album.files.filenames import folded
from album.files.kinds import CLIP_SUFFIXES
from album.files.scan import Found
from album.files.temporary import temporary
from album.metadata.regular_files import open_regular


class InTheWay(AlbumError):  # noqa: N818 - the name says what is wrong
    """A file that `album analyze` has not made lies where it would write."""

    code = "in-the-way"


@dataclass(frozen=True, slots=True)
class Place:
    """Where one photo or clip comes from and what is made of it."""

    found: Found
    stem: Path
    """Of the copy, the text and the record, without the ends of their names."""
    clip: bool = False

    @property
    def record(self) -> Path:
        """The JSON file."""
        return self.stem.with_name(f"{self.stem.name}.json")

    @property
    def text(self) -> Path:
        """The text file."""
        return self.stem.with_name(f"{self.stem.name}.txt")

    @property
    def copy(self) -> Path:
        """The picture: PNG stays PNG, any other becomes JPEG; a clip becomes MP4."""
        if self.clip:
            return self.stem.with_name(f"{self.stem.name}.mp4")
        end = "png" if self.found.path.lower().endswith(".png") else "jpg"
        return self.stem.with_name(f"{self.stem.name}.{end}")


def places(root: Path, out: Path, files: Sequence[Found]) -> list[Place]:
    """Return a place below `out` for each file that lies in `root` (or is it), not in `out`.

    Where names differ only in their ends, these become part of the name: those of photos only for
    another photo, so that the clip of a Live Photo changes nothing.
    """
    root, out = root.absolute(), out.absolute()
    top = root if root.is_dir() else root.parent
    inside = [one for one in files if not Path(one.path).is_relative_to(out)]
    relative = [Path(os.path.relpath(one.path, top)) for one in inside]
    stems = [folded(str(path.with_suffix(""))) for path in relative]
    clips = [path.suffix.lower() in CLIP_SUFFIXES for path in relative]
    everything = Counter(stems)
    photos = Counter(stem for stem, clip in zip(stems, clips, strict=True) if not clip)
    found = []
    for one, path, key, clip in zip(inside, relative, stems, clips, strict=True):
        stem = path.with_suffix("")
        if (everything if clip else photos)[key] > 1:
            stem = stem.with_name(f"{stem.name}-{path.suffix.lstrip('.')}")
        found.append(Place(one, out / stem))
    return found


def made_of(place: Place) -> dict[str, Any] | None:
    """Return the record that an earlier run made, or None where there is none.

    Raises
    ------
    InTheWay
        Something else lies there.
    """
    before = _record(place.record)
    if before is None:
        for path in (place.record, place.text, place.copy):
            if os.path.lexists(path):
                raise InTheWay(f"{shown(path)} was not made by this program; move it away.")
    return before


def _record(path: Path) -> dict[str, Any] | None:
    try:
        with open_regular(path) as file:
            record = json.loads(file.read())
    except (MediaError, OSError, ValueError, RecursionError):
        return None
    made = isinstance(record, dict) and record.get("made_by") == MADE_BY
    return record if made else None


def up_to_date(place: Place, record: dict[str, Any] | None, settings: str) -> bool:
    """Tell whether a file needs nothing, because neither it nor the settings have changed."""
    if record is None or not (place.copy.exists() and place.text.exists()):
        return False
    source = [place.found.size, place.found.mtime_ns, settings]
    return source == [record.get("size"), record.get("mtime_ns"), record.get("settings")]


def write(
    place: Place, record: dict[str, Any], lines: Iterable[str], copy: Callable[[Path], object]
) -> None:
    """Write the three files, each whole or not at all; the record last, as it says "done".

    Parameters
    ----------
    place : Place
    record : dict
    lines : iterable of str
        Of the text.
    copy : callable
        Writes the copy to a path; may add to `record`.
    """
    place.stem.parent.mkdir(parents=True, exist_ok=True)
    if not place.record.exists():
        _text(place.record, json.dumps({"made_by": MADE_BY, "unfinished": True}))
    _whole(place.copy, copy)
    _text(place.text, "\n".join(lines) + "\n")
    _text(place.record, json.dumps(record, indent=1, ensure_ascii=False) + "\n")


def _text(path: Path, text: str) -> None:
    _whole(path, lambda partial: partial.write_text(text, encoding="utf-8"))


def _whole(path: Path, write_to: Callable[[Path], object]) -> None:
    with temporary(path.parent, "analyze") as partial:
        write_to(partial)
        partial.replace(path)
