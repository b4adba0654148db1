import json
import os
import re
import subprocess
from shutil import which

import pytest
from PIL import Image

from album.tags.places import read_embedded, read_sidecar
from album.tags.regions import from_upright
from tests.album.albums import ANNA, BERT, Drawn, Shelf, photo, picture
from tests.album.media_files import encoded, exif
from tests.album.tags import samples
from tests.databases import everything_in, sql

pytestmark = pytest.mark.postgresql

needs_exiftool = pytest.mark.skipif(not which("exiftool"), reason="exiftool is not installed")
needs_exiv2 = pytest.mark.skipif(not which("exiv2"), reason="exiv2 is not installed")


@pytest.fixture
def shelf(tmp_path):
    """Two photos of Anna, one of them with Bert; only Anna has a name."""
    photos = tmp_path / "photos"
    photo(photos / "one.jpg", Drawn(ANNA))
    photo(photos / "two.jpg", Drawn(ANNA), Drawn(BERT), shade=99)
    shelf = Shelf(tmp_path)
    shelf.photos = photos
    shelf.index(photos)
    anna = max(shelf.people("--all"), key=lambda person: person["photos"])
    shelf.anna = anna["id"]
    shelf.bert = next(p["id"] for p in shelf.people("--all") if p["id"] != anna["id"])
    shelf("name", shelf.anna, "Anna")
    return shelf


def tag(shelf, *words, code=0):
    ran = shelf("export", "--xmp", *words)
    assert ran.code == code, ran
    return ran


def state(folder):
    return {p: (p.read_bytes(), p.stat().st_mtime_ns, p.stat().st_ino) for p in folder.iterdir()}


def names(tags):
    return [region.name for region in tags.faces]


def test_sidecars_with_all_forms(shelf):
    ran = tag(shelf)
    assert "2 sidecars written." in ran.out
    tags = read_sidecar(shelf.photos / "two.jpg.xmp")
    assert names(tags) == ["Anna"]
    assert [r.name for r in tags.mp] == ["Anna"]
    assert tags.people == tags.keywords == ("Anna",)
    assert tags.hierarchical == ("People|Anna",)
    assert tags.tags_list == ("People/Anna",)
    with Image.open(shelf.photos / "two.jpg") as image:
        assert tags.applied_to == image.size
    seen = next(s for s in shelf.seen(shelf.anna) if s["path"].endswith("two.jpg"))
    box = from_upright(seen["box"], tags.applied_to, 1)
    assert tags.mwg[0].box == pytest.approx(box, abs=1e-3)
    assert tags.mp[0].box == pytest.approx(tags.mwg[0].box, abs=2e-6)


@pytest.mark.parametrize("how", [(), ("--embed",), ("--sidecar-style", "adobe")])
def test_a_second_run_touches_nothing(shelf, how):
    tag(shelf, *how)
    before = state(shelf.photos)
    assert tag(shelf, *how).out == "2 right already.\n"
    assert state(shelf.photos) == before


@pytest.mark.parametrize(
    "name",
    ["\u0639\u0644\u06cc\u200c\u0631\u0636\u0627", "Ana \U0001f469\u200d\U0001f467"],
    ids=["Persian", "emoji"],
)
def test_joiners_in_a_name_are_kept(shelf, name):
    assert shelf("name", shelf.anna, name).code == 0
    tag(shelf)
    assert read_sidecar(shelf.photos / "two.jpg.xmp").people == (name,)


def test_adobe_style(shelf):
    tag(shelf, "--sidecar-style", "adobe")
    assert sorted(p.name for p in shelf.photos.glob("*.xmp")) == ["one.xmp", "two.xmp"]


def test_only_named_people_unless_asked(shelf):
    shelf("name", shelf.anna, "")
    shelf("hide", shelf.anna)
    tag(shelf, "--all")
    assert f"person-{shelf.bert}" in read_sidecar(shelf.photos / "two.jpg.xmp").people


def test_nobody_named_makes_no_sidecar(tmp_path):
    shelf = Shelf(tmp_path)
    photo(tmp_path / "photos" / "a.jpg", Drawn(ANNA))
    shelf.index(tmp_path / "photos")
    assert "Nobody with a name" in tag(shelf).out
    assert [p.name for p in (tmp_path / "photos").iterdir()] == ["a.jpg"]


def test_renamed_and_removed(shelf):
    tag(shelf)
    shelf("name", shelf.anna, "Anne")
    ran = tag(shelf, "--dry-run")
    assert "- dc:subject Anna" in ran.out
    assert "+ lr:hierarchicalSubject People|Anne" in ran.out
    assert read_sidecar(shelf.photos / "one.jpg.xmp").people == ("Anna",)
    tag(shelf)
    tags = read_sidecar(shelf.photos / "one.jpg.xmp")
    assert (tags.people, names(tags), tags.tags_list) == (("Anne",), ["Anne"], ("People/Anne",))
    tag(shelf, "--remove")
    assert not list(shelf.photos.glob("*.xmp"))


def test_forgotten_people_leave_the_tags_at_the_next_export(shelf):
    tag(shelf)
    shelf("forget", shelf.anna, "--yes")
    assert b"Anna" not in everything_in(shelf.path)
    tag(shelf)
    assert not list(shelf.photos.glob("*.xmp"))


@pytest.mark.parametrize("what", [("--photo", "photos"), ("1", "2", "--completely")])
def test_what_is_forgotten_completely_leaves_no_path(shelf, what, tmp_path):
    tag(shelf)
    words = [tmp_path / word if word == "photos" else word for word in what]
    assert shelf("forget", *words, "--yes").code == 0
    assert sql(shelf.path, "SELECT count(*) FROM tagged") == [(0,)]


@pytest.mark.parametrize("style", samples.STYLES)
def test_what_others_wrote_stays(shelf, style):
    sidecar = shelf.photos / "one.jpg.xmp"
    sidecar.write_text(samples.STYLES[style], encoding="utf-8")
    before = read_sidecar(sidecar)
    tag(shelf)
    after = read_sidecar(sidecar)
    assert after.mwg[: len(before.mwg)] == before.mwg
    assert set(before.keywords) < set(after.keywords)
    assert "Anna" in after.people
    if which("exiftool"):
        assert lost(dump(samples.STYLES[style]), dump(sidecar.read_text("utf-8"))) == []
    tag(shelf, "--remove")
    assert read_sidecar(sidecar) == before
    if which("exiftool"):
        assert dump(sidecar.read_text("utf-8")) == dump(samples.STYLES[style])


def dump(text):
    asked = ["exiftool", "-json", "-struct", "-a", "-G1", "-XMP:all", "-"]
    done = subprocess.run(asked, input=text.encode(), capture_output=True, check=False)
    said = json.loads(done.stdout)[0]
    return {key: value for key, value in said.items() if key != "SourceFile"}


def lost(before, after):
    """What is not there any more, whole: values of lists, fields of structures."""
    if isinstance(before, dict):
        if not isinstance(after, dict):
            return [before]
        return [x for key in before for x in lost(before[key], after.get(key))]
    values = before if isinstance(before, list) else [before]
    there = after if isinstance(after, list) else [after]
    return [value for value in values if value not in there]


def region(name, box, kind="Face"):
    x0, y0, x1, y1 = box
    named = f'mwg-rs:Name="{name}"' if name else ""
    return samples.packet(
        '<mwg-rs:Regions rdf:parseType="Resource"><mwg-rs:RegionList><rdf:Bag><rdf:li>'
        f'<rdf:Description {named} mwg-rs:Type="{kind}"><mwg-rs:Area stArea:x="{(x0 + x1) / 2}" '
        f'stArea:y="{(y0 + y1) / 2}" stArea:w="{x1 - x0}" stArea:h="{y1 - y0}"/>'
        "</rdf:Description></rdf:li></rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>"
    )


@pytest.fixture
def place(shelf):
    with Image.open(shelf.photos / "one.jpg") as image:
        size = image.size
    seen = next(s for s in shelf.seen(shelf.anna) if s["path"].endswith("one.jpg"))
    return from_upright(seen["box"], size, 1)


def test_a_foreign_region_of_the_same_face_gets_no_double(shelf, place):
    sidecar = shelf.photos / "one.jpg.xmp"
    sidecar.write_bytes(region("Anna B.", [v + 0.02 for v in place]))
    tag(shelf)
    assert [r.name for r in read_sidecar(sidecar).mwg] == ["Anna B."]
    tag(shelf, "--remove")
    assert [r.name for r in read_sidecar(sidecar).mwg] == ["Anna B."]


def test_a_foreign_region_without_a_name_is_given_one(shelf, place):
    sidecar = shelf.photos / "one.jpg.xmp"
    sidecar.write_bytes(region("", place))
    tag(shelf)
    assert [r.name for r in read_sidecar(sidecar).mwg] == ["Anna"]
    shelf("name", shelf.anna, "Anne")
    tag(shelf)
    assert [r.name for r in read_sidecar(sidecar).mwg] == ["Anne"]
    tag(shelf, "--remove")
    assert [r.name for r in read_sidecar(sidecar).mwg] == [""]


def test_a_pet_is_no_face(shelf, place):
    sidecar = shelf.photos / "one.jpg.xmp"
    sidecar.write_bytes(region("Rex", place, "Pet"))
    tag(shelf)
    assert [r.name for r in read_sidecar(sidecar).mwg] == ["Rex", "Anna"]


def test_a_keyword_that_was_there_is_not_taken_away(shelf):
    sidecar = shelf.photos / "one.jpg.xmp"
    sidecar.write_text(samples.EXIFTOOL.replace("Niaz", "Anna"), encoding="utf-8")
    tag(shelf)
    assert read_sidecar(sidecar).people == ("Anna",)
    tag(shelf, "--remove")
    assert read_sidecar(sidecar).people == ("Anna",)


def test_embedded_photos_stay_the_same_photos(shelf):
    path = shelf.photos / "one.jpg"
    path.chmod(0o640)
    before, status = Image.open(path).tobytes(), path.stat()
    people = shelf.people("--all")
    tag(shelf, "--embed")
    assert names(read_embedded(path)) == ["Anna"]
    assert Image.open(path).tobytes() == before
    assert (path.stat().st_mtime_ns, path.stat().st_mode) == (status.st_mtime_ns, status.st_mode)
    report = shelf.index(shelf.photos)
    assert (report["photos"], report["known"], report["faces"]) == (0, 0, 0), report
    assert shelf.people("--all") == people
    assert sorted(p.name for p in shelf.photos.iterdir()) == ["one.jpg", "two.jpg"]


def test_copies_each_get_their_tags(shelf):
    copy = shelf.photos / "copy.jpg"
    copy.write_bytes((shelf.photos / "one.jpg").read_bytes())
    shelf.index(shelf.photos)
    people = shelf.people("--all")
    tag(shelf, "--embed")
    assert copy.read_bytes() == (shelf.photos / "one.jpg").read_bytes()
    assert names(read_embedded(copy)) == ["Anna"]
    shelf.index(shelf.photos)
    assert shelf.people("--all") == people


def test_a_photo_that_changed_since_is_left_alone(shelf):
    photo(shelf.photos / "one.jpg", Drawn(BERT), shade=10)
    changed = (shelf.photos / "one.jpg").read_bytes()
    ran = tag(shelf, "--embed", code=3)
    assert "one.jpg did not get its tags (it has changed since it was indexed" in ran.err
    assert (shelf.photos / "one.jpg").read_bytes() == changed
    assert names(read_embedded(shelf.photos / "two.jpg")) == ["Anna"]


def test_protected_photos_and_hard_links_get_a_sentence(shelf):
    (shelf.photos / "one.jpg").chmod(0o444)
    os.link(shelf.photos / "two.jpg", shelf.photos.parent / "other.jpg")
    ran = tag(shelf, "--embed", code=3)
    assert "it is read-only" in ran.err
    assert "hard links" in ran.err
    assert "2 failed" in ran.out


def test_links_are_written_through(shelf, tmp_path):
    real = tmp_path / "elsewhere.jpg"
    (shelf.photos / "one.jpg").rename(real)
    (shelf.photos / "one.jpg").symlink_to(real)
    os.utime(real, ns=(real.stat().st_atime_ns, real.stat().st_mtime_ns))
    tag(shelf, "--embed")
    assert (shelf.photos / "one.jpg").is_symlink()
    assert names(read_embedded(real)) == ["Anna"]


def test_malformed_sidecars_are_kept_and_named(shelf):
    sidecar = shelf.photos / "one.jpg.xmp"
    sidecar.write_text("<x:xmpmeta")
    ran = tag(shelf, code=3)
    assert f"{sidecar} has XMP that can't be read" in ran.err
    assert sidecar.read_text() == "<x:xmpmeta"
    assert read_sidecar(shelf.photos / "two.jpg.xmp").people == ("Anna",)


def test_paths_bound_what_is_written(shelf):
    tag(shelf, shelf.photos / "two.jpg")
    assert [p.name for p in shelf.photos.glob("*.xmp")] == ["two.jpg.xmp"]


def test_options_that_do_not_go_together(shelf):
    assert shelf("export", shelf.photos, "--embed").code == 2
    assert shelf("export").code == 2
    assert shelf("export", "--xmp", "--format", "csv").code == 2
    assert shelf("export", "--xmp", shelf.photos / "nowhere").code == 2


FORMS = {
    "jpg": ("JPEG", {"quality": 92}),
    "png": ("PNG", {}),
    "tiff": ("TIFF", {}),
    "webp": ("WEBP", {"quality": 92}),
    "heic": ("HEIC", {}),
    "avif": ("AVIF", {"quality": 92}),
}


def turned_back(image, orientation):
    """The picture as a camera would have stored it."""
    from PIL.Image import Transpose

    back = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_90,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_270,
    }
    return image.transpose(back[orientation]) if orientation in back else image


@needs_exiftool
@needs_exiv2
@pytest.mark.parametrize("form", FORMS)
def test_round_trip_embedded(tmp_path, form):
    """Orientations 1 to 8, read again with exiftool, exiv2 and this program."""
    photos = tmp_path / "photos"
    photos.mkdir()
    kind, options = FORMS[form]
    turns = range(1, 9) if form in ("jpg", "png", "tiff", "webp") else (1,)
    for orientation in turns:
        image = turned_back(picture(Drawn(ANNA), shade=80 + orientation), orientation)
        block = exif(orientation=orientation, original="2004:05:06 07:08:09")
        (photos / f"{orientation}.{form}").write_bytes(encoded(image, kind, exif=block, **options))
    shelf = Shelf(tmp_path)
    shelf.index(photos)
    (anna,) = shelf.people("--all")
    shelf("name", anna["id"], "Anna Ö.")
    paths = sorted(photos.iterdir())
    before = [pixels(path) for path in paths], others(paths), warnings(paths)
    tag(shelf, "--embed", "--iptc-regions")
    assert ([pixels(path) for path in paths], others(paths), warnings(paths)) == before
    seen = {s["path"]: s["box"] for s in shelf.seen(anna["id"])}
    for orientation, path, said in zip(turns, paths, by_exiftool(paths), strict=True):
        check_everywhere(path, said, seen[str(path)], orientation)
    assert shelf.index(photos)["photos"] == 0


@needs_exiftool
@needs_exiv2
@pytest.mark.parametrize("orientation", range(1, 9))
def test_round_trip_sidecar(tmp_path, orientation):
    photos = tmp_path / "photos"
    photos.mkdir()
    image = turned_back(picture(Drawn(ANNA), Drawn(BERT)), orientation)
    path = photos / "a.jpg"
    path.write_bytes(encoded(image, "JPEG", quality=95, exif=exif(orientation=orientation)))
    shelf = Shelf(tmp_path)
    shelf.index(photos)
    anna = next(p for p in shelf.people("--all") if shelf.seen(p["id"])[0]["box"][0] < 60)
    shelf("name", anna["id"], "Anna Ö.")
    tag(shelf, "--iptc-regions")
    box = shelf.seen(anna["id"])[0]["box"]
    sidecar = photos / "a.jpg.xmp"
    assert [line.split(": ") for line in warnings([sidecar])] == [["Validate", "OK"]]
    (said,) = by_exiftool([sidecar])
    size = said["RegionInfo"]["AppliedToDimensions"]
    assert (size["W"], size["H"]) == image.size
    check_everywhere(sidecar, said, box, orientation)


def warnings(paths):
    asked = ["exiftool", "-validate", "-warning", "-a", *paths]
    said = subprocess.run(asked, capture_output=True, check=True).stdout.decode()
    return [re.sub(r" +:", ":", line) for line in said.splitlines()]


def pixels(path):
    if path.suffix == ".heic":
        import pillow_heif

        return bytes(pillow_heif.read_heif(path).data)
    with Image.open(path) as image:
        return image.tobytes()


def others(paths):
    """All that exiftool reads but XMP and what is about the file."""
    asked = ["exiftool", "-json", "-a", "-u", "-G1", "--XMP:all", "--System:all", *paths]
    done = subprocess.run(asked, capture_output=True, check=True)
    changing = ("ExifTool", "SourceFile", "Meta:", "RIFF:WebP_Flags")
    return [
        {k: v for k, v in said.items() if not k.startswith(changing) and "Data" not in k}
        for said in json.loads(done.stdout)
    ]


def by_exiftool(paths):
    asked = ["exiftool", "-j", "-n", "-struct", "-RegionInfo", "-RegionInfoMP"]
    asked += ["-PersonInImage", "-ImageRegion", *paths]
    return json.loads(subprocess.run(asked, capture_output=True, check=True).stdout)


def check_everywhere(path, said, box, orientation):
    applied = said["RegionInfo"]["AppliedToDimensions"]
    size = applied["W"], applied["H"]
    upright = size[::-1] if orientation >= 5 else size
    x0, y0, x1, y1 = from_upright(box, upright, orientation)
    expected = [x0 * size[0], y0 * size[1], x1 * size[0], y1 * size[1]]
    area = said["RegionInfo"]["RegionList"][0]["Area"]
    x, y, w, h = (float(area[key]) for key in "XYWH")
    assert in_pixels((x - w / 2, y - h / 2, x + w / 2, y + h / 2), size) == near(expected)
    x, y, w, h = map(float, said["RegionInfoMP"]["Regions"][0]["Rectangle"].split(","))
    assert in_pixels((x, y, x + w, y + h), size) == near(expected)
    boundary = said["ImageRegion"][0]["RegionBoundary"]
    x, y, w, h = (float(boundary[f"Rb{key}"]) for key in "XYWH")
    assert in_pixels((x, y, x + w, y + h), size) == near(expected)
    assert said["PersonInImage"] in ("Anna Ö.", ["Anna Ö."])
    tags = read_sidecar(path) if path.suffix == ".xmp" else read_embedded(path)
    assert in_pixels(tags.mwg[0].box, size) == near(expected)
    assert names(tags) == ["Anna Ö."]
    if path.suffix not in (".heic", ".avif"):  # which exiv2 may be built without
        asked = ["exiv2", "-px", path]
        text = subprocess.run(asked, capture_output=True, check=True).stdout.decode()
        assert "People/Anna Ö." in text
        (x,) = re.findall(r"stArea:x\s+\w+\s+\d+\s+([\d.]+)", text)
        assert float(x) * size[0] == near((expected[0] + expected[2]) / 2)


def in_pixels(box, size):
    return [value * side for value, side in zip(box, size * 2, strict=True)]


def near(expected):
    return pytest.approx(expected, abs=1)


def test_clips_get_sidecars_without_regions(tmp_path):
    from tests.album.drawn_clips import Placed, still, write

    photos = tmp_path / "photos"
    photos.mkdir()
    clip = write(photos / "party.mp4", [still(Placed(ANNA, 20, 30, age=24))] * 90)
    before = clip.read_bytes()
    shelf = Shelf(tmp_path)
    shelf.index(photos)
    (anna,) = shelf.people("--all")
    shelf("name", anna["id"], "Anna")
    tag(shelf, "--embed")
    assert clip.read_bytes() == before
    tags = read_sidecar(photos / "party.mp4.xmp")
    assert (tags.regions, tags.people, tags.keywords) == ((), ("Anna",), ("Anna",))


def test_a_raw_photo_and_its_jpeg_share_adobes_sidecar(tmp_path):
    """Both have the same people in the same places."""
    from tests.album.raw_files import dng

    photos = tmp_path / "photos"
    photos.mkdir()
    shown = encoded(picture(Drawn(ANNA), side=1100), "JPEG", quality=92)
    raw = photos / "one.dng"
    raw.write_bytes(dng(1, jpeg=shown))
    (photos / "one.jpg").write_bytes(shown)
    before = raw.read_bytes()
    shelf = Shelf(tmp_path)
    shelf.index(photos)
    (anna,) = shelf.people("--all")
    shelf("name", anna["id"], "Anna")
    assert len(shelf.seen(anna["id"])) == 2
    tag(shelf, "--sidecar-style", "adobe")
    assert names(read_sidecar(photos / "one.xmp")) == ["Anna"]
    tag(shelf, "--embed")
    assert raw.read_bytes() == before
    assert names(read_sidecar(photos / "one.dng.xmp")) == ["Anna"]
    assert names(read_embedded(photos / "one.jpg")) == ["Anna"]


def test_a_packet_too_large_for_a_jpeg_is_split(shelf):
    from album.metadata.containers import jpeg
    from album.metadata.containers.pieces import joined
    from album.tags.places import embedded_packets

    path = shelf.photos / "one.jpg"
    long = samples.packet("<dc:description>" + "x" * 64_300 + "</dc:description>")
    with path.open("rb") as file:
        data = b"".join(joined(file, jpeg.rewrite(file, [long])))
    path.write_bytes(data)
    shelf.index(shelf.photos)
    complaints = warnings([path]) if which("exiftool") else []
    tag(shelf, "--embed")
    packets = embedded_packets(path)
    assert len(packets) == 2
    assert names(read_embedded(path)) == ["Anna"]
    assert b"x" * 64_300 in b"".join(packets)
    if complaints:
        assert warnings([path]) == complaints
