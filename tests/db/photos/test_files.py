"""Files seen, moved, gone, come back, doubled and failed."""

import os

import pytest

from db.engine import sql
from db.people.faces import load_faces
from db.people.people import people
from db.photos.files import (
    count_moved,
    failures,
    forget_failures,
    known_files,
    mark_gone,
    mark_present,
    save_failure,
    save_files,
)
from db.photos.photos import photo_at, todo
from db.records import ScannedFile
from db.rows import KnownFile, Todo
from tests.db.make import add, group, seen

pytestmark = pytest.mark.postgresql

ODD = os.fsdecode(b"/photos/caf\xe9\xff \n%_'.jpg")


def paths_to_do(library, contract="A", **options):
    return [item.paths for item in todo(library, contract, **options)]


def test_files_come_back_as_they_were_stored(library):
    files = [
        ScannedFile("/photos/a.jpg", 2**40, 1_700_000_000_123_456_789, "h1"),
        ScannedFile(ODD, 0, -1, None, "other"),
    ]
    save_files(library, files)
    known = known_files(library, ["/photos"])
    assert known == {
        f.path: KnownFile(
            f.path, f.size, f.mtime_ns, f.content_hash, f.kind, None, gone=False, done=False
        )
        for f in files
    }
    assert os.fsencode(ODD) in [os.fsencode(path) for path in known]


def test_only_what_lies_below_the_roots(library):
    paths = ["/p/a.jpg", "/p/b/c.jpg", "/p.jpg", "/p0/a.jpg", "/pp/a.jpg", "/P/a.jpg", "/p%/a.jpg"]
    save_files(library, map(seen, paths))
    assert set(known_files(library, ["/p"])) == {"/p/a.jpg", "/p/b/c.jpg"}
    assert set(known_files(library, ["/p/", "/p/b"])) == {"/p/a.jpg", "/p/b/c.jpg"}
    assert set(known_files(library, ["/p.jpg", "/p%"])) == {"/p.jpg", "/p%/a.jpg"}
    assert set(known_files(library, ["/"])) == set(paths)
    assert known_files(library, []) == known_files(library, ["/elsewhere"]) == {}


def test_thousands_of_roots(library):
    paths = [f"/p/{i}.jpg" for i in range(3000)]
    save_files(library, map(seen, paths))
    assert set(known_files(library, paths)) == set(paths)
    assert len(todo(library, "A", roots=paths)) == 3000
    assert mark_gone(library, paths) == 3000


def test_more_files_than_fit_into_one_statement(library, monkeypatch):
    monkeypatch.setattr(sql.chunks, "__defaults__", (7,))
    paths = [f"/p/{i:03}.jpg" for i in range(50)]
    save_files(library, map(seen, paths))
    assert mark_gone(library, paths[:20]) == 20
    assert paths_to_do(library) == [(path,) for path in paths[20:]]


def test_what_is_to_do(library):
    add(library, "/done.jpg")
    save_files(
        library,
        [seen("/b.jpg"), seen("/a.mov", kind="clip"), seen("/t.txt", kind="other")],
    )
    save_files(library, [ScannedFile("/unread.jpg", 1, 1, None)])
    assert todo(library, "A") == [
        Todo("hash of /a.mov", "clip", ("/a.mov",)),
        Todo("hash of /b.jpg", "image", ("/b.jpg",)),
    ]
    assert paths_to_do(library, "B") == [("/a.mov",), ("/b.jpg",), ("/done.jpg",)]
    assert paths_to_do(library, roots=["/b.jpg"]) == [("/b.jpg",)]
    assert known_files(library, ["/"], contract="A")["/done.jpg"].done
    assert not known_files(library, ["/"], contract="B")["/done.jpg"].done
    assert not known_files(library, ["/"])["/done.jpg"].done


def test_a_moved_file_keeps_its_faces(library):
    add(library, "/old/a.jpg", "/old/b.jpg")
    before = load_faces(library)
    save_files(library, [seen("/new/a.jpg", "/old/a.jpg")])
    assert mark_gone(library, ["/old/a.jpg", "/old/b.jpg"]) == 2
    assert count_moved(library, ["/old/a.jpg", "/old/b.jpg"]) == 1
    assert paths_to_do(library) == []
    assert load_faces(library).face_id.tolist() == before.face_id[:2].tolist()
    assert photo_at(library, "/new/a.jpg") == photo_at(library, "/old/a.jpg")
    assert photo_at(library, "/new/a.jpg").path == "/new/a.jpg"


def test_a_deleted_file_leaves_and_comes_back(library):
    add(library, "/a.jpg", "/b.jpg")
    group(library, [1, 3], [2, 4])
    assert mark_gone(library, ["/a.jpg", "/never.jpg"]) == 1
    assert mark_gone(library, ["/a.jpg"]) == 0
    assert known_files(library, ["/"])["/a.jpg"].gone
    assert not photo_at(library, "/a.jpg").present
    assert load_faces(library).face_id.tolist() == [3, 4]
    assert mark_present(library, ["/a.jpg", "/b.jpg"]) == 1
    assert load_faces(library).person_id.tolist() == [1, 2, 1, 2]
    mark_gone(library, ["/a.jpg"])
    save_files(library, [seen("/a.jpg", "/a.jpg", mtime_ns=9)])
    assert not known_files(library, ["/"])["/a.jpg"].gone
    assert len(load_faces(library)) == 4


def test_two_copies_share_one_analysis(library):
    save_files(library, [seen("/b.jpg", "same"), seen("/a.jpg", "same")])
    assert todo(library, "A") == [Todo("same", "image", ("/a.jpg", "/b.jpg"))]
    add(library, "same")
    assert todo(library, "A") == []
    assert len(load_faces(library)) == 2
    mark_gone(library, ["/a.jpg", "same"])
    assert len(load_faces(library)) == 2
    mark_gone(library, ["/b.jpg"])
    assert len(load_faces(library)) == 0


def test_a_changed_file_is_another_photo(library):
    add(library, "/a.jpg")
    save_files(library, [seen("/a.jpg", "edited")])
    assert [item.content_hash for item in todo(library, "A")] == ["edited"]
    assert len(load_faces(library)) == 0
    save_files(library, [seen("/a.jpg", "/a.jpg")])
    assert todo(library, "A") == []
    assert len(load_faces(library)) == 2


def test_a_failure_waits_until_the_file_changes_or_it_is_asked_for(library):
    broken = seen("/a.jpg", "broken")
    save_files(library, [broken, seen("/b.jpg")])
    save_failure(library, broken, stage="decode", reason="It ends too early.")
    save_failure(library, broken, stage="decode", reason="It ends much too early.")
    (row,) = failures(library)
    assert (row.path, row.content_hash, row.stage) == ("/a.jpg", "broken", "decode")
    assert row.reason == "It ends much too early."
    assert row.at.tzinfo is not None
    assert paths_to_do(library) == [("/b.jpg",)]
    assert known_files(library, ["/"])["/a.jpg"].failed
    save_files(library, [broken])
    assert len(failures(library)) == 1
    assert forget_failures(library, ["/b.jpg"]) == 0
    assert forget_failures(library, ["/a.jpg"]) == 1
    assert paths_to_do(library) == [("/a.jpg",), ("/b.jpg",)]
    save_failure(library, broken, stage="decode", reason="Still.")
    save_files(library, [seen("/a.jpg", "mended")])
    assert failures(library) == []
    assert paths_to_do(library) == [("/a.jpg",), ("/b.jpg",)]


def test_an_analysis_clears_the_failure(library):
    save_failure(library, seen("/a.jpg", "/a.jpg"), stage="detect", reason="Out of memory.")
    add(library, "/a.jpg")
    assert failures(library) == []


def test_a_failure_of_content_is_one_of_all_its_copies(library):
    copies = [seen("/a.jpg", "broken"), seen("/b.jpg", "broken"), seen("/c.jpg", "broken")]
    save_files(library, copies)
    mark_gone(library, ["/c.jpg"])
    save_failure(library, copies[0], stage="decode", reason="It ends too early.")
    assert [row.path for row in failures(library)] == ["/a.jpg", "/b.jpg"]
    assert todo(library, "A") == []


def test_a_file_that_cant_be_read_is_only_that_file(library):
    add(library, "/a.jpg")
    locked = ScannedFile("/a.jpg", 100, 5, None)
    save_failure(library, locked, stage="read", reason="Permission denied.")
    save_failure(library, ScannedFile(ODD, 7, 7, None), stage="read", reason="Permission denied.")
    assert [row.path for row in failures(library)] == ["/a.jpg", ODD]
    assert len(load_faces(library)) == 2  # what is known of the same bytes stays
    assert known_files(library, ["/photos"])[ODD].failed
    save_failure(library, ScannedFile("/a.jpg", 101, 6, None), stage="read", reason="Permission.")
    assert known_files(library, ["/a.jpg"])["/a.jpg"].size == 101
    assert len(load_faces(library)) == 2  # it may be just being written


def test_failures_of_files_that_are_gone_are_not_listed(library):
    save_failure(library, seen("/a.jpg"), stage="decode", reason="It ends too early.")
    mark_gone(library, ["/a.jpg"])
    assert failures(library) == []
    mark_present(library, ["/a.jpg"])
    assert len(failures(library)) == 1


def test_an_interrupted_iterator_keeps_whole_batches(library, monkeypatch):
    monkeypatch.setattr(sql.chunks, "__defaults__", (10,))

    def stop():
        yield from (seen(f"/{i:02}.jpg") for i in range(25))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        save_files(library, stop())
    assert len(known_files(library, ["/"])) == 20


def test_people_of_files_that_are_gone_are_not_forgotten(library):
    add(library, "/a.jpg", "/b.jpg")
    group(library, [1, 3], [2, 4])
    mark_gone(library, ["/a.jpg", "/b.jpg"])
    assert len(people(library)) == 2
