"""A library of format 4 full of decisions, kept as its version wrote it, and checks of all of them.

`tests.album.make_decided_library` has made it: the library as SQL text, the photos with the tags
that were written into and beside them, and as JSON what the library said. None of the three is ever
made again: a later version has to bring along what is in them. A check takes the library, wherever
it has been since, and what it said; what has come to it since is no concern of a check.

Boxes are in pixels of the upright photo, those of tags in parts of the stored one. A face is the
same if each box holds the middle of the other, since another detector draws other boxes.
"""

import json
import os
import sqlite3
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from album.files.scan import content_hash
from album.tags.places import read_embedded, read_sidecar
from album.tags.read import Tags
from db.journal.journal import history
from db.library import Library
from db.people.faces import face_rows, faces_by_id
from db.people.people import people, people_by_id
from db.people.questions import comparisons
from db.people.suggestions import skipped_questions
from db.people.verdicts import rejections, verdicts
from db.photos.dates import USER, dated_photos
from db.photos.files import failures, known_files
from db.photos.forgotten import forgotten_boxes, forgotten_digests
from db.photos.hints import hinted_names
from db.photos.photos import photo_at, photo_row
from db.rows import FaceRow

FIXTURES = Path(__file__).parent / "fixtures"
LIBRARY, PHOTOS, SAID = (FIXTURES / f"decided-v4.{end}" for end in ("sql", "zip", "json"))
HOME = "/home/ana/Pictures"
"""Where the photos lie by the fixture."""
MTIME_NS = 1_233_633_906 * 10**9
"""Of all of them: 2009-02-03 04:05:06 UTC."""
PLACES = {"file": "path", "tagged": "path", "event": "payload"}
"""Columns by table in which format 4 holds paths."""

Box = Sequence[float]
Said = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Expected:
    """What a library has to hold.

    Attributes
    ----------
    photos : Path
        The folder of the photos, to which the names in `said` belong.
    said : mapping
        See `decisions`; also ``tags`` (see `names_in_files`), and ``after_undo``, which has what is
        different after the last change is undone.
    """

    photos: Path
    said: Said

    @property
    def undone(self) -> "Expected":
        """What it has to hold when the last change has been undone."""
        at = [one["undone"] for one in self.said["history"]].index(False)
        changes = list(self.said["history"])
        changes[at] = {**changes[at], "undone": True}
        return replace(self, said={**self.said, **self.said["after_undo"], "history": changes})

    def without(self, part: str, **line: Any) -> "Expected":
        """Return the same without a part, or without those lines of it that hold some values."""

        def differs(one: Said) -> bool:
            return any(one[key] != value for key, value in line.items())

        def left(said: Said) -> Said:
            return {**said, part: [one for one in said[part] if differs(one)]}

        undone = self.said["after_undo"]
        return replace(
            self, said={**left(self.said), "after_undo": left(undone) if part in undone else undone}
        )

    def path(self, name: str) -> str:
        """Return the path of a photo, given its name below the folder."""
        return str(self.photos / name)


# Placing it


def move_paths(raw: sqlite3.Connection, old: str, new: str) -> None:
    """Let a library of format 4 find the photos of one folder in another."""
    for table, column in PLACES.items():
        found = raw.execute(f"SELECT rowid, {column} FROM {table}").fetchall()
        for key, value in found:
            was, now = (os.fsencode(one) if isinstance(value, bytes) else one for one in (old, new))
            raw.execute(
                f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (value.replace(was, now), key)
            )


def place_library(path: Path, photos: Path) -> Path:
    """Write the library as its version had it, of photos in a folder."""
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.executescript(LIBRARY.read_text("utf-8"))
        move_paths(raw, HOME, str(photos))
    return path


def place_photos(folder: Path) -> Path:
    """Write the photos and the sidecars."""
    with zipfile.ZipFile(PHOTOS) as packed:
        packed.extractall(folder)
    set_times(folder)
    return folder


def set_times(folder: Path) -> None:
    """Give all files the one time that the library knows."""
    for path in folder.rglob("*"):
        if path.is_file():
            os.utime(path, ns=(MTIME_NS, MTIME_NS))


def expected_in(photos: Path) -> Expected:
    """Return what the library said when it was made."""
    return Expected(photos, json.loads(SAID.read_text("utf-8")))


# Reading


def decisions(library: Library, photos: Path, *, covers: Iterable[str] = ()) -> dict[str, Any]:
    """Return all that a user has decided, in terms of names of photos, boxes and ids of people.

    Parameters
    ----------
    library : Library
    photos : Path
        The folder of the photos.
    covers : iterable of str
        The people whose cover was chosen; the library tells nobody.
    """
    given = verdicts(library)
    touched = set(given.touched.tolist())
    rows = people(library, hidden=True, passers_by=True)
    by_id = {row.face_id: row for row in face_rows(library)}
    refused = rejections(library)
    pairs = zip(refused.face_id.tolist(), refused.person_id.tolist(), strict=True)
    contents = forgotten_digests(library)
    files = known_files(library, [str(photos)])
    names = _names(library, photos)
    hints = hinted_names(library, [row.person_id for row in rows])
    return {
        "people": [
            {
                "id": row.person_id,
                "name": row.name,
                "gender": row.gender_override,
                "born": row.born_override,
                "hidden": row.hidden,
                "cover": _place(by_id[row.cover_face_id], photos) if row.name in covers else None,
            }
            for row in sorted(rows, key=lambda row: row.person_id)
            if row.person_id in touched
        ],
        "faces": sorted(
            (
                {**_place(row, photos), "person": row.person_id, "by": row.source}
                for row in by_id.values()
                if row.person_id in touched
            ),
            key=_in_order,
        ),
        "rejections": [{**_place(by_id[face], photos), "person": who} for face, who in pairs],
        "comparisons": [
            {"people": list(pair), "said": said}
            for pair, said in sorted(comparisons(library).items())
        ],
        "twice_allowed": sorted(names[photo_id] for photo_id in given.exempt.tolist()),
        "dates": [
            {
                "photo": names[one.photo_id],
                "date": one.taken_at.isoformat() if one.taken_at else None,
                "precision": one.date_precision,
            }
            for one in dated_photos(library, sources=[USER])
        ],
        "forgotten_photos": sorted(
            str(path.relative_to(photos))
            for path in photos.rglob("*")
            if path.is_file() and content_hash(path) in contents
        ),
        "forgotten_faces": sorted(
            (
                {"photo": names[photo_id], "box": list(box)}
                for photo_id, boxes in forgotten_boxes(library, names).items()
                for box in boxes
            ),
            key=_in_order,
        ),
        "skipped_questions": [
            {"person": who, "face": _place(by_id[face], photos) if face else None}
            for who, face in sorted(skipped_questions(library))
        ],
        "hints": [
            {"person": who, "name": name, "photos": count}
            for who, found in sorted(hints.items())
            for name, count in found
        ],
        "gone": sorted(os.path.relpath(path, photos) for path, one in files.items() if one.gone),
        "failed": sorted(os.path.relpath(row.path, photos) for row in failures(library)),
        "history": _changes(library, photos),
    }


def _changes(library: Library, photos: Path) -> list[dict[str, Any]]:
    """Return the journal, last first."""
    return [
        {
            "kind": row.kind,
            "summary": row.summary.replace(str(photos), HOME),
            "undone": row.undone,
        }
        for row in history(library)
    ]


def _names(library: Library, photos: Path) -> dict[int, str]:
    """Return the first name of each photo, by id."""
    files = known_files(library, [str(photos)])
    return {
        one.photo_id: os.path.relpath(path, photos)
        for path, one in sorted(files.items(), reverse=True)
        if one.photo_id is not None
    }


def _place(row: FaceRow, photos: Path) -> dict[str, Any]:
    assert row.path is not None
    return {
        "photo": os.path.relpath(row.path, photos),
        "box": list(row.box),
        **({} if row.time_ms is None else {"time_ms": row.time_ms}),
    }


def _in_order(place: Mapping[str, Any]) -> tuple[str, Box]:
    return place["photo"], place["box"]


def names_in_files(photos: Path) -> dict[str, Any]:
    """Return who is in the tags of each file, by the file's name; files without anybody are not."""
    found = {}
    for path in sorted(photos.rglob("*")):
        tags = _tags(path) if path.is_file() and path.stat().st_size else Tags()
        if tags:
            found[str(path.relative_to(photos))] = {
                "regions": [[region.name, list(region.box)] for region in tags.regions],
                "people": list(tags.people),
                "keywords": [*tags.keywords, *tags.hierarchical, *tags.tags_list],
            }
    return found


def _tags(path: Path) -> Tags:
    if path.suffix == ".xmp":
        return read_sidecar(path)
    return Tags() if path.suffix == ".mp4" else read_embedded(path)


# Checking


def same_place(a: Box, b: Box) -> bool:
    """Tell whether each box holds the middle of the other."""
    return _holds(a, b) and _holds(b, a)


def _holds(outer: Box, inner: Box) -> bool:
    x, y = (inner[0] + inner[2]) / 2, (inner[1] + inner[3]) / 2
    return outer[0] < x < outer[2] and outer[1] < y < outer[3]


def faces_at(library: Library, expected: Expected, place: Said) -> list[FaceRow]:
    """Return the faces of today in a place; in a clip all of them, which may be of other frames."""
    found = photo_at(library, expected.path(place["photo"]))
    assert found is not None, f"{place['photo']} is lost"
    with closing(face_rows(library, photo_id=found.photo_id)) as rows:
        return [row for row in rows if "time_ms" in place or same_place(row.box, place["box"])]


def assert_nothing_lost(library: Library, expected: Expected) -> None:
    """Check that everything a user ever decided is still in the library."""
    assert_people_kept(library, expected)
    assert_faces_kept(library, expected)
    assert_covers_kept(library, expected)
    assert_rejections_kept(library, expected)
    assert_comparisons_kept(library, expected)
    assert_twice_allowed_kept(library, expected)
    assert_dates_kept(library, expected)
    assert_forgotten_stays_forgotten(library, expected)
    assert_skipped_questions_kept(library, expected)
    assert_hints_kept(library, expected)
    assert_gone_photos_kept(library, expected)
    assert_failures_kept(library, expected)
    assert_history_kept(library, expected)


def assert_people_kept(library: Library, expected: Expected) -> None:
    """Names, genders, births and who is hidden, of the same ids."""
    now = people_by_id(library, [one["id"] for one in expected.said["people"]])
    for one in expected.said["people"]:
        assert one["id"] in now, f"{one['name'] or one['id']} is lost"
        row = now[one["id"]]
        said = (row.name, row.gender_override, row.born_override, row.hidden)
        assert said == (one["name"], one["gender"], one["born"], one["hidden"])


def assert_faces_kept(library: Library, expected: Expected) -> None:
    """Whose each face is, and that it is so by the user's word or by a tag."""
    for one in expected.said["faces"]:
        faces = faces_at(library, expected, one)
        theirs = [row for row in faces if row.person_id == one["person"]]
        assert theirs, f"{one} is lost, there are {[(r.person_id, r.source) for r in faces]}"
        if one["by"] != "auto":
            assert one["by"] in {row.source for row in theirs}, f"{one} is by nobody's word"


def assert_covers_kept(library: Library, expected: Expected) -> None:
    """Which face is shown for a person who was given one."""
    chosen = {one["id"]: one["cover"] for one in expected.said["people"] if one["cover"]}
    for person_id, row in people_by_id(library, chosen).items():
        assert row.cover_face_id is not None
        (face,) = faces_by_id(library, [row.cover_face_id])
        ids = {one.face_id for one in faces_at(library, expected, chosen[person_id])}
        assert face.face_id in ids, f"the cover of {row.name} is another"


def assert_rejections_kept(library: Library, expected: Expected) -> None:
    """Which face is not whose."""
    now = rejections(library)
    pairs = set(zip(now.face_id.tolist(), now.person_id.tolist(), strict=True))
    for one in expected.said["rejections"]:
        faces = faces_at(library, expected, one)
        assert {(row.face_id, one["person"]) for row in faces} & pairs, f"{one} is lost"
        assert one["person"] not in {row.person_id for row in faces}


def assert_comparisons_kept(library: Library, expected: Expected) -> None:
    """Who is not whom, and which pairs were left for later."""
    now = comparisons(library)
    for one in expected.said["comparisons"]:
        assert now.get(tuple(one["people"])) == one["said"], f"{one} is lost"


def assert_twice_allowed_kept(library: Library, expected: Expected) -> None:
    """In which photos somebody may be twice."""
    exempt = set(verdicts(library).exempt.tolist())
    for name in expected.said["twice_allowed"]:
        found = photo_at(library, expected.path(name))
        assert found is not None and found.photo_id in exempt, name


def assert_dates_kept(library: Library, expected: Expected) -> None:
    """Dates that were set by hand."""
    for one in expected.said["dates"]:
        found = photo_at(library, expected.path(one["photo"]))
        assert found is not None and found.facts.taken_at is not None, one
        facts = found.facts
        said = (facts.taken_at.isoformat(), facts.date_source, facts.date_precision)
        assert said == (one["date"], USER, one["precision"])


def assert_forgotten_stays_forgotten(library: Library, expected: Expected) -> None:
    """Of what was forgotten nothing is there, and it is remembered that nothing is to come back."""
    for name in expected.said["forgotten_photos"]:
        assert photo_at(library, expected.path(name)) is None, f"{name} is back"
    assert len(forgotten_digests(library)) >= len(expected.said["forgotten_photos"])
    for one in expected.said["forgotten_faces"]:
        assert not faces_at(library, expected, one), f"{one} is back"
        found = photo_at(library, expected.path(one["photo"]))
        assert found is not None
        boxes = forgotten_boxes(library, [found.photo_id]).get(found.photo_id, [])
        assert any(same_place(box, one["box"]) for box in boxes), f"{one} may come back"


def assert_skipped_questions_kept(library: Library, expected: Expected) -> None:
    """Which questions about one person were left for later."""
    now = skipped_questions(library)
    for one in expected.said["skipped_questions"]:
        faces = faces_at(library, expected, one["face"]) if one["face"] else []
        ids = {row.face_id for row in faces} or {0}
        assert {(one["person"], face_id) for face_id in ids} & now, f"{one} is lost"


def assert_hints_kept(library: Library, expected: Expected) -> None:
    """Names without a place that tags have for photos of a person."""
    now = hinted_names(library, [one["person"] for one in expected.said["hints"]])
    for one in expected.said["hints"]:
        counts = dict(now.get(one["person"], []))
        assert counts.get(one["name"], 0) >= one["photos"], f"{one} is lost"


def assert_gone_photos_kept(library: Library, expected: Expected) -> None:
    """Photos whose files are gone are still known, as gone."""
    for name in expected.said["gone"]:
        found = photo_at(library, expected.path(name))
        assert found is not None, f"{name} is lost"
        row = photo_row(library, found.photo_id)
        assert row is not None and not row.present


def assert_failures_kept(library: Library, expected: Expected) -> None:
    """Which files could not be read."""
    now = {row.path for row in failures(library)}
    assert {expected.path(name) for name in expected.said["failed"]} <= now


def assert_history_kept(library: Library, expected: Expected) -> None:
    """Every change that the journal had is in it, with what has been undone."""
    now = _changes(library, expected.photos)
    then = expected.said["history"]
    assert now[len(now) - len(then) :] == then


def assert_names_stay_in_files(expected: Expected) -> None:
    """Every name that stood in the tags of a file stands there now, in its place."""
    now = names_in_files(expected.photos)
    for file, then in expected.said["tags"].items():
        assert file in now, f"{file} names nobody any more"
        for name, box in then["regions"]:
            boxes = [region for other, region in now[file]["regions"] if other == name]
            assert any(same_place(box, one) for one in boxes), f"{name} has no place in {file}"
        for listed in ("people", "keywords"):
            assert set(then[listed]) <= set(now[file][listed]), f"{listed} of {file}"
