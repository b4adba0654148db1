"""Times `album people` and `album --help` as whole processes, on a library of 50,000 faces.

    python benchmarks/people_speed.py [--faces 50000] [--runs 5]

Writes benchmarks/people_speed.md.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from db.library import Library
from db.people.people import next_person_ids, save_people
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
    ScannedFile,
)

ROOT = Path(__file__).parents[1]
PER_PHOTO = 5


def photo(number: int, rng: np.random.Generator) -> Analysis:
    corner = rng.uniform(0, 900, (PER_PHOTO, 2)).astype(np.float32)
    boxes = np.hstack([corner, corner + 100])
    ones = np.ones(PER_PHOTO, np.float32)
    taken = datetime(2000, 1, 1) + timedelta(hours=17 * number)
    facts = PhotoFacts(f"{number:040}", 1000, 800, taken_at=taken, date_source="exif-original",
                       date_precision="second")  # fmt: skip
    landmarks = np.repeat(boxes[:, None, :2], 5, axis=1)
    found = Faces("d", boxes, landmarks, ones, size=100 * ones, sharpness=100 * ones, frontal=ones)
    vectors = rng.normal(size=(PER_PHOTO, 1152)).astype(np.float32)
    ages = Attributes("a", np.full((PER_PHOTO, 100), 0.01, np.float32), 0.5 * ones)
    return Analysis(facts, found, "c", (Identity("i", vectors),), (ages,))


def make(path: Path, faces: int) -> None:
    rng = np.random.default_rng(0)
    with Library.open(path) as library:
        for start in range(0, faces // PER_PHOTO, 500):
            photos = [photo(start + k, rng) for k in range(500)]
            files = [ScannedFile(f"/p/{p.photo.content_hash}.jpg", 1, 1, p.photo.content_hash)
                     for p in photos]  # fmt: skip
            save_files(library, files)
            save_analyses(library, photos)
        people = faces // 25
        ids = next_person_ids(library, people)
        face = np.arange(1, faces + 1)
        who = ids[rng.integers(0, people, faces)]
        facts = [PersonFacts(int(i), p_male=0.9, born=1980.5, born_low=1978, born_high=1983)
                 for i in ids]  # fmt: skip
        save_people(library, Grouping(face, who, np.ones(faces, np.float32)), facts)


def times(command: list[str], runs: int) -> list[float]:
    taken = []
    for _ in range(runs + 1):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
        taken.append(time.perf_counter() - started)
    return taken[1:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=50_000)
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    rows = [
        "# Starting and listing",
        "",
        f"Whole processes, {args.runs} runs after one that is not counted, {os.cpu_count()} cores. "
        "Written by `benchmarks/people_speed.py`.",
        "",
        "| command | seconds, median | least | most |",
        "| --- | --- | --- | --- |",
    ]
    album = [sys.executable, "-m", "album"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "library.db"
        make(path, args.faces)
        listed = [*album, "--library", str(path), "people"]
        for name, command in (
            ("`album --help`", [*album, "--help"]),
            (f"`album people`, {args.faces:,} faces, {args.faces // 25:,} people", listed),
            ("`album people --all --json`, the same", [*listed, "--all", "--json"]),
            ("`python -c pass`, for comparison", [sys.executable, "-c", "pass"]),
        ):
            taken = times(command, args.runs)
            middle = statistics.median(taken)
            rows.append(f"| {name} | {middle:.2f} | {min(taken):.2f} | {max(taken):.2f} |")
    text = "\n".join([*rows, ""])
    print(text)
    Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
