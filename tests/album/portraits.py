"""Libraries made of vectors, without any net: photos with faces that look as told."""

import json
from dataclasses import asdict
from datetime import datetime
from zlib import crc32

import numpy as np

from album.grouping.incremental import assign
from album.models.contracts import GROUPED_WITH, NetsUsed
from db.library import Library
from db.people.faces import load_faces
from db.people.people import people
from db.photos.analyses import save_analyses
from db.photos.files import save_files
from db.records import Analysis, Attributes, Faces, Identity, PhotoFacts, ScannedFile
from db.settings import set_setting

NETS = NetsUsed("fake", "identity", "fake", "attributes")
DIM = 40


def looks(who, *, like=None, share=0.5, noise=0.2, seed=None):
    """A vector of person `who` (0 to 39), partly like that of another; 2 apart if not at all."""
    rng = np.random.default_rng(crc32(repr((who, like, share, seed)).encode()))
    vector = np.eye(DIM)[who] * (1 if like is None else np.sqrt(1 - share))
    if like is not None:
        vector += np.sqrt(share) * np.eye(DIM)[like]
    vector += noise * rng.standard_normal(DIM) / np.sqrt(DIM)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def photo(number, vectors, *, year=None, contract="identity", shift=0, age=30):
    """A photo with a face for each vector, side by side."""
    n = len(vectors)
    left = 120 * np.arange(n)[:, None] + shift
    boxes = np.hstack([left, left * 0 + 10, left + 100, left * 0 + 110]).astype(np.float32)
    ones = np.ones(n, np.float32)
    ages = np.exp(-(((np.arange(1, 101) - age) / 3.0) ** 2)) * np.ones((n, 1))
    date = {}
    if year:
        taken = datetime(year, 3, 4, 5, 6, number % 60)
        date = {"taken_at": taken, "date_source": "exif-original", "date_precision": "second"}
    return Analysis(
        PhotoFacts(f"{number:06}", 2000, 200, **date),
        Faces("detector", boxes, np.zeros((n, 5, 2), np.float32), ones, *[90 * ones] * 3),
        f"analysis {contract}",
        (Identity(contract, np.array(vectors, np.float32).reshape(n, -1)),) if n else (),
        (Attributes("attributes", (ages / ages.sum(axis=1, keepdims=True)).astype("f4"), ones),),
    )


class Album:
    """A library to which photos are added as the index does."""

    def __init__(self, folder):
        self.library = Library.open(folder / "library.db")
        self.nets = NETS
        self.photos = 0
        set_setting(self.library, GROUPED_WITH, json.dumps(asdict(NETS)))

    def add(self, *faces_of_photos, group=True, **options):
        """Add photos, each a list of vectors; return the people of their faces, photo by photo."""
        found = []
        for vectors in faces_of_photos:
            found.append(photo(self.photos, vectors, **options))
            self.photos += 1
        self.store(found)
        if not group:
            return None
        self.group()
        who = iter(self.who()[-sum(map(len, faces_of_photos)) :].tolist())
        return [[next(who) for _ in vectors] for vectors in faces_of_photos]

    def store(self, found):
        keys = [one.photo.content_hash for one in found]
        save_files(self.library, [ScannedFile(f"/p/{key}.jpg", 1, 1, key) for key in keys])
        save_analyses(self.library, found)

    def group(self, nets=None):
        """Group as the index does; return its events."""
        return list(assign(self.library, nets or self.nets))

    @property
    def table(self):
        return load_faces(self.library)

    def who(self):
        """Whose each face is, by face id."""
        return self.table.person_id

    def people(self):
        return {row.person_id: row for row in people(self.library, hidden=True, passers_by=True)}
