"""What notebooks 03 and 04 share: faces with ages and genders, and what each head says of them."""

from collections.abc import Mapping

import numpy as np
from features import CACHE, DATA, told

from album.evaluation.cache import measured
from album.evaluation.datasets import Faces, read_fgnet, read_utkface
from album.evaluation.protocols import GENDER_AT, adience_accuracy
from album.training.heads import Known
from clustering.attributes.fusion import expected_ages
from nets.core.api import AgeGender
from nets.embedders.heads import HeadNet, age_probabilities
from nets.engine import load_engine
from nets.runtime.models import load_manifest
from nets.train.heads import inputs_of
from nets.train.splits import parts

HEADS = ("onepass", "coral")
LARGEST = (1, 2, 3, 5, 10, 100)
"""L: over how many of the largest outputs an age is the expectation."""


def some(faces: Faces, rows: np.ndarray) -> Faces:
    """Some of the pictures of a set."""
    columns = (faces.people, faces.ages, faces.male, faces.years)
    return Faces([faces.paths[row] for row in rows], *(column[rows] for column in columns))


def part_of(faces: Faces, name: str, most: int | None = None, seed: int = 0) -> Faces:
    """The pictures of one part of `nets.train.splits`, or `most` of them, chosen by chance."""
    rows = np.flatnonzero(parts([path.name for path in faces.paths]) == name)
    rows = np.random.default_rng(seed).permutation(rows)[:most]
    return some(faces, np.sort(rows))


def utkface(name: str, most: int | None = None) -> Known:
    """Faces of UTKFace that only judge (``test``), or that heads were trained on (``train``)."""
    return told(part_of(read_utkface(DATA / "utkface_dev"), name, most), choose="centre")


def fgnet() -> Known:
    return told(read_fgnet(DATA / "fgnet_dev"), choose="largest")


def by_head(data: Known) -> dict[str, AgeGender]:
    """Ages and genders by both published nets and by the heads that were trained here."""
    said = data.said
    found = {
        "faceres": AgeGender(said.ages, said.male),
        "faceres-deep": AgeGender(said.teacher_ages, said.teacher_male),
    }
    for name in HEADS:
        out = HeadNet(load_manifest()[name]).run(inputs_of(said))
        ages = out["age"] if "age" in out else age_probabilities(out["older"])
        found[name] = AgeGender(ages, out["male"])
    return found


def by_default(data: Known, faces: Faces, *, choose: str) -> AgeGender:
    """Ages and genders by the default engine, of the same faces."""
    said = measured(faces, load_engine(threads=0), choose=choose, cache=CACHE)
    assert np.array_equal(said.rows, data.said.rows)
    return AgeGender(said.ages, said.male)


def row(said: AgeGender, ages: np.ndarray, male: np.ndarray) -> Mapping[str, float]:
    """One line of the paper's table on UTKFace."""
    ages_said = said.ages.astype(np.float64)
    errors = {top: np.abs(expected_ages(ages_said, top=top) - ages).mean() for top in LARGEST}
    scores = {f"MAE, L = {top}": float(error) for top, error in errors.items()}
    scores["ranges"] = adience_accuracy(ages, expected_ages(ages_said, top=2))
    if np.isfinite(male).all():
        man = male > 0.5
        scores["gender at .5"] = float(((said.male >= 0.5) == man).mean())
        scores["gender at .6"] = float(((said.male >= GENDER_AT) == man).mean())
    return scores
