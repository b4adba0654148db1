"""Checkpoints from which training goes on as if it had never been stopped."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nets.core.whole_files import whole

State = Mapping[str, NDArray[Any]]
ABOUT = "about"


class OtherTrainingError(ValueError):
    """A checkpoint was made with other settings or other data."""


class Resumable(Protocol):
    """What a checkpoint can be made of."""

    def state(self) -> State:
        """Return all that decides how it goes on."""
        ...

    def restore(self, state: State) -> None:
        """Go on from a state."""
        ...


def save(path: Path, training: Resumable, about: Mapping[str, Any]) -> None:
    """Write a checkpoint; one that is there already stays whole until the new one is.

    Parameters
    ----------
    path : Path
        ``.npz``.
    training : Resumable
    about : mapping
        Settings and digest of the data, which must be the same to go on.
    """
    arrays: dict[str, Any] = {ABOUT: np.array(_text(about)), **training.state()}
    with whole(path) as file:
        np.savez(file, **arrays)


def resume(path: Path, training: Resumable, about: Mapping[str, Any]) -> bool:
    """Go on from a checkpoint, if there is one.

    Returns
    -------
    bool
        Whether there was.

    Raises
    ------
    OtherTrainingError
        If it was made with other settings or other data.
    """
    if not path.is_file():
        return False
    # No pickle: a checkpoint may come from anywhere.
    with np.load(path, allow_pickle=False) as stored:
        if str(stored[ABOUT]) != _text(about):
            raise OtherTrainingError(f"{path} was made with other settings or other data.")
        training.restore({name: stored[name] for name in stored.files if name != ABOUT})
    return True


def _text(about: Mapping[str, Any]) -> str:
    return json.dumps(about, sort_keys=True, default=asdict)
