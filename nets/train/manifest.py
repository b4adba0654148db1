"""Puts trained heads into `nets/weights`, with what must be known of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nets.convert.manifest import WEIGHTS, merge
from nets.convert.packages import digest
from nets.heads import INPUTS

TITLES = {
    "onepass": "Head for age (100 classes) and gender on the features of faceres and resnet29",
    "coral": "CORAL head for age (99 ranks) and gender on the features of faceres and resnet29",
}
UTKFACE = "UTKFace, aligned and cropped: given out for non-commercial research only"
TRAINING = {
    "onepass": f"{UTKFACE}; ages of faceres-deep as a teacher, likewise of sets for research",
    "coral": UTKFACE,
}
AGES = {
    "onepass": {"age": "(n, 100) probability of each age; output i means i + 1 years"},
    "coral": {"older": "(n, 99) P(age > k) for k = 1 to 99, falling from left to right"},
}


def ship(
    name: str,
    model: bytes,
    metrics: Mapping[str, Any],
    *,
    parity: Mapping[str, Any],
    weights: Path = WEIGHTS,
) -> None:
    """Write a head and its entry in the manifest.

    Parameters
    ----------
    name : str
        A key of `TITLES`.
    model : bytes
        The ONNX file.
    metrics : mapping
        What it was trained on, how, and how good it is.
    parity : mapping
        How far the file is from Keras.
    weights : Path
        Folder that receives the file and holds ``manifest.json``.
    """
    (weights / f"{name}.onnx").write_bytes(model)
    entry = {
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
        "input": {
            "name": "features",
            "dtype": "float32",
            "shape": [None, INPUTS],
            "range": "nets.heads.head_inputs: identity, descriptor, ages and gender, scaled",
        },
        "outputs": AGES[name] | {"male": "(n,) probability of being male"},
        "parity": dict(parity),
    }
    merge(name, entry, weights=weights)
