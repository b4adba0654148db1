"""Trains the heads for age and gender on labelled folders, and judges them on faces not seen."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from album import media
from album.analyse import VIEW, shrink
from album.bench.datasets import Faces, read_fgnet, read_utkface
from clustering.fusion import expected_ages
from nets.api import Image
from nets.heads import age_probabilities, expected_rank_ages, rank_ages
from nets.models import digest
from nets.train import features, heads, splits

KINDS = {"onepass": "softmax", "coral": "coral"}
"""The heads by name, and how each has its ages."""
PART = 500
"""Pictures whose features are computed, and kept, together."""
VIEWS = 2
Row = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Trained:
    """A head that was trained.

    Attributes
    ----------
    name : str
    model : bytes
        The ONNX file.
    metrics : mapping
        What it was trained on, how, and how good it is.
    """

    name: str
    model: bytes
    metrics: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Known:
    """Features of a labelled set, a row for each face (and for each of its changes)."""

    said: features.Features
    ages: NDArray[np.float64]
    male: NDArray[np.float64]
    part: NDArray[np.str_]
    missed: int

    def chosen(self, part: str, *, changed: bool) -> NDArray[np.bool_]:
        """Return which rows are of a part, with or without the changed ones."""
        rows: NDArray[np.bool_] = (self.part == part) & (changed | (self.said.view == 0))
        return rows


def read(path: Path) -> Image:
    """Return the pixels in which the index looks for faces."""
    picture = media.read_image(path, media.read_header(path), max_side=VIEW)
    return shrink(picture.pixels, VIEW)[0]


def known(faces: Faces, *, choose: str, views: int, cache: Path) -> Iterator[int | Known]:
    """Compute the features of a labelled set; yield how many pictures are done, then the result.

    Parameters
    ----------
    faces : Faces
    choose : str
        See `nets.train.features.face_of`.
    views : int
    cache : Path
        Folder in which features are kept.
    """
    nets, found = features.load_nets(), []
    for start in range(0, len(faces.paths), PART):
        paths = faces.paths[start : start + PART]
        found.append(_part(paths, nets, choose=choose, views=views, cache=cache, start=start))
        yield start + len(paths)
    said = features.joined(found)
    part = splits.parts([path.name for path in faces.paths])[said.rows]
    missed = len(faces.paths) - len(np.unique(said.rows))
    yield Known(said, faces.ages[said.rows], faces.male[said.rows], part, missed)


def _part(
    paths: Sequence[Path],
    nets: features.Nets,
    *,
    choose: str,
    views: int,
    cache: Path,
    start: int,
) -> features.Features:
    names = "/".join(path.name for path in paths)
    file = cache / f"{digest(nets.contract, choose, views, names)}.npz"

    def compute() -> features.Features:
        return features.extract(paths, read, nets, choose=choose, views=views)

    said = features.kept(file, compute)
    return features.Features(
        said.rows + start, *(getattr(said, name) for name in features.Features.__slots__[1:])
    )


def train(name: str, data: Known, how: heads.Settings, others: Known | None = None) -> Trained:
    """Train a head on the part of a set that is for training, and judge it on the other parts.

    Parameters
    ----------
    name : str
        A key of `KINDS`.
    data : Known
        Faces with ages and genders.
    how : Settings
    others : Known, optional
        A set of which nothing was trained on, to be judged on as well.
    """
    from nets.train.export import export_head, probabilities

    chosen = data.chosen("train", changed=True)
    examples = heads.labelled(data.said.take(chosen), data.ages[chosen], data.male[chosen], how)
    model = heads.train_head(KINDS[name], examples, how)
    metrics: dict[str, Any] = {"settings": asdict(how), "views": int(data.said.view.max()) + 1}
    metrics["trained_on"] = int(data.chosen("train", changed=False).sum())
    metrics["without_a_face"] = data.missed
    for part in ("check", "test"):
        rows = data.chosen(part, changed=False)
        if not rows.any():
            continue
        said = probabilities(model, heads.inputs_of(data.said.take(rows)))
        metrics[part] = score(said, data.ages[rows], data.male[rows])
    if others is not None:
        said = probabilities(model, heads.inputs_of(others.said))
        metrics["other_set"] = score(said, others.ages, others.male)
    return Trained(name, export_head(model, name), metrics)


def score(said: Mapping[str, Any], ages: NDArray[np.float64], male: NDArray[np.float64]) -> Row:
    """Score what a head says of faces: mean absolute errors in years, and genders."""
    spread = said["age"] if "age" in said else age_probabilities(said["older"])
    error = expected_ages(spread, top=100) - ages
    adult = (ages >= 21) & (ages <= 40)
    row = {
        "faces": len(ages),
        "mae": float(np.abs(error).mean()),
        "mae_21_40": float(np.abs(error[adult]).mean()) if adult.any() else float("nan"),
        "rmse": float(np.sqrt((error**2).mean())),
        "mae_top3": float(np.abs(expected_ages(spread) - ages).mean()),
    }
    if "older" in said:
        row["mae_ranks"] = float(np.abs(rank_ages(said["older"]) - ages).mean())
        row["mae_sum"] = float(np.abs(expected_rank_ages(said["older"]) - ages).mean())
    sex = np.isfinite(male)
    if sex.any():
        row["gender"] = float(((said["male"][sex] >= 0.5) == (male[sex] > 0.5)).mean())
    return {key: round(value, 4) for key, value in row.items() if np.isfinite(value)}


def write(done: Trained, folder: Path) -> Path:
    """Write ``<name>.onnx`` and ``<name>.json`` with the metrics; return the first's path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{done.name}.onnx"
    path.write_bytes(done.model)
    text = json.dumps(done.metrics, indent=2, sort_keys=True) + "\n"
    path.with_suffix(".json").write_text(text, encoding="utf-8")
    return path


def read_sets(utkface: Path, fgnet: Path | None) -> tuple[Faces, Faces | None]:
    """Read the set that is trained on, and the one that only judges."""
    return read_utkface(utkface), None if fgnet is None else read_fgnet(fgnet)
