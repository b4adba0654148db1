"""Models that the user adds: where they lie, and how a file comes there."""

import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from album.errors import AlbumError, shown
from album.files.temporary import temporary
from album.paths import APPLICATION
from nets.runtime.addable import ADDABLE, Addable, check, installed

FOLDER = "ALBUM_MODELS"
"""Environment variable that names another folder."""
TIMEOUT_S = 60
SPARE = 1024
"""Bytes beyond the known size after which a download is given up."""


class ModelRefused(AlbumError):  # noqa: N818 - the name says what happened
    """A model could not be added or removed."""

    code = "model"


@dataclass(frozen=True, slots=True)
class Listed:
    """A model that can be added, and where it lies if it was."""

    model: Addable
    path: Path | None


def models_folder() -> Path:
    """Return the folder of the models that the user has added; it need not exist."""
    given = os.environ.get(FOLDER)
    if given:
        return Path(given)
    # Imported late: `album --help` has no use for it.
    from platformdirs import user_data_path

    return user_data_path(APPLICATION, appauthor=False) / "models"


def list_models() -> list[Listed]:
    """Return all models that can be added, by name."""
    folder = models_folder()
    return [Listed(model, installed(name, folder)) for name, model in sorted(ADDABLE.items())]


def add_model(name: str, source: str) -> Path:
    """Add a model from a file or, only where one is named, from an address.

    Parameters
    ----------
    name : str
        A key of `nets.runtime.addable.ADDABLE`.
    source : str
        A path, or an address that starts with ``https://`` or ``http://``.

    Raises
    ------
    ModelRefused
        There is no such model, or nothing to be read there.
    NotTheModel
        What is there is something else.
    """
    model = _known(name)
    data = _fetched(source, model) if "://" in source else _read(source)
    check(name, data)
    path = models_folder() / model.file
    path.parent.mkdir(parents=True, exist_ok=True)
    with temporary(path.parent, "model") as new:
        with new.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    return path


def remove_model(name: str) -> Path | None:
    """Remove a model; return where it was, None if it was not there."""
    _known(name)
    path = installed(name, models_folder())
    if path is not None:
        path.unlink()
    return path


def _known(name: str) -> Addable:
    if name not in ADDABLE:
        raise ModelRefused(f"There is no model {name}; choose one of {', '.join(ADDABLE)}.")
    return ADDABLE[name]


def _read(source: str) -> bytes:
    try:
        return Path(source).read_bytes()
    except OSError as error:
        raise ModelRefused(f"{shown(source)} can't be read ({error.strerror}).") from error


def _fetched(source: str, model: Addable) -> bytes:
    if not source.startswith(("https://", "http://")):
        raise ModelRefused(f"{source} is neither a file nor an address that starts with https://.")
    try:
        with urllib.request.urlopen(source, timeout=TIMEOUT_S) as answer:
            data: bytes = answer.read(model.bytes + SPARE)
    except (urllib.error.URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise ModelRefused(
            f"{source} can't be fetched ({reason}); download it in a browser and give the file."
        ) from error
    return data
