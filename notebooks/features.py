"""What the notebooks share: where the data are, what the nets say kept in a folder, scores.

ALBUM_DATA names the folder that holds lfw_dev, fgnet_dev and utkface_dev; ALBUM_BENCH_CACHE the
folder for what the nets say, which takes some minutes to compute the first time.
"""

import os
import sys
from pathlib import Path

import numpy as np
from platformdirs import user_cache_path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from album.evaluation.cache import measured
from album.evaluation.datasets import Faces, read_fgnet, read_lfw
from album.evaluation.measure import BATCH, Measured, labelled_faces
from album.evaluation.protocols import Labelled, label
from album.training.heads import Known, known
from clustering.evaluation.metrics import bcubed, contingency
from nets.engine import FUSED_POWER, FUSED_WEIGHTS, join, load_engine
from nets.runtime.models import OnnxNet, digest, load_manifest
from nets.train.features import Features

DATA = Path(os.environ.get("ALBUM_DATA", HERE.parents[1] / "shared" / "data"))
CACHE = Path(os.environ.get("ALBUM_BENCH_CACHE", user_cache_path("album-people") / "bench"))
SETS = {"LFW": (read_lfw, "lfw_dev", "centre"), "FG-NET": (read_fgnet, "fgnet_dev", "largest")}
NETS = ("faceres", "resnet29")


def told(faces: Faces, *, choose: str) -> Known:
    """What the frozen nets say of labelled faces, found and cut out as the index does it."""
    *_, found = known(faces, choose=choose, views=1, cache=CACHE / "training")
    assert isinstance(found, Known)
    return found


def described(name: str) -> Labelled:
    """A set with labels, fused vectors, and ages and genders by ``faceres-deep``."""
    read, folder, choose = SETS[name]
    faces = read(DATA / folder)
    said = told(faces, choose=choose).said
    ages, male = (x.astype(np.float32) for x in (said.teacher_ages, said.teacher_male))
    return label(faces, Measured(said.rows, vectors(said)["fused"], ages, male))


def by_default(name: str) -> Labelled:
    """A set with labels and what the default engine says of it."""
    read, folder, choose = SETS[name]
    faces = read(DATA / folder)
    return label(faces, measured(faces, load_engine(threads=0), choose=choose, cache=CACHE))


def vectors(said: Features) -> dict[str, np.ndarray]:
    """Unit vectors by both identity nets, and fused as the default engine does it."""
    first, second = (unit(x.astype(np.float32)) for x in (said.identity, said.descriptor))
    parts = unit(np.maximum(first, 0) ** FUSED_POWER), second
    weights = np.sqrt(np.array(FUSED_WEIGHTS, np.float32) / sum(FUSED_WEIGHTS))
    both = np.hstack([w * part for w, part in zip(weights, parts, strict=True)])
    return {"faceres": first, "resnet29": second, "fused": both}


def raw(name: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """People of the faces that were found, and unit vectors by ``faceres``, ``faceres mirror``...

    A mirror vector is that of the mirrored chip alone.
    """
    read, folder, choose = SETS[name]
    faces = read(DATA / folder)
    nets = [OnnxNet(load_manifest()[net], threads=0) for net in NETS]
    engine = load_engine(threads=0)
    names = digest(*(f"{path.parent.name}/{path.name}" for path in faces.paths))
    key = digest(engine.detector.contract, *(net.contract for net in nets), choose, names)
    kept = CACHE / f"raw-{key}.npz"
    if not kept.is_file():
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.savez(kept, **_run(faces, engine, nets, choose))
    with np.load(kept) as stored:
        columns = {column: stored[column] for column in stored.files}
    return faces.people[columns.pop("rows")], columns


def _run(faces: Faces, engine, nets, choose: str) -> dict[str, np.ndarray]:
    parts: dict[str, list] = {"rows": []}
    waiting = []

    def flush() -> None:
        batch = join([batch for _, batch in waiting])
        parts["rows"].append(np.array([row for row, _ in waiting]))
        for net in nets:
            chips = batch.chips[net.crop]
            for suffix, seen in (("", chips), (" mirror", chips[:, :, ::-1])):
                vectors = net.run(np.ascontiguousarray(seen))["identity"]
                parts.setdefault(net.name + suffix, []).append(vectors)
        waiting.clear()

    for row, batch in enumerate(labelled_faces(faces.paths, engine, choose=choose)):
        if batch is not None:
            waiting.append((row, batch))
        if len(waiting) == BATCH:
            flush()
    if waiting:
        flush()
    return {name: np.concatenate(values) for name, values in parts.items()}


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def f_score(people: np.ndarray, labels: np.ndarray) -> float:
    """BCubed F."""
    return bcubed(contingency(people, labels))[2]


def smoothed(scores: np.ndarray, width: int = 5) -> np.ndarray:
    """Means over neighbouring thresholds, so that no lucky one is taken for the best."""
    half = width // 2
    return np.convolve(np.pad(scores, half, mode="edge"), np.ones(width) / width, mode="valid")


def halves(people: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of a random half of the people, and of the others."""
    names = np.random.default_rng(seed).permutation(np.unique(people))
    first = np.isin(people, names[: len(names) // 2])
    return np.flatnonzero(first), np.flatnonzero(~first)
