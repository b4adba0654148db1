"""Forgetting people, photos and everything: no trace is left, and nothing comes back by itself."""

import io
import os
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text

from album.edits.corrections import exempt_photo
from album.edits.decisions import history, merge_people, name_person, undo
from album.edits.forget import forget_people, forget_photos
from album.errors import TracesLeft
from album.paths import cache_folder
from album.web.app import make_shelf
from db.errors import EmptyHistoryError
from db.library import Library
from db.people.faces import face_rows
from db.photos.forgotten import forgotten_digests
from db.photos.photos import photo_at
from tests.album.albums import ANNA, BERT, CLEO, Drawn, Shelf, family, photo
from tests.album.cli.test_commands import failing
from tests.album.web.conftest import Client
from tests.databases import everything_in, sql
from tests.db.make import edit_person, reject_face

pytestmark = pytest.mark.postgresql

NAME = "Xanthippe Qvrz"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Keep the pictures of the tests' libraries out of the user's own folder."""
    folder = tmp_path / "cache"
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_, **__: folder)
    return folder


@pytest.fixture
def own(tmp_path):
    return Shelf(tmp_path)


@pytest.fixture
def shelf(own, tmp_path):
    """Anna, who has a name of her own, and Bert; see `family`."""
    own.root = family(tmp_path / "photos")
    own.index(own.root)
    own.anna, own.bert, own.cleo = (person["id"] for person in own.people("--all"))
    with Library.open(own.path) as library:
        name_person(library, own.anna, NAME)
        name_person(library, own.bert, "Bert")
    return own


def beside(shelf):
    """Everything of a library that lies on the disk, backups and logs included, as bytes."""
    return everything_in(shelf.path)


def vectors(shelf, ids):
    """The vectors of faces as stored, but for those that another face has, too."""
    wanted = "SELECT face_id, vector FROM observation WHERE vector IS NOT NULL"
    stored = sql(shelf.path, wanted)
    others = {vector for face, vector in stored if face not in ids}
    return [vector for face, vector in stored if face in ids and vector not in others]


def rows(shelf, query):
    return sql(shelf.path, query)


def answer(monkeypatch, said):
    monkeypatch.setattr("sys.stdin", io.StringIO(said))


def use_another_model(shelf):
    """Let the next run analyse every photo again, as a change of model does."""
    with Library.open(shelf.path) as library, library.write() as conn:
        conn.execute(text("DELETE FROM analysis"))


# People


@pytest.mark.sqlite
def test_no_trace_of_a_person_is_left(shelf):
    back = shelf.path.with_name("library.db.backup-v1")
    faces = [face["face_id"] for face in shelf.seen(shelf.anna)]
    back.write_bytes(shelf.path.read_bytes())
    traces = [NAME.encode(), *vectors(shelf, faces)]
    assert len(traces) == 1 + len(faces)
    assert all(trace in beside(shelf) for trace in traces)
    ran = shelf("forget", NAME.lower(), "--yes")
    assert ran.code == 0, ran.err
    assert "1 person and 10 faces" in ran.out
    assert "1 backup of the library" in ran.out
    assert not back.exists()
    assert not any(trace in beside(shelf) for trace in traces)
    assert [person["name"] for person in shelf.people()] == ["Bert"]
    assert failing(shelf("show", NAME)).startswith("album: Nobody has the id or name")


def test_a_name_that_was_changed_before_leaves_no_trace_either(shelf):
    with Library.open(shelf.path) as library:
        edit_person(library, shelf.anna, name="Anna")
    shelf("forget", shelf.anna, "--yes")
    assert NAME.encode() not in beside(shelf)


def test_others_in_the_same_photos_stay_as_they_were(shelf):
    [before] = [person for person in shelf.people() if person["name"] == "Bert"]
    seen = shelf.seen(shelf.bert)
    shelf("forget", shelf.anna, "--yes")
    assert shelf.people() == [before]
    assert shelf.seen(shelf.bert) == seen
    assert shelf("status", "--json").json["photos"] == 11


def test_who_was_forgotten_is_not_found_again(shelf):
    shelf("forget", shelf.anna, "--yes")
    assert rows(shelf, "SELECT count(*) FROM forgotten") == [(10,)]
    shelf.index(shelf.root)
    use_another_model(shelf)
    report = shelf.index(shelf.root)
    assert report["photos"] == 11
    assert [person["name"] for person in shelf.people("--all")] == ["Bert", None]
    assert len(shelf.seen(shelf.bert)) == 5
    assert rows(shelf, "SELECT count(*) FROM face") == [(6,)]


def test_who_was_forgotten_completely_may_be_found_again(shelf):
    ran = shelf("forget", shelf.anna, "--completely", "--yes")
    assert "may be found anew" in ran.out
    assert rows(shelf, "SELECT count(*) FROM forgotten") == [(0,)]
    use_another_model(shelf)
    shelf.index(shelf.root)
    again = [person for person in shelf.people() if person["name"] is None]
    assert [person["photos"] for person in again] == [10]
    assert again[0]["id"] not in (shelf.anna, shelf.bert)


def test_what_was_said_of_a_person_goes_too(shelf):
    face = shelf.seen(shelf.bert)[0]["face_id"]
    with Library.open(shelf.path) as library:
        reject_face(library, face, shelf.anna)
    shelf("forget", shelf.anna, "--yes")
    assert rows(shelf, "SELECT count(*) FROM rejection") == [(0,)]
    assert face in [one["face_id"] for one in shelf.seen(shelf.bert)]


def test_several_people_or_none_of_them(shelf):
    before = shelf.people()
    assert "Zoe" in failing(shelf("forget", shelf.anna, "Zoe", "--yes"))
    assert shelf.people() == before
    ran = shelf("forget", "Bert", shelf.anna, shelf.bert, "--yes", "--json")
    wanted = {"format": 1, "people": 2, "faces": 15, "photos": 0, "files": 0, "backups": 0}
    assert (ran.json, ran.code) == (wanted, 0)
    assert shelf.people("--all")[0]["photos"] == 1


def test_an_ambiguous_name_is_refused(shelf):
    with Library.open(shelf.path) as library:
        edit_person(library, shelf.bert, name=NAME)
    assert f"2 people are called {NAME}" in failing(shelf("forget", NAME, "--yes"))
    assert len(shelf.people()) == 2


def pictures(folder):
    return list(folder.rglob("*.jpg"))


def test_pictures_of_faces_are_deleted(shelf, cache):
    folder = cache_folder(shelf.path)
    assert folder.parent == cache
    assert cache_folder(Path(os.path.relpath(shelf.path))) == folder
    assert cache_folder(shelf.path.with_name("other.db")) != folder
    for command in (["forget", shelf.anna], ["forget", "--everything"]):
        made = [len(pictures(folder))]
        with Library.open(shelf.path) as library:
            name_person(library, shelf.bert, None)  # so that there is something to ask
        assert shelf("suggest", "--kind", "name", "--kind", "same").code == 0
        made.append(len(pictures(folder)))
        shelf("export", shelf.path.parent / f"out-{command[1]}", "--format", "html")
        made.append(len(pictures(folder)))
        web = make_shelf(shelf.path)
        with Client(web) as client:
            for person in client.get("/api/v1/people").json()["people"]:
                assert client.get(person["picture"]).status_code == 200
        web.close()
        made.append(len(pictures(folder)))
        assert made[0] == 0 and made == sorted(set(made)), "each of them has made some"
        assert shelf(*command, "--yes").code == 0
        assert not folder.exists()


def test_a_person_is_only_forgotten_after_a_yes(shelf, monkeypatch):
    for said in ("n\n", ""):
        answer(monkeypatch, said)
        ran = shelf("forget", NAME)
        assert ran.code == 1
        assert f"{NAME} (Person {shelf.anna}, in 10 photos)" in ran.out
        assert "can't be undone" in ran.out
        assert ran.err.endswith("Nothing was deleted.\n")
    assert len(shelf.people()) == 2
    answer(monkeypatch, "y\n")
    ran = shelf("forget", NAME, "--json")
    assert ran.json["people"] == 1
    assert len(shelf.people()) == 1


def test_the_journal_forgets_too_and_undo_brings_nobody_back(shelf):
    with Library.open(shelf.path) as library:
        name_person(library, shelf.anna, "Jocasta Zzyzx")
        name_person(library, shelf.bert, "Albert")
        merge_people(library, [shelf.anna, shelf.cleo], force=True)
        exempt_photo(library, photo_at(library, str(shelf.root / "cleo.jpg")).photo_id)
    assert b"Zzyzx" in beside(shelf)
    shelf("forget", shelf.anna, "--yes")
    assert not [name for name in (NAME, "Zzyzx") if name.encode() in beside(shelf)]
    with Library.open(shelf.path) as library:
        assert [change.kind for change in history(library)] == ["twice", "name", "name"]
        undo(library)
        assert "Albert" in undo(library).summary
        assert "Bert" in undo(library).summary
        with pytest.raises(EmptyHistoryError):
            undo(library)
    assert [person["name"] for person in shelf.people("--all")] == [None]


# Photos


def test_changes_that_name_a_photo_go_with_it_and_others_can_still_be_undone(shelf):
    path = shelf.root / "2004" / "both.jpg"
    with Library.open(shelf.path) as library:
        merge_people(library, [shelf.bert, shelf.cleo], force=True)
        exempt_photo(library, photo_at(library, str(path)).photo_id)
    assert path.name in shelf_summaries(shelf)
    shelf("forget", "--photo", path, "--yes")
    assert os.fsencode(path) not in beside(shelf)
    with Library.open(shelf.path) as library:
        assert undo(library).kind == "undo"
    assert sorted(person["photos"] for person in shelf.people("--all")) == [1, 4, 9]


def shelf_summaries(shelf):
    with Library.open(shelf.path, read_only=True) as library:
        return " ".join(change.summary for change in history(library))


def test_no_trace_of_a_photo_is_left(shelf):
    path = shelf.root / "2004" / "both.jpg"
    copy = path.with_name("qvrz-copy.jpg")
    copy.write_bytes(path.read_bytes())
    shelf.index(shelf.root)
    faces = [face["face_id"] for who in (shelf.anna, shelf.bert) for face in shelf.seen(who)
             if face["path"] in (str(path), str(copy))]  # fmt: skip
    traces = [os.fsencode(path), os.fsencode(copy), *vectors(shelf, faces)]
    assert len(traces) > 2
    assert all(trace in beside(shelf) for trace in traces)
    ran = shelf("forget", "--photo", path, "--yes")
    assert ran.code == 0, ran.err
    assert "Will be forgotten: 1 photo and 2 faces in 2 files." in ran.out
    assert not any(trace in beside(shelf) for trace in traces)
    assert path.exists()
    assert [person["photos"] for person in shelf.people()] == [9, 4]


def test_a_forgotten_photo_is_passed_over_and_its_path_never_stored(shelf):
    path = shelf.root / "2004" / "both.jpg"
    shelf("forget", "--photo", path, "--yes")
    for _ in range(2):
        report = shelf.index(shelf.root)
        assert (report["photos"], report["forgotten"]) == (0, 1)
    assert os.fsencode(path) not in beside(shelf)
    assert [person["photos"] for person in shelf.people()] == [9, 4]
    assert "1 forgotten." in shelf("index", "--profile", "fake", shelf.root).out
    assert "is forgotten already" in failing(shelf("forget", "--photo", path, "--yes"))
    ran = shelf("forget", "--photo", path, "--completely", "--yes")
    assert "May be indexed again: 1 photo" in ran.out
    assert shelf.index(shelf.root)["photos"] == 1
    assert [person["photos"] for person in shelf.people()] == [10, 5]


def test_a_photo_forgotten_completely_is_indexed_again(shelf):
    shelf("forget", "--photo", shelf.root / "2004", "--completely", "--yes")
    assert [person["photos"] for person in shelf.people()] == [8, 4]
    with Library.open(shelf.path) as library:
        assert not forgotten_digests(library)
    assert shelf.index(shelf.root)["photos"] == 2
    assert [person["photos"] for person in shelf.people()] == [10, 5]


def test_a_person_without_photos_stays_when_named_and_another_face_is_shown(shelf):
    with Library.open(shelf.path) as library:
        cover = next(face_rows(library, person_ids=[shelf.bert]))
        edit_person(library, shelf.bert, cover_face_id=cover.face_id)
    shelf("forget", "--photo", cover.path, "--yes")
    [(shown, chosen)] = rows(
        shelf, f"SELECT cover_face_id, cover_chosen FROM person WHERE id = {shelf.bert}"
    )
    assert shown in [face["face_id"] for face in shelf.seen(shelf.bert)]
    assert not chosen
    shelf("forget", "--photo", shelf.root, "--yes")
    assert [(person["name"], person["photos"]) for person in shelf.people("--all")] == [
        (NAME, 0),
        ("Bert", 0),
    ]


def test_a_photo_that_is_not_in_the_library_is_refused(shelf, tmp_path):
    known = shelf.root / "cleo.jpg"
    for other in (tmp_path / "nowhere.jpg", photo(tmp_path / "other.jpg", Drawn(CLEO, 44))):
        sentence = failing(shelf("forget", "--photo", known, other, "--yes"))
        assert sentence == (
            f"album: {other} is not in the library; give a path as `album find` prints it."
        )
    assert shelf("find", "--count").out == "11\n"


# Purge


def test_purge_forgets_what_is_gone(shelf):
    assert "Nothing to purge" in shelf("purge").out
    gone = shelf.root / "2004" / "both.jpg"
    copied = shelf.root / "2004" / "anna.jpg"
    (shelf.root / "kept.jpg").write_bytes(copied.read_bytes())
    gone.unlink()
    copied.unlink()
    shelf.index(shelf.root)
    assert os.fsencode(gone) in beside(shelf)
    loss = {"format": 1, "people": 0, "faces": 2, "photos": 1, "files": 2, "backups": 0}
    assert shelf("purge", "--dry-run", "--json").json == loss | {"dry_run": True}
    assert "1 photo and 2 faces, and 2 paths" in shelf("purge", "--dry-run").out
    assert os.fsencode(gone) in beside(shelf)
    ran = shelf("purge", "--yes", "--json")
    assert ran.json == loss
    assert not any(os.fsencode(path) in beside(shelf) for path in (gone, copied))
    assert [person["photos"] for person in shelf.people()] == [9, 4]
    assert shelf("purge", "--json").json["files"] == 0
    photo(gone, Drawn(ANNA, 24, male=False), Drawn(BERT, 34), year=2004)
    assert shelf.index(shelf.root)["photos"] == 1


def test_purge_asks_first(shelf, monkeypatch):
    (shelf.root / "cleo.jpg").unlink()
    shelf.index(shelf.root)
    answer(monkeypatch, "n\n")
    assert shelf("purge").code == 1
    assert len(shelf.people("--all")) == 3
    answer(monkeypatch, "y\n")
    assert shelf("purge").code == 0
    assert len(shelf.people("--all")) == 2


# What goes wrong


@pytest.mark.parametrize(
    "words",
    [[], ["--photo"], ["--everything", "Anna"], ["--everything", "--photo"],
     ["--everything", "--completely"], ["--completely"]],
)  # fmt: skip
def test_what_to_forget_has_to_be_said(shelf, words):
    ran = shelf("forget", *words, "--yes")
    assert ran.code == 2
    assert "Say what to forget: people (album forget Ana), photos" in ran.err
    assert len(shelf.people()) == 2


def test_while_another_process_writes_nothing_is_forgotten(shelf):
    before = beside(shelf)
    with Library.open(shelf.path) as other, other.write():
        library = Library.open(shelf.path, wait_s=0.1)
        for forget, what in ((forget_people, [NAME]), (forget_photos, [shelf.root])):
            with pytest.raises(Exception, match="Another process is writing"):
                forget(library, what)
        library.close()
    assert NAME.encode() in before
    assert len(shelf.people()) == 2


def test_traces_that_had_to_stay_are_wiped_out_by_purge(shelf):
    people = text("SELECT * FROM person")
    with Library.open(shelf.path, read_only=True) as reader, reader.read() as conn:
        conn.execute(people).all()
        with (
            Library.open(shelf.path, wait_s=0.1) as library,
            pytest.raises(TracesLeft, match="another process has it open"),
        ):
            forget_people(library, [NAME])
        assert len(conn.execute(people).all()) == 3
    assert [person["name"] for person in shelf.people()] == ["Bert"]
    assert "Wiped out what was left" in shelf("purge").out
    assert NAME.encode() not in beside(shelf)
    assert "Nothing to purge" in shelf("purge").out


@pytest.mark.sqlite
def test_a_backup_that_can_not_be_deleted_is_told(shelf):
    shelf.path.with_name("library.db.backup-v1").touch()
    with (
        pytest.MonkeyPatch.context() as patch,
        Library.open(shelf.path) as library,
        pytest.raises(TracesLeft, match="Permission denied"),
    ):
        patch.setattr(Path, "unlink", _refused)
        forget_people(library, [NAME])
    assert shelf("purge", "--json").json["backups"] == 1
    assert NAME.encode() not in beside(shelf)


def _refused(path, **_):
    raise PermissionError(13, "Permission denied", str(path))


# Everything


@pytest.mark.sqlite
def test_forget_deletes_the_library_with_all_that_belongs_to_it(own, tmp_path):
    kept = photo(tmp_path / "photos" / "a.jpg", Drawn(ANNA))
    own.index(kept)
    beside = [own.path.with_name(f"library.db{end}") for end in ("-wal", "-shm", ".backup-v1")]
    others = [own.path.with_name(name) for name in ("library.db.mine", "other.db")]
    for path in (*beside, *others):
        path.touch()
    ran = own("forget", "--everything", "--yes")
    assert ran.code == 0, ran.err
    assert "1 photo, with 1 face" in ran.out
    assert not own.path.exists()
    assert not any(path.exists() for path in beside)
    assert all(path.exists() for path in (*others, kept))
    assert own("forget", "--everything", "--yes").code == 1


@pytest.mark.sqlite
def test_forget_asks_first(own, tmp_path, monkeypatch):
    own.index(photo(tmp_path / "a.jpg"))
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert own("forget", "--everything").code == 1
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    ran = own("forget", "--everything")
    assert ran.code == 1
    assert "Nothing was deleted." in ran.err
    assert own.path.exists()
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert own("forget", "--everything").code == 0
    assert not own.path.exists()


@pytest.mark.sqlite
@pytest.mark.parametrize("content", [b"a text", b"", b"SQLite format 3\0" + bytes(500)])
def test_forget_refuses_what_is_no_library(own, content):
    own.path.write_bytes(content)
    assert "not a library of this program" in failing(own("forget", "--everything", "--yes"))
    assert own.path.read_bytes() == content


@pytest.mark.sqlite
def test_forget_refuses_the_database_of_another_program(own):
    with sqlite3.connect(own.path) as raw:
        raw.execute("CREATE TABLE bookmarks (url)")
    raw.close()
    assert "not a library of this program" in failing(own("forget", "--everything", "--yes"))


@pytest.mark.sqlite
def test_forget_deletes_a_library_that_is_damaged_or_newer(own, tmp_path):
    own.index(photo(tmp_path / "a.jpg", Drawn(ANNA)))
    data = own.path.read_bytes()
    own.path.write_bytes(data[:5000])
    assert own("forget", "--everything", "--yes").code == 0
    own.path.write_bytes(data)
    with sqlite3.connect(own.path) as raw:
        raw.execute("UPDATE schema_version SET version = 999")
    raw.close()
    assert own("forget", "--everything", "--yes").code == 0
    assert not own.path.exists()
