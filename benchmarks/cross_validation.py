"""What the calibration is worth on people whom it has not seen.

    python benchmarks/cross_validation.py DATA [--cache DIR] [--repeats N]

FG-NET: the people are parted in five; each part is judged by what was fitted to the others: errors
of ages, weight of birth years, the score of groups that continue each other and from where it is
certain. All faces are grouped together, those of the part that is judged count. LFW: the people
are parted in two, and each half is grouped at the threshold of the other. How near a face is to
strangers comes from UTKFace in both.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from calibrate import (
    AGES,
    NEAREST,
    RIDGE,
    age_errors,
    as_ages,
    fit_births,
    for_choosing,
    read,
    read_all,
    threshold,
    typical_distance,
)
from continuation import TAUGHT, bcubed_of, chosen, fit_continuation

from album.evaluation.protocols import Labelled, grouped, score_birth_years, score_identity
from album.grouping.features import unit
from album.models.calibration import AttributeCalibration, IdentityCalibration, identity_calibration
from clustering.attributes.fusion import GenderCalibration
from clustering.identity.nearness import fit_nearness

FOLDS = 5


def f_of(precision, recall) -> tuple[float, float, float]:
    p, r = float(np.mean(precision)), float(np.mean(recall))
    return p, r, 2 * p * r / (p + r)


def fgnet_rows(
    data: Labelled, single: Labelled, base: IdentityCalibration, taught: Labelled, seed: int
):
    """Judge every part of the people by what the others teach."""
    people = np.unique(data.truth.people)
    parts = {name: ([], []) for name in ("birth years", "and continued")}
    births = []
    for part in np.array_split(np.random.default_rng(seed).permutation(people), FOLDS):
        unseen = np.isin(data.truth.people, part)
        others = chosen(data, ~unseen)
        errors = age_errors(others, single)
        age = as_ages(errors, shared=errors["shared"])
        use = fit_births(others, replace(base, age=age))
        more = replace(use, continuation=fit_continuation(others, use, chosen(taught, ~unseen)))
        for name, one in zip(parts, (use, more), strict=True):
            precision, recall = bcubed_of(grouped(data, one, "default"), data.truth.people)
            parts[name][0].append(precision[unseen])
            parts[name][1].append(recall[unseen])
        births.append(
            score_birth_years(chosen(data, unseen), AttributeCalibration(age, GenderCalibration()))
        )
    weights = [row["people"] for row in births]
    names = ("mae", "bias", "covered", "width")
    fused = {name: np.average([row[name] for row in births], weights=weights) for name in names}
    return {
        name: f_of(np.concatenate(precision), np.concatenate(recall))
        for name, (precision, recall) in parts.items()
    }, fused


def lfw_rows(data: Labelled, use: IdentityCalibration, seed: int) -> dict[str, float]:
    """Group each half of the people at the threshold of the other."""
    people = np.random.default_rng(seed).permutation(np.unique(data.truth.people))
    halves = [chosen(data, np.isin(data.truth.people, half)) for half in np.array_split(people, 2)]
    rows = []
    for seen, unseen in (halves, halves[::-1]):
        grid = np.linspace(0.3, 0.9, 121) * typical_distance(unit(seen.said.vectors))
        base, _ = threshold(seen, use.nearness, grid)
        rows.append(score_identity(unseen, IdentityCalibration(base, nearness=use.nearness)))
    names = ("bcubed_precision", "bcubed_recall", "bcubed_f", "pair_precision")
    return {name: float(np.mean([row[name] for row in rows])) for name in names}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    lfw, fgnet, utk = read_all(args, "fused", AGES)
    taught = read(args.data, "fgnet", "fused", TAUGHT, args.cache)
    ships = identity_calibration("fused", AGES)
    near = ships.nearness
    if near is not None:  # fitted again, to be sure that it is what ships
        near = fit_nearness(
            unit(utk.said.vectors), nearest=NEAREST, ridge=RIDGE, strength=near.strength
        )
    base = IdentityCalibration(ships.identity_threshold, nearness=near)
    print("| FG-NET, 5 parts | precision | recall | F | birth year MAE | bias | covered | width |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for seed in range(args.repeats):
        rows, births = fgnet_rows(fgnet, for_choosing(utk, AGES), base, taught, seed)
        said = " | ".join(f"{value:.2f}" for value in births.values())
        for name, values in rows.items():
            print(f"| {name}, parting {seed} | {' | '.join(f'{v:.3f}' for v in values)} | {said} |")
    print("\n| LFW, 2 halves | precision | recall | F | precision of pairs |")
    print("| --- | --- | --- | --- | --- |")
    for seed in range(args.repeats):
        for name, use in (("with nearness", base), ("without", replace(base, nearness=None))):
            values = lfw_rows(lfw, use, seed).values()
            print(f"| {name}, parting {seed} | {' | '.join(f'{v:.4f}' for v in values)} |")


if __name__ == "__main__":
    main()
