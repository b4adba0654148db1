"""The command line on an album of drawn people."""

import csv
import io
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

import album as package
from album.cli import text
from album.cli.app import COMMANDS, group
from db.library import Library
from tests.album.albums import ANNA, CLEO, Drawn, Shelf, album, family, photo
from tests.databases import called, sql
from tests.db.make import edit_person

pytestmark = pytest.mark.postgresql

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    folder = tmp_path_factory.mktemp("family")
    shelf = Shelf(folder)
    family(folder / "photos")
    (folder / "photos" / "empty.jpg").touch()
    shelf.report = shelf.index(folder / "photos")
    return shelf


@pytest.fixture
def own(tmp_path):
    """A library to be changed."""
    return Shelf(tmp_path)


def test_version_and_help_name_all_commands():
    assert package.__version__ in album("--version").out
    said = album("--help").out
    assert all(f"  {name} " in said for name in COMMANDS)


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"bench"}))
def test_help_of_a_command_has_an_example(name):
    ran = album(name, "--help")
    assert ran.code == 0
    assert f"For example:  album {name} " in ran.out


def test_choices_are_those_of_the_engine():
    from album.cli.index import command
    from album.grouping.grouping import LINKAGE
    from nets import engine

    wanted = {
        "profile": engine.PROFILES,
        "detector": engine.DETECTORS,
        "embedder": engine.EMBEDDERS,
        "attributes": engine.ATTRIBUTES,
        "clustering": LINKAGE,
    }
    offered = {option.name: option.type for option in command.params if option.name in wanted}
    assert {name: set(kind.choices) for name, kind in offered.items()} == {
        name: set(choices) for name, choices in wanted.items()
    }


def test_starting_up_loads_nothing_heavy():
    heavy = {"onnxruntime", "scipy", "sklearn", "PIL", "av", "rich", "sqlalchemy.orm", "nets"}
    code = (
        "import sys, contextlib\n"
        "from album.cli import main\n"
        "with contextlib.suppress(SystemExit): main(['--help'])\n"
        f"print(sorted(({heavy} | {{'numpy', 'sqlalchemy'}}) & set(sys.modules)))\n"
        "import album.cli.people\n"
        f"print(sorted({heavy} & set(sys.modules)))\n"
    )
    words = [sys.executable, "-c", code]
    ran = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-2:] == ["[]", "[]"]


def test_fake_nets_are_not_advertised():
    assert "fake" not in album("index", "--help").out


def test_index_reports_what_it_did(shelf):
    report = shelf.report
    counts = {key: report[key] for key in ("found", "photos", "faces", "people", "passers_by")}
    assert counts == {"found": 12, "photos": 11, "faces": 16, "people": 2, "passers_by": 1}
    assert [one["path"].rpartition("/")[2] for one in report["failures"]] == ["empty.jpg"]


def test_exit_code_says_that_some_files_failed(own, tmp_path):
    photo(tmp_path / "photos" / "good.jpg", Drawn(ANNA))
    assert own("index", "--profile", "fake", tmp_path / "photos").code == 0
    (tmp_path / "photos" / "bad.jpg").touch()
    ran = own("index", "--profile", "fake", tmp_path / "photos")
    assert ran.code == 3
    assert "1 file could not be read; `album status` says why:" in ran.out
    assert "bad.jpg: is empty" in ran.out
    again = own("index", "--profile", "fake", tmp_path / "photos")
    assert again.code == 0
    assert "could not be read before" in again.out
    assert own("index", "--profile", "fake", "--retry", tmp_path / "photos").code == 3


def test_people_have_gender_birth_year_and_dates(shelf):
    anna, bert = shelf.people()
    assert (anna["gender"], bert["gender"]) == ("female", "male")
    assert anna["gender_probability"] > 0.9
    assert (anna["photos"], bert["photos"]) == (10, 5)
    assert anna["born_low"] < 1980.5 < anna["born_high"]
    assert bert["born_low"] < 1970.5 < bert["born_high"]
    assert (anna["first"], anna["last"]) == ("2000-05-06T07:08:09", "2008-07-08T07:08:09")


def test_table_of_people(shelf):
    lines = shelf("people").out.splitlines()
    assert lines[0].split() == ["Id", "Name", "Gender", "Born", "Photos", "First", "Last"]
    assert [line.split()[:3] for line in lines[1:3]] == [
        [str(person["id"]), "–", person["gender"]] for person in shelf.people()
    ]
    assert "(19" in lines[1]
    assert lines[-1] == "Not shown: 1 passer-by (album people --all)."
    assert len(shelf.people("--all")) == 3


def test_csv_has_the_keys_and_values_of_the_json(shelf):
    rows = list(csv.DictReader(io.StringIO(shelf("people", "--csv").out)))
    for row, person in zip(rows, shelf.people(), strict=True):
        wanted = {
            key: "" if v is None else str(v).lower() if isinstance(v, bool) else str(v)
            for key, v in person.items()
        }
        assert row == wanted


def test_csv_and_json_exclude_each_other(shelf):
    assert shelf("people", "--csv", "--json").code == 2


def test_show_lists_each_photo_with_the_age_at_that_time(shelf):
    anna = shelf.people()[0]
    seen = shelf.seen(anna["id"])
    assert len(seen) == 10
    assert seen == sorted(seen, key=lambda face: face["date"])
    for face in seen:
        year = int(face["date"][:4])
        assert face["age"] == pytest.approx(year + 0.4 - anna["born"], abs=0.3)
        assert face["date_source"] == "exif-original"
        assert face["box"] == pytest.approx([24, 24, 96, 96], abs=3)
    lines = shelf("show", anna["id"]).out.splitlines()
    assert lines[0] == f"Person {anna['id']}"
    assert "female" in lines[1]
    assert "2000 · 2 photos" in lines
    assert sum("/photos/" in line for line in lines) == 10
    assert "… and 7 more" in shelf("show", anna["id"], "--limit", 3).out


def test_show_by_name_and_the_errors_of_it(own, tmp_path):
    family(tmp_path / "photos")
    own.index(tmp_path / "photos")
    anna, bert = (person["id"] for person in own.people())
    with Library.open(own.path) as library:
        edit_person(library, anna, name="Änne", born="1980-06-01", gender="f")
    assert own("show", "änne").out.startswith("Änne\n")
    assert "female, born 1980-06-01" in own("show", "Änne").out
    assert own.people()[0]["born_date"] == "1980-06-01"
    assert own.people()[0]["gender_source"] == "user"
    assert [face["age"] for face in own.seen(anna)][:2] == [19.9, 20.1]
    with Library.open(own.path) as library:
        edit_person(library, bert, name="Änne")
    ran = own("show", "Änne")
    assert ran.code == 1
    assert "2 people are called Änne" in ran.err
    assert "Nobody has the id or name Zoe" in own("show", "Zoe").err


def test_status_counts_and_lists_failures(shelf):
    record = shelf("status", "--json").json
    counts = {key: record[key] for key in ("photos", "faces", "people", "passers_by", "failures")}
    assert counts == {"photos": 11, "faces": 16, "people": 3, "passers_by": 1, "failures": 1}
    assert record["path"] == called(shelf.path)
    assert record["photos_without_trusted_date"] == 0
    assert [one["reason"].split(";")[0] for one in record["failed"]] == ["is empty"]
    said = shelf("status").out
    assert called(shelf.path) in said
    assert "1 file could not be read:" in said
    assert "empty.jpg" in said
    assert "16 faces described by fake" in said


def test_status_lists_the_first_failures_unless_asked_for_all(own, tmp_path):
    for i in range(25):
        (tmp_path / f"{i:02}.jpg").touch()
    own.index(tmp_path)
    assert "… and 5 more (album status --all)." in own("status").out
    assert own("status", "--all").out.count("is empty") == 25


def test_photos_without_a_trusted_date_are_counted_and_tell_no_age(own, tmp_path):
    for i in range(3):
        photo(tmp_path / f"{i}.jpg", Drawn(ANNA), year=None, shade=80 + i)
    own.index(tmp_path)
    assert own("status", "--json").json["photos_without_trusted_date"] == 3
    [person] = own.people("--all")
    assert [face["age"] for face in own.seen(person["id"])] == [None] * 3
    assert "Date not to be trusted · 3 photos" in own("show", person["id"]).out


def test_when_everybody_is_a_passer_by_they_are_shown(own, tmp_path):
    photo(tmp_path / "one.jpg", Drawn(CLEO))
    own.index(tmp_path)
    assert [person["passer_by"] for person in own.people()] == [True]
    assert "All of them are passers-by" in own("people").out


@pytest.mark.parametrize(
    ("prepare", "words", "said"),
    [
        (lambda folder: photo(folder / "a.jpg"), [], "No faces were found in 1 photo"),
        (lambda folder: photo(folder / "a.jpg", Drawn(1)), ["--no-group"], "not grouped yet"),
        (lambda folder: None, [], "The library is empty"),
    ],
)
def test_without_people_the_table_says_why(own, tmp_path, prepare, words, said):
    prepare(tmp_path)
    own.index(tmp_path, *words)
    ran = own("people")
    assert ran.code == 0
    assert said in ran.out
    assert own.people() == []


def test_library_may_stand_before_the_command_and_in_the_environment(shelf, monkeypatch):
    wanted = shelf("people").out
    assert album("--library", shelf.path, "people").out == wanted
    monkeypatch.setenv("ALBUM_LIBRARY", str(shelf.path))
    assert album("people").out == wanted


@pytest.mark.sqlite
def test_default_library_is_made_in_a_private_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("album.paths.default_library", lambda: tmp_path / "data" / "library.db")
    photo(tmp_path / "photos" / "a.jpg", Drawn(ANNA))
    assert album("index", "--profile", "fake", tmp_path / "photos").code == 0
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "data" / "library.db").stat().st_mode & 0o777 == 0o600


# What goes wrong


def failing(ran, code=1):
    """Check that a command failed with one sentence, and return that."""
    assert ran.code == code
    assert ran.out == ""
    lines = ran.err.splitlines()
    assert len(lines) == 1, ran.err
    assert lines[0].startswith("album: ")
    return lines[0]


def test_missing_folder(own, tmp_path):
    sentence = failing(own("index", tmp_path / "nowhere"), 2)
    assert f"{tmp_path}/nowhere does not exist" in sentence
    assert not own.path.exists()


def test_missing_library(own):
    assert called(own.path) in failing(own("people"))
    assert called(own.path) in failing(own("export", own.path.parent / "out"))


@pytest.mark.sqlite
def test_folder_of_the_library_is_missing(tmp_path):
    photo(tmp_path / "a.jpg")
    ran = album("index", "--library", tmp_path / "no" / "library.db", "--profile", "fake", tmp_path)
    assert f"{tmp_path}/no" in failing(ran)


@pytest.mark.sqlite
@pytest.mark.parametrize("command", [["people"], ["status"], ["show", 1], ["index", "."]])
def test_corrupt_library(own, command):
    own.path.write_bytes(b"something else altogether" * 100)
    assert str(own.path) in failing(own(*command))


@pytest.mark.parametrize("command", [["people"], ["status"], ["index", "."]])
def test_newer_library(own, tmp_path, command):
    own.index(photo(tmp_path / "a.jpg"))
    sql(own.path, "UPDATE schema_version SET version = 999")
    sentence = failing(own(*command))
    assert "999" in sentence
    assert "update the program" in sentence


@pytest.mark.sqlite
def test_library_of_another_program(own):
    with sqlite3.connect(own.path) as raw:
        raw.execute("CREATE TABLE bookmarks (url)")
    raw.close()
    assert "another program" in failing(own("index", "."))


@pytest.mark.sqlite
def test_library_that_can_not_be_written(own, tmp_path, monkeypatch):
    own.index(photo(tmp_path / "a.jpg", Drawn(ANNA)))
    monkeypatch.setattr("os.access", lambda *_, **__: False)  # the tests may run as root
    assert "can't be changed" in failing(own("index", "--profile", "fake", tmp_path))
    monkeypatch.undo()
    own.path.chmod(0o400)
    assert len(own.people()) == 1


def test_unexpected_error_is_one_sentence_and_verbose_has_the_traceback(own, tmp_path, monkeypatch):
    def break_down(*_, **__):
        raise LookupError("no\nsuch thing")

    own.index(photo(tmp_path / "a.jpg"))
    monkeypatch.setattr("album.cli.people.list_people", break_down)
    sentence = failing(own("people"))
    assert sentence.startswith("album: Unexpected LookupError: no such thing (run with -v")
    for verbose in (own("people", "-v"), album("-v", "people", "--library", own.path)):
        assert "Traceback" in verbose.err
        assert verbose.err.splitlines()[-1] == sentence


def test_full_disk(own, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device", str(tmp_path / "out"))

    own.index(photo(tmp_path / "a.jpg", Drawn(ANNA)))
    monkeypatch.setattr("album.export.plan.write_manifest", full)
    sentence = failing(own("export", tmp_path / "out"))
    assert sentence.startswith(f"album: {tmp_path}/out: The disk is full; ")


@pytest.mark.parametrize(
    "words",
    [["people", "--nonsense"], ["nonsense"], ["index"], ["index", "--jobs", "many", "."]],
)
def test_wrong_usage(words):
    ran = album(*words)
    assert ran.code == 2
    assert "Usage: album" in ran.err or "Error" in ran.err
    assert "Traceback" not in ran.err


def test_model_that_is_not_installed(own, tmp_path, monkeypatch):
    from nets.core.errors import ModelMissing

    def missing(**_):
        raise ModelMissing("facenet-pytorch is not installed; install album-people[reference].")

    monkeypatch.setattr("nets.engine.load_engine", missing)
    ran = own("index", "--detector", "facenet-pytorch", photo(tmp_path / "a.jpg"))
    assert (
        failing(ran) == "album: facenet-pytorch is not installed; install album-people[reference]."
    )


# How things are written


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.84, "0.8 s"), (34.4, "34 s"), (89.9, "90 s"), (300, "5 min"), (7800, "2 h 10 min")],
)
def test_durations(seconds, told):
    assert text.duration(seconds) == told


@pytest.mark.parametrize(
    ("octets", "told"), [(999, "999 bytes"), (286_720, "286.7 kB"), (3_200_000_000, "3.2 GB")]
)
def test_sizes(octets, told):
    assert text.size(octets) == told


def test_numbers_have_separators_and_nouns_their_number():
    assert text.count(1, "photo") == "1 photo"
    assert text.count(1204, "person", "people") == "1,204 people"


def test_names_can_not_steer_the_terminal(own, tmp_path):
    path = photo(tmp_path / "photos" / "\x1b]0;owned\x07.jpg", Drawn(ANNA))
    own.index(path)
    [person] = own.people()
    said = own("show", person["id"]).out
    assert "\x1b]0" not in said
    assert "\\x1b]0;owned\\x07.jpg" in said
    assert own.seen(person["id"])[0]["path"] == str(path)


def test_table_lines_up_whatever_the_script():
    columns = (text.Column("Name"), text.Column("Photos", right=True))
    lines = list(text.table(columns, [("田中", "7"), ("Zoé", "1,204")]))
    assert [text.width(line) for line in lines[1:]] == [12, 12]


def test_commands_are_those_of_the_group():
    assert set(group.list_commands(None)) == set(COMMANDS)


def test_a_library_is_copied_and_the_copy_is_one(shelf, tmp_path):
    other = Shelf(tmp_path / "copy")
    other.path.parent.mkdir()
    ran = album("library", "copy", shelf.path, other.path)
    assert ran.code == 0, ran.err
    assert ran.out.startswith("Copied 11 photos with 16 faces of 3 people.")
    assert other.people("--all") == shelf.people("--all")
    again = album("library", "copy", shelf.path, other.path, "--json")
    assert "holds a library already" in failing(again)
    assert "can't be copied to itself" in failing(album("library", "copy", other.path, other.path))
    assert "no library at" in failing(
        album("library", "copy", tmp_path / "none.db", tmp_path / "x")
    )


def test_ctrl_c_during_an_import_is_ctrl_c():
    from album.cli.app import _is_interrupt

    wrapped = ImportError("initialization failed")
    wrapped.__cause__ = KeyboardInterrupt()  # as C extensions do that are just being loaded
    assert _is_interrupt(wrapped)
    assert not _is_interrupt(ImportError("no such thing"))
