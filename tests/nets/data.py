"""Where tests find what is not part of the repository; they skip where it is absent."""

import os
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


def data_folder() -> Path:
    folder = Path(os.environ.get("ALBUM_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no data in {folder}; set ALBUM_DATA")
    return folder


def packages_folder() -> Path:
    folder = os.environ.get("ALBUM_PACKAGES")
    if not folder:
        pytest.skip("set ALBUM_PACKAGES to a folder that holds or receives the source packages")
    return Path(folder)


def arrays_in(path):
    """Return the arrays of an .npz file by name; the file is closed again."""
    with np.load(path) as file:
        return dict(file)
