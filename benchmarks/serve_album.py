"""A library of any size for `serve.py`: bulk inserts, vectors and ages of the real sizes."""

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from PIL import Image
from sqlalchemy import insert
from synthetic import sizes

from album.models.contracts import remember_nets
from db.engine import schema
from db.library import Library
from nets.engine import load_engine

LARGEST, HUGE = 5000, 50_000
"""Faces of the person whose page is timed, and of the one whose faces are scrolled."""
FIRST = datetime(2000, 1, 1)
BATCH = 20_000


def draw_photo(path: Path) -> None:
    """Draw what stands for every photo: colours that JPEG has some work with."""
    y, x = np.mgrid[0:1200, 0:1600]
    waves = [127 + 100 * np.sin(x / (40 + 9 * k) + y / (70 - 11 * k)) for k in range(3)]
    Image.fromarray(np.stack(waves, axis=2).astype(np.uint8)).save(path, quality=88)


def make(folder: Path, photos: int) -> Path:
    """Make the library, three faces a photo."""
    path, drawn = folder / "library.db", folder / "drawn.jpg"
    draw_photo(drawn)
    (folder / "photos").mkdir()
    rng = np.random.default_rng(0)
    engine = load_engine()
    now = datetime.now(UTC)
    with Library.open(path) as library:
        remember_nets(library, engine)
        with library.write() as conn:
            kinds = {
                "detector": "d",
                "identity": engine.embedder.contract,
                "attributes": engine.attributes.contract,
            }
            rows = [{"id": n, "kind": k, "key": v} for n, (k, v) in enumerate(kinds.items(), 1)]
            conn.execute(insert(schema.contract), rows)
            save_photos(conn, folder / "photos", drawn, photos, now)
            save_faces(conn, people_of(3 * photos, rng), rng, now)
    return path


def save_photos(conn, folder: Path, drawn: Path, photos: int, now: datetime) -> None:
    status = drawn.stat()
    shape = {"width": 1600, "height": 1200, "stored_width": 1600, "stored_height": 1200}
    for start in range(1, photos + 1, BATCH):
        numbers = range(start, min(start + BATCH, photos + 1))
        taken = {n: FIRST + timedelta(hours=2 * n) for n in numbers}
        conn.execute(insert(schema.photo), [
            {"id": n, "content_hash": f"{n:040}", "kind": "image", "orientation": 1, **shape,
             "taken_at": taken[n], "date_source": "exif-original", "date_precision": "second",
             "date_claims": [{"source": "exif-original", "text": str(taken[n]),
                              "when": taken[n].isoformat(), "offset": None,
                              "precision": "second", "refusal": ""}]}
            for n in numbers
        ])  # fmt: skip
        copy = shutil.copy2(drawn, folder / f"drawn-{start}.jpg")  # a file has 65,000 names at most
        for n in numbers:
            os.link(copy, folder / f"{n}.jpg")
        conn.execute(insert(schema.file), [
            {"path": str(folder / f"{n}.jpg"), "photo_id": n, "kind": "image",
             "size": status.st_size, "mtime_ns": status.st_mtime_ns, "content_hash": f"{n:040}",
             "seen_at": now, "gone_at": None}
            for n in numbers
        ])  # fmt: skip


def people_of(faces: int, rng: np.random.Generator) -> np.ndarray:
    """Return whose each face is, shape (faces,): `LARGEST` are of person 1, `HUGE` of person 2."""
    count = sizes(faces - LARGEST - HUGE, rng)
    count = np.concatenate([[LARGEST, HUGE], count])
    return rng.permutation(1 + np.repeat(np.arange(len(count)), count))


def save_faces(conn, who: np.ndarray, rng: np.random.Generator, now: datetime) -> None:
    """Save faces, what nets have said of them, and whose they are."""
    vectors = rng.normal(size=(2000, 1152)).astype(np.float16)
    ages = rng.dirichlet(np.ones(100), 500).astype(np.float16)
    number, cover, count = np.unique(who, return_index=True, return_counts=True)
    people = zip(number.tolist(), (cover + 1).tolist(), count.tolist(), strict=True)
    later = [
        {"id": n, "name": f"Person of name {n}" if n <= 500 else None, "cover_face_id": face,
         "passer_by": faces < 3, "p_male": 0.9, "born": 1980.5, "born_low": 1978.0,
         "born_high": 1983.0, "photos": faces, "faces": faces, "first_at": FIRST,
         "last_at": FIRST + timedelta(days=n % 8000), "created_at": now}
        for n, face, faces in people
    ]  # fmt: skip
    corner = rng.integers(0, 1000, (len(who), 2))
    for start in range(0, len(who), BATCH):
        ids = range(start + 1, min(start + BATCH, len(who)) + 1)
        conn.execute(insert(schema.face), [
            {"id": n, "photo_id": (n - 1) // 3 + 1, "x0": x, "y0": y, "x1": x + 150, "y1": y + 150,
             "score": 1.0, "size": 150.0, "sharpness": 90.0, "frontal": 0.9, "detector_id": 1}
            for n in ids for x, y in [corner[n - 1].tolist()]
        ])  # fmt: skip
        conn.execute(insert(schema.observation), [
            {"face_id": n, "contract_id": contract,
             "vector": vectors[n % 2000].tobytes() if contract == 2 else None,
             "ages": ages[n % 500].tobytes() if contract == 3 else None,
             "p_male": 0.9 if contract == 3 else None}
            for n in ids for contract in (2, 3)
        ])  # fmt: skip
    conn.execute(insert(schema.person), later)
    for start in range(0, len(who), BATCH):
        conn.execute(insert(schema.assignment), [
            {"face_id": n, "person_id": int(who[n - 1]), "source": "auto", "confidence": 0.9}
            for n in range(start + 1, min(start + BATCH, len(who)) + 1)
        ])  # fmt: skip
