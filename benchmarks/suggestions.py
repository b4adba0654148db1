"""A simulated user who answers what `album suggest` asks, from the labels of LFW and FG-NET.

    python benchmarks/suggestions.py DATA [--cache DIR] [--fit] [--write]

DATA holds lfw_dev/ and fgnet_dev/. Counts the answers that bring BCubed F to a goal and those that
name four fifths of the faces, asking the best question first and asking in random order. --fit
prints the probabilities' weights for calibration.json, --write writes benchmarks/suggestions.md.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from calibrate import read
from question_fit import logistic

from album.evaluation.protocols import Labelled, dates, grouped
from album.grouping.continuation import lives_of
from album.grouping.features import Faces, compared
from album.models.calibration import IdentityCalibration, identity_calibration, question_calibration
from album.people.ranking import pair_scores
from clustering.evaluation.metrics import bcubed, contingency
from clustering.identity import questions as q
from nets.engine import DEFAULT_HEAD

NETS = ("fused", DEFAULT_HEAD)
GOALS = {"lfw": 0.99, "fgnet": 0.95}
NAMED = 0.8
RUNS = 5
"""Random orders that are averaged."""


@dataclass(eq=False)
class Album:
    """Faces in groups, and what the user has said of them."""

    vectors: np.ndarray
    variance: np.ndarray
    labels: np.ndarray
    truth: np.ndarray
    threshold: float
    lives: Callable
    """What is known in time of groups, given labels 0 to k - 1."""
    answers: int = 0
    asked: set = field(default_factory=set)
    named: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))

    def copy(self) -> "Album":
        return Album(self.vectors, self.variance, self.labels.copy(), self.truth, self.threshold,
                     self.lives, named=np.zeros(len(self.truth), bool))  # fmt: skip

    def f(self) -> float:
        return bcubed(contingency(self.truth, self.labels))[2]

    def who(self, label: int) -> int:
        """The person whom most faces of a group show."""
        return int(np.bincount(self.truth[self.labels == label]).argmax())

    def of(self, rows: np.ndarray) -> int:
        return int(np.bincount(self.truth[rows]).argmax())


def load(data: Path, name: str, cache: Path | None) -> Album:
    labelled = read(data, name, *NETS, cache)
    return album_of(labelled, identity_calibration(*NETS))


def album_of(data: Labelled, use: IdentityCalibration) -> Album:
    when = dates(data.truth)
    faces = Faces(data.said.vectors, data.said.ages, np.arange(len(data.said.rows)))
    vectors, variance = compared(faces, when, use)
    truth = np.unique(data.truth.people, return_inverse=True)[1].reshape(-1)
    labels = grouped(data, use, "default")

    def lives(label: np.ndarray):
        return lives_of(label, faces, when, use)

    return Album(vectors, variance, labels, truth, use.threshold, lives)


@dataclass(frozen=True)
class Question:
    kind: str
    key: tuple
    gain: float
    """Expected faces settled."""
    rows: tuple = ()
    """Of a doubtful part."""


def pair_key(a: int, b: int) -> tuple:
    return ("same", min(a, b), max(a, b))


def groups_of(album: Album) -> tuple[np.ndarray, np.ndarray, q.Groups]:
    names, at = np.unique(album.labels, return_inverse=True)
    return names, at, q.summarise(album.vectors, at, album.variance)


class Asker:
    """All questions about an album; distances are pooled after a merge, as in the product."""

    def __init__(self, album: Album, *, kinds: tuple[str, ...], lazy: bool = False) -> None:
        self.album, self.kinds, self.lazy = album, kinds, lazy
        self.known: dict[bytes, tuple] = {}
        self.measure()

    def measure(self) -> None:
        """From the vectors: at the start, and when a group was split."""
        self.names, at, self.groups = groups_of(self.album)
        self.pairs = q.near_pairs(self.groups, self.album.threshold)
        self.first_face = np.unique(at, return_index=True)[1]
        self.halves = self.cut(at) if "split" in self.kinds else None

    def cut(self, at: np.ndarray) -> q.Halves:
        """The parts of all groups; of those that are as they were, what was found before."""
        album = self.album
        rows = np.split(np.argsort(at, kind="stable"), np.cumsum(np.bincount(at))[:-1])
        keys = [one.tobytes() for one in rows]
        new = np.array([key not in self.known for key in keys])
        fresh = np.where(new[at], at, -1)
        found = q.halves(album.vectors, fresh, album.variance, album.threshold)
        for group, far, small in zip(found.group, found.distance, found.small, strict=True):
            self.known[keys[group]] = far, small
        cut = [(i, *self.known[key]) for i, key in enumerate(keys) if key in self.known]
        groups, distance, small = zip(*cut, strict=True)
        return q.Halves(np.array(groups), np.array(distance), tuple(small))

    def now(self) -> tuple[np.ndarray, np.ndarray, q.Pairs, np.ndarray]:
        """Labels and sizes of the groups that are left, their pairs and how likely those are."""
        current = self.album.labels[self.first_face]
        names, owner = np.unique(current, return_inverse=True)
        count = np.bincount(np.searchsorted(names, self.album.labels))
        pairs = q.pooled(self.pairs, owner, self.groups.count)
        lives = self.album.lives(np.searchsorted(names, self.album.labels))
        return names, count, pairs, pair_scores(pairs, count, lives)

    def questions(self) -> list[Question]:
        use = question_calibration()
        names, count, pairs, p = self.now()
        named = self.album.named[np.array([self.row(n) for n in names])]
        found = []
        for i, (a, b) in enumerate(zip(pairs.a.tolist(), pairs.b.tolist(), strict=True)):
            if "same" in self.kinds and not (named[a] and named[b] and "name" in self.kinds):
                gain = p[i] * self.worth(count[a], count[b], named[a], named[b])
                found.append(Question("same", pair_key(int(names[a]), int(names[b])), gain))
        if self.halves is not None:
            found += self.doubtful(use)
        if "name" in self.kinds:
            for a in np.flatnonzero(~named).tolist():
                found.append(Question("name", ("name", int(names[a])), float(count[a])))
        return [one for one in found if one.key not in self.album.asked]

    def worth(self, a: int, b: int, named_a: bool, named_b: bool) -> float:
        """Faces that a yes puts right; where names are wanted, those that get one."""
        if "name" not in self.kinds:
            return float(min(a, b))
        return float(b if named_a else a if named_b else min(a, b) / 2)

    def row(self, name: int) -> int:
        return int(np.argmax(self.album.labels == name))

    def doubtful(self, use) -> list[Question]:
        p = use.half(q.half_features(self.halves, self.groups.count))
        found = []
        for i, rows in enumerate(self.halves.small):
            key = ("split", tuple(rows.tolist()))
            found.append(Question("split", key, (1 - p[i]) * len(rows), tuple(rows.tolist())))
        return found

    def answer(self, question: Question) -> bool:
        """Ask; return whether the questions are to be ordered anew."""
        album = self.album
        album.answers += 1
        album.asked.add(question.key)
        if question.kind == "name":
            return self.name_group(question.key[1])
        if question.kind == "split":
            rows = np.array(question.rows)
            group = album.labels == album.labels[rows[0]]
            group[rows] = False
            if not group.any() or album.of(rows) == album.of(np.flatnonzero(group)):
                return False
            album.labels[rows] = album.labels.max() + 1
            self.measure()
            return True
        _, a, b = question.key
        if album.who(a) != album.who(b):
            return False
        self.merge(a, b)
        return True

    def merge(self, a: int, b: int) -> None:
        album = self.album
        both = (album.labels == a) | (album.labels == b)
        album.named[both] = album.named[both].any()
        album.labels[both] = a
        # What was said of b holds for a.
        album.asked |= {
            pair_key(*(a if end == b else end for end in key[1:]))
            for key in album.asked
            if key[0] == "same" and b in key[1:]
        }

    def name_group(self, group: int) -> bool:
        """Name a group; one that has the same name as another joins it."""
        who = self.album.who(group)
        mine = self.album.labels == group
        self.album.named[mine] = True
        changed = not self.lazy
        for other in np.unique(self.album.labels[self.album.named & ~mine]).tolist():
            if self.album.who(other) == who:
                self.merge(other, group)
                changed = True
        return changed

    def pointless(self, question: Question) -> bool:
        """Whether both have a name, so that they need not be compared to be named."""
        if question.kind != "same" or "name" not in self.kinds:
            return False
        return all(self.album.named[self.row(group)] for group in question.key[1:])


Order = Callable[[list[Question]], list[Question]]


def best_first(found: list[Question]) -> list[Question]:
    return sorted(found, key=lambda one: -one.gain)


def shuffled(seed: int) -> Order:
    rng = np.random.default_rng(seed)
    return lambda found: [found[i] for i in rng.permutation(len(found))]


def run(
    album: Album, order: Order, *, kinds: tuple[str, ...], most: int, measure: Callable
) -> np.ndarray:
    """Ask up to `most` questions; return what `measure` gave after each, from none on."""
    album = album.copy()
    asker = Asker(album, kinds=kinds, lazy=order is not best_first)
    curve = [measure(album)]
    queue = order(asker.questions())
    while queue and album.answers < most:
        question = queue.pop(0)
        if asker.pointless(question):
            continue
        changed = asker.answer(question)
        if changed:
            queue = order(asker.questions())
        curve.append(measure(album) if changed or question.kind == "name" else curve[-1])
    return np.array(curve)


def reached(curve: np.ndarray, goal: float) -> int | None:
    there = np.flatnonzero(curve >= goal - 1e-12)
    return int(there[0]) if len(there) else None


def f_score(album: Album) -> float:
    return album.f()


def named_share(album: Album) -> float:
    return float(album.named.mean())


def fit(albums: dict[str, Album]) -> dict:
    """Weights of the probabilities, on both sets together."""
    rows: dict[str, list] = {"pair": [], "half": []}
    for album in albums.values():
        _, at, groups = groups_of(album)
        who = np.array([album.of(np.flatnonzero(at == i)) for i in range(len(groups.count))])
        pairs = q.near_pairs(groups, album.threshold)
        rows["pair"].append((q.pair_features(pairs, groups.count), who[pairs.a] == who[pairs.b]))
        halves = q.halves(album.vectors, at, album.variance, album.threshold)
        same = [
            album.of(small) == album.of(np.setdiff1d(np.flatnonzero(at == group), small))
            for group, small in zip(halves.group, halves.small, strict=True)
        ]
        rows["half"].append((q.half_features(halves, groups.count), np.array(same)))
    return {name: logistic(parts) for name, parts in rows.items()}


@dataclass(frozen=True)
class Policy:
    """A way of asking: which kinds of question, in which order."""

    name: str
    kinds: tuple[str, ...]
    random: bool = False


CLEAN = (
    Policy("best first", ("same", "split")),
    Policy("best first, pairs only", ("same",)),
    Policy("the same questions in random order", ("same", "split"), random=True),
    Policy("random pairs of similar people", ("same",), random=True),
)
NAMING = (
    Policy("best first", ("name", "same")),
    Policy("the same questions in random order", ("name", "same"), random=True),
)
MOST = {"lfw": 7000, "fgnet": 800}


def curves(album: Album, policy: Policy, *, most: int, measure: Callable, runs: int) -> np.ndarray:
    """Curves of a policy, one row a run, each held at its last value."""
    seeds = range(runs if policy.random else 1)
    found = []
    for seed in seeds:
        order = shuffled(seed) if policy.random else best_first
        curve = run(album, order, kinds=policy.kinds, most=most, measure=measure)
        found.append(np.pad(curve, (0, most + 1 - len(curve)), mode="edge"))
    return np.array(found)


def pairs_and_names(album: Album, *, most: int, seed: int) -> np.ndarray:
    """Random pairs; whoever of the two has no name yet gets one, each an action of its own."""
    album = album.copy()
    asker = Asker(album, kinds=("same",))
    order, curve = shuffled(seed), [0.0]
    queue = order(asker.questions())
    while queue and album.answers < most:
        question = queue.pop(0)
        changed = asker.answer(question)
        curve.append(named_share(album))
        for group in question.key[1:]:
            rows = album.labels == group
            if rows.any() and not album.named[rows].any():
                album.answers += 1
                asker.name_group(group)
                curve.append(named_share(album))
                changed = True
        if changed:
            queue = order(asker.questions())
    return np.pad(np.array(curve[: most + 1]), (0, max(most + 1 - len(curve), 0)), mode="edge")


def middle(curves_: np.ndarray, goal: float) -> str:
    """Median number of answers over the runs."""
    found = [reached(curve, goal) for curve in curves_]
    if any(one is None for one in found):
        return f"not after {curves_.shape[1] - 1:,}"
    return f"{int(np.median(found)):,}"


def report(albums: dict[str, Album], runs: int) -> str:
    lines = ["# Questions worth asking", "", __doc_table__, ""]
    lines += ["| | LFW dev: to F .99 | FG-NET dev: to F .95 |", "| --- | --- | --- |"]
    starts = [f"{album.f():.3f}" for album in albums.values()]
    lines.append(f"| F before the first answer | {' | '.join(starts)} |")
    for policy in CLEAN:
        cells = []
        for name, album in albums.items():
            found = curves(album, policy, most=MOST[name], measure=f_score, runs=runs)
            cells.append(middle(found, GOALS[name]))
        lines.append(f"| {policy.name} | {' | '.join(cells)} |")
    lines += ["", "| | LFW dev: 80 % named | FG-NET dev: 80 % named |", "| --- | --- | --- |"]
    for policy in NAMING:
        cells = []
        for name, album in albums.items():
            found = curves(album, policy, most=MOST[name], measure=named_share, runs=runs)
            cells.append(middle(found, NAMED))
        lines.append(f"| {policy.name} | {' | '.join(cells)} |")
    cells = []
    for name, album in albums.items():
        found = [pairs_and_names(album, most=MOST[name], seed=seed) for seed in range(runs)]
        cells.append(middle(np.array(found), NAMED))
    lines.append(f"| random pairs, naming both | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


__doc_table__ = """A simulated user answers from the labels; written by `benchmarks/suggestions.py`.
Random orders: the median of 5. Candidates are the same for all: pairs of groups within 1.6
thresholds of each other of which one is among the 12 nearest of the other, and each group cut where
its parts are furthest apart. A name that somebody else has already joins the two."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    albums = {name: load(args.data, name, args.cache) for name in GOALS}
    if args.fit:
        print(json.dumps(fit(albums), indent=2))
        return
    text = report(albums, RUNS)
    print(text)
    if args.write:
        Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
