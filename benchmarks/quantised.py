"""What the MobileNet loses when it is made 8-bit: identity, age, gender, size and time.

Run as ``python -m benchmarks.quantised OUT [N]``, where OUT keeps what was computed and N is how
many pictures of each set are judged on; needs the faces in ``$ALBUM_DATA``, and onnx.
"""

import os
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from album.evaluation.datasets import read_fgnet, read_lfw, read_utkface
from album.evaluation.labelled import LabelledSet
from album.training.faces import Found, find_faces
from clustering.attributes.fusion import expected_ages
from clustering.evaluation.metrics import bcubed, contingency
from clustering.linkage.linkage import average_linkage
from nets.runtime.models import WEIGHTS
from nets.runtime.ort import onnxruntime
from nets.train.chips import Chips
from nets.train.quantise import Quantisation, quantised

CALIBRATION = 128
"""Faces of UTKFace's part for training by which ranges are found."""
BATCH = 8
OUTPUTS = ("identity", "age", "male")
VARIANTS = {
    "all layers": Quantisation(),
    "all but the heads": Quantisation(keep=("dense",)),
    "all but stem, depthwise and heads": Quantisation(keep=("stem", "depthwise", "dense")),
}
Array = NDArray[np.float64]
Said = dict[str, NDArray[np.float32]]


def sets(data: Path) -> dict[str, LabelledSet]:
    """Return the labelled sets, each with the rule which face of a picture is meant."""
    lfw, fgnet = read_lfw(data / "lfw_dev"), read_fgnet(data / "fgnet_dev")
    utk = read_utkface(data / "utkface_dev")
    return {
        "lfw": LabelledSet("lfw", lfw, "centre", None, [str(one) for one in lfw.people]),
        "fgnet": LabelledSet("fgnet", fgnet, "largest", None, [str(p) for p in fgnet.people]),
        "utkface": LabelledSet("utkface", utk, "centre", None, [p.name for p in utk.paths]),
    }


def some(one: LabelledSet, rows: NDArray[np.int64]) -> LabelledSet:
    """Return some of the pictures of a set."""
    columns = (getattr(one.faces, name)[rows] for name in ("people", "ages", "male", "years"))
    faces = type(one.faces)([one.faces.paths[row] for row in rows], *columns)
    return LabelledSet(one.name, faces, one.choose, None, [one.groups[row] for row in rows])


def found(one: LabelledSet, cache: Path) -> Found:
    """Find the faces of a set."""
    *_, result = find_faces([one], cache)
    assert isinstance(result, Found)
    return result


def session(file: bytes) -> onnxruntime.InferenceSession:
    """Open a net that runs on one core."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def parts(chips: Chips) -> Iterator[NDArray[np.uint8]]:
    """Yield chips a few at a time."""
    for start in range(0, len(chips), BATCH):
        yield chips.chips(np.arange(start, min(start + BATCH, len(chips))), 0)


def say(nets: Mapping[str, bytes], chips: Chips) -> tuple[dict[str, Said], dict[str, float]]:
    """Return what each net says of faces, and its processor time in ms a face."""
    open_nets = {name: session(file) for name, file in nets.items()}
    said: dict[str, list[list[NDArray[np.float32]]]] = {name: [] for name in nets}
    spent = dict.fromkeys(nets, 0.0)
    for part in parts(chips):
        for name, net in open_nets.items():
            started = time.process_time()
            said[name].append(net.run(list(OUTPUTS), {"chips": part}))
            spent[name] += time.process_time() - started
    joined = {
        name: {key: np.concatenate([call[at] for call in calls]) for at, key in enumerate(OUTPUTS)}
        for name, calls in said.items()
    }
    return joined, {name: 1000 * seconds / len(chips) for name, seconds in spent.items()}


def nearest(vectors: NDArray[np.float32], people: NDArray[np.int64]) -> float:
    """Return for how many of those who are there twice the nearest face is their own."""
    likeness = vectors @ vectors.T
    np.fill_diagonal(likeness, -np.inf)
    twice = np.bincount(people)[people] > 1
    return float((people[likeness.argmax(axis=1)] == people)[twice].mean())


def grouped(vectors: NDArray[np.float32], people: NDArray[np.int64]) -> float:
    """Return BCubed F of average linkage, each half of the people with the other's best cut."""
    half = people % 2 == 0
    cuts = np.arange(0.3, 1.3, 0.02)
    scores = {}
    for side in (True, False):
        rows = half == side
        tree = average_linkage(vectors[rows], float(cuts[-1]))
        scores[side] = [bcubed(contingency(people[rows], tree.cut(cut)))[2] for cut in cuts]
    other = [scores[side][int(np.argmax(scores[not side]))] for side in (True, False)]
    return float(np.mean(other))


def table(data: Path, cache: Path, most: int) -> Iterator[str]:
    """Measure, and yield the lines of the table."""
    every = sets(data)
    from nets.train.splits import parts as part_of

    split = part_of(list(every["utkface"].groups))
    order = np.random.default_rng(0).permutation(np.flatnonzero(split == "train"))
    calibration = found(some(every["utkface"], order[:CALIBRATION]), cache)
    faces = np.concatenate(list(parts(_plain(calibration))))
    file = (WEIGHTS / "faceres.onnx").read_bytes()
    nets = {"float32 (weights stored as float16)": file}
    for name, how in VARIANTS.items():
        nets[f"8-bit: {name}"] = quantised(file, faces, how)
    chosen = {
        "lfw": np.arange(len(every["lfw"].groups))[:most],
        "fgnet": np.arange(len(every["fgnet"].groups))[:most],
        "utkface": np.random.default_rng(0).permutation(np.flatnonzero(split == "test"))[:most],
    }
    judged = {name: found(some(every[name], rows), cache) for name, rows in chosen.items()}
    yield ", ".join(f"{name}: {len(one.paths)} faces" for name, one in judged.items()) + "\n"
    said, spent = {}, {}
    for name, one in judged.items():
        said[name], spent[name] = say(nets, _plain(one))
    names = [path.parent.name for path in judged["lfw"].paths]
    who = np.unique(names, return_inverse=True)[1]
    yield (
        "| net | MB | ms a face | LFW: nearest face | LFW: BCubed F | UTKFace: years | gender "
        "| FG-NET: years | identity: cosine with float32 |"
    )
    yield "| --- " * 9 + "|"
    first = next(iter(nets))
    for name, model in nets.items():
        lfw, utk, fg = (said[key][name] for key in ("lfw", "utkface", "fgnet"))
        years = expected_ages(utk["age"], top=100) - judged["utkface"].ages
        others = expected_ages(fg["age"]) - judged["fgnet"].ages
        sex = (utk["male"] >= 0.5) == (judged["utkface"].male > 0.5)
        alike = (lfw["identity"] * said["lfw"][first]["identity"]).sum(axis=1)
        cells = (
            f"{len(model) / 1e6:.1f}",
            f"{spent['lfw'][name]:.1f}",
            f"{nearest(lfw['identity'], who):.4f}",
            f"{grouped(lfw['identity'], who):.4f}",
            f"{np.abs(years).mean():.2f}",
            f"{sex.mean():.1%}",
            f"{np.abs(others).mean():.2f}",
            f"{alike.mean():.4f}, worst {alike.min():.3f}",
        )
        yield f"| {name} | {' | '.join(cells)} |"


def _plain(one: Found) -> Chips:
    return one.chips(np.arange(len(one.paths)), seed=0, plain=True)


if __name__ == "__main__":
    many = int(sys.argv[2]) if len(sys.argv) > 2 else 10**6
    for line in table(Path(os.environ["ALBUM_DATA"]), Path(sys.argv[1]), many):
        print(line, flush=True)
