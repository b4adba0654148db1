"""Which groups of faces are one person at two ages: the fit, and precision and recall.

    python benchmarks/continuation.py DATA [--cache DIR] [--embedder NAME]

Pairs of groups come from FG-NET, grouped as the index does it: all faces but a random part, in
albums whose people are of all ages, or of nearly one (see `calibrate.SPREADS`). What is printed is
judged on people whom the fit has not seen: five parts of the people, each left out once.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, precision_recall_curve
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from album.evaluation.datasets import Faces
from album.evaluation.measure import Measured
from album.evaluation.protocols import Labelled, dates, grouped
from album.grouping.continuation import identities, lives_of
from album.grouping.features import Faces as Comparable
from album.grouping.features import compared
from album.models.calibration import (
    ContinuationCalibration,
    IdentityCalibration,
    attribute_calibration,
    identity_calibration,
)
from clustering.identity.continuation import REACH, continuation_features
from clustering.identity.questions import Logistic, near_pairs, summarise
from nets.engine import DEFAULT_HEAD

SPREADS = (None, 10.0, 3.0, 0.0)
SAMPLES = 16
KEPT = 0.85
"""Share of the faces that are in a sample."""
PENALTY = 0.3
"""Inverse strength of regularisation, as scikit-learn has it."""
PRECISION = 0.99
"""Of the pairs that are merged without asking, judged on people who were left out."""
FOLDS = 5
TAUGHT = "faceres-deep"
"""The head by whose ages groups are dated while the score is fitted. On people who were left out,
dated by the default's ages, that ranks pairs better than a score that is fitted to the default's
ages themselves (average precision .408 and .391; to both together .404)."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Pairs of groups of faces.

    Attributes
    ----------
    features : ndarray, shape (m, 7)
    same : ndarray of bool, shape (m,)
        Whether most pairs of their faces are of one person.
    people : ndarray of int64, shape (m, 2)
        Who most faces of each group are.
    """

    features: np.ndarray
    same: np.ndarray
    people: np.ndarray


def chosen(data: Labelled, which) -> Labelled:
    """Some of the faces."""
    truth, said = data.truth, data.said
    paths = [path for path, keep in zip(truth.paths, which, strict=True) if keep]
    columns = (getattr(truth, name)[which] for name in ("people", "ages", "male", "years"))
    rows = (getattr(said, name)[which] for name in Measured.__slots__)
    return Labelled(Faces(paths, *columns), Measured(*rows), 0)


def with_births(data: Labelled, spread: float | None, seed: int = 0) -> Labelled:
    """The same pictures, taken as if everybody had been born in 1960, more or less."""
    if spread is None:
        return data
    people, which = np.unique(data.truth.people, return_inverse=True)
    born = 1960 + np.random.default_rng(seed).uniform(-spread, spread, len(people))
    return replace(data, truth=replace(data.truth, years=born[which] + data.truth.ages))


def examples(data: Labelled, use: IdentityCalibration, *, asked: bool = False) -> Examples:
    """The pairs of groups that come out of one album.

    With `asked` they are those that are left to ask about: after groups have been joined, and with
    distances in which birth years count.
    """
    labels = grouped(data, use if asked else replace(use, continuation=None), "default")
    comparable = Comparable(data.said.vectors, data.said.ages, np.arange(len(labels)))
    if asked:
        groups = summarise(*rows_of(comparable, dates(data.truth), use, labels))
        pairs = near_pairs(groups, use.threshold)
    else:
        groups = identities(labels, comparable, use)
        pairs = near_pairs(groups, use.identity_threshold, reach=REACH)
    lives = lives_of(labels, comparable, dates(data.truth), use)
    names, who = np.unique(data.truth.people, return_inverse=True)
    counts = np.zeros((len(groups.count), len(names)))
    np.add.at(counts, (labels, who.reshape(-1)), 1)
    a, b = pairs.a, pairs.b
    share = (counts[a] * counts[b]).sum(axis=1) / (groups.count[a] * groups.count[b])
    most = names[counts.argmax(axis=1)]
    features = continuation_features(pairs, groups.count, lives)
    return Examples(features, share > 0.5, np.stack([most[a], most[b]], axis=1))


def rows_of(faces: Comparable, dated, use: IdentityCalibration, labels):
    vectors, variance = compared(faces, dated, use)
    return vectors, labels, variance


def sampled(
    data: Labelled, use: IdentityCalibration, people, seeds: Sequence[int], *, asked: bool = False
) -> list:
    """Examples from albums of some people, each with another part of the faces."""
    found = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        kept = np.isin(data.truth.people, people) & (rng.random(len(data.truth.people)) < KEPT)
        album = with_births(chosen(data, kept), SPREADS[seed % len(SPREADS)], seed)
        found.append(examples(album, use, asked=asked))
    return found


def fit_score(found: Sequence[Examples]) -> Logistic:
    """Fit the probability that two groups are one person."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=PENALTY))
    model.fit(
        np.vstack([one.features for one in found]), np.concatenate([one.same for one in found])
    )
    scale, logistic = model[0], model[-1]
    weights = logistic.coef_[0] / scale.scale_
    return Logistic(float(logistic.intercept_[0] - weights @ scale.mean_), tuple(weights.tolist()))


def fit_question(data: Labelled, use: IdentityCalibration) -> Logistic:
    """Fit the probability that two people of whom birth years are known are one."""
    people = np.unique(data.truth.people)
    return fit_score(sampled(data, use, people, range(SAMPLES), asked=True))


def judged(
    data: Labelled, use: IdentityCalibration, taught: Labelled, taught_use: IdentityCalibration
) -> tuple[np.ndarray, np.ndarray]:
    """Truth and probability of pairs of groups of people whom the fit has not seen.

    The fit is to the same faces with ages by another head, and those errors; see `TAUGHT`.
    """
    people = np.unique(data.truth.people)
    same, score = [], []
    albums = sampled(data, use, people, range(100, 100 + SAMPLES // 2))
    for part in np.array_split(np.random.default_rng(0).permutation(people), FOLDS):
        others = np.setdiff1d(people, part)
        fit = fit_score(sampled(taught, taught_use, others, range(SAMPLES)))
        for one in albums:
            unseen = np.isin(one.people, part).any(axis=1)
            same.append(one.same[unseen])
            found = np.where(one.features[:, 4] > 3, 0, fit(one.features))
            score.append(found[unseen])
    return np.concatenate(same), np.concatenate(score)


def certain_at(same, score, precision: float = PRECISION) -> float:
    """The probability from which so many pairs are right, rounded up to leave a margin."""
    right, _, cuts = precision_recall_curve(same, score)
    good = np.flatnonzero(right[:-1] < precision)
    lowest = cuts[good[-1] + 1] if good[-1] + 1 < len(cuts) else 1.0
    return float(np.ceil(lowest * 20) / 20)


def fit_continuation(
    data: Labelled, use: IdentityCalibration, taught: Labelled
) -> ContinuationCalibration:
    """Fit the score to everybody, and the certain part to people who were left out.

    Parameters
    ----------
    data : Labelled
        With the ages that count.
    use : IdentityCalibration
    taught : Labelled
        The same faces with ages by `TAUGHT`, to which the score is fitted.
    """
    by_it = replace(use, age=attribute_calibration(TAUGHT).age)
    score = fit_score(sampled(taught, by_it, np.unique(taught.truth.people), range(SAMPLES)))
    return ContinuationCalibration(score, certain_at(*judged(data, use, taught, by_it)))


def bcubed_of(labels, people) -> tuple[np.ndarray, np.ndarray]:
    """BCubed precision and recall of each face."""
    _, group = np.unique(labels, return_inverse=True)
    _, person = np.unique(people, return_inverse=True)
    table = np.zeros((group.max() + 1, person.max() + 1))
    np.add.at(table, (group, person), 1)
    both = table[group, person]
    return both / table.sum(axis=1)[group], both / table.sum(axis=0)[person]


def main() -> None:
    from calibrate import read

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--embedder", default="fused")
    args = parser.parse_args()
    data = read(args.data, "fgnet", args.embedder, DEFAULT_HEAD, args.cache)
    taught = read(args.data, "fgnet", args.embedder, TAUGHT, args.cache)
    uses = [identity_calibration(args.embedder, name) for name in (DEFAULT_HEAD, TAUGHT)]
    same, score = judged(data, uses[0], taught, uses[1])
    print(
        f"{len(same)} pairs of groups, {same.sum()} of one person; average precision "
        f"{average_precision_score(same, score):.3f}; precision {PRECISION} at "
        f"{certain_at(same, score):.2f}\n"
    )
    print("| probability from | merges | right | share of all that belong together |")
    print("| --- | --- | --- | --- |")
    for cut in (0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5, 0.3, 0.1):
        at = score >= cut
        print(
            f"| {cut} | {at.sum()} | {same[at].mean():.3f} | {(same & at).sum() / same.sum():.3f} |"
        )


if __name__ == "__main__":
    main()
