"""Labelled folders of faces, read in the layouts in which they are published."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from album.errors import AlbumError

IMAGES = {".jpg", ".jpeg", ".png"}

FAIRFACE = ((0, 2), (3, 9), (10, 19), (20, 29), (30, 39), (40, 49), (50, 59), (60, 69), (70, 100))
"""Age ranges of FairFace, both ends included; the last is open, and is labelled "more than 70"."""
FAIRFACE_LABELS = "fairface_label_val.csv"


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


def read_fairface(root: Path, *, labels: str = FAIRFACE_LABELS) -> Faces:
    """Read FairFace with its ``fairface_label_val.csv``: file, age, gender, race.

    The age of a face is the middle of the range that it is labelled with. Pictures are looked for
    under the path that the labels give, else anywhere in the folder by their name.
    """
    table = next(iter(sorted(root.rglob(labels))), None)
    if table is None:
        raise DatasetError(
            f"{root}: no {labels} in it; without this file, which comes with the set and "
            "has the columns file, age, gender and race, nothing is known of the faces."
        )
    with table.open(newline="", encoding="utf-8-sig") as lines:
        rows = list(csv.DictReader(lines))
    files = Pictures(root)
    found = [(path, row) for row in rows if (path := files.find(row.get("file") or ""))]
    _require(found, root, f"the pictures that {labels} names")
    ages = np.array([_middle(row.get("age") or "", table) for _, row in found])
    genders = {"male": 1.0, "female": 0.0}
    male = [genders.get((row.get("gender") or "").strip().lower(), np.nan) for _, row in found]
    nan, nobody = np.full(len(found), np.nan), np.full(len(found), -1, np.int64)
    return Faces([path for path, _ in found], nobody, ages, np.array(male), nan)


class Pictures:
    """The pictures under a folder, found by the last parts of a path.

    Parameters
    ----------
    root : Path
        Searched to any depth.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        paths = sorted(p for p in root.rglob("*") if p.suffix.lower() in IMAGES)
        self._by_parent = {(p.parent.name, p.name): p for p in paths}
        self._by_name: dict[str, list[Path]] = {}
        for path in paths:
            self._by_name.setdefault(path.name, []).append(path)

    def find(self, name: str) -> Path | None:
        """Return the picture that a list calls `name`, as ``folder/file.jpg``; None if absent.

        A picture in another folder counts only where no other has its name.
        """
        wanted = Path(name)
        alone = self._by_name.get(wanted.name, [])
        return self._by_parent.get(
            (wanted.parent.name, wanted.name), alone[0] if len(alone) == 1 else None
        )


def _middle(label: str, table: Path) -> float:
    """Return the middle of a range of ages: ``3-9``, ``more than 70``."""
    numbers = [int(part) for part in label.replace("-", " ").split() if part.isdigit()]
    for low, high in FAIRFACE:
        if numbers and low == numbers[0] and (len(numbers) == 1 or numbers[1] == high):
            return (low + min(high, 79)) / 2
    raise DatasetError(f"{table}: {label!r} is none of the nine ranges of ages of this set.")


def _require(found: Sequence[object], root: Path, what: str) -> None:
    if not found:
        raise DatasetError(f"{root}: does not hold {what}")
