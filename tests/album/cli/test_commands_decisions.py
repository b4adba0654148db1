"""The commands that change people: what they say, and what they refuse."""

import subprocess
import sys
from pathlib import Path

import pytest

from db.library import Library
from tests.album.albums import Shelf, album, family
from tests.album.decided import dump
from tests.databases import copy, name_of

pytestmark = pytest.mark.postgresql

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def indexed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("decisions")
    shelf = Shelf(folder)
    family(folder / "photos")
    shelf.index(folder / "photos")
    return shelf


@pytest.fixture
def shelf(indexed, tmp_path):
    """A library to be changed: 1 is Anna, 2 is Bert, 3 is Cleo, who is seen once."""
    copy(indexed.path, tmp_path / "library.db")
    own = Shelf(tmp_path)
    own.photos = indexed.path.parent / "photos"
    return own


def state(shelf):
    with Library.open(shelf.path) as library:
        return dump(library)


def test_naming_finds_people_by_name_afterwards(shelf):
    ran = shelf("name", 1, "Zoë")
    assert ran.out == "Named Person 1 Zoë. (album undo takes it back)\n"
    assert shelf("show", "zoe", "--json").json["name"] == "Zoë"
    assert shelf("name", "zoe", "Anna", "--json").json == {
        "format": 1,
        "changed": True,
        "event": 2,
        "kind": "name",
        "summary": "Renamed Zoë to Anna.",
        "people": [1],
    }
    ran = shelf("name", "anna", "Anna")
    assert ran.out == "Nothing was changed: the library says so already.\n"
    assert shelf("name", "anna", "Anna", "--json").json["changed"] is False


def test_everything_there_and_back(shelf):
    before = state(shelf)
    photo = shelf.photos / "2000" / "both.jpg"
    faces = [face["face_id"] for face in shelf.seen(1)]
    done = [
        shelf("set", 1, "--born", "1980-05", "--gender", "female", "--cover", faces[1]),
        shelf("hide", 1),
        shelf("unhide", 1),
        shelf("split", 1, faces[0], faces[2]),
        shelf("move", faces[0], 1),
        shelf("move", faces[3], faces[4], "new"),
        shelf("reject", faces[5]),
        shelf("same-person-twice", photo),
        shelf("merge", 1, 3),
        shelf("merge", 1, 2, "--force"),
        shelf("set", 1, "--born", "none", "--gender", "none", "--cover", "none"),
    ]
    assert [ran.code for ran in done] == [0] * len(done)
    assert all(ran.out.endswith("(album undo takes it back)\n") for ran in done)
    after = state(shelf)
    table = shelf("history").out.splitlines()
    assert table[0].split() == ["When", "What", "State"]
    assert len(table) == 1 + len(done)
    assert "Merged Person 2 into Person 1." in table[2]
    for _ in done:
        ran = shelf("undo")
        assert ran.out.startswith("Undone: ")
        assert "(album redo does it again)" in ran.out
    assert state(shelf) == before
    assert all(line.endswith("undone") for line in shelf("history").out.splitlines()[1:])
    for _ in done:
        assert shelf("redo").out.startswith("Done again: ")
    assert state(shelf) == after


def test_split_auto_takes_a_merge_apart(shelf):
    bert = {face["face_id"] for face in shelf.seen(2)}
    shelf("merge", 1, 2, "--force")
    ran = shelf("split", 1, "--auto", "--json")
    assert ran.json["people"] == [1, 4]
    assert {face["face_id"] for face in shelf.seen(4)} == bert


def test_decisions_outlive_the_next_index(shelf):
    face = shelf.seen(1)[0]["face_id"]
    shelf("name", 2, "Bert")
    shelf("reject", face)
    shelf.index(shelf.photos)
    assert face not in {one["face_id"] for one in shelf.seen(1)}
    assert shelf("show", "Bert", "--json").json["id"] == 2
    shelf("undo")
    assert face in {one["face_id"] for one in shelf.seen(1)}


def test_history_is_listed(shelf):
    assert shelf("history").out == "No change was made to this library yet.\n"
    assert shelf("history", "--json").json == {"format": 1, "history": []}
    for name in ("a", "b", "c"):
        shelf("name", 1, name)
    shelf("undo")
    ran = shelf("history", "--limit", 2)
    assert ran.out.endswith("… and more (--limit 0 lists all).\n")
    found = shelf("history", "--json").json["history"]
    assert [(one["summary"], one["undone"]) for one in found] == [
        ("Renamed b to c.", True),
        ("Renamed a to b.", False),
        ("Named Person 1 a.", False),
    ]


def test_face_ids_are_shown(shelf):
    lines = shelf("show", 3, "--faces").out.splitlines()
    (face,) = shelf.seen(3)
    title = next(line for line in lines if "Face id" in line)
    assert title.split()[:3] == ["Face", "id", "Date"]
    assert any(line.split()[:1] == [str(face["face_id"])] for line in lines)


REFUSED = [
    (("name", "nobody", "Ana"), "Nobody has the id or name nobody"),
    (("name", 1, "new"), "choose another name"),
    (("merge", 1, 99), "Nobody has the id or name 99"),
    (("merge", 1, 1), "can't be merged with themselves"),
    (("merge", 1), "can't be merged with themselves"),
    (("merge", 1, 2), "both.jpg"),
    (("split", 1, 999), "no face with the id 999"),
    (("split", 3, 1), "Face 1 is not Person 3's"),
    (("split", 3, "--auto"), "do not fall into groups"),
    (("move", 999, 1), "no face with the id 999"),
    (("move", 1, "nobody"), "Nobody has the id or name nobody"),
    (("reject", 999), "no face with the id 999"),
    (("hide", 99), "Nobody has the id or name 99"),
    (("unhide", "x"), "Nobody has the id or name x"),
    (("set", 1, "--born", "May 1984"), "is no birth date"),
    (("set", 1, "--cover", 999), "no face with the id 999"),
    (("same-person-twice", "/no/such.jpg"), "is not in the library"),
    (("undo",), "nothing to undo"),
    (("redo",), "nothing to do again"),
]


@pytest.mark.parametrize(("words", "said"), REFUSED, ids=lambda x: str(x) if x else None)
def test_what_is_refused_is_one_sentence_and_changes_nothing(shelf, words, said):
    before = state(shelf)
    ran = shelf(*words)
    assert (ran.code, ran.out) == (1, "")
    assert said in ran.err
    assert ran.err.count("\n") == 1
    assert state(shelf) == before
    assert shelf("history", "--json").json["history"] == []


def test_ambiguous_names_are_refused_with_the_ids(shelf):
    shelf("name", 1, "Ana")
    assert "is called ana already" in shelf("name", 2, "ana").err
    shelf("name", 2, "ana", "--force")
    ran = shelf("hide", "ANA")
    assert ran.code == 1
    assert "2 people are called ANA; give one of the ids 1, 2." in ran.err


@pytest.mark.parametrize(
    "words",
    [
        ("split", 1),
        ("split", 1, 1, "--auto"),
        ("set", 1),
        ("set", 1, "--cover", "x"),
        ("move", "x", 1),
        ("reject", -1),
        ("reject",),
        ("merge",),
    ],
)
def test_wrong_usage(shelf, words):
    assert shelf(*words).code == 2


def test_no_library(tmp_path):
    ran = album("name", 1, "Ana", "--library", tmp_path / "none.db")
    assert ran.code == 1
    assert "There is no library" in ran.err
    assert not (tmp_path / "none.db").exists()


def process(shelf, *words):
    command = [sys.executable, "-m", "album", "--library", name_of(shelf.path), *map(str, words)]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_a_second_writer_waits_for_the_first(shelf):
    with Library.open(shelf.path) as other:
        with other.write():
            waiting = process(shelf, "name", 1, "Ana")
            with pytest.raises(subprocess.TimeoutExpired):
                waiting.wait(1.5)
        out, err = waiting.communicate(timeout=60)
    assert (waiting.returncode, err) == (0, "")
    assert "Named Person 1 Ana." in out


def test_a_second_writer_says_so_in_the_end(shelf, monkeypatch):
    before = state(shelf)
    with Library.open(shelf.path) as other, other.write():
        monkeypatch.setitem(Library.open.__func__.__kwdefaults__, "wait_s", 0.2)
        ran = shelf("merge", 1, 3)
    assert (ran.code, ran.out) == (1, "")
    assert "Another process is writing to the library" in ran.err
    assert "wait until it has finished and try again" in ran.err
    assert state(shelf) == before
