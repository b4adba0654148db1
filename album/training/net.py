"""Trains the multi-output MobileNet itself: its heads on a frozen base, then, if wanted, all of it.

The course of it is `train_net`. Sets may have ages, genders or both; batches of each alternate.
"""

import json
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from album.evaluation.datasets import DatasetError
from album.evaluation.labelled import LabelledSet
from album.training.faces import Found, Step, find_faces
from album.training.heads import score
from nets.core.whole_files import whole
from nets.runtime.models import WEIGHTS, digest
from nets.train import course
from nets.train.alternate import Alternating, Inputs, Labelled, Schedule
from nets.train.chips import Pooled, pooled
from nets.train.heads import label_distribution

PART = 500
"""Faces whose pooled features are computed, and kept, together."""
PARITY_FACES = 64
Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class NetSettings:
    """How the net is trained.

    Attributes
    ----------
    start : Path
        The ONNX file whose weights are begun with.
    epochs : int
        How often each face with an age is shown to the heads, the base frozen.
    fine_tune : int
        How often it is then shown with all layers in training.
    batch, rate, decay, seed
        See `nets.train.alternate.Schedule`.
    fine_tune_rate : float
        Rate with all layers in training; a large one loses the identity.
    dropout : float
        See `nets.arch.mobilenet.multi_output_mobilenet`.
    views : int
        Each face once as it is and ``views - 1`` times changed, while the base is frozen.
    keep_heads : bool
        Begin with the heads of `start`, not with random ones.
    """

    start: Path = WEIGHTS / "faceres.onnx"
    epochs: int = 30
    fine_tune: int = 0
    batch: int = 128
    rate: float = 1e-3
    decay: float = 1e-4
    seed: int = 1
    fine_tune_rate: float = 1e-5
    dropout: float = 0.3
    views: int = 3
    keep_heads: bool = False


@dataclass(frozen=True, slots=True)
class Folders:
    """Where training writes: `out` for results, `cache` for what is computed once."""

    out: Path
    cache: Path


@dataclass(frozen=True, slots=True)
class TrainedNet:
    """A net that was trained: the ONNX file, and what must be known of it."""

    model: bytes
    metrics: Mapping[str, Any]


def train_net(
    sets: Sequence[LabelledSet],
    how: NetSettings,
    folders: Folders,
    *,
    judge: LabelledSet | None = None,
) -> Iterator[Step | TrainedNet]:
    """Train the net; yield how far it is, then the result.

    What is stopped goes on from its last checkpoint when called again with the same arguments.

    Parameters
    ----------
    sets : sequence of LabelledSet
        With ages in one and genders in one, at least.
    how : NetSettings
    folders : Folders
    judge : LabelledSet, optional
        A set that nothing is trained on, to be judged on as well.

    Raises
    ------
    DatasetError
        If no face has an age, or none a gender.
    OtherTrainingError
        If there is a checkpoint of other settings or data in the folder.
    """
    from nets.train.shipped import begun, exported, parity

    found: Found = yield from _last(find_faces(sets, folders.cache))
    if not (np.isfinite(found.ages).any() and np.isfinite(found.male).any()):
        raise DatasetError("these sets have no ages, or no genders; both heads want to learn")
    model = begun(how.start, keep_heads=how.keep_heads, dropout=how.dropout, seed=how.seed)
    yield from _train_heads(model, found, how, folders)
    if how.fine_tune:
        yield from _train_all(model, found, how, folders)
    file = exported(model, "multi_output_mobilenet")
    chosen = np.flatnonzero(found.part == "test")[:PARITY_FACES]
    chips = found.chips(chosen, seed=0, plain=True).chips(np.arange(len(chosen)), 0)
    metrics = _facts(found, how, sets) | {"parity": parity(model, file, chips)}
    for part in ("check", "test"):
        metrics[part] = yield from _judged(file, found, found.part == part, part)
    if judge is not None:
        others: Found = yield from _last(find_faces([judge], folders.cache))
        everybody = np.ones(len(others.paths), bool)
        metrics["other_set"] = yield from _judged(file, others, everybody, judge.name)
    yield TrainedNet(file, metrics)


def _last(steps: Iterator[Any]) -> Generator[Step, None, Any]:
    """Pass on the steps, and return what comes in the end."""
    for said in steps:
        if not isinstance(said, Step):
            return said
        yield said
    raise AssertionError("no result")


def _train_heads(model: Any, found: Found, how: NetSettings, folders: Folders) -> Iterator[Step]:
    """Train both heads on what the frozen base says, which is computed once."""
    from nets.train.alternate import base_of, freeze_base, heads_of

    freeze_base(model, frozen=True)
    base, kept = base_of(model), folders.cache / _name(how, found)
    values = yield from _pooled(base, found, found.part == "train", how.views, kept / "train")
    check = yield from _pooled(base, found, found.part == "check", 1, kept / "check")
    heads = heads_of(model)

    def inputs(rows: Array) -> Inputs:
        return Pooled(values[np.searchsorted(_rows(found, "train"), rows)], seed=how.seed)

    data = _labelled(found, inputs)
    schedule = _schedule(data, how, how.epochs, how.rate)
    ages, male = (part[found.part == "check"] for part in (found.ages, found.male))

    def measure() -> Mapping[str, float]:
        said = heads.predict(check[:, 0].astype(np.float32), batch_size=512, verbose=0)
        return score_known({"age": said["age"], "male": said["male"][:, 0]}, ages, male)

    training = Alternating(heads, data, schedule)
    yield from _course("heads", training, how, found, folders, measure)


def _train_all(model: Any, found: Found, how: NetSettings, folders: Folders) -> Iterator[Step]:
    """Train all layers on pixels, each face changed anew each time it is shown."""
    from nets.train.alternate import freeze_base

    freeze_base(model, frozen=False)
    data = _labelled(found, lambda rows: found.chips(rows, seed=how.seed))
    schedule = _schedule(data, how, how.fine_tune, how.fine_tune_rate)
    training = Alternating(model, data, schedule)
    yield from _course("all layers", training, how, found, folders, dict)


def _course(
    stage: str,
    training: Alternating,
    how: NetSettings,
    found: Found,
    folders: Folders,
    measure: Callable[[], Mapping[str, float]],
) -> Iterator[Step]:
    name = stage.replace(" ", "-")
    place = course.Place(folders.out / f"{name}.npz", folders.out / "logs" / name)
    about = {"settings": _text(how), "faces": digest(*found.paths, found.ages, found.male)}
    for done, said in course.run(training, place, about, measure=measure):
        yield Step(stage, done, training.schedule.steps, said)


def _labelled(found: Found, inputs: Callable[[Array], Inputs]) -> dict[str, Labelled]:
    """Return what is known of the faces that are trained on, for each task."""
    train = found.part == "train"
    aged = np.flatnonzero(train & np.isfinite(found.ages))
    sexed = np.flatnonzero(train & np.isfinite(found.male))
    return {
        "age": Labelled(inputs(aged), label_distribution(found.ages[aged])),
        "gender": Labelled(inputs(sexed), found.male[sexed].astype(np.float32)[:, None]),
    }


def _schedule(data: Mapping[str, Labelled], how: NetSettings, epochs: int, rate: float) -> Schedule:
    faces = len(data["age"].inputs)
    steps = epochs * max(1, faces // min(how.batch, faces))
    return Schedule(steps, batch=how.batch, rate=rate, decay=how.decay, seed=how.seed)


def _rows(found: Found, part: str) -> Array:
    return np.flatnonzero(found.part == part)


def _name(how: NetSettings, found: Found) -> str:
    return digest("pooled", digest(how.start.read_bytes()), how.seed, *found.paths)


def _pooled(
    base: Any, found: Found, chosen: Array, views: int, kept: Path
) -> Generator[Step, None, Array]:
    """Compute what the base says of some faces, a part at a time, or read what was kept."""
    rows, done = np.flatnonzero(chosen), []
    shown = [found.chips(rows, seed=view, plain=not view) for view in range(views)]
    for start in range(0, len(rows), PART):
        file = kept.with_name(f"{kept.name}-{views}-{start}.npy")
        if not file.is_file():
            some = np.arange(start, min(start + PART, len(rows)))
            parts = [pooled(base, shown, some[at : at + 32]) for at in range(0, len(some), 32)]
            with whole(file) as new:
                np.save(new, np.concatenate(parts))
        done.append(np.load(file))
        yield Step("features", start + len(done[-1]), len(rows))
    return np.concatenate(done) if done else np.zeros((0, views, 1024), np.float16)


def _judged(
    file: bytes, found: Found, chosen: Array, name: str
) -> Generator[Step, None, Mapping[str, float]]:
    """Judge an ONNX file on some of the faces, as they are."""
    from nets.train.course import answers

    rows = np.flatnonzero(chosen)
    chips = found.chips(rows, seed=0, plain=True)
    parts = []
    for part in answers(file, chips):
        parts.append(part)
        yield Step(f"judging by {name}", sum(len(one["male"]) for one in parts), len(rows))
    if not parts:
        return {"faces": 0.0}
    said = {key: np.concatenate([part[key] for part in parts]) for key in ("age", "male")}
    return score_known(said, found.ages[rows], found.male[rows])


def score_known(said: Mapping[str, Any], ages: Array, male: Array) -> Mapping[str, float]:
    """Score ages where they are known, and genders where they are."""
    aged, sexed = np.isfinite(ages), np.isfinite(male)
    row: dict[str, float] = {"faces": float(len(ages))}
    if aged.any():
        row |= score({name: values[aged] for name, values in said.items()}, ages[aged], male[aged])
    if sexed.any():
        row["gender"] = float(((said["male"][sexed] >= 0.5) == (male[sexed] > 0.5)).mean())
    return row


def _facts(found: Found, how: NetSettings, sets: Sequence[LabelledSet]) -> dict[str, Any]:
    train = found.part == "train"
    return {
        "settings": json.loads(_text(how)),
        "sets": [one.name for one in sets],
        "ages_trained_on": int((train & np.isfinite(found.ages)).sum()),
        "genders_trained_on": int((train & np.isfinite(found.male)).sum()),
        "without_a_face": found.missed,
    }


def _text(how: NetSettings) -> str:
    return json.dumps(asdict(how) | {"start": digest(how.start.read_bytes())}, sort_keys=True)
