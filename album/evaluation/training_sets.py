"""Sets that nets for age and gender are trained on, in the layouts in which they are given out.

UTKFace and FairFace are read by `album.evaluation.datasets`, since they judge, too.
"""

import csv
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from album.evaluation.datasets import (
    IMAGES,
    DatasetError,
    Faces,
    Pictures,
    read_fairface,
    read_utkface,
)
from album.evaluation.imdb_wiki import MATS, read_imdb_wiki
from album.evaluation.labelled import LabelledSet, people_of

FOLDS = "fold_*_data.txt"
ADIENCE_NAMES = ("landmark_aligned_face", "coarse_tilt_aligned_face")
"""How the two forms of Adience, aligned and not, name their pictures."""
META = "identity_meta.csv"
LOOSE = "loose_bb_*.csv"
FAIRFACE_LISTS = ("fairface_label_train.csv", "fairface_label_val.csv")
GENDERS = {"m": 1.0, "f": 0.0}


def read_adience(root: Path) -> LabelledSet:
    """Read Adience with its lists ``fold_0_data.txt`` to ``fold_4_data.txt``.

    The age of a face is the middle of its group; some faces have one age, or none. People are the
    albums' owners, over whom the folds were made.
    """
    lists = sorted(root.rglob(FOLDS))
    if not lists:
        raise DatasetError(f"{root}: no fold_0_data.txt in it, the list that comes with Adience")
    files = Pictures(root)
    paths, owners, ages, male = [], [], [], []
    for table in lists:
        for row in _table(table, ("user_id", "original_image", "face_id", "age", "gender")):
            path = _adience_picture(files, row)
            if path is None:
                continue
            paths.append(path)
            owners.append(row["user_id"])
            ages.append(middle_of_group(row["age"]))
            male.append(GENDERS.get(row["gender"].strip().lower(), np.nan))
    _require(paths, root, "the pictures that the lists of Adience name")
    return _set("adience", paths, owners, ages, male)


def _adience_picture(files: Pictures, row: dict[str, str]) -> Path | None:
    for form in ADIENCE_NAMES:
        name = f"{row['user_id']}/{form}.{row['face_id']}.{row['original_image']}"
        found = files.find(name)
        if found is not None:
            return found
    return None


def middle_of_group(label: str) -> float:
    """Return the middle of an age group as Adience writes it: ``(25, 32)``, ``35``, ``None``."""
    numbers = [int(part) for part in re.findall(r"\d+", label or "")]
    return float(np.mean(numbers)) if len(numbers) in (1, 2) else float("nan")


def read_vggface2(root: Path) -> LabelledSet:
    """Read VGGFace2 with its ``identity_meta.csv``: a folder per person, who has a gender.

    Ages are not part of the set. Where ``loose_bb_train.csv`` or ``loose_bb_test.csv`` lie in it,
    they tell which face of a picture is the person's.
    """
    meta = next(iter(sorted(root.rglob(META))), None)
    if meta is None:
        raise DatasetError(
            f"{root}: no {META} in it, which comes with VGGFace2 and has the genders"
        )
    rows = _table(meta, ("Class_ID", "Gender"), delimiter=",")
    gender = {row["Class_ID"]: GENDERS.get(row["Gender"].lower(), np.nan) for row in rows}
    found = sorted(p for p in root.rglob("*/*") if p.suffix.lower() in IMAGES)
    paths = [path for path in found if path.parent.name in gender]
    _require(paths, root, f"folders of the people that {META} names, with pictures in them")
    people = [path.parent.name for path in paths]
    boxes = {}
    for table in sorted(root.rglob(LOOSE)):
        for row in _table(table, ("NAME_ID", "X", "Y", "W", "H"), delimiter=","):
            boxes[row["NAME_ID"]] = _box(row)
    known = [boxes.get(f"{p.parent.name}/{p.stem}", np.full(4, np.nan)) for p in paths]
    ages = [np.nan] * len(paths)
    male = [gender[person] for person in people]
    return _set("vggface2", paths, people, ages, male, boxes=np.array(known, np.float64))


def _box(row: dict[str, str]) -> NDArray[np.float64]:
    try:
        x, y, w, h = (float(row[key]) for key in "XYWH")
    except ValueError:
        return np.full(4, np.nan)
    return np.array([x, y, x + w, y + h])


def read_fairface_all(root: Path) -> LabelledSet:
    """Read both lists of FairFace, as far as they are there; see `read_fairface`."""
    there = [name for name in FAIRFACE_LISTS if any(root.rglob(name))] or [FAIRFACE_LISTS[1]]
    parts = [read_fairface(root, labels=name) for name in there]
    paths = [path for part in parts for path in part.paths]
    ages, male = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("ages", "male")
    )
    return _set("fairface", paths, None, ages, male)


def read_utkface_all(root: Path) -> LabelledSet:
    """Read UTKFace; see `read_utkface`."""
    faces = read_utkface(root)
    return LabelledSet("utkface", faces, "centre", None, [path.name for path in faces.paths])


READERS: dict[str, Callable[[Path], LabelledSet]] = {
    "vggface2": read_vggface2,
    "imdb-wiki": read_imdb_wiki,
    "adience": read_adience,
    "fairface": read_fairface_all,
    "utkface": read_utkface_all,
}
_SIGNS = {
    "vggface2": (META,),
    "imdb-wiki": MATS,
    "adience": (FOLDS,),
    "fairface": FAIRFACE_LISTS,
}


def layout_of(root: Path) -> str:
    """Tell which set a folder holds, by the lists that come with each; else UTKFace."""
    for layout, signs in _SIGNS.items():
        if any(next(root.rglob(sign), None) is not None for sign in signs):
            return layout
    return "utkface"


def _table(path: Path, columns: tuple[str, ...], *, delimiter: str = "\t") -> list[dict[str, str]]:
    """Read a table whose header has certain columns; rows that are too short are left out."""
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as lines:
        reader = csv.DictReader(lines, delimiter=delimiter, skipinitialspace=True)
        names = [(name or "").strip() for name in reader.fieldnames or ()]
        reader.fieldnames = names
        missing = [name for name in columns if name not in names]
        if missing:
            raise DatasetError(f"{path}: no column {missing[0]}; it has {', '.join(names[:8])}")
        return [
            {name: row[name].strip() for name in columns}
            for row in reader
            if all(row.get(name) is not None for name in columns)
        ]


def _set(
    name: str,
    paths: Sequence[Path],
    people: Sequence[str] | None,
    ages: Sequence[float] | NDArray[np.float64],
    male: Sequence[float] | NDArray[np.float64],
    *,
    boxes: NDArray[np.float64] | None = None,
) -> LabelledSet:
    who, names = people_of(paths, people)
    nan = np.full(len(paths), np.nan)
    faces = Faces(list(paths), who, np.asarray(ages, float), np.asarray(male, float), nan)
    return LabelledSet(name, faces, "centre", boxes, names)


def _require(found: Sequence[object], root: Path, what: str) -> None:
    if not found:
        raise DatasetError(f"{root}: does not hold {what}")
