"""The file that names many libraries: read and checked as a whole before anything begins."""

import math
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from album.errors import AlbumError, is_remote, shown
from db.places import is_url
from nets.engine import ATTRIBUTES, DETECTORS, EMBEDDERS, PROFILES
from nets.runtime.devices import DEVICES

AT_ONCE = 4
"""Libraries that are worked at side by side."""


class BadConfig(AlbumError):  # noqa: N818 - the name says what is wrong
    """The file can't be used; nothing was begun."""

    code = "config"
    exit_code = 2


@dataclass(frozen=True, slots=True)
class Limits:
    """What one library may take of one run; None: as much as there is.

    Attributes
    ----------
    photos, faces : int or None
        Files read and faces found, after which no more files are read.
    seconds : float or None
        Likewise.
    in_flight : int or None
        Chunks of files that workers hold at a time.
    """

    photos: int | None = None
    faces: int | None = None
    seconds: float | None = None
    in_flight: int | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One library.

    Attributes
    ----------
    name : str
    library : Path or str
        A file, or the URL of a database.
    photos : tuple of Path or str
        Files, folders and addresses.
    weight : float
        Of its share of the workers.
    limits : Limits
    options : mapping of str to object
        How to index, by the keys of `OPTIONS`.
    """

    name: str
    library: Path | str
    photos: tuple[Path | str, ...]
    weight: float = 1.0
    limits: Limits = field(default_factory=Limits)
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Batch:
    """All of them, and how many are worked at side by side."""

    jobs: tuple[Job, ...]
    at_once: int = AT_ONCE
    cluster: Mapping[str, Any] = field(default_factory=dict)


Kind = tuple[tuple[type, ...], str]
_TEXT: Kind = ((str,), "a text")
_YES: Kind = ((bool,), "true or false")
_COUNT: Kind = ((int,), "a whole number of 1 or more")
_NUMBER: Kind = ((int, float), "a number above 0")

OPTIONS: Mapping[str, Kind] = {
    "profile": _TEXT,
    "detector": _TEXT,
    "embedder": _TEXT,
    "attributes": _TEXT,
    "device": _TEXT,
    "min-face": _NUMBER,
    "file-timeout": _NUMBER,
    "emotions": _YES,
    "clips": _YES,
    "group": _YES,
    "retry": _YES,
}
"""How to index; as the options of `album index`."""
LIMITS: Mapping[str, Kind] = {
    "max-photos": _COUNT,
    "max-faces": _COUNT,
    "max-seconds": _NUMBER,
    "max-in-flight": _COUNT,
}
SHARED = {**OPTIONS, **LIMITS, "weight": _NUMBER}
CLUSTER: Mapping[str, Kind] = {
    "workers": _COUNT,
    "scheduler": _TEXT,
    "tls-ca": _TEXT,
    "tls-cert": _TEXT,
    "tls-key": _TEXT,
    "insecure": _YES,
}
NAMES: Mapping[str, tuple[str, ...]] = {
    "profile": tuple(PROFILES),
    "detector": DETECTORS,
    "embedder": EMBEDDERS,
    "attributes": ATTRIBUTES,
    "device": DEVICES,
}
_TOP = ("at-once", "cluster", "defaults", "library")


def read_config(path: Path) -> Batch:
    """Read and check a file.

    Raises
    ------
    BadConfig
        It can't be read, or something in it is wrong; the sentence names file and key.
    """
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadConfig(f"{shown(path)} can't be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise BadConfig(f"{shown(path)} is no TOML: it is not UTF-8.") from error
    except tomllib.TOMLDecodeError as error:
        raise BadConfig(f"{shown(path)} is no TOML: {error}.") from error
    return _Reader(path).batch(told)


@dataclass(frozen=True, slots=True)
class _Reader:
    path: Path

    def batch(self, told: Mapping[str, Any]) -> Batch:
        self._known(told, _TOP, "it")
        at_once = self._value(told, "at-once", _COUNT, "it")
        cluster = self._table(told, "cluster", CLUSTER)
        defaults = self._table(told, "defaults", SHARED)
        libraries = told.get("library")
        if not isinstance(libraries, list) or not libraries:
            raise self._wrong("has no [[library]]; each has name, library and photos.")
        jobs = tuple(self._job(one, number, defaults) for number, one in enumerate(libraries, 1))
        self._all_different("name", [job.name for job in jobs])
        self._all_different("library", [os.fspath(job.library) for job in jobs])
        return Batch(jobs, at_once or AT_ONCE, cluster)

    def _wrong(self, what: str) -> BadConfig:
        return BadConfig(f"{shown(self.path)} {what}")

    def _all_different(self, key: str, values: list[str]) -> None:
        twice = {value for value in values if values.count(value) > 1}
        if twice:
            raise self._wrong(f"has two libraries with the {key} {sorted(twice)[0]}.")

    def _known(self, table: Mapping[str, Any], keys: tuple[str, ...], where: str) -> None:
        if unknown := [key for key in table if key not in keys]:
            raise self._wrong(
                f"has a key {unknown[0]!r} in {where} that is not known; known are "
                f"{', '.join(keys)}."
            )

    def _table(
        self, told: Mapping[str, Any], name: str, kinds: Mapping[str, Kind]
    ) -> dict[str, Any]:
        table = told.get(name, {})
        if not isinstance(table, dict):
            raise self._wrong(f"wants a table [{name}].")
        self._known(table, tuple(kinds), f"[{name}]")
        return {key: self._value(table, key, kinds[key], f"[{name}]") for key in table}

    def _value(self, table: Mapping[str, Any], key: str, kind: Kind, where: str) -> Any:
        value = table.get(key)
        if value is None:
            return None
        types, told = kind
        fits = isinstance(value, types) and (bool in types or not isinstance(value, bool))
        least = 1 if kind is _COUNT else 0
        if fits and isinstance(value, int | float) and bool not in types:
            fits = value >= 1 if least else math.isfinite(value) and value > 0
        if not fits or value == "":
            raise self._wrong(f"wants {told} for {key!r} in {where}, not {value!r}.")
        return value

    def _check_names(self, values: Mapping[str, Any], where: str) -> None:
        for key, names in NAMES.items():
            if key in values and values[key] not in names:
                raise self._wrong(
                    f"has a {key} {values[key]!r} in {where} that is not known; known are "
                    f"{', '.join(names)}."
                )

    def _job(self, told: Any, number: int, defaults: Mapping[str, Any]) -> Job:
        where = f"[[library]] number {number}"
        if not isinstance(told, dict):
            raise self._wrong(f"wants a table for {where}.")
        self._known(told, ("name", "library", "photos", *SHARED), where)
        for key in ("name", "library", "photos"):
            if key not in told:
                raise self._wrong(f"has no {key!r} in {where}.")
        name = self._value(told, "name", _TEXT, where)
        own = {key: self._value(told, key, SHARED[key], where) for key in told if key in SHARED}
        values = {**defaults, **own}
        self._check_names(values, where)
        return Job(
            name,
            self._place(self._value(told, "library", _TEXT, where), is_url),
            self._photos(told["photos"], where),
            float(values.get("weight", 1.0)),
            Limits(*(values.get(key) for key in LIMITS)),
            {key: value for key, value in values.items() if key in OPTIONS},
        )

    def _photos(self, told: Any, where: str) -> tuple[Path | str, ...]:
        texts = [told] if isinstance(told, str) else told
        if not isinstance(texts, list) or not texts or not all(isinstance(t, str) for t in texts):
            raise self._wrong(f"wants a list of folders for 'photos' in {where}.")
        return tuple(self._place(text, is_remote) for text in texts)

    def _place(self, text: str, is_address: Any) -> Path | str:
        """Return an address, or a path as seen from the folder of the file."""
        return text if is_address(text) else self.path.parent.absolute() / Path(text).expanduser()
