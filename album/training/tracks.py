"""Trains the net that tells ages from 20 frames together, and judges it against plain fusion.

Clips are made of stills, since none with known ages are at hand (`nets.train.sequences`).
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from album.evaluation.datasets import Faces
from album.training.clips import KnownClips, known_clips
from album.training.heads import Known
from clustering.attributes.fusion import expected_ages
from nets.core.api import AGES
from nets.embedders.heads import age_probabilities, expected_rank_ages, head_inputs
from nets.embedders.sequence_ages import FRAMES
from nets.train.features import load_nets
from nets.train.lstm import (
    LstmSettings,
    Tracks,
    export_lstm,
    manifest_entry,
    older,
    parity,
    train_lstm,
)

NAME = "coral-lstm"
DRAWS = 2000
PARTS = ("train", "check", "test")
SOME = 64
"""Tracks on which the exported file is compared with Keras."""
Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TracksNet:
    """A net that was trained: the ONNX file, and its entry for the manifest of the weights."""

    model: bytes
    entry: Mapping[str, Any]

    def write(self, folder: Path) -> Path:
        """Write ``coral-lstm.onnx`` and its entry beside it; return the first's path."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{NAME}.onnx"
        path.write_bytes(self.model)
        text = json.dumps(self.entry, indent=2, sort_keys=True) + "\n"
        path.with_suffix(".json").write_text(text, encoding="utf-8")
        return path


def still_tracks(data: Known) -> tuple[NDArray[np.float16], Doubles]:
    """Return the faces of the part for training, each with its changed views, as short tracks.

    Returns
    -------
    tuple
        Inputs of heads, shape (n, views, 1253), and ages, shape (n,).
    """
    rows = np.flatnonzero(data.chosen("train", changed=True))
    said = data.said
    inputs = head_inputs(
        said.identity[rows], said.descriptor[rows], said.ages[rows], said.male[rows]
    ).astype(np.float16)
    views = int(said.view[rows].max()) + 1
    order = np.lexsort((said.view[rows], said.rows[rows]))
    return inputs[order].reshape(-1, views, inputs.shape[1]), data.ages[rows][order][::views]


@dataclass(frozen=True, slots=True)
class Most:
    """Pictures at most of which clips are made, by what they are for; None for all there are."""

    train: int | None = None
    check: int | None = None
    test: int | None = None
    others: int | None = None


def made_clips(
    faces: Faces, others: Faces | None, most: Most, *, cache: Path
) -> Iterator[tuple[str, int] | dict[str, KnownClips]]:
    """Make the clips of all parts; yield how far it is, then the clips by part.

    Parameters
    ----------
    faces : Faces
        What is trained on, with a part that only judges.
    others : Faces, optional
        A set that only judges.
    most : Most
    cache : Path
        Folder in which what the nets say is kept.
    """
    nets, done = load_nets(), {}
    wanted = [(part, faces, part, "centre", getattr(most, part)) for part in PARTS]
    if others is not None:
        wanted.append(("other_set", others, "all", "largest", most.others))
    for name, source, part, choose, count in wanted:
        for said in known_clips(source, part, nets, choose=choose, cache=cache, most=count):
            if isinstance(said, int):
                yield name, said
            else:
                done[name] = said
    yield done


def train_tracks(stills: Known, clips: Mapping[str, KnownClips], how: LstmSettings) -> TracksNet:
    """Train the net, and a head for single frames on the very same; judge both.

    Parameters
    ----------
    stills : Known
        Faces with changed views, of which the part for training is used.
    clips : mapping of str to KnownClips
        ``train``, and any number of others to judge by.
    how : LstmSettings

    Returns
    -------
    TracksNet
    """
    faces, ages = still_tracks(stills)
    made = clips["train"].said.inputs().astype(np.float16)
    tracks = Tracks((faces, made), np.concatenate([ages, clips["train"].ages]))
    net, single = (train_lstm(tracks, replace(how, memory=memory)) for memory in (True, False))
    metrics: dict[str, Any] = {
        "settings": asdict(how),
        "trained_on": {"stills": len(faces), "views": faces.shape[1], "clips": len(made)},
        "clips_are": "made of stills (nets/train/sequences.py), 8 different frames to and fro",
    }
    for name, judged in clips.items():
        if name != "train":
            metrics[name] = judge(net, single, judged)
    file = export_lstm(net)
    some = tracks.shown(np.arange(min(SOME, len(tracks))), FRAMES, np.random.default_rng(0))
    return TracksNet(file, manifest_entry(file, metrics, parity(net, file, some)))


def judge(net: Any, single: Any, clips: KnownClips) -> dict[str, Any]:
    """Compare the net with fusing what a head says of single frames, on the same frames.

    Returns
    -------
    dict
        Mean absolute errors in years, and for each way of fusing the 95 % interval of the net's
        error minus that of the way.
    """
    inputs = clips.said.inputs()
    together = older(net, inputs)
    own = np.abs(expected_rank_ages(together) - clips.ages)
    ways = fused(older(single, inputs))
    errors = {name: np.abs(said - clips.ages) for name, said in ways.items()}
    differences = {name: interval(own - errors[name]) for name in errors}
    top = np.abs(expected_ages(age_probabilities(together)) - clips.ages)
    return {
        "clips": len(clips.ages),
        "mae": _rounded(own.mean()),
        "mae_top3": _rounded(top.mean()),
        "single_frames": {name: _rounded(error.mean()) for name, error in errors.items()},
        "better_than": {name: [*map(_rounded, both)] for name, both in differences.items()},
    }


def _rounded(value: float) -> float:
    return round(float(value), 3)


def fused(ranks: NDArray[np.float32]) -> dict[str, Doubles]:
    """Return ages fused in several ways from what is said of single frames.

    Parameters
    ----------
    ranks : ndarray, shape (n, frames, 99)
        P(age > k) of each frame.

    Returns
    -------
    dict of str to ndarray of float64, shape (n,)
        ``first``: of the first frame alone; ``mean`` and ``median`` of the frames' expectations;
        ``top_3``: the expectation over the three likeliest ages of the mean distribution.
    """
    n, frames, _ = ranks.shape
    ages = age_probabilities(ranks.reshape(n * frames, -1)).reshape(n, frames, -1)
    each = (ages @ AGES).astype(float)
    return {
        "first": each[:, 0],
        "mean": each.mean(axis=1),
        "median": np.median(each, axis=1),
        "top_3": expected_ages(ages.mean(axis=1)),
    }


def interval(differences: Doubles) -> tuple[float, float]:
    """Return the 95 % interval of a mean difference by bootstrap over clips."""
    random = np.random.default_rng(0)
    rows = random.integers(0, len(differences), (DRAWS, len(differences)))
    low, high = np.quantile(differences[rows].mean(axis=1), (0.025, 0.975))
    return float(low), float(high)
