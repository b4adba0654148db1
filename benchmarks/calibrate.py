"""Fits thresholds, weights and known errors on development data and writes them as data.

    python benchmarks/calibrate.py DATA [--cache DIR] [--write] [--births]

DATA holds lfw_dev/, fgnet_dev/ and utkface_dev/. Without --write it only prints. How near a face is
to strangers comes from UTKFace, whose faces are of different people; the identity threshold from
undated pictures of adults (LFW); the weight of birth years from people over many years (FG-NET),
with that threshold held fast; the errors of ages from FG-NET, whose faces are cut out as the index
does it, and beyond 40 years from UTKFace too; the confidence of genders from UTKFace (one face) and
LFW (several faces of one person). `benchmarks/cross_validation.py` says what this is worth on
people whom it has not seen. The errors of heads that were trained here are left as
`benchmarks/calibrate_heads.py --write` has written them, which has to go first. --births fits again
only what ages decide, from FG-NET.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from continuation import SPREADS, TAUGHT, chosen, fit_continuation, fit_question, with_births
from scipy.optimize import minimize_scalar

from album.evaluation.cache import measured
from album.evaluation.datasets import read_fgnet, read_lfw, read_utkface
from album.evaluation.measure import Measured
from album.evaluation.protocols import Labelled, grouped, label
from album.grouping.features import unit
from album.models.calibration import (
    NEARNESS,
    PATH,
    IdentityCalibration,
    attribute_calibration,
    identity_calibration,
)
from clustering.attributes.fusion import AgeCalibration, expected_ages, fuse_birth_years
from clustering.evaluation.metrics import bcubed, contingency
from clustering.identity.nearness import Nearness, fit_nearness
from clustering.identity.questions import Logistic
from clustering.linkage.linkage import average_linkage
from clustering.linkage.paper import paper_clustering, paper_distances
from nets.engine import DEFAULT_HEAD, HEADS, load_engine
from nets.train import splits

KNOTS = np.array([1, 4, 8, 12, 16, 20, 25, 30, 40, 60], float)
"""Ages, in years, at which errors are tabulated."""
PRIOR_FACES = 3.0
"""Faces without error that every knot is taken to have seen, so that thin data weigh little."""
MOST_FACES = 50.0
AGES = DEFAULT_HEAD
"""The head whose ages go into the grouping while thresholds are fitted: that of the default."""
PUBLISHED = ("faceres", "faceres-deep")
"""Whose errors are fitted here. Those of our own heads come from `benchmarks/calibrate_heads.py`,
which goes first: it knows on which faces they were trained."""
COVERED = 0.82
"""Share of intervals that hold the truth on the people they are fitted to; a little more than the
80 % that is wanted of others."""
BEYOND = 40.0
"""Age in years from which UTKFace counts, too: FG-NET has few faces that old. Below, crops matter
more than numbers: UTKFace is published cropped, not as the detector would cut it."""

NEAREST, RIDGE = 20, 1.0
"""Strangers whose mean distance is predicted, of 11,000; penalty on the squared weights."""
STRENGTHS = (0.0, 0.25, 0.35, 0.5)
WIDTHS = (10.0, 14.0, 18.0)
WEIGHTS = (0.4, 0.6, 0.8)
"""Weights of birth years that are tried, in units of the identity threshold."""
UNKNOWNS = (0.2, 0.25, 0.3, 0.35, 0.4, 0.5)
Age = dict[str, Any]


def f_at(data: Labelled, use: IdentityCalibration) -> float:
    return bcubed(contingency(data.truth.people, grouped(data, use, "default")))[2]


def threshold(data: Labelled, nearness: Nearness | None, grid) -> tuple[float, float]:
    """The threshold with the best BCubed F, smoothed over its neighbours, and that F."""
    vectors = unit(data.said.vectors)
    variance = None if nearness is None else nearness.variance(vectors)
    tree = average_linkage(vectors, float(grid[-1]), variance=variance)
    people = data.truth.people
    scores = [bcubed(contingency(people, tree.cut(float(t))))[2] for t in grid]
    return smoothed_best(grid, scores)


def fit_identity(
    name: str,
    lfw: Labelled,
    fgnet: Labelled,
    utk: Labelled,
    age: AgeCalibration,
    taught: Labelled,
):
    """Fit everything that the default grouping takes for one embedder."""
    cohort = unit(utk.said.vectors)
    grid = np.linspace(0.3, 0.9, 121) * typical_distance(unit(lfw.said.vectors))
    tried = []
    for strength in STRENGTHS:
        near = fit_nearness(cohort, nearest=NEAREST, ridge=RIDGE, strength=strength)
        base, f = threshold(lfw, near, grid)
        tried.append((f, strength, base, near))
        print(f"  {name}: strength {strength}: threshold {base:.4f}, LFW {f:.4f}")
    _, strength, base, near = max(tried, key=lambda one: one[:2])
    use = IdentityCalibration(base, nearness=near if strength else None, age=age)
    use = fit_births(fgnet, use)
    use = replace(use, continuation=fit_continuation(fgnet, use, taught))
    paper, _ = paper_threshold(lfw, np.linspace(0.55, 1.0, 46) * np.sqrt(grid[-1] / 0.9))
    return replace(use, paper_threshold=paper)


def fit_births(fgnet: Labelled, base: IdentityCalibration) -> IdentityCalibration:
    """The weight of birth years that is best on average over albums of all kinds.

    They are the same pictures, with people of all ages, and pretending that everybody was born
    within a few years: an album of friends of one age must not be grouped by age.
    """
    albums = [with_births(fgnet, spread) for spread in SPREADS]
    scored = [(mean_f(albums, use), use) for use in with_weights(base)]
    return max(scored, key=lambda one: one[0])[1]


def mean_f(albums: Sequence[Labelled], use: IdentityCalibration) -> float:
    """BCubed F over albums, and a little below and above the threshold: single ones are noisy."""
    near = [replace(use, threshold=use.threshold * factor) for factor in (0.96, 1.0, 1.04)]
    return float(np.mean([f_at(album, one) for album in albums for one in near]))


def with_weights(base: IdentityCalibration) -> list[IdentityCalibration]:
    """All weights, such that undated faces are grouped at the same distance whatever the weight."""
    return [
        replace(
            base,
            threshold=base.threshold * (1 + weight * unknown),
            birth_weight=weight * base.threshold,
            birth_width=width,
            birth_unknown=unknown,
        )
        for width, weight, unknown in product(WIDTHS, WEIGHTS, UNKNOWNS)
    ]


def typical_distance(vectors) -> float:
    """The median squared distance of two faces at random."""
    shuffled = np.random.default_rng(0).permutation(vectors)
    return float(np.median(((vectors - shuffled) ** 2).sum(axis=1)))


def smoothed_best(grid, scores) -> tuple[float, float]:
    smooth = np.convolve(np.pad(scores, 2, mode="edge"), np.ones(5) / 5, mode="valid")
    best = int(np.argmax(smooth))
    return float(grid[best]), float(smooth[best])


def paper_threshold(data: Labelled, grid) -> tuple[float, float]:
    far = paper_distances(unit(data.said.vectors), ages=expected_ages(data.said.ages))
    photos = np.arange(len(far))
    scores = [
        bcubed(contingency(data.truth.people, paper_clustering(far, t, photos).labels))[2]
        for t in grid
    ]
    return smoothed_best(grid, scores)


def age_errors(people: Labelled, single: Labelled) -> Age:
    """Errors of one face: offset by estimated age, spread, and what a person's faces share.

    The offset is half-way between the mean error at an estimated age, which leans on the ages that
    the data happen to hold, and the inverse of the mean estimate at a true age, which leans on
    nothing but amplifies noise.
    """
    old = single.truth.ages >= BEYOND
    sets = [
        (people.truth.ages, expected_ages(people.said.ages)),
        (single.truth.ages[old], expected_ages(single.said.ages[old])),
    ]
    at_estimate = curve([(said, true - said) for true, said in sets[:1]])
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
    found = {
        "ages": KNOTS.tolist(),
        "offsets": np.round(offsets, 2).tolist(),
        "sigmas": np.round(np.clip(inner, 1.5, 9), 2).tolist(),
    }
    return found | {"shared": shared_error(people, as_ages(found))}


def as_ages(found: Age, **more: float) -> AgeCalibration:
    lists = {key: tuple(value) for key, value in found.items() if isinstance(value, list)}
    return AgeCalibration(**lists, **more)


def shared_error(people: Labelled, use: AgeCalibration) -> float:
    """What the faces of one person have in common, such that 80 % of the intervals are right."""
    names, who = np.unique(people.truth.people, return_inverse=True)
    born = people.truth.years - people.truth.ages
    true = np.array([np.median(born[who == i]) for i in range(len(names))])

    def covered(shared: float) -> float:
        found = fuse_birth_years(
            expected_ages(people.said.ages),
            people.truth.years,
            0.05,
            who.reshape(-1),
            len(names),
            calibration=replace(use, shared=shared),
        )
        return float(((found.low <= true) & (true <= found.high)).mean())

    grid = np.arange(0.25, 4.05, 0.05)
    return round(float(grid[np.argmax([covered(shared) >= COVERED for shared in grid])]), 2)


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
    engine = load_engine(embedder=embedder, attributes=attributes, threads=2)
    said: Measured = measured(faces, engine, choose=choose, cache=cache)
    return label(faces, said)


def for_choosing(utkface: Labelled, head: str) -> Labelled:
    """The faces of UTKFace by which errors may be told: of our own heads those for choosing."""
    if head not in HEADS:
        return utkface
    part = splits.parts([path.name for path in utkface.truth.paths])
    return chosen(utkface, part == "check")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--births", action="store_true")
    args = parser.parse_args()
    result: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))
    if args.births:
        again(args, result)
    else:
        everything(args, result)


def everything(args: argparse.Namespace, result: dict[str, Any]) -> None:
    """Fit all of it."""
    for name in PUBLISHED:
        several, known, single = read_all(args, "faceres", name)
        result["attributes"][name] = {
            "age": age_errors(known, single),
            "gender": gender_errors(single, several),
        }
        print(name, result["attributes"][name])
    age = attribute_calibration(AGES).age
    weights = {}
    for name in ("faceres", "resnet29", "fused"):
        several, known, single = read_all(args, name, AGES)
        taught = read(args.data, "fgnet", name, TAUGHT, args.cache)
        use = fit_identity(name, several, known, single, age, taught)
        result["identity"][name] = entry(use)
        if use.nearness is not None:
            weights[name] = use.nearness.weights.astype(np.float32)
        if name == "fused":
            aged = fit_question(known, use)
        lfw, fgnet = f_at(several, use), f_at(known, use)
        print(name, result["identity"][name], f"LFW {lfw:.4f}, FG-NET {fgnet:.4f}")
    result["identity"]["fake"] = {"threshold": 0.8}
    result["attributes"]["fake"] = {
        "age": {"ages": [0, 100], "offsets": [0, 0], "sigmas": [2, 2], "shared": 0.5},
        "gender": {"temperature": 1.0, "correlation": 0.3},
    }
    # The other questions are those of `benchmarks/suggestions.py --fit`, of groups made with this.
    result["questions"]["aged"] = as_json(aged)
    if args.write:
        PATH.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        np.savez(NEARNESS, **weights)


def again(args: argparse.Namespace, result: dict[str, Any]) -> None:
    """Fit what ages decide: the weight of birth years, and which groups continue each other.

    How near faces are to strangers, and at which distance undated faces are one person, stays.
    """
    for name in ("fused", "faceres", "resnet29"):
        known, old = (
            read(args.data, "fgnet", name, AGES, args.cache),
            identity_calibration(name, AGES),
        )
        print(name, f"as it is: FG-NET {f_at(known, old):.4f}", flush=True)
        use = IdentityCalibration(old.identity_threshold, nearness=old.nearness, age=old.age)
        use = replace(fit_births(known, use), paper_threshold=old.paper_threshold)
        print(name, entry(use), flush=True)
        taught = read(args.data, "fgnet", name, TAUGHT, args.cache)
        use = replace(use, continuation=fit_continuation(known, use, taught))
        result["identity"][name] = entry(use)
        if name == "fused":
            result["questions"]["aged"] = as_json(fit_question(known, use))
        print(name, result["identity"][name], f"FG-NET {f_at(known, use):.4f}", flush=True)
        if args.write:
            PATH.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def read_all(args, embedder: str, attributes: str) -> list[Labelled]:
    names = ("lfw", "fgnet", "utkface")
    return [read(args.data, name, embedder, attributes, args.cache) for name in names]


def as_json(score: Logistic) -> dict[str, Any]:
    weights = [round(value, 4) for value in score.weights]
    return {"bias": round(score.bias, 4), "weights": weights}


def entry(use: IdentityCalibration) -> dict[str, Any]:
    """What is written of one embedder; the weights of nearness go into a file of their own."""
    names = ("threshold", "birth_weight", "birth_width", "birth_unknown", "paper_threshold")
    found: dict[str, Any] = {name: round(getattr(use, name), 4) for name in names}
    if use.nearness is not None:
        near = {name: getattr(use.nearness, name) for name in ("intercept", "far", "strength")}
        found["nearness"] = {name: round(value, 5) for name, value in near.items()}
    if use.continuation is not None:
        score = as_json(use.continuation.score)
        found["continuation"] = score | {"certain": use.continuation.certain}
    return found


if __name__ == "__main__":
    main()
