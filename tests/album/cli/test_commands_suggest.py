"""`album suggest` on drawn people who were taken apart."""

import io
from pathlib import Path

import pytest
from PIL import Image

from album.paths import cache_folder
from db.library import Library
from tests.album.albums import Shelf
from tests.album.questions import draw, take_apart
from tests.databases import copy, sql

pytestmark = pytest.mark.postgresql


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    shelf = Shelf(folder)
    shelf.index(draw(folder / "photos"))
    with Library.open(shelf.path) as library:
        shelf.parts, _ = take_apart(library)
    return shelf


@pytest.fixture
def shelf(made, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    own = Shelf(tmp_path)
    copy(made.path, own.path)
    own.parts = made.parts
    return own


def asked(shelf, *words):
    return shelf("suggest", "--json", "--no-pictures", *words).json["questions"]


def typed(shelf, monkeypatch, text, *words):
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    return shelf("suggest", "--ask", *words)


def test_the_table_has_questions_reasons_and_pictures(shelf, tmp_path):
    ran = shelf("suggest", "--limit", 3, "--pictures", tmp_path / "faces")
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[0].split() == ["N", "Question", "Same", "Faces", "Picture"]
    assert lines[1].startswith("1  Are Person ")
    assert "%" in lines[1]
    assert "of the limit apart" in lines[2]
    paths = [Path(line.split()[-1]) for line in lines[1:7:2]]
    assert sorted(path.name for path in paths) == sorted(
        p.name for p in (tmp_path / "faces").iterdir()
    )
    with Image.open(paths[0]) as image:
        assert image.format == "JPEG"
        assert image.size[0] > 300


def test_pictures_go_to_the_cache(shelf):
    folder = cache_folder(shelf.path)
    first = set(pictures(shelf))
    shelf("suggest", "--answer", 1, "yes")
    second = set(pictures(shelf))
    assert first - second
    assert set(folder.rglob("*.jpg")) == first | second


def pictures(shelf):
    return [Path(one["picture"]) for one in shelf("suggest", "--json").json["questions"]]


def test_json_says_everything(shelf):
    one = asked(shelf)[0]
    assert (one["number"], one["kind"], one["picture"]) == (1, "same", None)
    assert len(one["people"]) == 2
    assert one["key"] == ",".join(str(person["id"]) for person in one["people"])
    assert one["question"].startswith("Are ")
    assert 0 < one["probability_same"] < 1
    assert one["why"]


def test_numbers_are_those_of_the_last_list(shelf):
    found = asked(shelf, "--kind", "same")
    before = {person["id"] for person in shelf.people("--all")}
    ran = shelf("suggest", "--answer", 1, "yes", "--answer", 2, "no")
    assert ran.code == 0
    assert "Merged" in ran.out
    assert "different people" in ran.out
    gone = before - {person["id"] for person in shelf.people("--all")}
    assert len(gone) == 1
    assert gone < {person["id"] for person in found[0]["people"]}
    assert found[1]["key"] not in [one["key"] for one in asked(shelf)]


def test_ids_work_as_numbers_do(shelf):
    a, b = shelf.parts["a"], shelf.parts["b"]
    ran = shelf("suggest", "--json", "--answer", f"{b},{a}", "skip")
    assert "left for later" in ran.json["answers"][0]["summary"]
    assert f"{a},{b}" not in [one["key"] for one in asked(shelf, "--kind", "same")]
    again = asked(shelf, "--kind", "same", "--again")
    assert (again[-1]["key"], again[-1]["skipped"]) == (f"{a},{b}", True)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("99", "yes"), "no question 99"),
        (("1", "perhaps"), "yes, no or skip"),
        (("x", "yes"), "x is no question"),
        (("998,999", "yes"), "Nobody has the id 99"),
    ],
)
def test_wrong_answers_change_nothing(shelf, words, told):
    found = asked(shelf)
    ran = shelf("suggest", "--answer", *words)
    assert ran.code == 1
    assert told in ran.err
    assert asked(shelf) == found


def test_names_can_be_given(shelf):
    asked(shelf, "--kind", "name")
    shelf("suggest", "--answer", 1, "Bert")
    assert "Bert" in {person["name"] for person in shelf.people()}


def test_asking_one_by_one(shelf, monkeypatch, tmp_path):
    found = asked(shelf, "--kind", "same")
    ran = typed(shelf, monkeypatch, "?\ny\nn\nq\n", "--kind", "same", "--pictures", tmp_path / "p")
    assert ran.code == 0
    assert found[0]["question"] in ran.out
    assert "Merged" in ran.out
    assert "y yes   n no" in ran.out
    assert "2 answers" in ran.out
    assert list((tmp_path / "p").glob("*.jpg"))


def test_an_answer_can_be_taken_back_at_once(shelf, monkeypatch):
    people = shelf.people("--all")
    ran = typed(shelf, monkeypatch, "y\nu\nq\n", "--no-pictures")
    assert "Undone" in ran.out
    assert shelf.people("--all") == people


def test_names_are_asked_for_and_the_end_comes(shelf, monkeypatch):
    ran = typed(shelf, monkeypatch, "Bert\n\n", "--kind", "name", "--no-pictures", "--limit", 1)
    assert "Who is" in ran.out
    assert "Bert" in {person["name"] for person in shelf.people()}
    assert ran.code == 0


def test_a_terminal_with_pictures_gets_them(shelf, monkeypatch):
    ran = typed(shelf, monkeypatch, "q\n", "--images", "kitty")
    assert "\x1b_Ga=T" in ran.out
    assert not cache_folder(shelf.path).exists()


def test_a_photo_that_is_gone_is_said_and_shown_as_such(shelf, made, tmp_path):
    for file_id, path in sql(shelf.path, "SELECT id, path FROM file"):
        moved = path.replace(b"photos", b"elsewhere")
        sql(shelf.path, "UPDATE file SET path = ? WHERE id = ?", (moved, file_id))
    ran = shelf("suggest", "--limit", 1, "--pictures", tmp_path / "faces")
    assert ran.code == 0
    assert "disappeared" in ran.err or "not on disk" in ran.err
    assert len(list((tmp_path / "faces").iterdir())) == 1


def test_a_folder_for_pictures_that_is_a_file(shelf, tmp_path):
    (tmp_path / "file").touch()
    ran = shelf("suggest", "--pictures", tmp_path / "file")
    assert ran.code == 1
    assert "is a file" in ran.err


def test_asking_and_answering_at_once_is_refused(shelf):
    assert shelf("suggest", "--ask", "--answer", 1, "yes").code == 2


def test_nothing_to_ask(tmp_path):
    shelf = Shelf(tmp_path)
    with Library.open(shelf.path):
        pass
    assert shelf("suggest").out.startswith("There is nothing to ask: nobody is near enough")
    assert shelf("suggest", "--kind", "name").out.startswith("There is nothing to ask: everybody")
    assert shelf("suggest", "--json").json == {"format": 1, "questions": []}
