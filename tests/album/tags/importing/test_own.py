"""Names by the user's word against tags: this library's own of earlier, and those of others."""

import shutil
from pathlib import Path

import pytest
from sqlalchemy import select

from db.engine import schema
from db.library import Library
from db.photos.hints import hinted_names
from tests.album.albums import ANNA, Drawn, Shelf, family, photo
from tests.album.drawn_clips import Placed, still, write
from tests.album.tags.importing.test_import_tags import dump, imported, place, sidecar
from tests.databases import everything_in

WAYS = pytest.mark.parametrize(
    "way",
    [(), ("--sidecar-style", "adobe"), ("--embed",), ("--iptc-regions",)],
    ids=["sidecar", "adobe", "embedded", "iptc"],
)
REGIONS = "mwg-rs:Regions", "MP:RegionInfo"


@pytest.fixture
def shelf(tmp_path):
    made = Shelf(tmp_path)
    made.photos = family(tmp_path / "photos")
    made.index(made.photos)
    made.anna, made.bert = (person["id"] for person in made.people())
    return made


def exported(shelf, *words):
    ran = shelf("export", "--xmp", *words)
    assert ran.code == 0, ran.err


def read_tags(shelf):
    return shelf.index("--read-tags", shelf.photos)["tags"]


def named(shelf):
    return {one["name"]: one["faces"] for one in shelf.people("--all") if one["name"]}


def packets(shelf):
    return sorted(shelf.photos.rglob("*.xmp"))


def without(path, *properties):
    """Take properties out of a sidecar, as if nobody had ever written them."""
    from album.metadata import xmp

    root = xmp.parse(path.read_bytes())
    for prop in properties:
        for description in xmp.descriptions(root):
            for element in description.findall(xmp.name(prop)):
                description.remove(element)
    path.write_bytes(xmp.serialise(root))


def hints(shelf):
    with Library.open(shelf.path, read_only=True) as library, library.read() as conn:
        query = select(schema.hint.c.name).where(schema.hint.c.source == "xmp")
        return set(conn.scalars(query))


@WAYS
def test_a_new_name_stays_though_files_have_the_old_one(shelf, way):
    shelf("name", shelf.anna, "Ana")
    exported(shelf, *way)
    shelf("name", shelf.anna, "Anna")
    before = dump(shelf)
    for _ in range(2):
        said = read_tags(shelf)
        assert (said["event"], said["overruled"], said["conflicts"]) == (None, 0, [])
        assert said["known"] == 10
        assert named(shelf) == {"Anna": 10}
        assert dump(shelf) == before
    assert imported(shelf)["event"] is None
    exported(shelf, *way)
    assert read_tags(shelf)["known"] == 10
    assert dump(shelf) == before


@pytest.mark.parametrize("left_out", [("mwg-rs:Regions",), REGIONS], ids=["mp", "keywords"])
def test_own_words_of_every_kind_are_known(shelf, left_out):
    """Microsoft's regions where there are no others; names in lists where there are none at all."""
    shelf("name", shelf.anna, "Ana")
    exported(shelf)
    shelf("name", shelf.anna, "Anna")
    for path in packets(shelf):
        without(path, *left_out)
    before = dump(shelf)
    said = read_tags(shelf)
    assert (said["event"], said["overruled"], said["hints"]) == (None, 0, 0)
    assert said["known"] == (0 if left_out == REGIONS else 10)
    assert dump(shelf) == before
    assert named(shelf) == {"Anna": 10}
    assert hints(shelf) == set()


def test_own_names_beside_a_clip_are_no_hints(tmp_path):
    shelf = Shelf(tmp_path)
    shelf.photos = tmp_path / "photos"
    write(shelf.photos / "clip.mp4", [still(Placed(ANNA))] * 40)
    shelf.index(shelf.photos)
    shelf("name", shelf.people("--all")[0]["id"], "Ana")
    exported(shelf)
    assert len(packets(shelf)) == 1
    assert read_tags(shelf)["hints"] == 0
    other = Shelf(shelf.photos)
    other.index("--read-tags", shelf.photos)
    assert hints(other) == {"Ana"}


@WAYS
def test_what_a_library_has_written_is_anybodys_to_another(shelf, way, tmp_path):
    shelf("name", shelf.anna, "Ana")
    exported(shelf, *way)
    other = Shelf(shelf.photos)
    said = other.index("--read-tags", shelf.photos)["tags"]
    assert said["people"] == {"Ana": 10}
    assert named(other) == {"Ana": 10}


@WAYS
def test_a_name_of_the_users_goes_before_that_of_another_library(shelf, way, tmp_path):
    """Its tags are reported, once, and no face leaves the person whom the user has named."""
    other = Shelf(shelf.photos)
    other.index(shelf.photos)
    other("name", other.people()[0]["id"], "Ana")
    exported(other, *way, shelf.photos / "2000")
    shelf("name", shelf.anna, "Anna")
    said = read_tags(shelf)
    assert (said["names"], said["people_new"], said["overruled"]) == (0, 0, 2)
    one = said["conflicts"][0]
    assert (one["tag"], one["name"], one["person_id"]) == ("Ana", "Anna", shelf.anna)
    assert Path(one["path"]).is_file()
    assert named(shelf) == {"Anna": 10}
    said = read_tags(shelf)
    assert (said["overruled"], said["conflicts"]) == (0, [])
    assert named(shelf) == {"Anna": 10}


def test_a_rename_goes_before_what_an_import_has_said(shelf):
    """The faces were placed by tags; who they are called since is the user's word."""
    paths = [shelf.photos / f"{year}" / "anna.jpg" for year in (2000, 2002)]
    for path in paths:
        sidecar(path, ("Ana", place(0)))
    assert read_tags(shelf)["names"] == 2
    shelf("name", "Ana", "Anna")
    said = read_tags(shelf)
    assert (said["event"], said["overruled"]) == (None, 2)
    assert named(shelf) == {"Anna": 10}
    # Without that name, it is as the tags say: those of an import may change.
    shelf("undo")
    sidecar(paths[0], ("Berta", place(0)))
    assert read_tags(shelf)["people"] == {"Berta": 1}
    assert named(shelf) == {"Ana": 9, "Berta": 1}


def test_a_correction_in_another_program_is_reported_and_the_users_word_stays(shelf):
    shelf("name", shelf.anna, "Anna")
    exported(shelf)
    path = next(one for one in packets(shelf) if one.name.startswith("anna"))
    text = path.read_text(encoding="utf-8").replace("Anna", "Berta")
    path.write_text(text, encoding="utf-8")
    ran = shelf("import-tags")
    assert "1 tag against what you have said, which stays" in ran.out
    assert f"{path.with_suffix('')}: Berta for face " in ran.out
    assert "which is Anna's" in ran.out
    assert "Berta" not in shelf("import-tags").out
    assert named(shelf) == {"Anna": 10}
    # Where the tag is right, saying so ends it.
    face = next(f["face_id"] for f in shelf.seen("Anna") if f["path"] == str(path.with_suffix("")))
    shelf("move", face, "new")
    shelf("name", shelf.people("--all")[-1]["id"], "Berta")
    assert read_tags(shelf)["overruled"] == 0
    assert named(shelf) == {"Anna": 9, "Berta": 1}


def test_a_conflict_is_remembered_without_the_name_in_it(shelf):
    name = "Xanthippe Qvrz"
    path = shelf.photos / "2000" / "anna.jpg"
    sidecar(path, (name, place(0)))
    shelf("name", shelf.anna, "Anna")
    assert imported(shelf, "--dry-run")["overruled"] == 1
    assert imported(shelf, "--dry-run")["overruled"] == 1, "nothing was remembered"
    assert imported(shelf)["overruled"] == 1
    assert imported(shelf)["overruled"] == 0
    assert name.encode() not in everything_in(shelf.path)
    with Library.open(shelf.path, read_only=True) as library:
        assert hinted_names(library, [shelf.anna]) == {}
    sidecar(path, ("Anna", place(0)))
    assert imported(shelf)["overruled"] == 0
    sidecar(path, (name, place(0)))
    assert imported(shelf)["overruled"] == 1, "it had been right in between"


@WAYS
def test_whom_the_user_has_merged_stay_one(shelf, way):
    shelf("name", shelf.anna, "Ana")
    shelf("name", shelf.bert, "Bert")
    exported(shelf, *way)
    assert shelf("merge", shelf.bert, shelf.anna, "--force").code == 0
    said = read_tags(shelf)
    assert (said["event"], said["overruled"]) == (None, 0)
    assert named(shelf) == {"Bert": 15}


@WAYS
def test_a_face_that_the_user_has_rejected_founds_nobody(shelf, way):
    shelf("name", shelf.anna, "Ana")
    exported(shelf, *way)
    shelf("name", shelf.anna, "Anna")
    face = shelf.seen(shelf.anna)[0]["face_id"]
    shelf("reject", face)
    said = read_tags(shelf)
    assert said["event"] is None
    assert named(shelf) == {"Anna": 9}
    assert face not in {one["face_id"] for one in shelf.seen("Anna")}


def test_a_name_that_was_taken_back_does_not_come_back(shelf):
    shelf("name", shelf.anna, "Ana")
    exported(shelf)
    shelf("name", shelf.anna, "")
    assert read_tags(shelf)["event"] is None
    assert named(shelf) == {}


def test_own_sidecars_are_known_where_the_photos_have_gone(shelf, tmp_path):
    shelf("name", shelf.anna, "Ana")
    exported(shelf)
    shelf("name", shelf.anna, "Anna")
    shutil.move(shelf.photos, tmp_path / "elsewhere")
    shelf.photos = tmp_path / "elsewhere"
    said = shelf.index("--read-tags", tmp_path)["tags"]
    assert (said["event"], said["known"], said["overruled"]) == (None, 10, 0)
    assert named(shelf) == {"Anna": 10}


@WAYS
@pytest.mark.parametrize("name", ["Ana", "Anna"], ids=["same", "renamed"])
def test_own_tags_in_photos_that_another_program_has_changed(shelf, way, name):
    """To the library these are the photos that it knows, and its own tags say nothing new."""
    shelf("name", shelf.anna, "Ana")
    exported(shelf, *way)
    for path in shelf.photos.rglob("*.jpg"):
        comment(path, "rated")
    shelf("name", shelf.anna, name)
    said = read_tags(shelf)
    assert said["people"] == {}
    assert named(shelf) == {name: 10}
    assert imported(shelf)["event"] is None


def comment(path, text):
    """Write a comment into a JPEG, as programs do that know nothing of other tags."""
    data = path.read_bytes()
    segment = b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text.encode()
    path.write_bytes(data[:2] + segment + data[2:])


@WAYS
def test_people_without_a_name_get_none_from_what_they_are_shown_as(shelf, way):
    exported(shelf, "--all", *way)
    other = Shelf(shelf.photos)
    said = other.index("--read-tags", shelf.photos)["tags"]
    assert (said["event"], said["names"], said["hints"], said["notes"]) == (None, 0, 0, [])
    assert named(other) == {}
    assert hints(other) == set()


@pytest.mark.parametrize("text", ["person-12", "Person 12", "person 12", "PERSON_12"])
def test_a_number_is_no_name_in_any_field(shelf, text):
    one, two = shelf.photos / "2000" / "anna.jpg", shelf.photos / "2002" / "anna.jpg"
    sidecar(one, (text, place(0)))
    sidecar(two, names=(text,))
    said = imported(shelf)
    assert (said["event"], said["hints"], named(shelf)) == (None, 0, {})


@pytest.mark.parametrize("text", ["person", "Person A", "Persons 12", "Missing Person 12b"])
def test_other_names_are_names(tmp_path, text):
    shelf = Shelf(tmp_path)
    path = photo(tmp_path / "photos" / "a.jpg", Drawn(ANNA))
    shelf.index(path)
    sidecar(path, (text, place(0)))
    assert imported(shelf)["people"] == {text: 1}
