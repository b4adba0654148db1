"""Names for files and folders that every system accepts.

The rules are those of Windows, which refuses most: see "Naming Files, Paths, and Namespaces" in
Microsoft's documentation of Win32.
"""

import os
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import PurePath

LONGEST = 200
"""Bytes of UTF-8; most file systems allow 255, some programs add a few."""

_FORBIDDEN = frozenset('<>:"/\\|?*')
_DEVICES = frozenset(
    ("con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)))
)


def safe_name(name: str, fallback: str = "_") -> str:
    r"""Return a name that can be given to a file on every system.

    Characters that some system refuses become ``_``, as do control characters, bytes that are not
    UTF-8, and a leading dot, which would hide the file; dots and spaces at the end go. The result
    is in Unicode's composed form and at most `LONGEST` bytes long, the extension kept.

    Parameters
    ----------
    name : str
        Any text, without a folder.
    fallback : str
        What is returned where nothing is left.
    """
    text = unicodedata.normalize("NFC", os.fsencode(name).decode("utf-8", "replace"))
    text = "".join(_accepted(character) for character in text).strip().rstrip(". ")
    if text.startswith("."):
        text = "_" + text[1:]
    if text.split(".")[0].strip().casefold() in _DEVICES:
        text = "_" + text
    return _shortened(text) or fallback


def _accepted(character: str) -> str:
    strange = unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn")
    return "_" if strange or character in _FORBIDDEN or character == "\ufffd" else character


def _shortened(text: str, room: int = LONGEST) -> str:
    if len(text.encode()) <= room:
        return text
    suffix = PurePath(text).suffix
    if len(suffix.encode()) > 20:
        suffix = ""
    stem = text.removesuffix(suffix).encode()[: room - len(suffix.encode())]
    return stem.decode("utf-8", "ignore").rstrip(". ") + suffix


def folded(name: str) -> str:
    """Return what two names have in common that are the same file on some system."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


class Taken:
    """The names that are given out in one folder, none of them twice on any system."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names = {folded(name) for name in names}

    def claim(self, name: str, *further: str) -> str:
        """Return the first of some names that is free, else one with a number: IMG (2).jpg."""
        chosen = next(one for one in _variants(name, further) if folded(one) not in self._names)
        self._names.add(folded(chosen))
        return chosen


def _variants(name: str, further: tuple[str, ...]) -> Iterator[str]:
    yield name
    yield from further
    suffix = PurePath(name).suffix
    for n in range(2, 1_000_000):
        mark = f" ({n})"
        stem = _shortened(name.removesuffix(suffix), LONGEST - len(suffix.encode()) - len(mark))
        yield f"{stem}{mark}{suffix}"
