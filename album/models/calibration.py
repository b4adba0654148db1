"""What was measured on development data: thresholds, weights and known errors, as data.

The figures are in ``calibration.json``, and those for each element of a vector in
``nearness.npz``; both are written by ``benchmarks/calibrate.py``, which says from
which data. Nothing is tuned on an album that is being indexed.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from clustering.attributes.fusion import AgeCalibration, GenderCalibration
from clustering.identity.nearness import Nearness
from clustering.identity.questions import Logistic

PATH = Path(__file__).with_name("calibration.json")
NEARNESS = Path(__file__).with_name("nearness.npz")


@dataclass(frozen=True, slots=True)
class ContinuationCalibration:
    """Which groups of faces are one person at two ages.

    Attributes
    ----------
    score : Logistic
        On `clustering.identity.continuation.continuation_features`.
    certain : float
        Probability from which groups are merged without asking.
    """

    score: Logistic
    certain: float


@dataclass(frozen=True, slots=True, eq=False)
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
    nearness : Nearness or None
        How near a face is to strangers; None to do without.
    age : AgeCalibration or None
        Errors of the ages that the birth years come from; None to take ages as they are.
    continuation : ContinuationCalibration or None
        How groups of one person at several ages are recognised; None to leave them apart.
    """

    threshold: float
    birth_weight: float = 0.0
    birth_width: float = 10.0
    birth_unknown: float = 0.5
    paper_threshold: float = 1.0
    nearness: Nearness | None = None
    age: AgeCalibration | None = None
    continuation: ContinuationCalibration | None = None

    @property
    def identity_threshold(self) -> float:
        """Largest average squared distance of undated faces within a person."""
        return self.threshold - self.birth_weight * self.birth_unknown


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
        On `clustering.identity.questions.pair_features` and `half_features`.
    aged : Logistic
        On `clustering.identity.continuation.continuation_features`, for pairs whose birth years are
        known.
    """

    pair: Logistic
    half: Logistic
    aged: Logistic


@cache
def _load() -> Mapping[str, Any]:
    data: Mapping[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))
    return data


def identity_calibration(embedder: str, attributes: str) -> IdentityCalibration:
    """Return what was measured for an embedder beside a head for ages.

    Parameters
    ----------
    embedder, attributes : str
        Names in `nets.engine.EMBEDDERS` and `nets.engine.ATTRIBUTES`.
    """
    entry = dict(_load()["identity"][embedder])
    near, later = entry.pop("nearness", None), entry.pop("continuation", None)
    return IdentityCalibration(
        **entry,
        nearness=None if near is None else _nearness(embedder, **near),
        age=attribute_calibration(attributes).age,
        continuation=None if later is None else _continuation(**later),
    )


def _continuation(
    *, bias: float, weights: Sequence[float], certain: float
) -> ContinuationCalibration:
    return ContinuationCalibration(Logistic(bias, tuple(weights)), certain)


def calibration_files() -> tuple[str, ...]:
    """Return what is in the files, for digests: people are grouped anew when it changes."""
    return PATH.read_text(encoding="utf-8"), NEARNESS.read_bytes().hex()


@cache
def _nearness(embedder: str, *, intercept: float, far: float, strength: float) -> Nearness:
    with np.load(NEARNESS) as weights:
        return Nearness(weights[embedder].astype(np.float64), intercept, far, strength)


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
