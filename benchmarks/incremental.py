"""Does a library that grows end up like one that is read all at once, and does anybody move?

    python benchmarks/incremental.py DATA [--cache DIR] [--seeds 3]

DATA holds lfw_dev/ and fgnet_dev/. Their faces go into a real library in portions, in random
order, each followed by what `album index` does after reading photos; only reading is left out.
Thresholds are those that ship. Writes benchmarks/incremental.md.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).parent)]

from calibrate import AGES, read  # noqa: E402

from album.edits.decisions import name_person  # noqa: E402
from album.evaluation.protocols import Labelled  # noqa: E402
from album.grouping import incremental  # noqa: E402
from album.grouping.regroup import regroup  # noqa: E402
from album.models.contracts import GROUPED_WITH, NetsUsed  # noqa: E402
from clustering.evaluation.metrics import bcubed, contingency  # noqa: E402
from db.library import Library  # noqa: E402
from db.people.faces import load_faces  # noqa: E402
from db.people.people import people  # noqa: E402
from db.photos.analyses import save_analyses  # noqa: E402
from db.photos.files import save_files  # noqa: E402
from db.records import (  # noqa: E402
    Analysis,
    Attributes,
    Faces,
    Identity,
    PhotoFacts,
    ScannedFile,
)
from db.settings import set_setting  # noqa: E402

NETS = NetsUsed("fused", "i", AGES, "a")
PORTIONS = (3, 10, 30)
SINGLE = 30
NAMED = 50


class Shelf:
    """A library that faces of a labelled set are put into."""

    def __init__(self, data: Labelled, folder: str) -> None:
        self.data = data
        self.library = Library.open(Path(folder) / "library.db")
        self.rows: list[int] = []
        set_setting(self.library, GROUPED_WITH, json.dumps(asdict(NETS)))

    def add(self, rows: Sequence[int]) -> None:
        """Store photos of one face each, and do what the index does then."""
        found = [photo(self.data, row) for row in rows]
        keys = [one.photo.content_hash for one in found]
        save_files(self.library, [ScannedFile(f"/p/{key}.jpg", 1, 1, key) for key in keys])
        save_analyses(self.library, found)
        self.rows += rows
        for _ in incremental.assign(self.library, NETS):
            pass

    def persons(self) -> np.ndarray:
        """Whose each face is, in the order in which they came."""
        return load_faces(self.library).person_id

    def f(self) -> float:
        return bcubed(contingency(self.data.truth.people[self.rows], self.persons()))[2]


def photo(data: Labelled, row: int) -> Analysis:
    one = np.ones(1, np.float32)
    year = data.truth.years[row]
    when = {}
    if np.isfinite(year):
        taken = datetime(int(year), 1, 1) + timedelta(days=365.2425 * (year % 1))
        when = {"taken_at": taken, "date_source": "exif-original", "date_precision": "second"}
    faces = Faces(
        "d", np.array([[0, 0, 90, 90]], np.float32), np.zeros((1, 5, 2), np.float32), one,
        size=90 * one, sharpness=100 * one, frontal=one,
    )  # fmt: skip
    said = data.said
    return Analysis(
        PhotoFacts(f"{row:040}", 100, 100, **when), faces, "c",
        (Identity("i", said.vectors[[row]]),),
        (Attributes("a", said.ages[[row]], said.male[[row]]),),
    )  # fmt: skip


def portions(data: Labelled, seed: int, parts: int) -> Iterator[list[int]]:
    order = np.random.default_rng(seed).permutation(len(data.said.rows))
    for part in np.array_split(order, parts):
        yield part.tolist()


def grown(data: Labelled, seed: int, parts: int, *, anew: bool = True) -> tuple[float, float]:
    """F of a library that grew, and of that after `album regroup` with people named."""
    growth, incremental.GROWTH = incremental.GROWTH, incremental.GROWTH if anew else np.inf
    try:
        with tempfile.TemporaryDirectory() as folder:
            shelf = Shelf(data, folder)
            for rows in portions(data, seed, parts):
                shelf.add(rows)
            first = shelf.f()
            everybody = people(shelf.library, passers_by=True)
            for person in everybody[:NAMED]:
                name_person(shelf.library, person.person_id, f"Name of {person.person_id}")
            regroup(shelf.library)
            return first, shelf.f()
    finally:
        incremental.GROWTH = growth


def moved_by_one_photo(data: Labelled, seed: int) -> int:
    """Faces that change person while single photos are added to a library of all the others."""
    order = np.random.default_rng(seed).permutation(len(data.said.rows)).tolist()
    moved = 0
    with tempfile.TemporaryDirectory() as folder:
        shelf = Shelf(data, folder)
        shelf.add(order[SINGLE:])
        for row in order[:SINGLE]:
            before = shelf.persons()
            shelf.add([row])
            moved += int((shelf.persons()[:-1] != before).sum())
    return moved


def lines(name: str, data: Labelled, seeds: int) -> Iterator[str]:
    whole, _ = grown(data, 0, 1)
    yield f"| {name} | all at once | | {whole:.4f} | | |"
    for parts in PORTIONS:
        for seed in range(seeds):
            kept, _ = grown(data, seed, parts)
            strict, again = grown(data, seed, parts, anew=False)
            yield (
                f"| {name} | {parts} | {seed} | {kept:.4f} ({kept - whole:+.4f}) | "
                f"{strict:.4f} ({strict - whole:+.4f}) | {again:.4f} ({again - whole:+.4f}) |"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    sets = {
        name: read(args.data, name.split("_")[0], "fused", AGES, args.cache)
        for name in ("lfw_dev", "fgnet_dev")
    }
    rows, singles = [], []
    for name, data in sets.items():
        for line in lines(name, data, args.seeds):
            print(line, flush=True)
            rows.append(line)
        moved = sum(moved_by_one_photo(data, seed) for seed in range(args.seeds))
        singles.append(f"| {name} | {SINGLE * args.seeds} | {moved} |")
        print(singles[-1], flush=True)
    Path(__file__).with_suffix(".md").write_text(report(rows, singles), encoding="utf-8")


def report(rows: list[str], singles: list[str]) -> str:
    return f"""# A library that grows

Written by `benchmarks/incremental.py`, with the default's nets and the thresholds that ship. BCubed
F against the labels (difference to all at once), after the portions have come in random order. "As
it is": faces of untouched people are grouped anew when {incremental.GROWTH:.0%} of all faces have
come since (`album/grouping/incremental.py`). "Nobody moves": that is left out. "Then regrouped":
the latter, after its {NAMED} largest people were named as they are, and then `album regroup`.

| set | portions | order | as it is | nobody moves | then regrouped |
| --- | ---: | ---: | ---: | ---: | ---: |
{chr(10).join(rows)}

Single photos added one after another to a library of all the others:

| set | photos added | other faces that changed person |
| --- | ---: | ---: |
{chr(10).join(singles)}
"""


if __name__ == "__main__":
    main()
