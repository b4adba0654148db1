"""IMDB-Wiki, whose labels are in a MATLAB file: ``imdb.mat`` or ``wiki.mat``.

SciPy reads numbers and text out of such a file and runs nothing. What it says is checked before it
is used: a path must stay in the folder, an age must be one.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from album.dates.calendar import DAYS_PER_YEAR
from album.evaluation.datasets import DatasetError, Faces
from album.evaluation.labelled import LabelledSet, people_of

MATS = ("imdb.mat", "wiki.mat")
LARGEST = 500_000_000
"""Bytes of a file that is read; that of IMDB has 13 million."""
LEAST_SCORE = 1.0
"""Of the set's own detector; below it there is often no face."""
MATLAB_DAY = 366
"""Days from MATLAB's day 0 to the day before Python's day 1."""
Columns = Mapping[str, NDArray[Any]]


def read_imdb_wiki(root: Path) -> LabelledSet:
    """Read IMDB-Wiki: every ``imdb.mat`` and ``wiki.mat`` with the pictures that lie beside it.

    Ages are those reached by the first of July of the year of the photo, as the authors reckon.
    Pictures with no face, with a second face, or with an age below 0 or above 100 are left out.
    """
    tables = sorted(path for name in MATS for path in root.rglob(name))
    if not tables:
        raise DatasetError(f"{root}: neither imdb.mat nor wiki.mat in it")
    paths: list[Path] = []
    people: list[str] = []
    ages, male = [], []
    for table in tables:
        columns = read_mat(table)
        age = ages_of(columns["dob"], columns["photo_taken"])
        for row in np.flatnonzero(usable(columns, age)):
            path = inside(table.parent, columns["full_path"][row])
            if path is None or not path.is_file():
                continue
            paths.append(path)
            name = _text(columns["name"][row]).strip()
            people.append(f"{table.stem}/{name}" if name else "")
            ages.append(age[row])
            male.append(columns["gender"][row])
    if not paths:
        raise DatasetError(f"{root}: does not hold the pictures that {tables[0].name} names")
    numbers, groups = people_of(paths, people)
    nan = np.full(len(paths), np.nan)
    faces = Faces(paths, numbers, np.array(ages, float), np.array(male, float), nan)
    return LabelledSet("imdb-wiki", faces, "centre", None, groups)


def read_mat(path: Path) -> dict[str, NDArray[Any]]:
    """Read the columns of an ``imdb.mat`` or ``wiki.mat``.

    Returns
    -------
    dict
        ``dob``, ``photo_taken``, ``gender``, ``face_score`` and ``second_face_score`` as float64,
        ``full_path`` and ``name`` as objects; all of one length.

    Raises
    ------
    DatasetError
        If it is not such a file, or damaged.
    """
    from scipy.io import loadmat

    if path.stat().st_size > LARGEST:
        raise DatasetError(f"{path}: too large for a list of faces")
    variable = path.stem
    try:
        found = loadmat(path, variable_names=[variable], squeeze_me=True)[variable]
    except Exception as error:  # SciPy raises anything on a damaged file.
        raise DatasetError(f"{path}: can't be read as the list of IMDB-Wiki ({error})") from error
    numbers = ("dob", "photo_taken", "gender", "face_score", "second_face_score")
    texts = ("full_path", "name")
    if not set(numbers + texts) <= set(getattr(found.dtype, "names", None) or ()):
        raise DatasetError(f"{path}: lacks columns of the list of IMDB-Wiki, such as dob")
    try:
        columns = {name: _column(found, name, np.float64) for name in numbers}
    except (TypeError, ValueError) as error:
        raise DatasetError(f"{path}: a column of numbers holds something else") from error
    columns |= {name: _column(found, name, object) for name in texts}
    if len({len(column) for column in columns.values()}) != 1:
        raise DatasetError(f"{path}: its columns are not of one length")
    return columns


def _column(found: Any, name: str, kind: type) -> NDArray[Any]:
    return np.atleast_1d(np.asarray(found[name].item(), kind))


def ages_of(born: NDArray[np.float64], taken: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ages in whole years; NaN where a date can't be right.

    Parameters
    ----------
    born : ndarray of float64, shape (n,)
        Days as MATLAB counts them.
    taken : ndarray of float64, shape (n,)
        Years.
    """
    days = np.full(len(taken), np.nan)
    right = np.isfinite(taken) & (taken >= 1800) & (taken <= 2200)
    days[right] = [date(int(year), 7, 1).toordinal() + MATLAB_DAY for year in taken[right]]
    ages = np.floor((days - born) / DAYS_PER_YEAR)
    return np.where((ages >= 0) & (ages <= 100), ages, np.nan)


def usable(columns: Columns, ages: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which rows show one face, and say its age."""
    score = columns["face_score"]
    one = np.isfinite(score) & (score >= LEAST_SCORE) & np.isnan(columns["second_face_score"])
    rows: NDArray[np.bool_] = one & np.isfinite(ages)
    return rows


def inside(folder: Path, said: object) -> Path | None:
    """Return the path of a picture, or None where it would lead out of the folder."""
    path = PurePosixPath(_text(said).replace("\\", "/"))
    if not path.parts or path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
        return None
    return folder / path


def _text(said: object) -> str:
    """Return a text out of a MATLAB cell; empty where it is something else."""
    return said if isinstance(said, str) else ""
