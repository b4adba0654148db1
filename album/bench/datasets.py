"""Labelled folders of faces, read in the layouts in which they are published."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from album.errors import AlbumError

IMAGES = {".jpg", ".jpeg", ".png"}


class DatasetError(AlbumError):
    """A folder does not hold the data set that it was said to hold."""


@dataclass(frozen=True, slots=True)
class Faces:
    """The labelled pictures of a data set, one face each.

    Attributes
    ----------
    paths : sequence of Path, length n
    people : ndarray of int64, shape (n,)
        Who it is; -1 where that is not known.
    ages : ndarray of float64, shape (n,)
        Age in years; NaN where not known.
    male : ndarray of float64, shape (n,)
        1 for a man, 0 for a woman; NaN where not known.
    years : ndarray of float64, shape (n,)
        When the picture was taken, as a fractional year; NaN where not known.
    """

    paths: Sequence[Path]
    people: NDArray[np.int64]
    ages: NDArray[np.float64]
    male: NDArray[np.float64]
    years: NDArray[np.float64]


def read_lfw(root: Path) -> Faces:
    """Read Labeled Faces in the Wild: a folder per person."""
    paths = sorted(p for p in root.glob("*/*") if p.suffix.lower() in IMAGES)
    _require(paths, root, "a folder per person with pictures in it")
    _, people = np.unique([p.parent.name for p in paths], return_inverse=True)
    nan = np.full(len(paths), np.nan)
    return Faces(paths, people.astype(np.int64), nan, nan, nan)


def read_fgnet(root: Path) -> Faces:
    """Read FG-NET with its ``labels.csv``: file, person, age, birth_year.

    A picture counts as taken half a year after the birthday at which its age was reached, so the
    true birth date of everybody is the middle of the birth year.
    """
    table = root / "labels.csv"
    if not table.is_file():
        raise DatasetError(f"{table}: not found; this protocol needs file,person,age,birth_year")
    with table.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    files = {p.name.lower(): p for p in root.rglob("*") if p.suffix.lower() in IMAGES}
    rows = [row for row in rows if row["file"].lower() in files]
    _require(rows, root, "the pictures that labels.csv names")
    ages = np.array([float(row["age"]) for row in rows])
    born = np.array([float(row["birth_year"]) for row in rows])
    people = np.array([int(row["person"]) for row in rows], np.int64)
    paths = [files[row["file"].lower()] for row in rows]
    return Faces(paths, people, ages, np.full(len(rows), np.nan), born + ages + 0.5)


def read_utkface(root: Path) -> Faces:
    """Read UTKFace, aligned and cropped: ``age_gender_race_date.jpg``, gender 0 for men."""
    paths, ages, male = [], [], []
    for path in sorted(p for p in root.rglob("*") if p.suffix.lower() in IMAGES):
        parts = path.name.split("_")
        if len(parts) >= 3 and parts[0].isdigit() and parts[1] in {"0", "1"}:
            paths.append(path)
            ages.append(float(parts[0]))
            male.append(1.0 - float(parts[1]))
    _require(paths, root, "pictures named age_gender_race_date.jpg")
    nan = np.full(len(paths), np.nan)
    people = np.full(len(paths), -1, np.int64)
    return Faces(paths, people, np.array(ages), np.array(male), nan)


def _require(found: Sequence[object], root: Path, what: str) -> None:
    if not found:
        raise DatasetError(f"{root}: does not hold {what}")
