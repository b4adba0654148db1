"""`album import-tags`: real files, and drawn albums with sidecars as other programs write them."""

import json
import os
import shutil
from pathlib import Path

import pytest
from sqlalchemy import select

from album.edits import decisions
from album.tags.importing.read import read_photo
from db.engine import schema
from db.library import Library
from db.photos.added_faces import IMPORTED
from db.tags.imports import TaggedPhoto
from tests.album.albums import ANNA, BERT, CLEO, GAP, SIDE, Drawn, Shelf, family, photo
from tests.album.drawn_clips import Placed, still, write

pytestmark = pytest.mark.postgresql

DATA = Path(os.environ.get("ALBUM_DATA", Path(__file__).parents[5] / "shared" / "data"))
MEDIA = DATA / "media"

HEAD = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
 xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/"
 xmlns:stArea="http://ns.adobe.com/xmp/sType/Area#"
 xmlns:stDim="http://ns.adobe.com/xap/1.0/sType/Dimensions#"
 xmlns:lr="http://ns.adobe.com/lightroom/1.0/"
 xmlns:digiKam="http://www.digikam.org/ns/1.0/">"""
FOOT = "</rdf:Description></rdf:RDF></x:xmpmeta>"


def place(i, n=1, side=SIDE):
    """Where the i-th of n drawn faces is: middle, width and height, 0 to 1."""
    width, height = n * (side + GAP) + GAP, side + 2 * GAP
    left = GAP + i * (side + GAP)
    return (left + side / 2) / width, 0.5, side / width, side / height


def sidecar(path, *regions, size=None, names=(), kind="Face"):
    """Write a sidecar with MWG regions: (name, place)."""
    items = "".join(
        f'<rdf:li rdf:parseType="Resource"><mwg-rs:Name>{name}</mwg-rs:Name>'
        f'<mwg-rs:Type>{kind}</mwg-rs:Type><mwg-rs:Area stArea:x="{x}" stArea:y="{y}"'
        f' stArea:w="{w}" stArea:h="{h}" stArea:unit="normalized"/></rdf:li>'
        for name, (x, y, w, h) in regions
    )
    w, h = size or (0, 0)
    applied = f'<mwg-rs:AppliedToDimensions stDim:w="{w}" stDim:h="{h}" stDim:unit="pixel"/>'
    tags = "".join(f"<rdf:li>People/{name}</rdf:li>" for name in names)
    listed = f"<digiKam:TagsList><rdf:Seq>{tags}</rdf:Seq></digiKam:TagsList>" if names else ""
    bag = tags.replace("People/", "People|")
    listed += f"<lr:hierarchicalSubject><rdf:Bag>{bag}</rdf:Bag></lr:hierarchicalSubject>"
    text = (
        f'{HEAD}<mwg-rs:Regions rdf:parseType="Resource">{applied if size else ""}'
        f"<mwg-rs:RegionList><rdf:Bag>{items}</rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>"
        f"{listed}{FOOT}"
    )
    Path(f"{path}.xmp").write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    shelf = Shelf(tmp_path_factory.mktemp("original"))
    shelf.index(family(shelf.path.parent / "photos"))
    return shelf


@pytest.fixture
def shelf(original, tmp_path):
    """A library of one's own of `family`, with photos of one's own at the same places."""
    own = Shelf(tmp_path)
    shutil.copytree(original.path.parent / "photos", tmp_path / "photos")
    own.index(tmp_path / "photos")
    return own


def photos(shelf):
    return shelf.path.parent / "photos"


def imported(shelf, *words):
    return shelf("import-tags", "--json", *words).json


def dump(shelf):
    """Every row that an import may change, but for the journal itself."""
    tables = ("person", "assignment", "rejection", "exemption", "comparison", "face", "observation")
    with Library.open(shelf.path, read_only=True) as library, library.read() as conn:
        return {
            name: sorted(map(tuple, conn.execute(select(schema.metadata.tables[name]))), key=repr)
            for name in tables
        }


def sources(shelf, person):
    return sorted(face["source"] for face in shelf.seen(person))


def test_one_name_names_a_person_and_undo_takes_it_back_exactly(shelf):
    anna = shelf.people()[0]["id"]
    sidecar(photos(shelf) / "2000" / "anna.jpg", ("Anna", place(0)))
    before = dump(shelf)
    said = imported(shelf, "--no-group")
    assert (said["names"], said["followed"], said["people_named"], said["new_faces"]) == (
        1,
        9,
        1,
        0,
    )
    assert said["people"] == {"Anna": 1}
    assert next((one["id"], one["name"]) for one in shelf.people()) == (anna, "Anna")
    assert sources(shelf, anna) == ["auto"] * 9 + ["imported"]
    after = dump(shelf)
    assert "Imported from tags" in shelf("undo").out
    assert dump(shelf) == before
    shelf("redo")
    assert dump(shelf) == after


def test_a_second_import_does_nothing(shelf):
    for year in (2000, 2002):
        sidecar(
            photos(shelf) / f"{year}" / "both.jpg", ("Anna", place(0, 2)), ("Bert", place(1, 2))
        )
    assert imported(shelf)["names"] == 4
    before = dump(shelf)
    again = imported(shelf)
    assert (again["event"], again["names"], again["known"], again["hints"]) == (None, 0, 4, 0)
    assert dump(shelf) == before
    assert "Nothing was changed" in shelf("import-tags").out


def test_dry_run_says_the_same_and_does_nothing(shelf):
    sidecar(photos(shelf) / "2000" / "both.jpg", ("Anna", place(0, 2)), ("Bert", place(1, 2)))
    before = dump(shelf)
    would = imported(shelf, "--dry-run")
    assert dump(shelf) == before
    did = imported(shelf)
    assert {k: v for k, v in would.items() if k not in ("dry_run", "event")} == {
        k: v for k, v in did.items() if k not in ("dry_run", "event")
    }


def test_contradicting_names_split_a_person_and_the_rest_is_grouped_by_them(shelf):
    anna, bert = (person["id"] for person in shelf.people())
    assert shelf("merge", anna, bert, "--force").code == 0
    shelf("undo")
    with Library.open(shelf.path) as library:  # as if they had been taken for one
        faces = [face["face_id"] for face in shelf.seen(bert) if face["path"].endswith("both.jpg")]
        with library.write() as conn:
            change = schema.assignment.update().where(schema.assignment.c.face_id.in_(faces))
            conn.execute(change.values(person_id=anna))
    for year in range(2000, 2006, 2):
        sidecar(
            photos(shelf) / f"{year}" / "both.jpg", ("Anna", place(0, 2)), ("Bert", place(1, 2))
        )
    assert imported(shelf)["names"] == 6
    people = {person["name"]: person for person in shelf.people("--all")}
    assert people["Anna"]["faces"] == 10
    assert people["Bert"]["faces"] == 5
    assert {Path(f["path"]).name for f in shelf.seen(people["Bert"]["id"])} == {"both.jpg"}


def test_the_user_goes_before_and_a_new_grouping_keeps_what_was_imported(shelf):
    anna, bert = (person["id"] for person in shelf.people())
    shelf("name", anna, "Anna")
    face = next(one for one in shelf.seen(anna) if one["path"].endswith("anna.jpg"))
    shelf("reject", face["face_id"])
    sidecar(face["path"], ("Anna", place(0)))
    other = shelf.seen(bert)[0]
    sidecar(other["path"], ("Anna", place(0, 2)), ("Karl", place(1, 2)))
    said = imported(shelf)
    assert said["overruled"] == 1
    assert said["people"] == {"Anna": 1, "Karl": 1}
    assert face["face_id"] not in {one["face_id"] for one in shelf.seen("Anna")}
    before = {one["face_id"]: one["source"] for one in shelf.seen("Karl")}
    assert "imported" in before.values()
    assert shelf("regroup", "--json").code == 0
    after = {one["face_id"]: one["source"] for one in shelf.seen("Karl")}
    assert {f for f, s in before.items() if s == "imported"} <= after.keys()


def test_a_face_that_only_a_tag_knows_is_added_and_stays(tmp_path):
    shelf = Shelf(tmp_path)
    folder = tmp_path / "photos"
    small = photo(folder / "small.jpg", Drawn(BERT), Drawn(CLEO), side=48)
    photo(folder / "a.jpg", Drawn(ANNA))
    # A detector that sees no face of less than 60 pixels.
    shelf("index", "--profile", "fake", "--jobs", 2, "--min-face", 60, folder)
    assert shelf("status", "--json").json["faces"] == 1
    beside = 0.02, 0.5, 0.03, 0.3
    regions = [("Bert", place(0, 2, 48)), ("Ghost", beside), ("", place(1, 2, 48))]
    sidecar(small, *regions)
    before = dump(shelf)
    said = imported(shelf, "--no-group")
    assert (said["new_faces"], said["people_new"]) == (2, 1)  # Ghost is too small to be looked at
    with Library.open(shelf.path, read_only=True) as library, library.read() as conn:
        query = select(schema.face.c.score, schema.contract.c.key, schema.face.c.x0).join(
            schema.contract, schema.contract.c.id == schema.face.c.detector_id
        )
        rows = [tuple(row) for row in conn.execute(query)]
    assert sum(key == IMPORTED for _, key, _ in rows) == 2
    after = dump(shelf)
    assert len(after["observation"]) > len(before["observation"])
    assert imported(shelf, "--no-group")["event"] is None
    shelf("undo")
    assert dump(shelf) == before
    shelf("redo")
    assert dump(shelf) == after
    # An index that reads the photo again, by another detector, does not delete them.
    shelf("index", "--profile", "fake", "--jobs", 2, "--min-face", 70, folder)
    assert [one["source"] for one in shelf.seen("Bert")] == ["imported"]


@pytest.mark.parametrize("orientation", [1, 6, 8])
def test_regions_drawn_upright_are_understood_too(tmp_path, orientation):
    """By the standard they are of the stored picture; Windows and others draw them as seen."""
    from PIL import Image

    from tests.album.albums import picture
    from tests.album.media_files import exif

    turn = {1: None, 6: 2, 8: 4}[orientation]  # Image.Transpose
    seen = picture(Drawn(ANNA), Drawn(BERT))
    stored = seen if turn is None else seen.transpose(Image.Transpose(turn))
    shelf = Shelf(tmp_path)
    path = tmp_path / "photos" / "a.jpg"
    path.parent.mkdir()
    stored.save(path, quality=95, exif=exif(orientation=orientation))
    shelf.index(path)
    sidecar(path, ("Anna", place(0, 2)), ("Bert", place(1, 2)))
    assert imported(shelf)["people"] == {"Anna": 1, "Bert": 1}
    left = {name: shelf.seen(name)[0]["box"][0] for name in ("Anna", "Bert")}
    assert left["Anna"] < left["Bert"]


def test_what_is_no_face_and_what_is_nobodys_is_left_out(shelf):
    sidecar(photos(shelf) / "2000" / "anna.jpg", ("Rex", place(0)), kind="Pet")
    sidecar(photos(shelf) / "2002" / "anna.jpg", ("Unknown", place(0)))
    sidecar(photos(shelf) / "2004" / "anna.jpg", ("12", place(0)))
    sidecar(photos(shelf) / "2006" / "anna.jpg", ("Anna", place(0)), size=(4000, 100))
    said = imported(shelf)
    assert said["event"] is None
    assert said["regions"] == 2
    assert [Path(one["path"]).parent.name for one in said["cropped"]] == ["2006"]
    assert "12 can't be a name here" in said["notes"][0]


def test_names_without_a_place_are_hints(shelf):
    one = photos(shelf) / "2000" / "anna.jpg"
    sidecar(one, names=("Anna", "Zoë"))
    sidecar(photos(shelf) / "2002" / "both.jpg", ("Bert", place(1, 2)), names=("Anna", "Bert"))
    said = imported(shelf)
    assert said["hints"] == 2
    with Library.open(shelf.path, read_only=True) as library, library.read() as conn:
        rows = {tuple(row[1:]) for row in conn.execute(select(schema.hint))}
    assert rows == {("xmp", "Anna"), ("xmp", "Zoë")}
    assert {person["name"] for person in shelf.people()} == {"Bert", None}
    Path(f"{one}.xmp").unlink()
    assert imported(shelf)["hints"] == 1


def test_a_region_in_a_clip_is_a_hint(tmp_path):
    shelf = Shelf(tmp_path)
    clip = write(tmp_path / "photos" / "clip.mp4", [still(Placed(ANNA))] * 40)
    shelf.index(clip)
    sidecar(clip, ("Anna", (0.25, 0.4, 0.25, 0.33)))
    said = imported(shelf)
    assert (said["names"], said["new_faces"], said["hints"]) == (0, 0, 1)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"<x:xmpmeta", "XMP that can't be read"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "XMP that can't be read"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "XMP that can't be read"),
    ],
)
def test_tags_that_make_no_sense_are_named_and_the_rest_is_done(shelf, content, why):
    bad = Path(f"{photos(shelf) / '2000' / 'anna.jpg'}.xmp")
    bad.write_bytes(content)
    sidecar(photos(shelf) / "2002" / "anna.jpg", ("Anna", place(0)))
    ran = shelf("import-tags")
    assert ran.code == 3
    assert "1 photo whose tags could not be read:" in ran.out
    assert str(bad) in ran.out
    assert why in ran.out
    assert shelf.people()[0]["name"] == "Anna"


def test_copies_of_a_photo_are_one(shelf):
    one = photos(shelf) / "2000" / "anna.jpg"
    copy = photos(shelf) / "copy.jpg"
    shutil.copy(one, copy)
    shelf.index(photos(shelf))
    sidecar(one, ("Anna", place(0)))
    sidecar(copy, ("Anna", place(0)))
    assert imported(shelf)["regions"] == 1


def test_only_the_asked_for_photos(shelf, tmp_path):
    for year in (2000, 2002):
        sidecar(photos(shelf) / f"{year}" / "anna.jpg", ("Anna", place(0)))
    assert imported(shelf, photos(shelf) / "2000")["regions"] == 1
    ran = shelf("import-tags", tmp_path / "nowhere")
    assert ran.code == 2
    assert "does not exist" in ran.err
    (tmp_path / "empty").mkdir()
    ran = shelf("import-tags", tmp_path / "empty")
    assert ran.code == 1
    assert "holds no photo that is in the library" in ran.err


def test_index_reads_tags_when_asked(tmp_path):
    shelf = Shelf(tmp_path)
    folder = family(tmp_path / "photos")
    sidecar(folder / "2000" / "anna.jpg", ("Anna", place(0)))
    shelf.index(folder)
    assert {person["name"] for person in shelf.people()} == {None}
    said = shelf.index("--read-tags", folder)
    assert said["tags"]["names"] == 1
    assert shelf.people()[0]["name"] == "Anna"
    assert shelf.index("--read-tags", folder)["tags"]["known"] == 1
    fresh = Shelf(tmp_path / "photos")
    fresh.index("--read-tags", folder)
    [anna] = [person for person in fresh.people() if person["name"] == "Anna"]
    assert anna["faces"] == 10


def test_forgetting_somebody_leaves_no_trace_of_the_import(tmp_path):
    shelf = Shelf(tmp_path)
    small = photo(tmp_path / "photos" / "small.jpg", Drawn(BERT), Drawn(CLEO), side=48)
    shelf("index", "--profile", "fake", "--min-face", 60, tmp_path / "photos")
    name = "Xanthippe Qvrz"
    other = photo(tmp_path / "photos" / "other.jpg", Drawn(ANNA))
    shelf("index", "--profile", "fake", "--min-face", 60, tmp_path / "photos")
    sidecar(small, (name, place(0, 2, 48)))
    sidecar(other, names=(name,))
    said = imported(shelf)
    assert (said["new_faces"], said["hints"]) == (1, 1)
    assert shelf("forget", name, "--yes").code == 0
    for path in tmp_path.glob("library.db*"):
        assert name.encode() not in path.read_bytes()
    Path(f"{other}.xmp").unlink()
    said = imported(shelf)
    assert (said["new_faces"], said["names"]) == (0, 0)


# Real files

REGIONS = MEDIA / "skatsubo_orientation_face_regions" / "images"
UPRIGHT = {"Marie Curie": (0.37, 0.31, 0.11, 0.20), "Pierre Curie": (0.69, 0.24, 0.10, 0.24)}
"""Middle, width and height in the upright picture."""
real = pytest.mark.skipif(not MEDIA.is_dir(), reason=f"no test photos in {MEDIA}")


def tagged(path):
    from album.media.headers import read_header

    header = read_header(path)
    sizes = header.upright_size, header.stored_size
    return read_photo(TaggedPhoto(1, "image", *sizes, header.orientation, (str(path),)))


def middles(found):
    return {
        face.name: ((x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0)
        for face in found.faces
        for x0, y0, x1, y1 in [face.box]
    }


@real
@pytest.mark.parametrize("orientation", [3, 6, 8])
@pytest.mark.parametrize("where", ["embedded", "sidecar", "embedded_sidecar"])
def test_real_regions_in_turned_photos(orientation, where):
    found = middles(tagged(REGIONS / f"photo.{orientation}.{where}.jpg"))
    assert found.keys() == UPRIGHT.keys()
    for name, wanted in UPRIGHT.items():
        assert found[name] == pytest.approx(wanted, abs=0.006)


@real
@pytest.mark.parametrize(
    "name",
    [
        "immich/metadata/faces/portrait.jpg",
        "immich/metadata/faces/portrait-orientation-6.jpg",
        "skatsubo_orientation_face_regions/input/photo.jpg",
    ],
)
def test_real_regions_in_upright_photos(name):
    found = middles(tagged(MEDIA / name))
    assert found.keys() == UPRIGHT.keys()
    for who, wanted in UPRIGHT.items():
        assert found[who] == pytest.approx(wanted, abs=0.006)


@real
def test_real_regions_in_a_sidecar_without_extension():
    found = tagged(MEDIA / "librephotos" / "niaz.jpg")
    assert middles(found) == {
        "Niaz Faridani-Rad": pytest.approx((0.498486, 0.367807, 0.436419, 0.485614), abs=1e-5)
    }
    assert not found.names


@real
@pytest.mark.long
def test_real_photos_that_carry_regions_are_exactly_these(tmp_path):
    """Nothing else is read as a region, and exiftool, where it is there, finds no others."""
    shelf = Shelf(tmp_path)
    shelf.index(MEDIA)
    said = imported(shelf, MEDIA)
    # Nine turned copies are nine pictures, one of them a portrait; the other is the input.
    assert said["regions"] == 2 * (9 + 1) + 1
    assert set(said["people"]) <= {*UPRIGHT, "Niaz Faridani-Rad"}


@real
@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
@pytest.mark.parametrize("path", sorted(REGIONS.glob("*.jpg")), ids=lambda path: path.name)
def test_real_regions_are_those_that_exiftool_reads(path):
    import subprocess

    source = Path(f"{path}.xmp") if Path(f"{path}.xmp").exists() else path
    words = ["exiftool", "-j", "-n", "-struct", "-XMP-mwg-rs:all", str(source)]
    [said] = json.loads(subprocess.run(words, capture_output=True, check=True).stdout)
    wanted = {
        region["Name"]: tuple(region["Area"][key] for key in "XYWH")
        for region in said["RegionInfo"]["RegionList"]
    }
    drawn = {
        face.name: ((x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0)
        for face in tagged(path).faces
        for x0, y0, x1, y1 in [face.drawn]
    }
    assert drawn.keys() == wanted.keys()
    for name, place_of in wanted.items():
        assert drawn[name] == pytest.approx(place_of, abs=1e-6)


@real
@pytest.mark.slow
def test_real_regions_meet_the_faces_that_the_real_detector_finds(tmp_path):
    shelf = Shelf(tmp_path)
    assert shelf("index", "--jobs", 2, REGIONS).code == 0
    said = imported(shelf)
    assert said["people"] == {"Marie Curie": 9, "Pierre Curie": 9}
    # MTCNN finds her in each of the nine, and him in none: those come from the tags.
    assert said["new_faces"] == 9
    with Library.open(shelf.path) as library:
        assert decisions.history(library)[0].kind == "import"


def test_where_no_photo_has_tags_it_is_said(tmp_path):
    shelf = Shelf(tmp_path)
    shelf.index(family(tmp_path / "photos"))
    ran = shelf("import-tags")
    assert ran.code == 0
    assert ran.out.startswith("No tags about people in ")
    assert "says so already" not in ran.out
