"""`album export`: what is written, and that nothing of anybody else's is lost."""

import csv
import errno
import io
import json
import os
import re
from pathlib import Path

import pytest

from album.errors import shown
from album.export.export import ExportOptions, export
from album.export.tables import FACE_COLUMNS, write_csv
from db.library import Library
from tests import databases
from tests.album.albums import ANNA, BERT, Drawn, Shelf, family, photo
from tests.album.drawn_clips import Placed, still, write
from tests.db.make import edit_person, place_faces

pytestmark = pytest.mark.postgresql

MANIFEST = ".album-export.json"
DOCUMENT = Path(__file__).parents[3] / "docs" / "export.md"


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    shelf = Shelf(tmp_path_factory.mktemp("original"))
    shelf.index(family(shelf.path.parent / "photos"))
    return shelf


@pytest.fixture
def shelf(original, tmp_path):
    """A library of one's own, of photos that all tests share."""
    copy = Shelf(tmp_path)
    databases.copy(original.path, copy.path)
    return copy


@pytest.fixture
def own(tmp_path):
    """A library of one's own photos."""
    shelf = Shelf(tmp_path)
    shelf.index(family(tmp_path / "photos"))
    return shelf


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def tree(folder):
    """Everything in a folder: where links point to, else the content and when it was written."""
    return {
        path.relative_to(folder).as_posix(): str(path.readlink())
        if path.is_symlink()
        else (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_symlink() or path.is_file()
    }


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def edit(shelf, person, **changes):
    with Library.open(shelf.path) as library:
        edit_person(library, person, **changes)


def test_all_three_forms_say_the_same(shelf, out):
    ran = shelf("export", out)
    assert ran.code == 0, ran.err
    assert ran.out == f"3 files written, 15 links made in {out}.\n"
    document = json.loads((out / "album.json").read_text("utf-8"))
    assert document["format"] == 1
    people = document["people"]
    without_faces = [{k: v for k, v in person.items() if k != "seen_in"} for person in people]
    assert without_faces == sorted(shelf.people(), key=lambda person: person["id"])
    assert {person["id"]: person["seen_in"] for person in people} == {
        person["id"]: shelf.seen(person["id"]) for person in people
    }
    with (out / "people.csv").open(newline="") as file:
        assert [int(row["id"]) for row in csv.DictReader(file)] == [one["id"] for one in people]
    with (out / "faces.csv").open(newline="") as file:
        rows = [(int(row["person_id"]), row["path"], row["left"]) for row in csv.DictReader(file)]
    assert rows == [
        (person["id"], face["path"], str(face["box"][0]))
        for person in people
        for face in person["seen_in"]
    ]
    for person in people:
        folder = out / "people" / f"person-{person['id']}"
        linked = {str(path.readlink()) for path in folder.iterdir()}
        assert linked == {face["path"] for face in person["seen_in"]}


def test_a_second_export_changes_nothing(shelf, out):
    shelf("export", out)
    before = tree(out)
    ran = shelf("export", out)
    assert ran.out == f"{out} is up to date.\n"
    assert tree(out) == before


@pytest.mark.parametrize("link", ["hard", "symbolic", "copy"])
def test_links_and_copies(shelf, original, out, link):
    shelf("export", out, "--format", "folders", "--link", link)
    assert names(out) == [MANIFEST, "people"]
    made = list((out / "people").rglob("*.jpg"))
    assert len(made) == 15
    for path in made:
        source = Path(os.path.realpath(path)) if link == "symbolic" else None
        same = [one for one in photos_of(original) if one.read_bytes() == path.read_bytes()]
        assert path.is_symlink() == (link == "symbolic")
        assert any(path.samefile(one) for one in same) == (link != "copy")
        assert source is None or source in same
        assert path.stat().st_mtime_ns == same[0].stat().st_mtime_ns
    before = tree(out)
    assert "up to date" in shelf("export", out, "--format", "folders", "--link", link).out
    assert tree(out) == before


def photos_of(shelf):
    return list((shelf.path.parent / "photos").rglob("*.jpg"))


def test_another_kind_of_link_takes_the_place_of_the_first(shelf, out):
    for link in ("symbolic", "copy", "hard", "symbolic"):
        ran = shelf("export", out, "--format", "folders", "--link", link)
        assert ran.code == 0
        assert len(list((out / "people").rglob("*.jpg"))) == 15
        assert "15" in ran.out
    assert all(path.is_symlink() for path in (out / "people").rglob("*.jpg"))


def test_dry_run_tells_and_does_nothing(shelf, out):
    ran = shelf("export", out, "--dry-run")
    assert not out.exists()
    lines = ran.out.splitlines()
    assert lines[:3] == ["write    album.json", "write    faces.csv", "write    people.csv"]
    assert len(lines) == 3 + 15 + 1
    assert lines[-1].startswith("Would be done: 3 files written, 15 links made")
    shelf("export", out)
    before = tree(out)
    shelf("export", out, "--dry-run", "--all")
    assert tree(out) == before


def test_names_make_folders_and_renaming_moves_them(shelf, out):
    anna, bert = (person["id"] for person in shelf.people())
    edit(shelf, anna, name="Anna/Bär?")
    shelf("export", out)
    assert names(out / "people") == ["Anna_Bär_", f"person-{bert}"]
    edit(shelf, anna, name="Anna")
    edit(shelf, bert, name="anna")
    ran = shelf("export", out)
    assert "15 removed" in ran.out
    first, second = sorted((anna, bert))
    wanted = {anna: "Anna", bert: "anna"}
    assert names(out / "people") == sorted([wanted[first], f"{wanted[second]} (person-{second})"])


def test_a_person_called_like_the_folder_of_another(shelf, out):
    anna, bert = (person["id"] for person in shelf.people())
    edit(shelf, anna, name=f"Person-{bert}")
    shelf("export", out)
    assert names(out / "people") == [f"Person-{bert} (person-{anna})", f"person-{bert}"]


def test_photos_of_the_same_name_get_numbers(shelf, out):
    shelf("export", out)
    [anna, _] = shelf.people()
    found = names(out / "people" / f"person-{anna['id']}")
    assert found == sorted(
        f"{stem}{mark}.jpg"
        for stem in ("anna", "both")
        for mark in ("", " (2)", " (3)", " (4)", " (5)")
    )


def test_passers_by_and_hidden_people_only_when_asked(shelf, out):
    anna, bert = (person["id"] for person in shelf.people())
    edit(shelf, bert, hidden=True)
    shelf("export", out)
    assert names(out / "people") == [f"person-{anna}"]
    shelf("export", out, "--all")
    assert len(names(out / "people")) == 3
    shelf("export", out)
    assert names(out / "people") == [f"person-{anna}"]


def test_only_the_asked_for_format_is_touched(shelf, out):
    shelf("export", out)
    before = tree(out)
    edit(shelf, shelf.people()[0]["id"], name="Anna")
    shelf("export", out, "--format", "json")
    after = tree(out)
    assert {path for path in after if after[path] != before.get(path)} == {"album.json", MANIFEST}
    assert before.keys() == after.keys()
    assert names(out / "people") == sorted(f"person-{one['id']}" for one in shelf.people())


@pytest.mark.parametrize("name", ["people.csv", "faces.csv", "album.json", "people"])
def test_a_foreign_file_is_never_overwritten(shelf, out, name):
    out.mkdir()
    (out / name).write_text("mine")
    ran = shelf("export", out)
    assert ran.code == 1
    assert str(out / name) in ran.err
    assert names(out) == [name]
    assert (out / name).read_text() == "mine"


def test_an_edited_file_is_never_overwritten(shelf, out):
    shelf("export", out)
    (out / "people.csv").write_text("mine now")
    ran = shelf("export", out)
    assert ran.code == 1
    assert "was changed since it was exported" in ran.err
    assert (out / "people.csv").read_text() == "mine now"


def test_foreign_files_in_the_folder_of_a_person_stay(shelf, out):
    anna = shelf.people()[0]
    folder = out / "people" / f"person-{anna['id']}"
    folder.mkdir(parents=True)
    (folder / "anna.jpg").write_text("mine")
    (folder / "notes.txt").write_text("mine, too")
    shelf("export", out)
    assert (folder / "anna.jpg").read_text() == "mine"
    assert "anna (2).jpg" in names(folder)
    assert len(names(folder)) == 12
    assert "up to date" in shelf("export", out).out
    edit(shelf, anna["id"], name="Anna")
    shelf("export", out)
    assert names(folder) == ["anna.jpg", "notes.txt"]


def test_a_changed_copy_is_kept_and_named(shelf, out):
    shelf("export", out, "--format", "folders", "--link", "copy")
    [anna, _] = shelf.people()
    path = out / "people" / f"person-{anna['id']}" / "anna.jpg"
    path.write_bytes(b"retouched")
    edit(shelf, anna["id"], name="Anna")
    ran = shelf("export", out, "--format", "folders", "--link", "copy")
    assert f"left     people/person-{anna['id']}/anna.jpg" in ran.err
    assert path.read_bytes() == b"retouched"
    assert names(path.parent) == ["anna.jpg"]


def test_stale_links_go_with_their_photos(own, out, tmp_path):
    own("export", out)
    (tmp_path / "photos" / "2000" / "both.jpg").unlink()
    own.index(tmp_path / "photos")
    ran = own("export", out)
    assert ran.code == 0
    assert "2 removed" in ran.out or "links made" in ran.out
    made = list((out / "people").rglob("*.jpg"))
    assert len(made) == 13
    assert all(path.exists() for path in made)


def test_a_photo_that_is_not_there_is_named_and_the_rest_is_done(own, out, tmp_path):
    gone = tmp_path / "photos" / "2000" / "anna.jpg"
    gone.unlink()
    ran = own("export", out)
    assert ran.code == 3
    assert f"{gone} is not there" in ran.err
    assert len(list((out / "people").rglob("*.jpg"))) == 14


def test_a_copy_stays_while_the_disk_of_its_photo_is_away(own, out, tmp_path):
    own("export", out, "--link", "copy")
    before = tree(out)
    (tmp_path / "photos").rename(tmp_path / "away")
    assert own("export", out, "--link", "copy").code == 3
    assert tree(out) == before


def test_an_export_that_is_killed_is_finished_by_the_next(shelf, out, monkeypatch):
    from album.export import plan as module

    class Killed(BaseException):
        pass

    make, done = module._make, []

    def dying(*words):
        if len(done) == 9:
            raise Killed
        done.append(words)
        make(*words)

    monkeypatch.setattr(module, "_make", dying)
    with Library.open(shelf.path, read_only=True) as library, pytest.raises(Killed):
        list(export(library, out, ExportOptions(link="copy")))
    (out / ".album-export-0123456789abcdef").write_text("half of a file")
    (out / ".album-export-notes").write_text("of the user")
    monkeypatch.undo()
    edit(shelf, shelf.people()[0]["id"], name="Anna")
    ran = shelf("export", out, "--link", "copy")
    assert ran.code == 0, ran.err
    there = [".album-export-notes", MANIFEST, "album.json", "faces.csv", "people", "people.csv"]
    assert names(out) == there
    assert len(list((out / "people").rglob("*.jpg"))) == 15
    assert "up to date" in shelf("export", out, "--link", "copy").out


def test_hard_links_across_disks_are_refused_with_a_way_out(shelf, out, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    ran = shelf("export", out, "--link", "hard")
    assert ran.code == 1
    assert "use --link symbolic or --link copy" in ran.err
    monkeypatch.undo()
    assert shelf("export", out, "--link", "copy").code == 0


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"format": 99, "files": {}}', '{"format": 1, "files": {"a": {"b": 1}}}']
)
def test_a_manifest_that_makes_no_sense_is_refused(shelf, out, content):
    out.mkdir()
    (out / MANIFEST).write_text(content)
    ran = shelf("export", out)
    assert ran.code == 1
    assert str(out / MANIFEST) in ran.err
    assert names(out) == [MANIFEST]


def test_a_manifest_can_not_reach_outside_the_folder(shelf, out, tmp_path):
    victim = tmp_path / "victim.jpg"
    victim.symlink_to("/nowhere")
    out.mkdir()
    files = {
        path: {"kind": "symbolic", "source": "/nowhere"} for path in ("../victim.jpg", str(victim))
    }
    (out / MANIFEST).write_text(json.dumps({"format": 1, "files": files}))
    assert shelf("export", out).code == 0
    assert victim.is_symlink()


def test_a_file_is_no_folder_to_export_to(shelf, out):
    out.touch()
    ran = shelf("export", out)
    assert ran.code == 1
    assert f"{out} is a file" in ran.err


def test_strange_file_names(tmp_path, out):
    shelf = Shelf(tmp_path)
    for i, name in enumerate([b"caf\xe9.jpg", b"a:b?.jpg", b"aux.jpg"]):
        photo(tmp_path / "photos" / os.fsdecode(name), Drawn(ANNA), year=2000 + i)
    shelf.index(tmp_path / "photos")
    assert shelf("export", out).code == 0
    [anna] = shelf.people()
    assert names(out / "people" / f"person-{anna['id']}") == ["_aux.jpg", "a_b_.jpg", "caf_.jpg"]
    with (out / "faces.csv").open(newline="") as file:
        paths = [row["path"] for row in csv.DictReader(file)]
    assert shown(tmp_path / "photos" / os.fsdecode(b"caf\xe9.jpg")) in paths
    assert "up to date" in shelf("export", out).out


FORMULAS = (
    '=HYPERLINK("http://evil.example","x")', "=1+1", "+1", "-2+3", "@SUM(A1)", "＝1+1", "'=1",
)  # fmt: skip
HARMLESS = ("Anna", "'t Hooft", "'", "Anna-Lena", "1=1", "a@b.example", 'Anna "A", B')


@pytest.mark.parametrize("name", FORMULAS + HARMLESS)
def test_formulas_are_texts_in_csv_and_exact_in_json(shelf, out, name):
    assert shelf("name", 1, "--", name).code == 0
    assert shelf("export", out, "--format", "csv", "--format", "json").code == 0
    written = f"'{name}" if name in FORMULAS else name
    for column, file in (("id", "people.csv"), ("person_id", "faces.csv")):
        with (out / file).open(newline="", encoding="utf-8") as lines:
            assert {row["name"] for row in csv.DictReader(lines) if row[column] == "1"} == {written}
    listed = csv.DictReader(io.StringIO(shelf("people", "--csv").out))
    assert [row["name"] for row in listed if row["id"] == "1"] == [written]
    document = json.loads((out / "album.json").read_text("utf-8"))
    assert document["people"][0]["name"] == name
    assert [one["name"] for one in shelf.people() if one["id"] == 1] == [name]


STARTS = tuple("=+-@\t\r\n＝＋－＠")
TEXTS = (*FORMULAS, *HARMLESS, *STARTS, "\t=1", "a\r=1", "a\n=1", "''=1", "''", "")
INSIDE = ("x;=1", "x;'=1", "x;;-1", 'x;"=1', "x\t@A1", "x\t＝1", "a\r\n=1", ";'", "a;b\tc", "x; -1")


def test_every_text_can_be_read_back():
    """Of a cell that begins with an apostrophe and then a formula, the apostrophe is ours."""
    file = io.StringIO(newline="")
    texts = TEXTS + INSIDE
    write_csv(file, ("text", "number"), ({"text": text, "number": -1.5} for text in texts))
    lines = file.getvalue()
    rows = list(csv.DictReader(io.StringIO(lines, newline="")))
    assert {row["number"] for row in rows} == {"-1.5"}
    read = []
    for cell in (row["text"] for row in rows):
        assert cell[:1] not in STARTS
        rest = cell.removeprefix("'")
        mine = rest if rest.lstrip("'")[:1] in STARTS else cell
        read.append(re.sub("(?<=[;\t\r\n])'(?=['\"]*[=+@＝＋－＠-])", "", mine))
    assert read == list(texts)


@pytest.mark.parametrize("separator", [";", "\t"])
def test_no_text_is_a_formula_to_spreadsheets_with_other_separators(separator):
    file = io.StringIO(newline="")
    cells = [f"x{between}{quote}=1+1" for between in ";\t\r\n" for quote in ("", "'", '"')]
    write_csv(file, ("id", "text"), ({"id": 1, "text": cell} for cell in cells))
    # Quotes are those of a cell only at its begin; elsewhere, as here, they end no line.
    cells = re.split(f"[{separator}\r\n]", file.getvalue())
    assert not [cell for cell in cells if cell.lstrip("\"'").startswith("=") and cell[:1] != "'"]
    assert file.getvalue().count("=1+1") == 12


def test_formulas_in_the_middle_of_names_are_texts_in_csv(tmp_path, out):
    shelf = Shelf(tmp_path)
    shelf.index(photo(tmp_path / "photos" / "tab\t=cmd.jpg", Drawn(ANNA)).parent)
    assert shelf("name", 1, "--", "x;=cmd|' /C calc'!A0").code == 0
    assert shelf("export", out, "--format", "csv", "--format", "json").code == 0
    with (out / "faces.csv").open(newline="", encoding="utf-8") as file:
        [row] = csv.DictReader(file)
    assert row["name"] == "x;'=cmd|' /C calc'!A0"
    assert row["path"].endswith("tab\t'=cmd.jpg")
    document = json.loads((out / "album.json").read_text("utf-8"))
    assert document["people"][0]["name"] == "x;=cmd|' /C calc'!A0"
    assert document["people"][0]["seen_in"][0]["path"].endswith("tab\t=cmd.jpg")


def test_no_text_begins_a_row_of_its_own():
    """Spreadsheets take a bare carriage return for the end of a row, as old systems wrote it."""
    file = io.StringIO(newline="")
    write_csv(file, ("path", "known"), [{"path": "/a\r=1+1.jpg", "known": True}])
    assert file.getvalue() == 'path,known\n"/a\r\'=1+1.jpg","true"\n'


def test_nobody_to_export(tmp_path, out):
    shelf = Shelf(tmp_path)
    shelf.index(photo(tmp_path / "a.jpg"))
    assert shelf("export", out).code == 0
    assert json.loads((out / "album.json").read_text())["people"] == []


def test_every_key_is_documented(shelf, out):
    shelf("export", out)
    [person, *_] = json.loads((out / "album.json").read_text())["people"]
    keys = {*person, *person["seen_in"][0], *FACE_COLUMNS} - {"left", "top", "right", "bottom"}
    documented = set(re.findall(r"`(\w+)`", DOCUMENT.read_text("utf-8")))
    assert keys <= documented


def strict(schema):
    """The schema, refusing keys that it doesn't name."""
    closed = json.loads(json.dumps(schema))
    person, seen = closed["$defs"]["person"], closed["properties"]["people"]["items"]
    person["properties"] |= seen["properties"]
    for part in (closed, person, closed["$defs"]["face"]):
        part["additionalProperties"] = False
    return closed


def test_the_json_is_as_its_schema_says(tmp_path, out):
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(DOCUMENT.with_name("album.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    shelf = Shelf(tmp_path)
    folder = family(tmp_path / "photos")
    photo(folder / os.fsdecode(b"caf\xe9.jpg"), Drawn(ANNA, 25), year=None)
    write(folder / "clip.mp4", [still(Placed(BERT))] * 40)
    shelf.index(folder)
    anna = shelf.people()[0]["id"]
    assert shelf("name", anna, "Anna").code == 0
    assert shelf("set", anna, "--born", "1980-05", "--gender", "f").code == 0
    shelf("export", out, "--all")
    document = json.loads((out / "album.json").read_text("utf-8"))
    assert len(document["people"]) == 3
    faces = [face for person in document["people"] for face in person["seen_in"]]
    assert any(face["moments"] for face in faces)
    assert any("path_base64" in face for face in faces)
    jsonschema.validate(document, strict(schema))
    for key in ("id", "seen_in", "name"):
        lacking = json.loads(json.dumps(document))
        del lacking["people"][0][key]
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(lacking, schema)


def test_a_person_twice_in_one_photo_has_one_link(tmp_path, out):
    shelf = Shelf(tmp_path)
    for year in (2000, 2001, 2002):
        photo(tmp_path / "photos" / f"{year}.jpg", Drawn(ANNA), Drawn(BERT), year=year)
    shelf.index(tmp_path / "photos")
    anna, bert = (person["id"] for person in shelf.people())
    with Library.open(shelf.path) as library:
        place_faces(library, [face["face_id"] for face in shelf.seen(bert)], anna)
    shelf("export", out)
    assert names(out / "people" / f"person-{anna}") == ["2000.jpg", "2001.jpg", "2002.jpg"]
