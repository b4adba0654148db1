"""Models that the user may add: nobody ships them, and the program runs without.

What is known of each is data here; files lie in one folder of the user's. A file is taken only if
its digest is the one that is known, so whatever was put in its place is never even opened.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nets.core.errors import ModelMissing, ModelNotAdded


@dataclass(frozen=True, slots=True)
class Addable:
    """A model that can be added.

    Attributes
    ----------
    name, file : str
        What it is called, and its file in the folder.
    sha256 : str
    bytes : int
    licence, source, training : str
        Terms; where it was published; on what it was trained.
    about : str
        What it does, in a sentence.
    """

    name: str
    file: str
    sha256: str
    bytes: int
    licence: str
    source: str
    training: str
    about: str


ADDABLE: Mapping[str, Addable] = {
    "retinaface": Addable(
        name="retinaface",
        file="retinaface.pth",
        sha256="ed6fa7d45a5179f03cb5ce82c73b0c6711372968e53782e88395acee88d319e1",
        bytes=1_789_735,
        licence="MIT",
        source="github.com/biubug6/Face-Detector-1MB-with-landmark at 2b075657aef9, "
        "weights/mobilenet0.25_Final.pth",
        training="WIDER FACE",
        about="RetinaFace with MobileNet-0.25: finds faces in less time than MTCNN",
    )
}


class NotTheModel(ModelMissing):
    """A file is not the model that it was said to be."""


def installed(name: str, folder: Path) -> Path | None:
    """Return the file of a model; None where it was not added.

    Raises
    ------
    KeyError
        There is no such model.
    """
    path = folder / ADDABLE[name].file
    return path if path.is_file() else None


def find(name: str, folder: Path) -> Path:
    """Return the file of a model.

    Raises
    ------
    ModelNotAdded
    """
    path = installed(name, folder)
    if path is None:
        source = ADDABLE[name].source
        raise ModelNotAdded(f"The model {name} is not installed; get it from {source}.", name)
    return path


def check(name: str, data: bytes) -> None:
    """See that the contents of a file are a model as it was published.

    Parameters
    ----------
    name : str
        A key of `ADDABLE`.
    data : bytes

    Raises
    ------
    NotTheModel
        The contents are not those that are known.
    """
    model = ADDABLE[name]
    if len(data) != model.bytes or hashlib.sha256(data).hexdigest() != model.sha256:
        raise NotTheModel(
            f"That is not {name} as it was published ({model.source}): another file, or one that "
            "was damaged on its way; get it again."
        )
