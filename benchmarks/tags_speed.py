"""How many sidecars a minute `album export --xmp` writes, beside exiftool on some of them.

python -m benchmarks.tags_speed [--photos 10000]    writes benchmarks/tags_speed.md
"""

import argparse
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

from album.tags.plan import TagOptions
from album.tags.write import Tagged, write_tags
from db.library import Library
from db.people.people import next_person_ids, save_people
from db.photos.analyses import save_analyses
from db.photos.files import save_files
from db.records import Analysis, Faces, Grouping, Identity, PersonFacts, PhotoFacts, ScannedFile

ROOT = Path(__file__).parents[1]
BY_EXIFTOOL = 100


def library_of(folder: Path, photos: int) -> Library:
    """A library of photos (files without pixels) with two named people in each."""
    library = Library.open(folder / "library.db")
    rng = np.random.default_rng(0)
    boxes = np.array([[100, 100, 300, 300], [500, 100, 700, 300]], np.float32)
    column = np.ones(2, np.float32)
    for start in range(0, photos, 1000):
        part = range(start, min(start + 1000, photos))
        seen = []
        for i in part:
            path = folder / f"{i // 500:03}" / f"{i:06}.jpg"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"\xff\xd8\xff\xd9")
            status = path.stat()
            seen.append(ScannedFile(str(path), status.st_size, status.st_mtime_ns, f"{i}", "image"))
        save_files(library, seen)
        landmarks = np.zeros((2, 5, 2), np.float32)
        faces = Faces("d", boxes, landmarks, column, column, column, column)
        vectors = rng.standard_normal((2, 8)).astype(np.float32)
        save_analyses(
            library,
            [
                Analysis(
                    PhotoFacts(f"{i}", 4000, 3000, stored_width=4000, stored_height=3000),
                    *(faces, "a", (Identity("n", vectors),), (), 0.1),
                )
                for i in part
            ],
        )
    people = next_person_ids(library, 2).tolist()
    ids = np.arange(1, 2 * photos + 1)
    grouping = Grouping(ids, np.tile(people, photos), np.ones(len(ids), np.float32))
    save_people(library, grouping, [PersonFacts(person) for person in people])
    from album.edits.decisions import name_person

    for person, name in zip(people, ("Anna", "Bert"), strict=True):
        name_person(library, person, name)
    return library


def timed(library: Library, **options: bool) -> tuple[float, int]:
    started = time.perf_counter()
    done = [e for e in write_tags(library, [], TagOptions(**options)) if isinstance(e, Tagged)]
    assert not [e for e in done if e.action == "failed"]
    return time.perf_counter() - started, len(done)


def exiftool_seconds(folder: Path) -> float | None:
    """Seconds per sidecar with exiftool writing the same into many files in one process."""
    if not shutil.which("exiftool"):
        return None
    names = [folder / f"exiftool-{i}.xmp" for i in range(BY_EXIFTOOL)]
    for path in names:
        path.write_bytes((folder / "000" / "000000.jpg.xmp").read_bytes())
    started = time.perf_counter()
    asked = ["exiftool", "-q", "-overwrite_original", "-PersonInImage+=C", "-Subject+=C"]
    subprocess.run([*asked, *map(str, names)], check=True)
    return (time.perf_counter() - started) / BY_EXIFTOOL


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--photos", type=int, default=10_000)
    photos = parser.parse_args().photos
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with library_of(folder, photos) as library:
            rows = [("new sidecars", *timed(library)), ("again, nothing to do", *timed(library))]
            theirs = exiftool_seconds(folder)
            rows.append(("taken away again", *timed(library, remove=True)))
    lines = [
        "# Speed of writing tags",
        "",
        f"`python -m benchmarks.tags_speed --photos {photos}`: two named people in each photo; "
        "each sidecar is written under another name and renamed.",
        "",
        "| | sidecars | seconds | a minute |",
        "| --- | --- | --- | --- |",
        *(f"| {what} | {n:,} | {s:.1f} | {60 * n / s:,.0f} |" for what, s, n in rows),
    ]
    if theirs:
        lines += [
            f"| exiftool, one process, two tags added | {BY_EXIFTOOL} | "
            f"{theirs * BY_EXIFTOOL:.1f} | {60 / theirs:,.0f} |"
        ]
    text = "\n".join(lines) + "\n"
    (ROOT / "benchmarks" / "tags_speed.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
