"""A small library with people to decide about, made without any net, and looks into it."""

import json
from dataclasses import asdict
from datetime import datetime

import numpy as np
from sqlalchemy import select, text

from album.edits.refresh import refresh
from album.models.contracts import GROUPED_WITH, NetsUsed
from db.engine import schema
from db.journal import images
from db.journal.journal import changing
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
from db.settings import set_setting
from tests.databases import on_postgres

NETS = NetsUsed("fake", "identity", "fake", "attributes")
PHOTOS = {
    1: "AB", 2: "AB", 3: "AC", 4: "ABC", 5: "B", 6: "CD", 7: "AD", 8: "E", 9: "A", 10: "CE",
}  # fmt: skip
"""Who is in which photo."""


def directions(people, d=24):
    return {who: np.eye(d, dtype=np.float32)[i] for i, who in enumerate(people)}


def analysis(number, who, *, noise=0.25, year=None):
    n = len(who)
    rng = np.random.default_rng(number)
    boxes = np.array([[120 * i, 10, 120 * i + 100, 110] for i in range(n)], np.float32)
    quality = rng.uniform(0.3, 1, (3, n)).astype(np.float32)
    landmarks = np.zeros((n, 5, 2), np.float32)
    found = Faces(
        "detector", boxes, landmarks, quality[0], 100 * quality[1], quality[2], quality[0]
    )
    axes = directions("ABCDEFGH")
    vectors = np.array([axes[one] for one in who]) + noise * rng.normal(size=(n, 24)) / 24**0.5
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ages = np.array([np.exp(-(((np.arange(100) - 20 - 7 * ord(w) % 40) / 3) ** 2)) for w in who])
    male = np.array([0.9 if w in "ACE" else 0.1 for w in who], np.float32)
    traits = Attributes("attributes", (ages / ages.sum(axis=1, keepdims=True)).astype("f4"), male)
    taken = datetime(year or 2000 + number, 3, 4, 5, 6, 7)
    facts = PhotoFacts(
        f"photo {number}", 1000, 800, taken_at=taken, date_source="exif-original",
        date_precision="second",
    )  # fmt: skip
    identity = Identity("identity", vectors.astype(np.float32))
    return Analysis(facts, found, "contract", (identity,), (traits,))


def fill(library, photos=None):
    """Put the photos into an empty library, and group them rightly; return the people by letter."""
    photos = photos or PHOTOS
    files = [ScannedFile(f"/p/{n}.jpg", 10, 10, f"photo {n}") for n in photos]
    save_files(library, files)
    save_analyses(library, [analysis(n, who) for n, who in photos.items()])
    letters = [letter for who in photos.values() for letter in who]
    people = sorted(set(letters))
    ids = dict(zip(people, next_person_ids(library, len(people)).tolist(), strict=True))
    face = np.arange(1, len(letters) + 1)
    whose = np.array([ids[letter] for letter in letters])
    facts = [PersonFacts(person_id) for person_id in ids.values()]
    save_people(library, Grouping(face, whose, np.full(len(face), 0.5, np.float32)), facts)
    set_setting(library, GROUPED_WITH, json.dumps(asdict(NETS)))
    settle(library, ids.values())
    return ids


def settle(library, person_ids):
    """Derive what follows for some people, and leave no trace of it in the journal."""
    with changing(library, "settle") as edit:
        refresh(edit, NETS, person_ids)
    with library.write() as conn:
        conn.execute(schema.event.delete())


def dump(library):
    """Return every row that a decision may change."""
    with library.read() as conn:
        return {
            name: {
                images.key_of(table, row): dict(row)
                for row in conn.execute(select(table)).mappings()
            }
            for name, table in images.TABLES.items()
        }


def photo_of_faces(library):
    with library.read() as conn:
        rows = conn.execute(select(schema.face.c.id, schema.face.c.photo_id))
        return {row[0]: row[1] for row in rows}


def whose(library):
    """Return the person of each face, by face id; 0 for nobody."""
    found = dict.fromkeys(photo_of_faces(library), 0)
    return found | {key[0]: row["person_id"] for key, row in dump(library)["assignment"].items()}


def check(library, state):
    """Whatever was done, these hold."""
    photos = photo_of_faces(library)
    exempt = {key[0] for key in state["exemption"]}
    seen = set()
    for (face,), row in state["assignment"].items():
        assert face in photos
        place = (photos[face], row["person_id"])
        assert place not in seen or photos[face] in exempt, f"twice in photo {place}"
        seen.add(place)
        assert (face, row["person_id"]) not in state["rejection"]
    with library.read() as conn:
        if not on_postgres():  # which never lets one be broken
            assert conn.execute(text("PRAGMA foreign_key_check")).first() is None


def derived_is_right(library, state):
    """Deriving everybody anew changes nothing, so those concerned were found."""
    people = [key[0] for key in state["person"]]
    settle(library, people)
    assert dump(library) == state
