"""Fits thresholds, weights and known errors on development data and writes them as data.

    python benchmarks/calibrate.py DATA [--cache DIR] [--write]

DATA holds lfw_dev/, fgnet_dev/ and utkface_dev/. Without --write it only prints. The identity
threshold comes from undated pictures of adults (LFW), the weight of birth years from people over
many years (FG-NET) with that threshold held fast, the errors of ages from FG-NET and
UTKFace, the confidence of genders from UTKFace (one face) and LFW (several faces of one person).
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.optimize import minimize_scalar

from album.bench.cache import measured
from album.bench.datasets import Faces, read_fgnet, read_lfw, read_utkface
from album.bench.measure import Measured
from album.bench.protocols import Labelled, grouped, label
from album.calibration import PATH, IdentityCalibration
from album.grouping import Faces as Comparable
from album.grouping import unit
from clustering.fusion import expected_ages
from clustering.linkage import average_linkage
from clustering.metrics import bcubed, contingency
from clustering.paper import paper_clustering, paper_distances
from nets.engine import load_engine

KNOTS = np.array([1, 4, 8, 12, 16, 20, 25, 30, 40, 60], float)
"""Ages, in years, at which errors are tabulated."""
PRIOR_FACES = 3.0
"""Faces without error that every knot is taken to have seen, so that thin data weigh little."""
MOST_FACES = 50.0
AGES = "faceres-deep"
"""The head whose ages go into the grouping while thresholds are fitted: that of the default."""
MOST_WEIGHT = 0.6
"""Largest weight of birth years that is tried, in units of the identity threshold. Chosen, not
fitted: FG-NET, whose people are of all ages, would take more, at the cost of precision."""
BIRTH_WIDTH = 12.0
BIRTH_UNKNOWN = 0.25
"""Chosen, not fitted: the share of the birth-year weight by which two faces of one certain birth
year may differ more than two undated ones. FG-NET alone would take .5 to .7, since its people are
of all ages; in an album of friends of one age, equal years prove little."""


def f_at(data: Labelled, use: IdentityCalibration) -> float:
    return bcubed(contingency(data.truth.people, grouped(data, use, "default")))[2]


def threshold(data: Labelled, grid) -> float:
    """The threshold with the best BCubed F, smoothed over its neighbours."""
    comparable = Comparable(data.said.vectors, data.said.ages, np.arange(len(data.said.rows)))
    tree = average_linkage(unit(comparable.vectors), float(grid[-1]))
    people = data.truth.people
    scores = [bcubed(contingency(people, tree.cut(float(t))))[2] for t in grid]
    return smoothed_best(grid, scores)


def typical_distance(vectors) -> float:
    """The median squared distance of two faces at random."""
    shuffled = np.random.default_rng(0).permutation(vectors)
    return float(np.median(((vectors - shuffled) ** 2).sum(axis=1)))


def smoothed_best(grid, scores) -> float:
    smooth = np.convolve(np.pad(scores, 2, mode="edge"), np.ones(5) / 5, mode="valid")
    return float(grid[int(np.argmax(smooth))])


def paper_threshold(data: Labelled, grid) -> float:
    far = paper_distances(unit(data.said.vectors), ages=expected_ages(data.said.ages))
    photos = np.arange(len(far))
    scores = [
        bcubed(contingency(data.truth.people, paper_clustering(far, t, photos).labels))[2]
        for t in grid
    ]
    return smoothed_best(grid, scores)


def birth_weight(data: Labelled, base: float, grid) -> float:
    scores = [f_at(data, identity(base, weight)) for weight in grid]
    print("  birth weights", np.round([grid, scores], 3).tolist())
    return smoothed_best(grid, scores)


def identity(base: float, weight: float) -> IdentityCalibration:
    """A calibration whose undated faces are grouped at `base` whatever the weight."""
    return IdentityCalibration(base + weight * BIRTH_UNKNOWN, weight, BIRTH_WIDTH, BIRTH_UNKNOWN)


def age_errors(people: Labelled, single: Labelled) -> dict:
    """Errors of one face: offset by estimated age, spread, and what a person's faces share.

    The offset is half-way between the mean error at an estimated age, which leans on the ages that
    the data happen to hold, and the inverse of the mean estimate at a true age, which leans on
    nothing but amplifies noise. Both sets count alike where both have faces of an age.
    """
    sets = [(data.truth.ages, expected_ages(data.said.ages)) for data in (people, single)]
    at_estimate = curve([(said, true - said) for true, said in sets])
    at_true = curve([(true, said - true) for true, said in sets])
    estimates = np.maximum.accumulate(KNOTS + at_true)
    inverse = np.interp(KNOTS, estimates, KNOTS - estimates)
    offsets = (at_estimate + inverse) / 2
    true, said = sets[0]
    error = np.maximum(said + np.interp(said, KNOTS, offsets), 0) - true
    who = np.unique(people.truth.people, return_inverse=True)[1]
    count = np.bincount(who)
    mean = np.bincount(who, error) / count
    within = error - mean[who]
    inner = np.sqrt(curve([(said, within**2 * (count / (count - 1))[who])], prior=0))
    shared = np.sqrt(max(mean.var() - np.mean(within.var() / count), 0.25))
    return {
        "ages": KNOTS.tolist(),
        "offsets": np.round(offsets, 2).tolist(),
        "sigmas": np.round(np.clip(inner, 1.5, 9), 2).tolist(),
        "shared": round(float(shared), 2),
    }


def curve(sets, prior: float = PRIOR_FACES):
    """Kernel mean of values over ages at the knots; a set weighs at most MOST_FACES at a knot."""
    width = np.maximum(1.5, 0.2 * KNOTS)
    total, weights = 0.0, prior
    for ages, values in sets:
        near = np.exp(-(((ages - KNOTS[:, None]) / width[:, None]) ** 2) / 2)
        count = near.sum(axis=1)
        most = np.minimum(count, MOST_FACES) / np.maximum(count, 1e-9)
        total = total + most * (near * values).sum(axis=1)
        weights = weights + most * count
    return total / weights


def gender_errors(single: Labelled, several: Labelled) -> dict:
    """Temperature of one face from labelled faces; correlation from faces of one person."""
    true = np.where(single.truth.male > 0.5, 1.0, -1.0)
    odds = log_odds(single.said.male)
    fit = minimize_scalar(
        lambda t: np.logaddexp(0, -true * odds / t).mean(), bounds=(0.2, 10), method="bounded"
    )
    people = np.unique(several.truth.people, return_inverse=True)[1]
    count = np.bincount(people)
    odds = log_odds(several.said.male)
    mean = np.bincount(people, odds) / count
    many = count > 1
    ratios = []
    for sex in (mean > 0, mean < 0):
        chosen = many & sex
        within = np.mean((odds - mean[people])[chosen[people]] ** 2) * 2
        between = max(mean[chosen].var() - within / count[chosen].mean(), 0)
        ratios.append(between / (between + within))
    return {"temperature": round(float(fit.x), 2), "correlation": round(float(np.mean(ratios)), 2)}


def log_odds(p):
    p = np.clip(p, 1e-3, 1 - 1e-3)
    return np.log(p / (1 - p))


def read(folder: Path, name: str, embedder: str, attributes: str, cache: Path | None) -> Labelled:
    reader, choose = {
        "lfw": (read_lfw, "centre"),
        "fgnet": (read_fgnet, "largest"),
        "utkface": (read_utkface, "whole"),
    }[name]
    faces = reader(folder / f"{name}_dev")
    if name == "utkface":
        faces = every(faces, 4)
    engine = load_engine(embedder=embedder, attributes=attributes, threads=2)
    said: Measured = measured(faces, engine, choose=choose, cache=cache)
    return label(faces, said)


def every(faces: Faces, step: int) -> Faces:
    """One in `step` of the faces of a large set."""
    columns = (getattr(faces, name)[::step] for name in Faces.__slots__)
    return Faces(*columns)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    result = {"identity": {}, "attributes": {}}
    for name in ("faceres", "resnet29", "fused"):
        one, other = (read(args.data, data, name, AGES, args.cache) for data in ("lfw", "fgnet"))
        spread = typical_distance(one.said.vectors)
        base = threshold(one, np.linspace(0.3, 0.8, 101) * spread)
        weight = birth_weight(other, base, np.linspace(0, MOST_WEIGHT, 13) * base)
        use = identity(base, weight)
        paper = paper_threshold(one, np.linspace(0.55, 1.0, 46) * np.sqrt(spread))
        use = replace(use, paper_threshold=paper)
        print(name, use, "LFW", round(f_at(one, use), 4), "FG-NET", round(f_at(other, use), 4))
        result["identity"][name] = {
            key: round(getattr(use, key), 4) for key in IdentityCalibration.__slots__
        }
    for name in ("faceres", AGES):
        embedder = "fused" if name == AGES else "faceres"
        several, known = (
            read(args.data, data, embedder, name, args.cache) for data in ("lfw", "fgnet")
        )
        single = read(args.data, "utkface", "faceres", name, args.cache)
        result["attributes"][name] = {
            "age": age_errors(known, single),
            "gender": gender_errors(single, several),
        }
        print(name, result["attributes"][name])
    result["identity"]["fake"] = {"threshold": 0.8}
    result["attributes"]["fake"] = {
        "age": {"ages": [0, 100], "offsets": [0, 0], "sigmas": [2, 2], "shared": 0.5},
        "gender": {"temperature": 1.0, "correlation": 0.3},
    }
    if args.write:
        PATH.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
