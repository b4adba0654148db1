"""Small photos, faces and people to put into a library."""

import numpy as np

from db.journal import edits
from db.journal.journal import changing, deriving
from db.people.people import next_person_ids, save_people
from db.people.suggestions import listed_questions, skipped_questions
from db.photos.analyses import save_analyses
from db.photos.files import save_files
from db.photos.forgotten import forgotten_digests
from db.photos.progress import load_progress
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
from db.settings import get_setting


def seen(path, content=None, *, kind="image", size=100, mtime_ns=5):
    return ScannedFile(str(path), size, mtime_ns, content or f"hash of {path}", kind)


def boxes(*lefts, side=100.0):
    return np.array([[x, 10, x + side, 10 + side] for x in lefts], np.float32).reshape(-1, 4)


def faces(found, *, contract="detector", time_ms=None):
    n = len(found)
    column = np.linspace(0.25, 1, n, dtype=np.float32)
    landmarks = np.arange(n * 10, dtype=np.float32).reshape(n, 5, 2)
    return Faces(contract, found, landmarks, column, column * 100, column, column, time_ms)


def vectors(n, d=16, seed=0):
    made = np.random.default_rng(seed).standard_normal((n, d)).astype(np.float32)
    return made / np.maximum(np.linalg.norm(made, axis=1, keepdims=True), 1e-9)


def analysis(content, found=None, *, contract="A", net="net", detector="detector", **facts):
    found = boxes(0, 200) if found is None else found
    n = len(found)
    ages = np.full((n, 100), 0.01, np.float32)
    return Analysis(
        PhotoFacts(content, 640, 480, **facts),
        faces(found, contract=detector),
        contract,
        (Identity(net, vectors(n, seed=len(content))),),
        (Attributes(net, ages, np.full(n, 0.75, np.float32)),),
        0.5,
    )


def add(library, *paths, **options):
    """Store files and an analysis of each; the content is called as the path."""
    save_files(library, [seen(path, str(path)) for path in paths])
    return save_analyses(library, [analysis(str(path), **options) for path in paths])


def save_analysis(library, result):
    """Store what was found in one photo, and return its id."""
    return save_analyses(library, [result])[0]


def group(library, *groups, **facts):
    """Make one person of each list of face ids, and return their ids."""
    ids = next_person_ids(library, len(groups)).tolist()
    regroup(library, dict(zip(ids, groups, strict=True)), **facts)
    return ids


def regroup(library, groups, **facts):
    pairs = [(face, person) for person, members in groups.items() for face in members]
    face_id, person_id = np.array(pairs, np.int64).reshape(-1, 2).T
    grouping = Grouping(face_id, person_id, np.full(len(pairs), 0.5, np.float32))
    known = [PersonFacts(person, **facts) for person in groups if person]
    save_people(library, grouping, known)


_COLUMNS = {"born": "born_override", "gender": "gender_override"}


def edit_person(library, person_id, **values):
    """Set columns of a person by a change in the journal."""
    columns = {_COLUMNS.get(name, name): value for name, value in values.items()}
    if "cover_face_id" in columns:
        columns["cover_chosen"] = columns["cover_face_id"] is not None
    with changing(library, "set") as edit:
        edits.person_of(edit, person_id)
        edits.set_person(edit, person_id, **columns)


def place_faces(library, face_ids, person_id, *, source="user", event=True):
    """Make faces a person's by a change, which leaves an event unless told otherwise."""
    with changing(library, "move") if event else deriving(library) as edit:
        edits.person_of(edit, person_id)
        owners = {one.person_id for one in edits.placed(edit, faces=face_ids)} - {0}
        edits.place(edit, face_ids, person_id, source=source)
        edits.save_facts(edit, [], sorted({person_id, *owners}))


def reject_face(library, face_id, person_id):
    """Take a face from a person by a change in the journal."""
    with changing(library, "reject") as edit:
        edits.person_of(edit, person_id)
        (found,) = edits.placed(edit, faces=[face_id])
        edits.reject(edit, [face_id], person_id)
        if found.person_id == person_id:
            edits.free(edit, [face_id])
        edits.save_facts(edit, [], [person_id])


def assert_settings_moved(library):
    """Check what the fixtures of version 3 hold in settings, which have tables since."""
    assert get_setting(library, "attributes") == "onepass-deep"
    assert forgotten_digests(library) == {"abc", "def"}
    assert skipped_questions(library) == {(1, 3), (2, 0), (2, 2)}
    assert listed_questions(library) == []
    assert load_progress(library) is None
