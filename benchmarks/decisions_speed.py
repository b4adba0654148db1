"""Times each command that changes people, as a whole process, on a library of 100,000 faces.

    python benchmarks/decisions_speed.py [--faces 100000] [--runs 3]

A fifth of the faces is shared by ten people, the others have 25 faces each. Every command is
followed by `album undo`, which is timed with them. Writes benchmarks/decisions_speed.md.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from people_speed import PER_PHOTO, ROOT, photo

from album.models.contracts import GROUPED_WITH, NetsUsed
from db.library import Library
from db.people.people import next_person_ids, save_people
from db.photos.analyses import save_analyses
from db.photos.files import save_files
from db.records import Analysis, Grouping, Identity, PersonFacts, ScannedFile
from db.settings import set_setting
from nets.engine import DEFAULT_HEAD

BIG = 10
SMALL = 25
Times = tuple[float, float]
"""Seconds on the clock, and of the processor."""
NETS = NetsUsed("fused", "i", DEFAULT_HEAD, "a")


def make(path: Path, faces: int) -> None:
    rng = np.random.default_rng(0)
    whose = owners(faces)
    with Library.open(path) as library:
        for start in range(0, faces // PER_PHOTO, 500):
            here = range(start, start + 500)
            photos = [with_people(k, whose[PER_PHOTO * k :][:PER_PHOTO], rng) for k in here]
            files = [ScannedFile(f"/p/{p.photo.content_hash}.jpg", 1, 1, p.photo.content_hash)
                     for p in photos]  # fmt: skip
            save_files(library, files)
            save_analyses(library, photos)
        ids = next_person_ids(library, int(whose.max()) + 1)
        facts = [PersonFacts(int(i), p_male=0.9, born=1980.5, born_low=1978, born_high=1983)
                 for i in ids]  # fmt: skip
        grouping = Grouping(np.arange(1, faces + 1), ids[whose], np.ones(faces, np.float32))
        save_people(library, grouping, facts)
        set_setting(library, GROUPED_WITH, json.dumps(asdict(NETS)))


def owners(faces: int) -> np.ndarray:
    """Return whose each face is, counted from 0."""
    small = faces * (PER_PHOTO - 1) // PER_PHOTO // SMALL
    number, slot = np.divmod(np.arange(faces), PER_PHOTO)
    others = BIG + (number * (PER_PHOTO - 1) + slot - 1) % small
    return np.where(slot == 0, number % BIG, others)


def with_people(number: int, whose: np.ndarray, rng: np.random.Generator) -> Analysis:
    """A photo whose faces look like those of their people."""
    made = photo(number, rng)
    centres = [np.random.default_rng(who).normal(size=1152) for who in whose]
    vectors = np.array(centres) + 0.5 * rng.normal(size=(len(whose), 1152))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return replace(made, identity=(Identity("i", vectors.astype(np.float32)),))


def run(path: Path, *words: str) -> tuple[Times, str]:
    command = [sys.executable, "-m", "album", "--library", str(path), *words]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, cwd=ROOT, text=True, check=False)
    taken = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if done.returncode and "do not fall" not in done.stderr:
        raise SystemExit(f"{words}: {done.stderr}")
    return (taken, used), done.stdout


def commands(faces: int) -> list[tuple[str, list[str]]]:
    """Who is who: 1 to 10 have many faces, the others few; faces of one photo follow each other."""
    last = f"/p/{faces // PER_PHOTO - 1:040}.jpg"
    many = faces // PER_PHOTO // BIG
    return [
        ("name", ["name", "11", "Anna"]),
        ("merge, 25 faces into 25", ["merge", "11", "15"]),
        (f"merge, {many:,} faces into {many:,}", ["merge", "1", "2"]),
        (f"split, 1 face of {many:,}", ["split", "1", "1"]),
        ("split --auto, 25 faces", ["split", "11", "--auto"]),
        (f"split --auto, {many:,} faces", ["split", "1", "--auto"]),
        (f"move, 1 face to {many:,}", ["move", "2", "2"]),
        (f"reject, 1 face of {many:,}", ["reject", "1"]),
        ("hide", ["hide", "1"]),
        (f"set --born --gender --cover, {many:,} faces", ["set", "1", "--born", "1984-05",
         "--gender", "f", "--cover", "51"]),
        ("same-person-twice", ["same-person-twice", last]),
    ]  # fmt: skip


def row(name: str, taken: list[Times]) -> str:
    walls, used = zip(*taken, strict=True)
    return f"| {name} | {statistics.median(walls):.2f} | {min(walls):.2f} | {max(used):.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    rows = [
        "# Changing people",
        "",
        f"Whole processes on a library of {args.faces:,} faces, {args.runs} runs, {os.cpu_count()} "
        "cores that other work shared. Written by `benchmarks/decisions_speed.py`.",
        "",
        "| command | seconds, median | least | processor seconds, most |",
        "| --- | --- | --- | --- |",
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "library.db"
        make(path, args.faces)
        undoing: list[Times] = []
        for name, words in commands(args.faces):
            taken = []
            for _ in range(args.runs):
                seconds, out = run(path, *words)
                taken.append(seconds)
                if out:
                    undoing.append(run(path, "undo")[0])
            rows.append(row(name, taken))
            print(rows[-1], flush=True)
        rows.append(row("undo, of each of these", undoing))
        rows.append(row("redo, of the last", [run(path, "redo")[0]]))
        rows.append(row("history", [run(path, "history")[0] for _ in range(args.runs)]))
    text = "\n".join([*rows, ""])
    print(text)
    Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
