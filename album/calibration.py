"""What was measured on development data: thresholds, weights and known errors, as data.

The figures are in ``calibration.json``, written by ``benchmarks/calibrate.py``, which says from
which data. Nothing is tuned on an album that is being indexed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from clustering.fusion import AgeCalibration, GenderCalibration
from clustering.questions import Logistic

PATH = Path(__file__).with_name("calibration.json")


@dataclass(frozen=True, slots=True)
class IdentityCalibration:
    """How faces of one embedder are grouped.

    Attributes
    ----------
    threshold : float
        Largest average squared distance within a person, the birth-year term included.
    birth_weight : float
        Squared distance that clearly different birth years add.
    birth_width : float
        Years at which two birth years begin to differ.
    birth_unknown : float
        Part of `birth_weight` that counts where nothing is known of the birth year.
    paper_threshold : float
        Of the paper's two-step method, on Euclidean distance.
    """

    threshold: float
    birth_weight: float = 0.0
    birth_width: float = 10.0
    birth_unknown: float = 0.5
    paper_threshold: float = 1.0


@dataclass(frozen=True, slots=True)
class AttributeCalibration:
    """The errors of one head for age and gender."""

    age: AgeCalibration
    gender: GenderCalibration


@dataclass(frozen=True, slots=True)
class QuestionCalibration:
    """How likely two groups are one person, and two parts of a group.

    Attributes
    ----------
    pair, half : Logistic
        On `clustering.questions.pair_features` and `half_features`.
    """

    pair: Logistic
    half: Logistic


@cache
def _load() -> Mapping[str, Any]:
    data: Mapping[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))
    return data


def identity_calibration(embedder: str) -> IdentityCalibration:
    """Return what was measured for an embedder, by its name in `nets.engine.EMBEDDERS`."""
    return IdentityCalibration(**_load()["identity"][embedder])


def attribute_calibration(attributes: str) -> AttributeCalibration:
    """Return what was measured for a head, by its name in `nets.engine.ATTRIBUTES`."""
    entry = _load()["attributes"][attributes]
    age: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in entry["age"].items()
    }
    return AttributeCalibration(AgeCalibration(**age), GenderCalibration(**entry["gender"]))


@cache
def question_calibration() -> QuestionCalibration:
    """Return what was measured of the questions that are worth asking."""
    found = {
        kind: Logistic(entry["bias"], tuple(entry["weights"]))
        for kind, entry in _load()["questions"].items()
    }
    return QuestionCalibration(**found)
