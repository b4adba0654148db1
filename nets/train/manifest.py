"""Puts trained heads into `nets/weights`, with what must be known of them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nets.convert.manifest import WEIGHTS, merge
from nets.convert.packages import digest
from nets.embedders.heads import INPUTS, MAP_BLOCK, MAP_CHANNELS, MAP_SIDE

TITLES = {
    "onepass": "Head for age (100 classes) and gender on the features of faceres and resnet29",
    "onepass-deep": "Head for age (100 classes) and gender on the features of faceres and resnet29 "
    "with blocks 10 to 13 of faceres-deep behind block 9 of faceres",
    "coral": "CORAL head for age (99 ranks) and gender on the features of faceres and resnet29",
}
UTKFACE = "UTKFace, aligned and cropped: given out for non-commercial research only"
TAUGHT = (
    f"{UTKFACE}; ages of faceres-deep as a teacher, on these faces and on those of LFW, "
    "WIDER FACE and FairFace, likewise of sets for research"
)
TRAINING = {
    "onepass": TAUGHT,
    "onepass-deep": f"{TAUGHT}; its blocks began as those of faceres-deep (VGGFace2, IMDB-Wiki and "
    "Adience)",
    "coral": UTKFACE,
}
CLASSES = {"age": "(n, 100) probability of each age; output i means i + 1 years"}
AGES = {
    "onepass": CLASSES,
    "onepass-deep": CLASSES,
    "coral": {"older": "(n, 99) P(age > k) for k = 1 to 99, falling from left to right"},
}


INPUT = {
    "name": "features",
    "dtype": "float32",
    "shape": [None, INPUTS],
    "range": "nets.embedders.heads.head_inputs: identity, descriptor, ages and gender, scaled",
}
BLOCKS_INPUT = {
    **INPUT,
    "map": {
        "dtype": "float32",
        "shape": [None, MAP_CHANNELS, MAP_SIDE, MAP_SIDE],
        "range": f"what block {MAP_BLOCK} of faceres gives, 0 to 6",
    },
}


def entry(
    name: str, model: bytes, metrics: Mapping[str, Any], parity: Mapping[str, float], keras: str
) -> dict[str, Any]:
    """Return what the manifest says of a head.

    Parameters
    ----------
    name : str
        A key of `TITLES`.
    model : bytes
        The ONNX file.
    metrics : mapping
        What it was trained on, how, and how good it is.
    parity : mapping
        How far the file is from Keras, by output.
    keras : str
        The version of Keras.
    """
    return {
        "file": f"{name}.onnx",
        "sha256": digest(model),
        "bytes": len(model),
        "crop": None,
        "preprocessing": 1,
        "title": TITLES[name],
        "authors": "the album-people authors",
        "licence": "Apache-2.0 (weights); its training faces are for non-commercial research",
        "training": TRAINING[name],
        "source": {"trained_here": "album train", "metrics": dict(metrics)},
        "input": BLOCKS_INPUT if metrics.get("settings", {}).get("blocks") else INPUT,
        "outputs": AGES[name] | {"male": "(n,) probability of being male"},
        "parity": {
            "compared_with": f"Keras {keras} with the same weights",
            "data": "the first 200 faces of UTKFace",
            "largest_difference": dict(parity),
        },
    }


def ship(name: str, folder: Path, *, weights: Path = WEIGHTS) -> None:
    """Put a head that ``album train`` has written among the nets that ship.

    Parameters
    ----------
    name : str
        A key of `TITLES`.
    folder : Path
        What was given as ``--out``.
    weights : Path
        Folder that receives the file and holds ``manifest.json``.

    Raises
    ------
    ValueError
        If the file is not the one that its entry describes.
    """
    model = (folder / f"{name}.onnx").read_bytes()
    known = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    if digest(model) != known["sha256"]:
        raise ValueError(f"{folder / name}.json describes another file; train the head again.")
    (weights / f"{name}.onnx").write_bytes(model)
    merge(name, known, weights=weights)
