"""Trains the heads for age and gender on labelled folders, and judges them on faces not seen."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from album.evaluation.datasets import Faces, read_fgnet, read_utkface
from album.media import decoding, headers
from album.media.views import VIEW, shrink
from clustering.attributes.fusion import expected_ages
from nets.core.api import Image
from nets.embedders.heads import age_probabilities, expected_rank_ages, rank_ages
from nets.runtime.models import digest, load_manifest
from nets.train import align, features, heads, splits

KINDS = {"onepass": "softmax", "onepass-deep": "softmax", "coral": "coral"}
"""The heads by name, and how each has its ages."""
PART = 500
"""Pictures whose features are computed, and kept, together."""
VIEWS = 2
"""How often each face is trained on: as it is, and so much less one times changed."""
OWN_STEP, OTHER_STEP = 24, 18
"""Of the labelled and of the other pictures every so manieth shows what blocks must learn: of some
900 faces all maps fit into 4 GB."""
SOME = 200
"""Faces on which the exported file is compared with Keras."""
PICTURES = {".jpg", ".jpeg", ".png", ".webp"}
Row = Mapping[str, float]
Years = NDArray[np.float64]


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
    parity : mapping
        How far the file is from Keras, by output.
    keras : keras.Model
        What the file was made of.
    version : str
        Of Keras.
    """

    name: str
    model: bytes
    metrics: Mapping[str, Any]
    parity: Mapping[str, float] = field(default_factory=dict)
    keras: Any = None
    version: str = ""


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
    picture = decoding.read_image(path, headers.read_header(path), max_side=VIEW)
    return shrink(picture.pixels, VIEW)[0]


def known(
    faces: Faces, *, choose: str, cache: Path, views: int = 1, maps: bool = False
) -> Iterator[int | Known]:
    """Compute the features of a labelled set; yield how many pictures are done, then the result.

    Parameters
    ----------
    faces : Faces
    choose : str
        See `nets.train.features.face_of`.
    cache : Path
        Folder in which features are kept.
    views : int
        How often a face of the part for training is there: once as it is, and changed.
    maps : bool
        Whether to keep maps, too; see `nets.train.features.Features`.
    """
    part = splits.parts([path.name for path in faces.paths])
    each = [views if one == "train" else 1 for one in part]
    said: features.Features | None = None
    for step in described(faces.paths, choose=choose, views=each, cache=cache, maps=maps):
        if isinstance(step, int):
            yield step
        else:
            said = step
    assert said is not None
    missed = len(faces.paths) - len(np.unique(said.rows))
    yield Known(said, faces.ages[said.rows], faces.male[said.rows], part[said.rows], missed)


def described(
    paths: Sequence[Path],
    *,
    choose: str,
    views: Sequence[int],
    cache: Path,
    maps: bool = False,
) -> Iterator[int | features.Features]:
    """Compute the features of pictures; yield how many are done, then the features.

    Parameters
    ----------
    paths : sequence of Path
    choose : str
        See `nets.train.features.face_of`.
    views : sequence of int
        How often the faces of each picture are there.
    cache : Path
        Folder in which features are kept; with maps, 200 kB a face.
    maps : bool
        See `nets.train.features.Features`.
    """
    nets, found = features.load_nets(maps=maps), []
    for start in range(0, len(paths), PART):
        rows = slice(start, start + PART)
        said = _part(paths[rows], nets, choose=choose, views=views[rows], cache=cache, maps=maps)
        found.append(replace(said, rows=said.rows + start))
        yield min(start + PART, len(paths))
    yield features.joined(found)


def _part(
    paths: Sequence[Path],
    nets: features.Nets,
    *,
    choose: str,
    views: Sequence[int],
    cache: Path,
    maps: bool,
) -> features.Features:
    names = "/".join(path.name for path in paths)
    file = cache / f"{digest(nets.contract, choose, maps, *views, names)}.npz"

    def compute() -> features.Features:
        return features.extract(paths, read, nets, choose=choose, views=views)

    return features.kept(file, compute)


def train(
    name: str,
    data: Known,
    how: heads.Settings,
    others: Known | None = None,
    unlabelled: Sequence[features.Features] = (),
    pairs: align.Pairs | None = None,
) -> Trained:
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
    unlabelled : sequence of Features
        More faces, of which only what the teacher says is learned.
    pairs : Pairs, optional
        See `paired`.
    """
    from nets.train.export import export_head, keras_version, parity, probabilities
    from nets.train.shipped import shipped_weights

    start = shipped_weights(load_manifest()["faceres-deep"].path) if how.blocks else None
    examples = _examples(data, how, unlabelled)
    model = heads.train_head(KINDS[name], examples, how, start=start, pairs=pairs)

    def loaded(said: features.Features) -> Any:
        return said.maps.load() if how.blocks and said.maps is not None else None

    def judged(said: features.Features, ages: Years, male: Years) -> dict[str, Any]:
        own = probabilities(model, heads.inputs_of(said), loaded(said))
        teacher = {"age": said.teacher_ages.astype(np.float32), "male": said.teacher_male}
        return {**score(own, ages, male), "faceres-deep": score(teacher, ages, male)}

    metrics: dict[str, Any] = {"settings": asdict(how), "views": int(data.said.view.max()) + 1}
    metrics["trained_on"] = int(data.chosen("train", changed=False).sum())
    metrics["unlabelled"] = sum(len(one.rows) for one in unlabelled)
    metrics["without_a_face"] = data.missed
    for part in ("check", "test"):
        rows = data.chosen(part, changed=False)
        if rows.any():
            metrics[part] = judged(data.said.take(rows), data.ages[rows], data.male[rows])
    if others is not None:
        metrics["other_set"] = judged(others.said, others.ages, others.male)
    file = export_head(model, name)
    some = data.said.take(np.flatnonzero(data.said.view == 0)[:SOME])
    differences = parity(model, file, heads.inputs_of(some), loaded(some))
    return Trained(name, file, metrics, differences, model, keras_version())


def _examples(
    data: Known, how: heads.Settings, unlabelled: Sequence[features.Features]
) -> heads.Examples:
    chosen = data.chosen("train", changed=True)
    labelled = heads.labelled(data.said.take(chosen), data.ages[chosen], data.male[chosen], how)
    more = [heads.unlabelled(one, how.unlabelled) for one in unlabelled if how.unlabelled]
    return heads.joined(labelled, *more)


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


def write_head(done: Trained, folder: Path) -> Path:
    """Write ``<name>.onnx``, in ``<name>.json`` what the manifest must say, and Keras' weights."""
    from nets.train.manifest import entry

    said = entry(done.name, done.model, done.metrics, done.parity, done.version)
    path = write(replace(done, metrics=said), folder)
    done.keras.save_weights(path.with_suffix(".weights.h5"))
    return path


def read_sets(utkface: Path, fgnet: Path | None) -> tuple[Faces, Faces | None]:
    """Read the set that is trained on, and the one that only judges."""
    return read_utkface(utkface), None if fgnet is None else read_fgnet(fgnet)


def paired(several: Faces, unlabelled: Sequence[Path], cache: Path) -> align.Pairs:
    """Return what the nets see half way of some of the faces that may be trained on.

    Parameters
    ----------
    several : Faces
        Labelled ones, of which only the part for training is looked at.
    unlabelled : sequence of Path
    cache : Path
        Folder in which it is kept.
    """
    part = splits.parts([path.name for path in several.paths])
    own = [path for path, one in zip(several.paths, part, strict=True) if one == "train"]
    paths = [*own[::OWN_STEP], *unlabelled[::OTHER_STEP]]
    nets = features.load_nets(maps=True)
    names = "/".join(path.name for path in paths)
    file = cache / f"pairs-{digest(nets.contract, names)}.npz"
    return align.kept_pairs(file, lambda: align.look(paths, read, nets))


def read_pictures(folder: Path) -> list[Path]:
    """Return the pictures of a folder and all below it, in the order of their paths."""
    return [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in PICTURES]
