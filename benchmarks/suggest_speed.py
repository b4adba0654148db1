"""Times `album suggest` as a whole process on a library of 100,000 faces.

    python benchmarks/suggest_speed.py DATA [--cache DIR] [--faces 100000] [--runs 5]

The vectors are drawn from a model fitted to those of LFW, in DATA/lfw_dev; a tenth of the faces are
strangers, seen once. Writes benchmarks/suggest_speed.md.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from calibrate import read
from synthetic import faces, fitted

from album.grouping.candidates import find_candidates
from album.models.contracts import nets_used, remember_nets
from db.library import Library
from db.people.people import next_person_ids, save_people
from db.people.questions import placements
from db.people.suggestions import save_candidates
from db.photos.analyses import save_analyses
from db.photos.files import save_files
from db.records import (
    Analysis,
    Attributes,
    Faces,
    Grouping,
    Identity,
    PersonFacts,
    PhotoFacts,
    SeenFile,
)
from nets.engine import DEFAULT_HEAD, load_engine

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Contracts:
    identity: str
    attributes: str


def photo(number: int, vectors: np.ndarray, contracts: Contracts) -> Analysis:
    n = len(vectors)
    ones = np.ones(n, np.float32)
    corner = np.stack([120.0 * np.arange(n), 50 * ones], axis=1).astype(np.float32)
    boxes = np.hstack([corner, corner + 100])
    taken = datetime(2000, 1, 1) + timedelta(hours=3 * number)
    facts = PhotoFacts(f"{number:040}", 1000, 800, taken_at=taken, date_source="exif-original")
    landmarks = np.repeat(boxes[:, None, :2], 5, axis=1)
    found = Faces("d", boxes, landmarks, ones, size=100 * ones, sharpness=100 * ones, frontal=ones)
    ages = Attributes(contracts.attributes, np.full((n, 100), 0.01, np.float32), 0.5 * ones)
    return Analysis(facts, found, "c", (Identity(contracts.identity, vectors),), (ages,))


def make(path: Path, made) -> None:
    engine = load_engine()
    contracts = Contracts(engine.embedder.contract, engine.attributes.contract)
    _, number = np.unique(made.photo, return_inverse=True)
    order = np.argsort(number, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(number))[:-1])
    with Library.open(path) as library:
        for start in range(0, len(parts), 1000):
            photos = [
                photo(start + i, made.vectors[rows], contracts)
                for i, rows in enumerate(parts[start : start + 1000])
            ]
            files = [
                SeenFile(f"/p/{p.photo.content_hash}.jpg", 1, 1, p.photo.content_hash)
                for p in photos
            ]
            save_files(library, files)
            save_analyses(library, photos)
        people = int(made.person.max()) + 1
        ids = next_person_ids(library, people)
        size = np.bincount(made.person)
        facts = [
            PersonFacts(int(i), passer_by=bool(m < 3), p_male=0.9, born=1980.5, born_low=1978,
                        born_high=1983)
            for i, m in zip(ids, size, strict=True)
        ]  # fmt: skip
        face = np.arange(1, len(order) + 1)
        who = ids[made.person[order]]
        save_people(library, Grouping(face, who, np.ones(len(face), np.float32)), facts)
        remember_nets(library, engine)


def times(command: list[str], runs: int, before=lambda: None) -> list[float]:
    taken = []
    for _ in range(runs + 1):
        before()
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
        taken.append(time.perf_counter() - started)
    return taken[1:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--faces", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--keep", type=Path, help="A folder for the library, used again.")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = (args.keep or Path(folder)) / "library.db"
        if not path.exists():
            known = read(args.data, "lfw", "fused", DEFAULT_HEAD, args.cache)
            made = faces(args.faces, fitted(known.said.vectors, known.truth.people))
            make(path, made)
            del made
        text = report(path, args)
    print(text)
    Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")


def report(path: Path, args: argparse.Namespace) -> str:
    with Library.open(path) as library:
        now = placements(library)
        started = time.perf_counter()
        found = find_candidates(library, nets_used(library), now)
        took = time.perf_counter() - started

        def forget() -> None:
            save_candidates(library, "none", b"")

        people = len(np.unique(now.person_id))
        rows = [
            "# Asking",
            "",
            f"A library of {len(now):,} faces of {people:,} people; whole processes, {args.runs} "
            f"runs after one that is not counted, {os.cpu_count()} cores. Written by "
            "`benchmarks/suggest_speed.py`.",
            "",
            "| command | seconds, median | least | most |",
            "| --- | --- | --- | --- |",
        ]
        album = [sys.executable, "-m", "album", "--library", str(path), "suggest"]
        listed = [*album, "--no-pictures"]
        for name, command, before in (
            ("`album suggest`, pictures not counted", listed, lambda: None),
            ("the first one after an index", listed, forget),
            ("`album suggest --answer 1 skip`", [*album, "--answer", "1", "skip"], lambda: None),
        ):
            taken = times(command, args.runs, before)
            middle = statistics.median(taken)
            rows.append(f"| {name} | {middle:.2f} | {min(taken):.2f} | {max(taken):.2f} |")
    rows += ["", f"Measuring all distances took {took:.1f} s and found {len(found.a):,} pairs."]
    return "\n".join([*rows, ""])


if __name__ == "__main__":
    main()
