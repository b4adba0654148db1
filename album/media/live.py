"""Live Photos: a still and a clip of three seconds beside it, which are one item.

Phones write them under one name, `IMG_1.HEIC` and `IMG_1.MOV`. Apple notes in both the same content
identifier; what other programs have exported has lost it, so that name and length have to do.
"""

import re
from collections.abc import Iterable
from pathlib import PurePath

from album.errors import AlbumError, reading
from album.files.kinds import LIVE_STILL_SUFFIXES, Kind, kind_of
from album.media.headers import Header, read_header
from album.media.opening import open_picture
from album.metadata.decoder_errors import translated
from album.metadata.fields import CLIP_ID
from album.metadata.regular_files import open_regular
from album.metadata.sidecars import neighbours

MAX_SECONDS = 4.0
"""Apple's last three seconds at most, others' a little more."""
_CLIPS = (".mov", ".mp4", ".mp")
_IDENTIFIER = re.compile(rb"[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}")


def stills_beside(path: str, names: Iterable[str] | None = None) -> list[str]:
    """Return the stills in the folder of a clip that have its name, the likeliest first.

    Parameters
    ----------
    path : str
    names : iterable of str, optional
        Of the files there; else the folder is listed.
    """
    clip = PurePath(path)
    if clip.suffix.lower() not in _CLIPS:
        return []
    stem = clip.stem.casefold()
    found = []
    for name in neighbours(path) if names is None else names:
        other = PurePath(name)
        suffix = other.suffix.lower()
        if other.stem.casefold() == stem and suffix in LIVE_STILL_SUFFIXES:
            found.append((LIVE_STILL_SUFFIXES.index(suffix), path[: -len(clip.name)] + name))
    return [still for _, still in sorted(found)]


def still_beside(path: str, header: Header) -> str | None:
    """Return the still whose moment a clip is, or None for a clip of its own.

    Parameters
    ----------
    path : str
        The clip.
    header : Header
        What it says of itself.
    """
    identifier = header.tags.get(CLIP_ID, "")
    for still in stills_beside(path):
        known = _identifiers(still)
        if known is None:  # no picture: what it shows is in the clip alone
            continue
        if identifier and known:
            if identifier in known:
                return still
        elif header.seconds is not None and header.seconds <= MAX_SECONDS:
            return still
    return None


def is_live(path: str) -> bool:
    """Tell whether a clip, of which nothing else is known, is that of a Live Photo."""
    try:
        return still_beside(path, read_header(path)) is not None
    except AlbumError:
        return False


def _identifiers(path: str) -> set[str] | None:
    """Return the identifiers in the EXIF block of a still; None for what is no picture."""
    try:
        with reading(path), translated(path), open_regular(path) as file:
            kind = kind_of(file, path)
            if kind not in (Kind.JPEG, Kind.HEIC):
                return None
            block = open_picture(file, kind).info.get("exif") or b""
    except AlbumError:  # the still is read on its own, which reports what is wrong with it
        return None
    return {found.decode() for found in _IDENTIFIER.findall(block)}
