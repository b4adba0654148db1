"""The ways of grouping that notebook 02 compares, each as labels at every threshold of a grid."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from features import Labelled, f_score, halves, smoothed
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist

from album.evaluation.protocols import dates
from clustering.attributes.birth import birth_columns, birth_variance
from clustering.attributes.fusion import expected_ages
from clustering.evaluation.metrics import Scores, evaluate
from clustering.linkage.linkage import average_linkage
from clustering.linkage.paper import paper_clustering, paper_distances
from clustering.linkage.rank_order import rank_order

SCIPY = ("single", "complete", "average", "weighted", "median", "centroid")
RANKS = (2.0, 5, 8, 11, 14, 18, 25, 40)
PUBLISHED = ("single", "average", "complete", "weighted", "median")
"""The linkages of the paper's tables, beside rank-order clustering."""
MEASURES = ("clusters_per_class", "ari", "ami", "homogeneity", "completeness", "bcubed_f")
"""Its columns."""
GRID = np.linspace(0.3, 1.1, 41)
"""Thresholds, in shares of the median distance of two faces."""


@dataclass(frozen=True)
class Faces:
    """Rows of a set: unit vectors, age probabilities, years of the photos (NaN: not dated)."""

    vectors: np.ndarray
    ages: np.ndarray
    years: np.ndarray
    sigma: np.ndarray
    people: np.ndarray


@dataclass(frozen=True)
class Way:
    """A way of grouping: its thresholds, and the labels that it gives for each of them."""

    grid: np.ndarray
    labels: Callable[[Faces], list[np.ndarray]]
    width: int = 5
    """Neighbouring thresholds over which scores are averaged before the best one is chosen."""
    squared: bool = False
    """Whether thresholds are squared distances."""


def take(data: Labelled, rows: np.ndarray) -> Faces:
    dated, said = dates(data.truth), data.said
    columns = (said.vectors, said.ages, dated.years, dated.sigma, data.truth.people)
    return Faces(*(column[rows] for column in columns))


def scipy_way(method: str, grid: np.ndarray) -> Way:
    def labels(faces: Faces) -> list[np.ndarray]:
        tree = linkage(pdist(faces.vectors), method)
        return [fcluster(tree, t, "distance") for t in grid]

    return Way(grid, labels)


def rank_way() -> Way:
    def labels(faces: Faces) -> list[np.ndarray]:
        far = paper_distances(faces.vectors)
        return [rank_order(far, t) for t in RANKS]

    return Way(np.array(RANKS), labels, width=1)


def paper_way(grid: np.ndarray) -> Way:
    """Both steps; every face is a photo of its own, so that the second has nothing to part."""

    def labels(faces: Faces) -> list[np.ndarray]:
        years = np.nan_to_num(faces.years)
        ages = expected_ages(faces.ages)
        far = paper_distances(faces.vectors, ages=ages, photo_years=years)
        return [paper_clustering(far, t, np.arange(len(far))).labels for t in grid]

    return Way(grid, labels)


def our_way(grid: np.ndarray, *, weight: float = 0.0) -> Way:
    """Average linkage on squared distances, with birth years as columns."""

    def labels(faces: Faces) -> list[np.ndarray]:
        columns = birth_columns(faces.ages, faces.years, faces.sigma, width=12.0)
        rows = np.hstack([faces.vectors, np.sqrt(weight / 2) * columns])
        variance = weight * birth_variance(columns, unknown=0.25)
        tree = average_linkage(rows, float(grid[-1]), variance=variance)
        return [tree.cut(float(t)) for t in grid]

    return Way(grid, labels, squared=True)


def ways(faces: Faces) -> Mapping[str, Way]:
    """All of them; grids are in shares of the median distance of two faces of the set."""
    usual = float(np.median(pdist(faces.vectors[:: max(1, len(faces.vectors) // 1000)])))
    plain = np.linspace(0.3, 1.1, 81) * usual
    squared = np.linspace(0.1, 1.2, 81) * usual**2
    found = {method: scipy_way(method, plain) for method in SCIPY}
    found |= {"rank-order": rank_way(), "the paper's two steps": paper_way(plain[::2])}
    found["ours, no dates"] = our_way(squared)
    if np.isfinite(faces.years).any():
        for share in (0.1, 0.2, 0.3):
            weight = share * usual**2
            found[f"ours, birth year at {share}"] = our_way(squared, weight=weight)
    return found


def compared(data: Labelled, splits: int) -> tuple[dict[str, list[float]], dict[str, np.ndarray]]:
    """Score every way on people that its threshold has not seen.

    Returns
    -------
    dict of str to list of float
        BCubed F of the second half of the people, at the threshold chosen on the first: one value
        for each split and for each of the two halves as the second.
    dict of str to ndarray
        Thresholds, as Euclidean distances (or ranks), and mean F at each of them, on all halves.
    """
    everything = take(data, np.arange(len(data.said.rows)))
    scores: dict[str, list[float]] = {}
    curves: dict[str, np.ndarray] = {}
    for name, way in ways(everything).items():
        scores[name], lines = [], []
        for seed in range(splits):
            both = [take(data, rows) for rows in halves(everything.people, seed)]
            lines += [
                np.array([f_score(half.people, labels) for labels in way.labels(half)])
                for half in both
            ]
            for chosen, other in (lines[-2:], lines[-2:][::-1]):
                scores[name].append(float(other[np.argmax(smoothed(chosen, way.width))]))
        grid = np.sqrt(way.grid) if way.squared else way.grid
        curves[name] = np.stack([grid, np.mean(lines, axis=0)])
    return scores, curves


Table = list[tuple[object, ...]]
Cuts = tuple[np.ndarray, list[np.ndarray]]
"""True people of some rows, and the labels at every threshold."""


def linkage_table(kinds: Mapping[str, np.ndarray], people: np.ndarray, splits: int) -> Table:
    """The paper's table: features by linkage, each measure on halves of the people not seen."""
    table: Table = []
    for kind, vectors in kinds.items():
        for method, cut in _ways(vectors):
            found = []
            for seed in range(splits):
                parts = [(people[rows], cut(vectors[rows])) for rows in halves(people, seed)]
                found += [_unseen([mine], [other]) for mine, other in (parts, parts[::-1])]
            table.append((kind, method, *np.mean(found, axis=0)))
    return table


def albums(people: np.ndarray, count: int, seed: int = 0) -> list[tuple[int, np.ndarray]]:
    """Rows of small albums, and which half of the people (0 or 1) each is made of."""
    random = np.random.default_rng(seed)
    names, photos = np.unique(people, return_counts=True)
    names = random.permutation(names[photos > 1])
    parts = names[: len(names) // 2], names[len(names) // 2 :]
    made = []
    for i in range(count):
        who = random.choice(parts[i % 2], random.integers(8, 26), replace=False)
        made.append((i % 2, np.flatnonzero(np.isin(people, who))))
    return made


def on_albums(
    kinds: Mapping[str, np.ndarray], people: np.ndarray, made: Sequence[tuple[int, np.ndarray]]
) -> Table:
    """The same for albums; means over those whose people the threshold has not seen."""
    table: Table = []
    for kind, vectors in kinds.items():
        for method, cut in _ways(vectors):
            parts: tuple[list[Cuts], list[Cuts]] = ([], [])
            for half, rows in made:
                parts[half].append((people[rows], cut(vectors[rows])))
            found = [_unseen(*parts), _unseen(*parts[::-1])]
            table.append((kind, method, *np.mean(found, axis=0)))
    return table


def _ways(vectors: np.ndarray) -> Iterator[tuple[str, Callable[[np.ndarray], list[np.ndarray]]]]:
    usual = float(np.median(pdist(vectors[:: max(1, len(vectors) // 1000)])))
    for method in PUBLISHED:
        yield method, lambda rows, method=method: _cuts(rows, method, GRID * usual)
    yield "rank-order", lambda rows: [rank_order(paper_distances(rows), t) for t in RANKS]


def _cuts(vectors: np.ndarray, method: str, grid: np.ndarray) -> list[np.ndarray]:
    tree = linkage(pdist(vectors), method)
    return [fcluster(tree, t, "distance") for t in grid]


def _unseen(chosen: Sequence[Cuts], scored: Sequence[Cuts]) -> list[float]:
    """Measures at the threshold that is best on other sets, and the best F of these."""
    seen, own = _mean_f(chosen), _mean_f(scored)
    width = 5 if len(seen) == len(GRID) else 1
    at = int(np.argmax(smoothed(seen, width)))
    scores: list[Scores] = [evaluate(people, labels[at]) for people, labels in scored]
    means = [float(np.mean([getattr(one, name) for one in scores])) for name in MEASURES]
    return [*means, float(own.max())]


def _mean_f(sets: Sequence[Cuts]) -> np.ndarray:
    """F at every threshold, a mean over the sets."""
    return np.mean([[f_score(people, cut) for cut in labels] for people, labels in sets], axis=0)
