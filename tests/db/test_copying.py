"""A copy holds everything, whatever the engines, and goes on where it was broken off."""

import itertools
import os
import sys

import pytest
from sqlalchemy import select

from db.copying import BegunAnew, Copied, copy_library
from db.engine.schema import metadata
from db.errors import LibraryError, UnfinishedLibraryError
from db.journal import edits
from db.journal.journal import changing, reverting
from db.library import Library
from db.people.people import people
from db.people.suggestions import Question, save_candidates, save_questions, skip_question
from db.photos.duplicates import save_marks
from db.photos.files import known_files, mark_gone, save_failure, save_files
from db.photos.progress import IndexProgress, drop_progress, save_progress
from db.settings import get_setting, set_setting
from tests.db.make import add, edit_person, group, place_faces, reject_face, seen

pytestmark = pytest.mark.postgresql

NAMES = itertools.count()


@pytest.fixture(params=["file to file", "file to server", "server to file", "server to server"])
def places(request, tmp_path):
    """Where a library is, and where it is copied to."""

    def place(kind):
        if kind == "file":
            return tmp_path / f"{next(NAMES)}.db"
        server = request.getfixturevalue("server")
        name = f"copied{next(NAMES)}"
        with server.connect() as raw:
            raw.execute(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0")
        return server.url(name)

    return [place(kind) for kind in request.param.split(" to ")]


def rows(library):
    with library.read() as conn:
        return {
            table.name: [
                tuple(row) for row in conn.execute(select(table).order_by(*table.primary_key))
            ]
            for table in metadata.sorted_tables
            if table.name != "schema_version"
        }


def fill(library):
    add(library, *(f"/{i:02}.jpg" for i in range(30)), camera_make="Canon")
    save_files(library, [seen("/odd\udcff.jpg", "odd")])
    add(library, "/odd.jpg", date_claims=[{"source": "exif", "when": None, "é": 0.5}])
    ana, ben, _ = group(library, [1, 3, 5], [2, 4], [6], p_male=0.25, born=1984.5)
    edit_person(library, ana, name="Ana Ö.", cover_face_id=3)
    place_faces(library, [7], ana)
    reject_face(library, 8, ana)
    with changing(library, "name") as edit:
        edits.set_person(edit, ben, name="Ben")
        edit.summary, edit.person_ids = "Named Ben.", [ben]
    save_marks(library, {1: 30, 29: 2})
    mark_gone(library, ["/03.jpg"])
    save_failure(library, seen("/bad.jpg", "bad"), stage="header", reason="It is short.")
    set_setting(library, "colour", "green")
    save_candidates(library, "1", b"\0distances")
    save_questions(library, [Question("same", (ana, ben), (1, 2))])
    skip_question(library, ben)
    return ana, ben


def test_a_copy_is_the_same_and_goes_on_as_the_original_would(places):
    with Library.open(places[0]) as old:
        _, ben = fill(old)
        before = rows(old)
        save_progress(old, IndexProgress(pid=1, started=1.0, at=2.0))  # of a run: never copied
        with Library.open(places[1], unfinished=True) as new:
            told = list(copy_library(old, new))
        assert Copied("photo", 31, 31) in told
        with Library.open(places[1]) as new:
            assert rows(new) == before
            drop_progress(old)
            assert rows(old) == before
            for library in (old, new):  # as if it had always been here
                add(library, "/new.jpg")
                save_files(library, [seen("/x.txt", kind="other")])
                group(library, [9])
                with reverting(library) as (edit, _):
                    assert edit.change.summary == "Named Ben."
                assert next(one for one in people(library) if one.person_id == ben).name is None
            assert [one.name for one in people(old)] == [one.name for one in people(new)]
            same = ("photo", "face", "person", "assignment", "counter")
            assert all(len(rows(old)[name]) == len(rows(new)[name]) for name in same)
            assert rows(old)["photo"] == rows(new)["photo"]


def test_a_copy_that_was_broken_off_is_no_library_and_is_finished(places, monkeypatch):
    monkeypatch.setattr("db.copying.ROWS", 7)
    with Library.open(places[0]) as old:
        fill(old)
        for stop in (3, 9, 14):
            with Library.open(places[1], unfinished=True) as new:
                found = list(itertools.islice(copy_library(old, new), stop))
                assert len(found) == stop
            with pytest.raises(UnfinishedLibraryError, match=r"unfinished copy of .*again to"):
                Library.open(places[1])
        with Library.open(places[1], unfinished=True) as new:
            rest = list(copy_library(old, new))
        assert all(isinstance(one, Copied) for one in rest)
        assert sum(one.table == "photo" for one in rest) < 3  # of five
        with Library.open(places[1]) as new:
            assert rows(new) == rows(old)


def test_what_has_changed_since_is_copied_anew(places, monkeypatch):
    monkeypatch.setattr("db.copying.ROWS", 7)
    with Library.open(places[0]) as old:
        fill(old)
        with Library.open(places[1], unfinished=True) as new:
            list(itertools.islice(copy_library(old, new), 30))
        set_setting(old, "colour", "red")
        with Library.open(places[1], unfinished=True) as new:
            assert BegunAnew() in list(copy_library(old, new))
        with Library.open(places[1]) as new:
            assert rows(new) == rows(old)
            assert get_setting(new, "colour") == "red"


def test_what_changes_while_it_is_copied_is_left_out(places, monkeypatch):
    monkeypatch.setattr("db.copying.ROWS", 7)
    with Library.open(places[0]) as old, Library.open(places[1], unfinished=True) as new:
        fill(old)
        before = rows(old)
        copying = copy_library(old, new)
        next(copying)
        add(old, "/late.jpg")
        list(copying)
        assert rows(new) == before
        assert "/late.jpg" not in known_files(new, ["/"])


def test_a_library_is_never_copied_over_another(path):
    other, third = path.with_name("other.db"), path.with_name("third.db")
    with Library.open(path) as old, Library.open(other) as new, Library.open(third) as more:
        add(old, "/a.jpg")
        add(new, "/b.jpg")
        with pytest.raises(LibraryError, match="holds a library already"):
            next(copy_library(old, new))
        with pytest.raises(LibraryError, match="can't be copied to itself"):
            next(copy_library(old, old))
        next(copy_library(old, more))
        with pytest.raises(LibraryError, match=r"is an unfinished copy of .*; finish that"):
            next(copy_library(new, more))
        assert list(known_files(new, ["/"])) == ["/b.jpg"]


@pytest.mark.sqlite
@pytest.mark.skipif(sys.platform != "linux", reason="names elsewhere are always UTF-8")
def test_the_path_of_the_source_need_not_be_utf_8(path):
    odd, other = path.parent / os.fsdecode(b"caf\xe9.db"), path.with_name("other.db")
    with Library.open(odd) as old:
        fill(old)
        with Library.open(other, unfinished=True) as new:
            next(copy_library(old, new))
        with pytest.raises(UnfinishedLibraryError, match=r"copy of .*caf\\xe9\.db; copy"):
            Library.open(other)
        with Library.open(other, unfinished=True) as new:
            list(copy_library(old, new))
        with Library.open(other) as new:
            assert rows(new) == rows(old)


@pytest.mark.sqlite
def test_a_copy_that_an_earlier_version_began_is_finished(path):
    """Its mark is the path as it is."""
    old_path, other = path.with_name("ümläut.db"), path.with_name("other.db")
    with Library.open(old_path) as old, Library.open(other, unfinished=True) as new:
        add(old, "/a.jpg")
        set_setting(new, "copy.unfinished", str(old_path))
        list(copy_library(old, new))
        assert rows(new) == rows(old)
