"""Files that lie beside a photo and know its date: XMP sidecars and Google Takeout's JSON."""

import json
import math
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePath

from album.errors import MediaError
from album.metadata.regular_files import open_regular
from album.metadata.xmp import MAX_PACKET
from album.plain_text import plain_text

MAX_JSON = 1 << 20
MAX_PEOPLE = 1000
TAKEOUT_CUT = 46
"""Google cuts names at 51 characters, ``.json`` included."""
_SUPPLEMENT = ".supplemental-metadata"
_NUMBERED = re.compile(r"(?P<stem>.*)\((?P<n>\d+)\)")
EDITED = tuple(
    f"-{word}"
    for word in (
        *("edited", "bearbeitet", "modifié", "editado", "editada", "modificato", "bewerkt"),
        *("edytowane", "redigerad", "redigeret", "redigert", "muokattu", "upraveno", "editat"),
        *("düzenlendi", "отредактировано", "編集済み"),
    )
)
"""What Takeout adds to the name of a photo that was edited; its JSON keeps the original's name."""


@dataclass(frozen=True, slots=True)
class Takeout:
    """What Google Photos knew of one photo.

    Attributes
    ----------
    taken : float or None
        Seconds since 1970 UTC.
    people : tuple of str
        Names of people in the photo, without places: hints, not facts.
    """

    taken: float | None
    people: tuple[str, ...] = ()


@lru_cache(maxsize=32)
def _listed(folder: str, _mtime_ns: int) -> frozenset[str]:
    try:
        return frozenset(entry.name for entry in Path(folder).iterdir())
    except OSError:
        return frozenset()


def neighbours(path: str) -> frozenset[str]:
    """Return the names in a file's folder, listed again only when the folder changes."""
    folder = Path(path).absolute().parent
    try:
        return _listed(os.fspath(folder), folder.stat().st_mtime_ns)
    except OSError:
        return frozenset()


def read_xmp_sidecar(path: str, names: frozenset[str]) -> bytes:
    """Return the content of ``photo.jpg.xmp``, else of ``photo.xmp``; nothing without either."""
    file = PurePath(path)
    for stem in (file.name, file.stem):
        for suffix in (".xmp", ".XMP"):
            if stem + suffix in names:
                data = _read(file.with_name(stem + suffix), MAX_PACKET)
                if data:
                    return data
    return b""


def read_takeout(path: str, names: frozenset[str]) -> Takeout | None:
    """Return what Google Takeout's JSON beside a photo says; None without a fitting one."""
    file = PurePath(path)
    for name in takeout_names(file.name):
        if name in names:
            found = _parse_takeout(_read(file.with_name(name), MAX_JSON))
            if found:
                return found
    return None


def takeout_names(name: str) -> Iterator[str]:
    """Yield the names that Takeout may have given the JSON of a photo, likeliest first.

    The name is that of the photo and any beginning of ``.supplemental-metadata``, all of it cut at
    46 characters before ``.json``; the number of a second photo of one name moves from
    ``IMG(1).jpg`` to the end, ``IMG.jpg.supplemental-metadata(1).json``.
    """
    stem, suffix = PurePath(name).stem, PurePath(name).suffix
    for base in dict.fromkeys((stem, _without_edited(stem))):
        match = _NUMBERED.fullmatch(base)
        if match:
            yield from _cut_names(match["stem"] + suffix, f"({match['n']})")
        yield from _cut_names(base + suffix, "")


def _cut_names(title: str, number: str) -> Iterator[str]:
    full = title + _SUPPLEMENT
    longest = min(len(full), TAKEOUT_CUT)
    for length in range(longest, min(len(title), TAKEOUT_CUT) - 1, -1):
        yield f"{full[:length]}{number}.json"
    if number and len(full) + len(number) > TAKEOUT_CUT:
        yield f"{full[: TAKEOUT_CUT - len(number)]}{number}.json"


def _without_edited(stem: str) -> str:
    """Leave out ``-edited``, also where a number follows it: ``IMG-edited(1)`` is ``IMG(1)``."""
    match = _NUMBERED.fullmatch(stem)
    body, number = (match["stem"], f"({match['n']})") if match else (stem, "")
    for word in EDITED:
        if body.endswith(word):
            return body.removesuffix(word) + number
    return stem


def _parse_takeout(data: bytes) -> Takeout | None:
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError):
        return None
    taken = tree.get("photoTakenTime") if isinstance(tree, dict) else None
    if not isinstance(taken, dict):
        return None
    people = tree.get("people")
    listed = people[:MAX_PEOPLE] if isinstance(people, list) else []
    names = (plain_text(one.get("name")) for one in listed if isinstance(one, dict))
    return Takeout(_number(taken.get("timestamp")), tuple(dict.fromkeys(filter(None, names))))


def _number(value: object) -> float | None:
    try:
        number = float(value) if isinstance(value, str | int | float) else math.nan
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _read(path: PurePath, limit: int) -> bytes:
    try:
        with open_regular(path) as file:
            data = file.read(limit + 1)
    except (MediaError, OSError):
        return b""
    return data if len(data) <= limit else b""
