"""The published protocols: what is scored, how, and what the papers report for it.

Nothing here looks for a threshold: groupings are made with the calibration that ships, or with one
that the caller passes in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from album.dates.calendar import days_from_years
from album.evaluation.datasets import FAIRFACE, Faces
from album.evaluation.measure import Measured
from album.grouping.features import Dated
from album.grouping.features import Faces as Comparable
from album.grouping.grouping import LINKAGE
from album.models.calibration import AttributeCalibration, IdentityCalibration
from clustering.attributes.fusion import expected_ages, fuse_birth_years
from clustering.evaluation.metrics import evaluate

Row = Mapping[str, float]
Doubles = NDArray[np.float64]

DATE_SIGMA = 0.05
"""Years; the dates of labelled sets are true."""

ADIENCE = ((0, 2), (4, 6), (8, 13), (15, 20), (25, 32), (38, 43), (48, 53), (60, 100))
"""Age ranges of the Adience set, both ends included."""

GENDER_AT = 0.6
"""P(male) from which the authors call a face male."""

PAPER: Mapping[str, Row] = {
    "lfw": {
        "clusters_per_class": 1.11,
        "ari": 0.995,
        "ami": 0.971,
        "homogeneity": 0.993,
        "completeness": 0.987,
        "bcubed_f": 0.966,
        "bcubed_f_resnet50": 0.987,
    },
    "utkface": {"mae_top2": 6.00, "adience": 0.6170, "gender": 0.9195},
    "utkface-deep": {"mae_top2": 5.96, "adience": 0.6274, "gender": 0.9195},
    "wider": {"ap_easy": 0.955, "ap_medium": 0.940, "ap_hard": 0.844},
}
"""What is published: by S1 for LFW (subjects of YTF) and all of UTKFace, by S2 for WIDER FACE
(RetinaFace with ResNet-50, on the three splits, which are not made by height).

S1 is Savchenko, "Efficient facial representations for age, gender and identity recognition in
organizing photo albums using multi-output ConvNet", 2019; S2 is Dobiš, "Automated human recognition
from image data". They print nothing for FG-NET and FairFace.
"""


@dataclass(frozen=True, slots=True)
class Labelled:
    """The faces of a data set that were found, with labels and what the nets say.

    Attributes
    ----------
    truth : Faces
        Only the rows that were found, in the order of `said`.
    said : Measured
    missed : int
        Pictures in which no face was found.
    """

    truth: Faces
    said: Measured
    missed: int


def label(faces: Faces, said: Measured) -> Labelled:
    """Join labels and measurements."""
    rows = said.rows
    paths = [faces.paths[row] for row in rows]
    truth = Faces(paths, faces.people[rows], faces.ages[rows], faces.male[rows], faces.years[rows])
    return Labelled(truth, said, len(faces.paths) - len(rows))


def dates(truth: Faces) -> Dated:
    """Return the true dates of the pictures, as the index would have found them."""
    known = np.isfinite(truth.years)
    return Dated(truth.years, days_from_years(truth.years), np.where(known, DATE_SIGMA, np.inf))


def grouped(data: Labelled, use: IdentityCalibration, method: str) -> NDArray[np.int64]:
    """Return the cluster of each face; every picture is a photo of its own."""
    photos = np.arange(len(data.said.rows))
    comparable = Comparable(data.said.vectors, data.said.ages, photos)
    return LINKAGE[method](comparable, dates(data.truth), use)


def score_identity(data: Labelled, use: IdentityCalibration, *, method: str = "default") -> Row:
    """Score a grouping by the labels: the measures of S1's tables, and pairs."""
    scores = asdict(evaluate(data.truth.people, grouped(data, use, method)))
    counts = {"faces": len(data.said.rows), "missed": data.missed}
    return counts | {name: value for name, value in scores.items() if value is not None}


def score_attributes(data: Labelled) -> Row:
    """Score ages and genders face by face, as the net says them, without any correction."""
    age, known = data.truth.ages, np.isfinite(data.truth.ages)
    row: dict[str, float] = {"faces": len(age), "missed": data.missed}
    for name, top in (("top2", 2), ("top3", 3), ("all", data.said.ages.shape[1])):
        error = expected_ages(data.said.ages[known], top=top) - age[known]
        row[f"mae_{name}"] = float(np.abs(error).mean())
        if name == "top3":
            row["rmse"] = float(np.sqrt((error**2).mean()))
    row["adience"] = adience_accuracy(age[known], expected_ages(data.said.ages[known], top=2))
    return row | _gender(data)


def score_age_ranges(data: Labelled) -> Row:
    """Score a set whose ages are known as one of FairFace's nine ranges, and genders."""
    age, said = data.truth.ages, expected_ages(data.said.ages)
    true, estimated = _range(age, FAIRFACE), _range(said, FAIRFACE)
    return {
        "faces": len(age),
        "missed": data.missed,
        "age_range": float((true == estimated).mean()),
        "age_range_near": float((np.abs(true - estimated) <= 1).mean()),
    } | _gender(data)


def _gender(data: Labelled) -> dict[str, float]:
    known = np.isfinite(data.truth.male)
    if not known.any():
        return {}
    says = data.said.male[known] >= GENDER_AT
    return {"gender": float((says == (data.truth.male[known] > 0.5)).mean())}


def adience_accuracy(true: Doubles, estimated: Doubles) -> float:
    """Return the share of faces whose age falls into the Adience range nearest to the true one.

    Ages between two ranges count to the nearer; ties to the younger.
    """
    return float((_range(true, ADIENCE) == _range(estimated, ADIENCE)).mean())


def _range(ages: Doubles, ranges: Sequence[tuple[int, int]]) -> NDArray[np.intp]:
    low, high = np.array(ranges, float).T
    away = np.maximum(np.maximum(low - ages[:, None], ages[:, None] - high), 0)
    return np.asarray(np.argmin(away, axis=1))


def score_birth_years(data: Labelled, use: AttributeCalibration) -> Row:
    """Score birth years person by person, over the true people.

    The truth is the middle of the labelled birth year, since labels count whole years.
    """
    names, who = np.unique(data.truth.people, return_inverse=True)
    born = np.array(
        [np.median((data.truth.years - data.truth.ages)[who == i]) for i in range(len(names))]
    )
    found = fuse_birth_years(
        expected_ages(data.said.ages),
        data.truth.years,
        DATE_SIGMA,
        who.reshape(-1),
        len(names),
        calibration=use.age,
    )
    error = found.estimate - born
    inside = (found.low <= born) & (born <= found.high)
    return {
        "people": len(names),
        "mae": float(np.abs(error).mean()),
        "bias": float(error.mean()),
        "covered": float(inside.mean()),
        "width": float((found.high - found.low).mean()),
    }
