"""Photos that other programs edit, turn, re-save and copy stay the photos that they are."""

import json
import shutil
import sqlite3
import subprocess
from contextlib import closing

import numpy as np
import pytest
from PIL import Image

from album.analysis.analyse import Analyser
from album.dates.sources import Source
from db.photos.dates import BEST_FIRST
from db.photos.turning import Upright, mapping
from tests.album.albums import ANNA, BERT, Drawn, Shelf, are_alike, family, photo

exiftool = pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")


def edit(*words):
    ran = subprocess.run(
        ["exiftool", "-q", "-overwrite_original", *map(str, words)],
        check=False,
        capture_output=True,
    )
    assert ran.returncode == 0, ran.stderr


@pytest.fixture
def shelf(tmp_path):
    """Anna and Bert over ten years, both with a name; one face was given to Anna by hand."""
    shelf = Shelf(tmp_path)
    shelf.photos = family(tmp_path / "photos")
    shelf.index(shelf.photos)
    by_photos = sorted(shelf.people("--all"), key=lambda person: -person["photos"])
    shelf.anna, shelf.bert, shelf.cleo = (person["id"] for person in by_photos)
    shelf("name", shelf.anna, "Anna")
    shelf("name", shelf.bert, "Bert")
    shelf("name", shelf.cleo, "Cleo")
    return shelf


def who(shelf):
    """Return the photos of everybody who has a name."""
    return {
        person["name"]: sorted(one["path"] for one in shelf.seen(person["id"]) if one["path"])
        for person in shelf.people("--all")
        if person["name"]
    }


@pytest.fixture
def blind(monkeypatch):
    """Have no pixel be read."""

    def refuse(*_):
        raise AssertionError("pixels were read")

    def look():
        monkeypatch.setattr(Analyser, "faces", refuse)

    return look


EDITS = {
    "rating": ["-Rating=4"],
    "title": ["-XMP-dc:Title=Summer", "-IPTC:ObjectName=Summer"],
    "keywords": ["-Keywords=beach", "-Subject=beach"],
    "date": ["-DateTimeOriginal=1999:01:02 03:04:05"],
    "place": ["-GPSLatitude=48", "-GPSLatitudeRef=N"],
    "comment": ["-Comment=a comment"],
    "everything gone": ["-all="],
}


@exiftool
@pytest.mark.parametrize("words", EDITS.values(), ids=EDITS)
def test_edited_metadata_cost_nothing_and_no_pixel_is_read(shelf, blind, words):
    before = who(shelf)
    edit("-r", *words, shelf.photos)
    blind()
    report = shelf.index(shelf.photos)
    assert (report["edited"], report["photos"], report["gone"]) == (11, 0, 0)
    assert report["failures"] == []
    assert who(shelf) == before
    assert shelf.index(shelf.photos)["unchanged"] == 11


@exiftool
def test_dates_follow_the_edit(shelf):
    edit("-r", "-DateTimeOriginal=1999:01:02 03:04:05", shelf.photos / "2000")
    shelf.index(shelf.photos)
    shown = shelf("dates", "list", "--json", shelf.photos / "2000").json["photos"]
    assert {one["date"] for one in shown} == {"1999-01-02T03:04:05"}


@exiftool
def test_renamed_moved_and_edited_at_once(shelf):
    before = {name: len(paths) for name, paths in who(shelf).items()}
    edit("-r", "-Rating=2", shelf.photos)
    shelf.photos.rename(shelf.photos.with_name("elsewhere"))
    (shelf.photos.with_name("elsewhere") / "2004").rename(shelf.photos.with_name("third"))
    shelf.photos.mkdir()
    report = shelf.index(shelf.photos.parent)
    assert (report["photos"], report["moved"]) == (0, 11)
    assert {name: len(paths) for name, paths in who(shelf).items()} == before


@exiftool
def test_a_correction_by_hand_survives_the_edit(shelf):
    face = shelf.seen(shelf.bert)[0]
    assert shelf("move", face["face_id"], shelf.anna, "--force").code == 0
    before = who(shelf)
    edit("-r", "-Rating=1", shelf.photos)
    shelf.index(shelf.photos)
    assert who(shelf) == before
    assert shelf("undo").code == 0
    assert len(who(shelf)["Bert"]) == 5


@exiftool
def test_a_forgotten_photo_stays_forgotten(shelf):
    path = shelf.photos / "2004" / "anna.jpg"
    assert shelf("forget", "--yes", "--photo", path).code == 0
    edit("-Rating=5", path)
    report = shelf.index(shelf.photos)
    assert (report["forgotten"], report["photos"]) == (1, 0)
    assert str(path) not in json.dumps(who(shelf))
    path.rename(path.with_name("other.jpg"))
    edit("-Title=again", path.with_name("other.jpg"))
    assert shelf.index(shelf.photos)["forgotten"] == 1


@exiftool
def test_a_photo_that_an_earlier_version_has_forgotten_stays_forgotten(shelf):
    path = shelf.photos / "2004" / "anna.jpg"
    shelf("forget", "--yes", "--photo", path)
    with closing(sqlite3.connect(shelf.path)) as raw, raw:
        raw.execute("DELETE FROM forgotten_photo WHERE digest LIKE '%-%'")
    shelf.index(shelf.photos)
    edit("-Rating=5", path)
    assert shelf.index(shelf.photos)["forgotten"] == 1


def box_of(shelf, path):
    [one] = [one for one in shelf.seen(shelf.cleo) if one["path"] == str(path)]
    return np.array(one["box"])


@exiftool
@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_turned_photo_keeps_its_faces_where_they_are(shelf, orientation):
    path = shelf.photos / "cleo.jpg"
    before = box_of(shelf, path)
    edit("-n", f"-Orientation={orientation}", path)
    report = shelf.index(shelf.photos)
    assert (report["edited"], report["photos"]) == (1, 0)
    with Image.open(path) as image:
        stored = Upright(*image.size, 1)
    turn = mapping(stored, stored.turned(orientation))
    corners = turn(before.reshape(2, 2))
    wanted = np.concatenate([corners.min(axis=0), corners.max(axis=0)])
    assert box_of(shelf, path) == pytest.approx(wanted, abs=3)  # found again, or mapped
    assert who(shelf)["Cleo"] == [str(path)]
    edit("-n", "-Orientation=1", path)
    shelf.index(shelf.photos)
    assert box_of(shelf, path) == pytest.approx(before, abs=3)


def test_points_are_turned_as_pixels_are():
    """Pillow turns the pixel; the mapping has to say where it lies then."""
    marked = Image.new("L", (30, 20))
    marked.putpixel((4, 7), 255)
    stored = Upright(30, 20, 1)
    methods = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}
    shown = {1: marked} | {one: marked.transpose(method) for one, method in methods.items()}
    for first, was in shown.items():
        for then, now in shown.items():
            turn = mapping(stored.turned(first), stored.turned(then))
            (y0, x0), (y1, x1) = (np.argwhere(np.asarray(one))[0] for one in (was, now))
            assert stored.turned(then) == Upright(*now.size, then)
            assert turn(np.array([[x0 + 0.5, y0 + 0.5]])) == pytest.approx(
                np.array([[x1 + 0.5, y1 + 0.5]])
            )


@exiftool
def test_copies_that_differ_in_orientation_are_one_photo(shelf):
    path, copy = shelf.photos / "cleo.jpg", shelf.photos / "turned.jpg"
    before = box_of(shelf, path)
    shutil.copy(path, copy)
    edit("-n", "-Orientation=6", copy)
    report = shelf.index(shelf.photos)
    assert (report["known"], report["photos"]) == (1, 0)
    assert box_of(shelf, path).tolist() == before.tolist()
    assert len(shelf.seen(shelf.cleo)) == 1
    path.unlink()
    shelf.index(shelf.photos)
    assert shelf.seen(shelf.cleo)[0]["path"] == str(copy)
    corners = mapping(Upright(*size_of(copy), 1), Upright(*size_of(copy)[::-1], 6))(
        before.reshape(2, 2)
    )
    wanted = np.concatenate([corners.min(axis=0), corners.max(axis=0)])
    assert box_of(shelf, copy) == pytest.approx(wanted, abs=3)


def size_of(path):
    with Image.open(path) as image:
        return image.size


@exiftool
def test_two_new_copies_of_other_orientation_are_one_photo(tmp_path):
    shelf = Shelf(tmp_path)
    folder = tmp_path / "photos"
    photo(folder / "a.jpg", Drawn(ANNA), Drawn(BERT))
    shutil.copy(folder / "a.jpg", folder / "b.jpg")
    edit("-n", "-Orientation=8", folder / "b.jpg")
    report = shelf.index(folder)
    assert (report["photos"], report["known"]) == (1, 1)
    assert [person["photos"] for person in shelf.people("--all")] == [1, 1]
    assert shelf.index(folder)["unchanged"] == 2


RESAVED = {
    "another quality": lambda image: (image, {"quality": 70}),
    "smaller": lambda image: (image.resize((image.width * 3 // 4, image.height * 3 // 4)), {}),
    "larger": lambda image: (image.resize((image.width * 2, image.height * 2)), {"quality": 95}),
    "turned left": lambda image: (image.transpose(Image.Transpose.ROTATE_90), {"quality": 90}),
    "turned over": lambda image: (image.transpose(Image.Transpose.ROTATE_180), {}),
    "mirrored": lambda image: (image.transpose(Image.Transpose.FLIP_LEFT_RIGHT), {}),
    "cropped": lambda image: (image.crop((1, 1, image.width, image.height)), {}),
}


@pytest.mark.parametrize("change", RESAVED.values(), ids=RESAVED)
def test_pictures_resaved_at_their_place_keep_everything(shelf, change):
    before = who(shelf)
    face = shelf.seen(shelf.bert)[0]
    shelf("reject", face["face_id"])
    rejected = who(shelf)
    paths = []
    for path in sorted(shelf.photos.rglob("*.jpg")):
        with Image.open(path) as image:
            image.load()
            exif = image.getexif().tobytes()
        anew, options = change(image)
        if are_alike(image, anew):
            anew.save(path, exif=exif, **options)
            paths.append(path)
    assert len(paths) >= 10
    report = shelf.index(shelf.photos)
    assert report["photos"] == 0
    assert [one["path"] for one in report["replaced"]] == list(map(str, paths))
    assert who(shelf) == rejected
    shelf("undo")
    assert who(shelf) == before


def test_a_picture_resaved_and_copied_keeps_everything_at_its_place(shelf):
    before = who(shelf)["Cleo"]
    path = shelf.photos / "cleo.jpg"
    with Image.open(path) as image:
        image.load()
    image.save(path, quality=60)
    shutil.copy(path, shelf.photos / "a.jpg")  # comes first by name
    report = shelf.index(shelf.photos)
    assert (report["photos"], report["known"], len(report["replaced"])) == (0, 1, 1)
    assert who(shelf)["Cleo"] == before


@pytest.mark.parametrize("left", [0, 900, -300])
def test_a_photo_that_is_read_while_it_is_resaved_keeps_everything(shelf, left):
    before = who(shelf)
    path = shelf.photos / "cleo.jpg"
    with Image.open(path) as image:
        image.load()
    image.save(path, quality=70)
    whole = path.read_bytes()
    path.write_bytes(whole[:left])
    assert len(shelf.index(shelf.photos)["failures"]) == 1
    path.write_bytes(whole)
    report = shelf.index(shelf.photos)
    assert (report["photos"], len(report["replaced"])) == (0, 1)
    assert who(shelf) == before


def test_resaved_photos_are_told(shelf):
    path = shelf.photos / "cleo.jpg"
    with Image.open(path) as image:
        image.load()
    image.save(path, quality=60)
    ran = shelf("index", "--profile", "fake", shelf.photos)
    told = "1 photo was re-saved by another program; faces and names stay:"
    assert f"{told}\n  {path}\n" in ran.out


def test_another_picture_at_a_known_place_is_another_photo(shelf):
    rng = np.random.default_rng(5)
    path = shelf.photos / "cleo.jpg"
    Image.fromarray(rng.integers(0, 255, (90, 120, 3), np.uint8)).resize((600, 400)).save(path)
    report = shelf.index(shelf.photos)
    assert (report["photos"], report["replaced"]) == (1, [])
    assert who(shelf)["Cleo"] == []


def test_the_original_elsewhere_keeps_its_photo(shelf):
    """What was re-saved while the original lies in another folder is a photo of its own."""
    path = shelf.photos / "cleo.jpg"
    shutil.copy(path, shelf.photos / "original.jpg")
    shelf.index(shelf.photos)
    with Image.open(path) as image:
        image.load()
    image.save(path, quality=60)
    assert shelf.index(shelf.photos)["photos"] == 1
    assert str(shelf.photos / "original.jpg") in who(shelf)["Cleo"]


def forget_digests(shelf):
    """Make a library what an earlier version has left: it knew no digests of pictures."""
    with closing(sqlite3.connect(shelf.path)) as raw, raw:
        raw.execute("UPDATE photo SET picture = NULL")
        raw.execute("UPDATE file SET picture = NULL, orientation = NULL, date_claims = NULL")


@exiftool
def test_a_library_of_an_earlier_version_learns_the_digests(shelf, blind):
    before = who(shelf)
    forget_digests(shelf)
    blind()
    shelf.index(shelf.photos)
    edit("-r", "-Rating=4", shelf.photos)
    report = shelf.index(shelf.photos)
    assert (report["edited"], report["photos"]) == (11, 0)
    assert who(shelf) == before


@exiftool
def test_an_edit_before_the_digests_were_known_costs_nothing(shelf):
    before = who(shelf)
    forget_digests(shelf)
    edit("-r", "-Rating=4", shelf.photos)
    report = shelf.index(shelf.photos)
    assert (report["photos"], len(report["replaced"])) == (0, 11)
    assert who(shelf) == before


def test_sources_are_ranked_as_dates_are():
    assert tuple(str(one) for one in Source)[1:-1] == BEST_FIRST


@pytest.mark.parametrize("how", ["index", "refresh"])
@pytest.mark.parametrize("first", [True, False])
def test_the_sidecar_of_any_copy_says_the_date(tmp_path, how, first):
    """`cases/files/exact-copies-sidecar`, whichever copy comes first."""
    shelf = Shelf(tmp_path)
    folder = tmp_path / "photos"
    photo(folder / "a.jpg", Drawn(ANNA), year=None)
    shutil.copy(folder / "a.jpg", folder / "b.jpg")
    beside = folder / ("a.jpg.xmp" if first else "b.jpg.xmp")
    if how == "refresh":
        shelf.index(folder)
    beside.write_text(
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF'
        ' xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description'
        ' xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"'
        ' photoshop:DateCreated="1974-07-05"/></rdf:RDF></x:xmpmeta>'
    )
    if how == "refresh":
        assert shelf("dates", "refresh").code == 0
    else:
        shelf.index(folder)
    [one] = shelf("dates", "list", "--json", folder).json["photos"]
    assert one["date"].startswith("1974-07-05")
    beside.unlink()
    shelf("dates", "refresh")
    [one] = shelf("dates", "list", "--json", folder).json["photos"]
    assert not one["date"].startswith("1974")


def test_dated_names_and_googles_json_of_any_copy_count(tmp_path):
    shelf = Shelf(tmp_path)
    folder = tmp_path / "photos"
    photo(folder / "a.jpg", Drawn(ANNA), year=None)
    shutil.copy(folder / "a.jpg", folder / "IMG_19990405_101112.jpg")
    shutil.copy(folder / "a.jpg", folder / "c.jpg")
    said = {"photoTakenTime": {"timestamp": "923307000"}, "people": [{"name": "Ana"}]}
    (folder / "c.jpg.json").write_text(json.dumps({"title": "c.jpg", **said}))
    assert shelf.index(folder)["photos"] == 1
    [one] = shelf("dates", "list", "--json", folder).json["photos"]
    assert (one["date"], one["date_source"]) == ("1999-04-05T10:10:00", "takeout")
    with closing(sqlite3.connect(shelf.path)) as raw:
        assert raw.execute("SELECT source, name FROM hint").fetchall() == [("takeout", "Ana")]
    (folder / "c.jpg").unlink()
    shelf.index(folder)
    [one] = shelf("dates", "list", "--json", folder).json["photos"]
    assert (one["date"], one["date_source"]) == ("1999-04-05T10:11:12", "file-name")
    (folder / "IMG_19990405_101112.jpg").unlink()
    shelf.index(folder)
    [one] = shelf("dates", "list", "--json", folder).json["photos"]
    assert one["date_source"] == "mtime"


def names_in(path):
    from album.tags.places import read_sidecar

    return sorted(read_sidecar(path).people)


def test_a_lost_match_takes_no_name_out_of_a_file(shelf):
    assert shelf("export", "--xmp").code == 0
    path = shelf.photos / "cleo.jpg"
    rng = np.random.default_rng(5)
    Image.fromarray(rng.integers(0, 255, (90, 120, 3), np.uint8)).resize((600, 400)).save(path)
    shelf.index(shelf.photos)
    ran = shelf("export", "--xmp")
    assert ran.code == 0
    assert names_in(f"{path}.xmp") == ["Cleo"]


DECISIONS = {
    "renamed": (lambda s: s("name", s.cleo, "Kleo"), "nobody has that name now", ["Kleo"]),
    "unnamed": (lambda s: s("name", s.cleo, ""), "nobody has that name now", []),
    "hidden": (lambda s: s("hide", s.cleo), "nobody has that name now", []),
    "merged": (
        lambda s: s("merge", s.anna, s.cleo, "--force"),
        "nobody has that name now",
        ["Anna"],
    ),
    "rejected": (
        lambda s: s("reject", s.seen(s.cleo)[0]["face_id"]),
        "you said that it is not them",
        [],
    ),
    "moved": (
        lambda s: s("move", s.seen(s.cleo)[0]["face_id"], s.bert),
        "you gave the face to Bert",
        ["Bert"],
    ),
    "forgotten": (
        lambda s: s("forget", "--yes", "Cleo"),
        "nobody has that name now",
        [],
    ),
}


@pytest.mark.parametrize(("decide", "why", "left"), DECISIONS.values(), ids=DECISIONS)
def test_names_leave_files_by_decisions_which_are_told(shelf, decide, why, left):
    assert shelf("export", "--xmp").code == 0
    sidecar = shelf.photos / "cleo.jpg.xmp"
    assert names_in(sidecar) == ["Cleo"]
    assert decide(shelf).code == 0
    ran = shelf("export", "--xmp", "--dry-run")
    assert f"- dc:subject Cleo ({why})" in ran.out
    assert shelf("export", "--xmp").code == 0
    assert (names_in(sidecar) if sidecar.exists() else []) == left


@exiftool
def test_names_can_be_embedded_into_a_photo_that_was_edited_meanwhile(shelf):
    path = shelf.photos / "cleo.jpg"
    edit("-Rating=3", path)
    assert shelf("export", "--xmp", "--embed", path).code == 0
    said = subprocess.run(
        ["exiftool", "-s3", "-Rating", "-PersonInImage", path],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.split() == ["3", "Cleo"]
    assert shelf.index(shelf.photos)["photos"] == 0
