"""Times a library on PostgreSQL beside one in a file: what indexing, grouping and copying ask.

    python benchmarks/postgresql.py [--faces 20000] [--photos FOLDER]

Starts a server of its own in a temporary folder, with safe settings (fsync on), so PostgreSQL has
to be installed (Debian: apt-get install postgresql). Writes benchmarks/postgresql.md.
"""

import argparse
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from people_speed import PER_PHOTO, photo  # noqa: E402

from db.copying import copy_library  # noqa: E402
from db.library import Library  # noqa: E402
from db.people.faces import load_faces  # noqa: E402
from db.people.people import next_person_ids, people, save_people  # noqa: E402
from db.photos.analyses import save_analyses  # noqa: E402
from db.photos.files import save_files  # noqa: E402
from db.records import Grouping, PersonFacts, ScannedFile  # noqa: E402
from tests import databases  # noqa: E402

AT_ONCE = 8
"""Photos of a transaction, as the index stores them: some 32 faces."""


def timed(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def store(library: Library, faces: int) -> None:
    rng = np.random.default_rng(0)
    for start in range(0, faces // PER_PHOTO, AT_ONCE):
        photos = [photo(start + k, rng) for k in range(AT_ONCE)]
        hashes = [one.photo.content_hash for one in photos]
        save_files(library, [ScannedFile(f"/p/{h}.jpg", 1, 1, h) for h in hashes])
        save_analyses(library, photos)


def group(library: Library) -> None:
    ids = load_faces(library).face_id
    who = next_person_ids(library, 500)
    whose = who[np.arange(len(ids)) % len(who)]
    found = Grouping(ids, whose, np.full(len(ids), 0.5, np.float32))
    save_people(library, found, [PersonFacts(one) for one in who.tolist()])


def load(library: Library) -> None:
    load_faces(library, identity="i", attributes="a")


@contextmanager
def without_copy():
    """Write row by row, and read by a cursor."""
    with (
        patch("db.engine.sql.COPY_FROM", math.inf),
        patch("db.engine.bulk.COPY_FROM", math.inf),
        patch("db.engine.bulk._copied", _by_cursor),
    ):
        yield


def _by_cursor(conn, query, size):
    result = conn.execute(query.execution_options(yield_per=size))
    yield from map(list, result.partitions())


def measure(place: str, faces: int) -> dict[str, float]:
    found = {}
    with Library.open(place) as library:
        found["store"] = timed(lambda: store(library, faces))
        found["group"] = timed(lambda: group(library))
        found["load"] = min(timed(lambda: load(library)) for _ in range(3))
        found["list"] = min(timed(lambda: people(library)) for _ in range(3))
        if library.is_shared:
            with without_copy():
                found["group, row by row"] = timed(lambda: group(library))
                found["load, by a cursor"] = min(timed(lambda: load(library)) for _ in range(3))
    return found


def copied(source: str, target: str) -> float:
    with Library.open(source) as old, Library.open(target, unfinished=True) as new:
        return timed(lambda: list(copy_library(old, new)))


def index_s(place: str, photos: Path, processes: int) -> float:
    """Return how long processes of the command take that index one folder together."""
    code = "from album.cli import main; main()"
    words = ["index", "--profile", "default", "--jobs", "1", "--library", place, str(photos)]
    command = [sys.executable, "-c", code, *words]

    def run() -> None:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        running = [subprocess.Popen(command, cwd=ROOT, **quiet) for _ in range(processes)]
        codes = [process.wait() for process in running]
        assert codes == [0] * processes, codes

    return timed(run)


def index_rows(server: databases.Server, photos: Path, folder: str) -> Iterator[str]:
    with server.connect() as raw:
        for name in ("one", "two"):
            raw.execute(f"CREATE DATABASE {name}")
    alone = index_s(f"{folder}/indexed.db", photos, 1)
    one = index_s(server.url("one"), photos, 1)
    two = index_s(server.url("two"), photos, 2)
    count = sum(1 for _ in photos.rglob("*.*"))
    yield f"`album index --jobs 1` of {count} photos, start-up and grouping included:\n"
    yield "| SQLite, one process | PostgreSQL, one process | PostgreSQL, two at once |"
    yield "| --- | --- | --- |"
    yield f"| {alone:.1f} s | {one:.1f} s | {two:.1f} s |"


def table(faces: int, file: dict[str, float], server: dict[str, float], there: float, back: float):
    photos = faces // PER_PHOTO
    rows = [
        ("storing what was found", "store", lambda s: f"{photos / s:,.0f} photos/s"),
        ("storing a grouping of all faces", "group", lambda s: f"{s:.2f} s"),
        ("the same, row by row", "group, row by row", lambda s: f"{s:.2f} s"),
        ("loading all faces, vectors and ages", "load", lambda s: f"{s:.2f} s"),
        ("the same, by a cursor", "load, by a cursor", lambda s: f"{s:.2f} s"),
        ("the table of 500 people", "list", lambda s: f"{1e3 * s:.0f} ms"),
    ]  # fmt: skip
    yield "| | SQLite | PostgreSQL |"
    yield "| --- | --- | --- |"
    for name, key, say in rows:
        cells = (say(found[key]) if key in found else "–" for found in (file, server))
        yield f"| {name} | {' | '.join(cells)} |"
    yield f"| `album library copy` to the server; back | {there:.1f} s | {back:.1f} s |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=20_000)
    parser.add_argument("--photos", type=Path, help="A folder to be indexed as well.")
    options = parser.parse_args()
    faces = options.faces
    if reason := databases.why_not():
        sys.exit(reason)
    databases.SETTINGS = ("max_connections=100",)
    server = databases.Server()
    try:
        with tempfile.TemporaryDirectory() as folder, server.connect() as raw:
            raw.execute("CREATE DATABASE other")
            here, there = f"{folder}/library.db", server.url()
            file, on_server = measure(here, faces), measure(there, faces)
            sent = copied(here, server.url("other"))
            back = copied(there, f"{folder}/back.db")
            lines = list(table(faces, file, on_server, sent, back))
            if options.photos:
                lines += ["", *index_rows(server, options.photos, folder)]
    finally:
        server.close()
    text = (
        "# A library on PostgreSQL beside one in a file\n\n"
        f"{faces:,} faces with vectors of 1,152 numbers and 100 ages, {PER_PHOTO} in a photo, "
        f"{AT_ONCE} photos a transaction; server and program share 2 cores, fsync is on.\n"
        "`python benchmarks/postgresql.py` made this; with `--photos FOLDER` it indexes a folder "
        "by one process and by two, as well.\n\n"
    )
    (ROOT / "benchmarks" / "postgresql.md").write_text(text + "\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
