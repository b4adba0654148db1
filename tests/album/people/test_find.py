"""`album find` on an album of drawn people, whose truth is known."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from album.errors import Impossible
from album.people.ranges import Range
from album.people.search import Query, find_photos
from db.library import Library
from db.photos.files import mark_gone
from tests.album.albums import ANNA, BERT, Drawn, Ran, Shelf, family, photo
from tests.databases import name_of
from tests.db.make import add, edit_person, group, reject_face

pytestmark = pytest.mark.postgresql

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """Anna (1980) with Bert (1970) and alone, 2000 to 2008; Cleo in 2005; a landscape."""
    folder = tmp_path_factory.mktemp("family")
    shelf = Shelf(folder)
    family(folder / "photos")
    photo(folder / "photos" / "hill.jpg", year=2006)
    photo(folder / "photos" / "undated.jpg", Drawn(ANNA, 30, male=False), year=None)
    shelf.index(folder / "photos")
    shelf.root = folder / "photos"
    anna, bert, cleo = (person["id"] for person in shelf.people("--all"))
    with Library.open(shelf.path) as library:
        edit_person(library, anna, name="Anna", born="1980-07-01", gender="f")
        edit_person(library, bert, name="Bert", born="1970", gender="m")
    shelf.cleo = cleo
    return shelf


def process(shelf, *words, env=None) -> subprocess.CompletedProcess[bytes]:
    """Run the command as a process, whose output is bytes."""
    command = [sys.executable, "-m", "album", "find", "--library", name_of(shelf.path)]
    words = [*command, *map(str, words)]
    return subprocess.run(words, cwd=ROOT, capture_output=True, check=False, env=env)


def names(shelf, *words) -> list[str]:
    """Return the paths found, below the folder of photos."""
    ran = shelf("find", *words, "--json")
    assert ran.code == 0, ran.err
    return [os.path.relpath(one["path"], shelf.root) for one in ran.json["photos"]]


YEARS = [2000, 2002, 2004, 2006, 2008]
BOTH = [f"{year}/both.jpg" for year in YEARS]
ALONE = [f"{year}/anna.jpg" for year in YEARS]


def test_without_a_filter_everything_is_found(shelf):
    assert len(names(shelf)) == 13


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--person", "Anna", "--without", "Bert"], [*ALONE, "undated.jpg"]),
        (["--person", "Bert"], BOTH),
        (["--person", "Anna", "--person", "bert"], BOTH),
        (["--person", "Anna", "--with", "Bert", "--only"], BOTH),
        (["--person", "Anna", "--only"], [*ALONE, "undated.jpg"]),
        (["--any-of", "Bert", "--any-of", "Anna", "--only", "--year", "2004..2006"],
         ["2004/both.jpg", "2004/anna.jpg", "2006/both.jpg", "2006/anna.jpg"]),
        (["--unnamed"], ["cleo.jpg"]),
        (["--faces", "0"], ["hill.jpg"]),
        (["--faces", "2.."], BOTH),
        (["--faces", "..1", "--year", "2005"], ["cleo.jpg"]),
        (["--year", "2006"], ["2006/both.jpg", "hill.jpg", "2006/anna.jpg"]),
        (["--from", "2008-06", "--to", "2008-07-08"], ["2008/anna.jpg"]),
        (["--from", "2007", "--year", "2006..", "--sort", "path"],
         ["2008/anna.jpg", "2008/both.jpg"]),
        (["--person", "Anna", "--age", "28"], ["2008/anna.jpg"]),
        (["--person", "Anna", "--age", "..21"], ["2000/both.jpg", "2000/anna.jpg",
                                                 "2002/both.jpg"]),
        (["--person", "Anna", "--with", "Bert", "--age", "19"], ["2000/both.jpg"]),
        (["--person", "Anna", "--person", "Bert", "--age", "..25"], []),
        (["--any-of", "Anna", "--any-of", "Bert", "--age", "38"], ["2008/both.jpg"]),
        (["--age", "38"], ["2008/both.jpg"]),
        (["--gender", "m", "--year", "2008"], ["2008/both.jpg"]),
        (["--gender", "f", "--age", "30.."], []),
        (["--person", "Anna", "--gender", "m"], []),
    ],
)  # fmt: skip
def test_filters(shelf, words, found):
    assert names(shelf, *words) == found


def test_photos_without_a_trusted_date_meet_dates_only_when_asked_for(shelf):
    with Library.open(shelf.path, read_only=True) as library:
        [undated] = (m for m in find_photos(library, Query()) if m.path.endswith("undated.jpg"))
    assert not undated.date_trusted
    assert [one.age for one in undated.people] == [None]
    year = undated.date.year
    assert names(shelf, "--year", year) == []
    assert names(shelf, "--year", year, "--any-date") == ["undated.jpg"]
    assert "undated.jpg" not in names(shelf, "--person", "Anna", "--age", "0..")


def test_json_tells_who_is_in_it_and_how_old(shelf):
    [found] = shelf("find", "--person", "Bert", "--year", 2008, "--json").json["photos"]
    assert found["date"] == "2008-05-06T07:08:09"
    assert found["date_trusted"] is True
    assert [(one["name"], one["gender"], one["age"]) for one in found["people"]] == [
        ("Anna", "female", 27.8),
        ("Bert", "male", 37.8),
    ]


def test_count(shelf):
    assert shelf("find", "--person", "Bert", "--count").out == "5\n"
    assert shelf("find", "--faces", "9", "--count").out == "0\n"


def test_paths_alone_are_on_standard_output(shelf):
    ran = process(shelf, "--person", "Bert", "--sort", "path")
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert ran.stdout.decode().splitlines() == [str(shelf.root / name) for name in BOTH]
    zero = process(shelf, "--person", "Bert", "--sort", "path", "-0").stdout
    assert zero == ran.stdout.replace(b"\n", b"\0")
    nothing = process(shelf, "--faces", "9")
    assert (nothing.returncode, nothing.stdout, nothing.stderr) == (0, b"", b"")


def test_paths_come_as_the_file_system_gave_them(tmp_path):
    shelf = Shelf(tmp_path)
    path = os.fsencode(tmp_path) + b"/photos/b\xe4 \n\x1b[1m.jpg"
    try:
        photo(Path(os.fsdecode(path)), Drawn(ANNA))
    except OSError:
        pytest.skip("the file system takes only names in UTF-8")
    shelf.index(tmp_path / "photos")
    ascii_only = {**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
    assert process(shelf, "-0", env=ascii_only).stdout == path + b"\0"
    assert process(shelf, env=ascii_only).stdout == path + b"\n"
    [found] = shelf("find", "--json").json["photos"]
    assert "path_base64" in found


def test_a_terminal_is_not_steered(tmp_path, monkeypatch):
    shelf = Shelf(tmp_path)
    shelf.index(photo(tmp_path / "photos" / "\x1b[1m.jpg", Drawn(ANNA)))
    monkeypatch.setattr("album.cli.find.is_terminal", lambda: True)
    assert shelf("find").out.endswith("/photos/\\x1b[1m.jpg\n")


def test_who_reads_only_the_start_is_not_told_of_an_error(shelf):
    command = f"{sys.executable} -m album find --library '{name_of(shelf.path)}' | head -c 1; "
    ran = subprocess.run(
        ["bash", "-c", command + "echo ${PIPESTATUS[0]}"],
        cwd=ROOT, capture_output=True, check=True,
    )  # fmt: skip
    assert ran.stderr == b""
    assert ran.stdout.split()[-1] in (b"0", b"/0", b"141", b"/141")


def test_copies_come_once_and_what_is_gone_only_when_asked_for(tmp_path):
    shelf = Shelf(tmp_path)
    shelf.root = tmp_path / "photos"
    first = photo(shelf.root / "a.jpg", Drawn(ANNA))
    (shelf.root / "b.jpg").write_bytes(first.read_bytes())
    shelf.index(shelf.root)
    [shown] = names(shelf)
    [other] = {"a.jpg", "b.jpg"} - {shown}
    with Library.open(shelf.path) as library:
        mark_gone(library, [str(shelf.root / shown)])
    assert names(shelf) == [other]
    with Library.open(shelf.path) as library:
        mark_gone(library, [str(shelf.root / other)])
    assert names(shelf) == []
    assert names(shelf, "--gone") == [shown]
    assert shelf("find", "--gone", "--json").json["photos"][0]["present"] is False


def test_a_face_of_nobody_is_somebody_else(tmp_path):
    shelf = Shelf(tmp_path)
    shelf.root = tmp_path / "photos"
    for i in range(4):
        photo(shelf.root / f"{i}.jpg", Drawn(ANNA), Drawn(BERT), shade=80 + i)
    shelf.index(shelf.root)
    anna, bert = (person["id"] for person in shelf.people())
    face = shelf.seen(bert)[0]
    with Library.open(shelf.path) as library:
        reject_face(library, face["face_id"], bert)
    gone = os.path.relpath(face["path"], shelf.root)
    assert gone not in names(shelf, "--person", anna, "--with", bert)
    assert gone not in names(shelf, "--person", anna, "--only")
    assert gone in names(shelf, "--person", anna, "--without", bert)


def test_the_page_on_finding_has_every_option():
    from album.cli.find import command

    page = (ROOT / "docs" / "find.md").read_text(encoding="utf-8")
    options = {max(option.opts, key=len) for option in command.params}
    assert [
        one for one in options - {"--library", "--verbose", "--print0"} if one not in page
    ] == []


# What goes wrong


def sentence(ran: Ran, code: int) -> str:
    assert (ran.code, ran.out) == (code, "")
    return ran.err.strip().splitlines()[-1]


def test_unknown_and_ambiguous_people(shelf):
    assert "Nobody has the id or name Zoe" in sentence(shelf("find", "--with", "Zoe"), 1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--person", "Anna", "--without", "anna"], "Anna is both looked for and left out"),
        (["--only"], "Nobody is named whom the photos should show alone"),
        (["--age", "6..3"], "6..3 runs backwards; write 3..6."),
        (["--age", "old"], "old is no range"),
        (["--year", "19"], "19 is no year"),
        (["--from", "May"], "May is no date"),
        (["--year", "2019", "--to", "2018"], "The time ends before it starts"),
        (["--json", "-0"], "exclude each other"),
        (["--gender", "x"], "'x' is not one of"),
    ],
)
def test_what_can_not_be_asked(shelf, words, said):
    assert said in sentence(shelf("find", *words), 2)


def test_a_person_without_birth_year_can_not_be_found_by_age(tmp_path):
    with Library.open(tmp_path / "library.db") as library:
        add(library, "/a.jpg")
        group(library, [1])
        with pytest.raises(Impossible, match="birth year of Person 1 is not known"):
            list(find_photos(library, Query(people=(1,), ages=Range(3, 4))))
        assert not list(find_photos(library, Query(ages=Range(3, 4))))
