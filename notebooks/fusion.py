"""What notebook 03 says of several faces of one person together: gender and birth year."""

from collections.abc import Callable, Mapping

import numpy as np

from album.evaluation.protocols import DATE_SIGMA, GENDER_AT
from clustering.attributes.fusion import (
    AgeCalibration,
    GenderCalibration,
    corrected_ages,
    expected_ages,
    fuse_birth_years,
    fuse_genders,
    male_votes,
)

Ints = np.ndarray
Rule = Callable[[np.ndarray, Ints, int], np.ndarray]
"""From P(male) of each face, its person and how many people there are, to who is a man."""


def gender_rules(use: GenderCalibration) -> Mapping[str, Rule]:
    """The published product rule, the voting it is compared with, and the rule of the program."""
    return {
        "voting, faces at .5": lambda p, who, n: male_votes(p, who, n, at=0.5) > 0.5,
        "voting, faces at .6": lambda p, who, n: male_votes(p, who, n, at=GENDER_AT) > 0.5,
        "mean of P(male)": lambda p, who, n: np.bincount(who, p, n) / np.bincount(who) > 0.5,
        "product rule": lambda p, who, n: fuse_genders(p, who, n) > 0.5,
        "calibrated product rule": lambda p, who, n: fuse_genders(p, who, n, use) > 0.5,
    }


def draws(people: Ints, faces: int, *, least: int, times: int, seed: int = 0) -> list[Ints]:
    """Rows of `faces` faces, by chance, of everybody who has at least `least`; several times."""
    random = np.random.default_rng(seed)
    rows = [np.flatnonzero(people == person) for person in np.unique(people)]
    enough = [mine for mine in rows if len(mine) >= least]
    return [
        np.concatenate([random.choice(mine, faces, replace=False) for mine in enough])
        for _ in range(times)
    ]


def gender_of_people(
    male: np.ndarray, truth: np.ndarray, people: Ints, rows: list[Ints], rule: Rule
) -> float:
    """Share of people whose gender is right, over several draws of their faces."""
    right = []
    for chosen in rows:
        names, first, who = np.unique(people[chosen], return_index=True, return_inverse=True)
        said = rule(male[chosen].astype(np.float64), who, len(names))
        right.append(np.mean(said == (truth[chosen][first] > 0.5)))
    return float(np.mean(right))


def gender_of_faces(male: np.ndarray, truth: np.ndarray, groups: Ints, rule: Rule) -> float:
    """Share of faces whose gender is right when each has that of its group."""
    names, who = np.unique(groups, return_inverse=True)
    said = rule(male.astype(np.float64), who, len(names))[who]
    known = np.isfinite(truth)
    return float(np.mean(said[known] == (truth[known] > 0.5)))


def birth_rules(use: AgeCalibration) -> Mapping[str, Callable[..., np.ndarray]]:
    """From ages, years, group of each face and number of groups to a birth year for each group."""

    def middle(born: np.ndarray, who: Ints, n: int) -> np.ndarray:
        return np.array([np.median(born[who == i]) for i in range(n)])

    def fused(ages: np.ndarray, years: np.ndarray, who: Ints, n: int) -> np.ndarray:
        return fuse_birth_years(ages, years, DATE_SIGMA, who, n, calibration=use).estimate

    return {
        "mean": lambda ages, years, who, n: np.bincount(who, years - ages, n) / np.bincount(who),
        "median": lambda ages, years, who, n: middle(years - ages, who, n),
        "median of corrected ages": lambda ages, years, who, n: middle(
            years - corrected_ages(ages, use)[0], who, n
        ),
        "as the program does": fused,
    }


def birth_errors(
    ages: np.ndarray, years: np.ndarray, born: np.ndarray, groups: Ints, rule: Callable
) -> np.ndarray:
    """Years by which the birth year of the group of each face is off for that face's person."""
    names, who = np.unique(groups, return_inverse=True)
    said = expected_ages(ages.astype(np.float64))
    return np.abs(rule(said, years, who, len(names))[who] - born)
