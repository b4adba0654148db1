"""Times what one new photo costs in a large library, from loading faces to storing people.

    python benchmarks/incremental_speed.py [--faces 100000] [--vectors LFW.npz]

Vectors are synthetic (benchmarks/synthetic.py), of the default's length. Writes
benchmarks/incremental_speed.md.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).parent)]

from synthetic import faces as synthetic_faces  # noqa: E402
from synthetic import model_for  # noqa: E402

from album.grouping import incremental  # noqa: E402
from album.models.contracts import NetsUsed  # noqa: E402
from db.library import Library  # noqa: E402
from db.people.people import next_person_ids, save_people  # noqa: E402
from db.photos.analyses import save_analyses  # noqa: E402
from db.photos.files import save_files  # noqa: E402
from db.records import (  # noqa: E402
    Analysis,
    Attributes,
    Faces,
    Grouping,
    Identity,
    PersonFacts,
    PhotoFacts,
    SeenFile,
)
from nets.engine import DEFAULT_HEAD  # noqa: E402

NETS = NetsUsed("fused", "i", DEFAULT_HEAD, "a")
DIM = 1152
SCALE = 0.31
"""Of the squared distances, so that the shipped threshold cuts the Gaussian model well."""


def photo(number: int, vectors: np.ndarray, rng: np.random.Generator) -> Analysis:
    n = len(vectors)
    corner = rng.uniform(0, 900, (n, 2)).astype(np.float32)
    boxes = np.hstack([corner, corner + 100])
    ones = np.ones(n, np.float32)
    taken = datetime(2000, 1, 1) + timedelta(hours=5 * number)
    facts = PhotoFacts(
        f"{number:040}", 1000, 800, taken_at=taken, date_source="exif-original",
        date_precision="second",
    )  # fmt: skip
    found = Faces("d", boxes, np.repeat(boxes[:, None, :2], 5, axis=1), ones, *[100 * ones] * 3)
    ages = np.exp(-(((np.arange(100) - rng.uniform(5, 70, (n, 1))) / 4) ** 2)).astype(np.float32)
    said = Attributes("a", ages / ages.sum(axis=1, keepdims=True), 0.5 * ones)
    return Analysis(facts, found, "c", (Identity("i", vectors),), (said,))


def add(library: Library, photos: list[Analysis]) -> None:
    hashes = [one.photo.content_hash for one in photos]
    save_files(library, [SeenFile(f"/p/{key}.jpg", 1, 1, key) for key in hashes])
    save_analyses(library, photos)


def make(path: Path, n: int, real: str | None) -> np.ndarray:
    """Make a library in which everybody is known; return the vectors of one more photo."""
    rng = np.random.default_rng(0)
    made = synthetic_faces(n + 5, model_for(DIM, real))
    vectors = made.vectors if real else made.vectors * np.sqrt(SCALE)
    _, photos = np.unique(made.photo[:n], return_inverse=True)
    order = np.argsort(photos, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(photos[order])) + 1)
    with Library.open(path) as library:
        for at in range(0, len(parts), 500):
            some = enumerate(parts[at : at + 500], at)
            add(library, [photo(i, vectors[rows], rng) for i, rows in some])
        _, who = np.unique(made.person[order], return_inverse=True)
        ids = next_person_ids(library, int(who.max()) + 1)
        facts = [PersonFacts(int(i)) for i in ids]
        grouping = Grouping(np.arange(1, n + 1), ids[who], np.ones(n, np.float32))
        save_people(library, grouping, facts)
    return vectors[n:]


@contextmanager
def timed(name: str, rows: list[str]) -> Iterator[None]:
    start, cpu = time.perf_counter(), time.process_time()
    yield
    took = time.perf_counter() - start, time.process_time() - cpu
    rows.append(f"| {name} | {took[0]:.2f} | {took[1]:.2f} |")
    print(rows[-1], flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=100_000)
    parser.add_argument("--vectors", help="real vectors to fit the model to")
    args = parser.parse_args()
    rows: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "library.db"
        more = make(path, args.faces, args.vectors)
        with Library.open(path) as library:
            add(library, [photo(10**6, more, np.random.default_rng(1))])
            with timed("load faces and what the user said", rows):
                now = incremental.load_situation(library, NETS)
            before = now.table.person_id
            with timed("link the new faces", rows):
                found = incremental.linked(now, NETS, before)
            assert (found == before)[before > 0].all()
            ids = incremental.ids_for(library, found, before)
            with timed("derive what is said of people", rows):
                grouping, people = incremental.changes(now, NETS, ids)
            with timed("store", rows):
                assert save_people(library, grouping, people, stamp=now.given.stamp)
    text = f"""# One new photo in a library of {args.faces:,} faces

Written by `benchmarks/incremental_speed.py`: five new faces beside {len(before):,} faces of
{len(np.unique(before)):,} people with vectors of length {DIM}. {os.cpu_count()} cores,
shared with other work: trust CPU seconds.

| part of grouping | seconds | CPU seconds |
| --- | ---: | ---: |
"""
    text += "\n".join(rows) + "\n"
    Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
