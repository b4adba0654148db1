"""`album export --format html`: pages that need nothing and nobody, on drawn people."""

import re
import shutil
from bisect import bisect
from html.parser import HTMLParser

import pytest

from album.export.pages import person as person_pages
from album.export.pages.plan import choose
from album.people.faces import person_faces
from album.people.people import list_people
from album.thumbnails import face_tiles
from album.thumbnails.cache import Thumbnails
from album.thumbnails.face_tiles import FaceTiles, Tile
from db.library import Library
from tests.album.albums import ANNA, BERT, Drawn, Shelf, family, photo
from tests.album.drawn_clips import Placed, still, write
from tests.databases import copy
from tests.db.make import edit_person

NASTY = "<script>alert('x')</script>\"><img src=http://example.org/a.png onerror=b()> & Söhne"


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    shelf = Shelf(tmp_path_factory.mktemp("original"))
    folder = family(shelf.path.parent / "photos")
    photo(folder / "2000" / "<i>anna</i> & 'co'.jpg", Drawn(ANNA, 20, male=False), year=2000)
    photo(folder / "undated.jpg", Drawn(ANNA, 25, male=False), year=None)
    write(folder / "clip.mp4", [still(Placed(ANNA, male=False))] * 40)
    shelf.index(folder)
    return shelf


@pytest.fixture
def shelf(original, tmp_path, monkeypatch):
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_, **__: tmp_path / "cache")
    own = Shelf(tmp_path)
    copy(original.path, own.path)
    return own


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def export(shelf, out, *words):
    return shelf("export", out, "--format", "html", *words)


def rename(shelf, person, name):
    with Library.open(shelf.path) as library:
        edit_person(library, person, name=name)


class Page(HTMLParser):
    """What is in a page, as a browser understands it."""

    def __init__(self, path):
        super().__init__()
        self.tags, self.text, self.open = [], "", []
        self.feed(path.read_text("utf-8"))
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text += data

    def all(self, name):
        return [attrs for tag, attrs in self.tags if tag == name]


def pages(out):
    return {path.name: Page(path) for path in (out / "html").iterdir()}


def test_a_page_for_each_person_and_one_of_all(shelf, out):
    ran = export(shelf, out)
    assert ran.code == 0, ran.err
    found = pages(out)
    anna, bert = (person["id"] for person in shelf.people())
    assert found.keys() == {"index.html", f"person-{anna}.html", f"person-{bert}.html"}
    links = [one["href"] for one in found["index.html"].all("a")]
    assert links == [f"./person-{anna}.html", f"./person-{bert}.html"]
    assert found[f"person-{bert}.html"].all("a")[0]["href"] == "./index.html"


def test_a_page_tells_everything_about_every_face_by_date(shelf, out):
    export(shelf, out)
    anna = shelf.people()[0]
    page = pages(out)[f"person-{anna['id']}.html"]
    seen = shelf.seen(anna["id"])
    assert len(page.all("figure")) == len(seen) == 13
    assert len(page.all("img")) == 14  # the one at the top, too
    years = [year for year, _ in re.findall(r"(\d{4})-\d\d-\d\d · age (\d+)", page.text)]
    assert years == sorted(years)
    assert years[0] == "2000"
    for face in seen:
        assert any(one.get("title") == face["path"] for one in page.all("span"))
    assert re.search(r"Born\s*about 19\d\d", page.text)
    assert re.search(r"Gender\s*female, \d\d %", page.text)
    assert "clip, 0:00" in page.text
    # A date of the file's own tells no year.
    assert "Without a date" in page.text
    assert page.text.index("undated.jpg") > page.text.index("Without a date")


def test_a_page_asks_nobody_for_anything(shelf, out):
    export(shelf, out)
    for page in pages(out).values():
        names = {tag for tag, _ in page.tags}
        assert not names & {"script", "link", "iframe", "object", "embed", "form", "base"}
        assert all(one["src"].startswith("data:image/jpeg;base64,") for one in page.all("img"))
        assert not any(key.startswith("on") for _, attrs in page.tags for key in attrs)
        links = [one["href"] for one in page.all("a")]
        assert all(link.startswith(("./", "#")) for link in links)
        [policy] = [one for one in page.all("meta") if "http-equiv" in one]
        assert policy["content"].startswith("default-src 'none'; img-src data:")
    style = (out / "html" / "index.html").read_text("utf-8").split("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style


def test_names_and_paths_are_text_whatever_they_hold(shelf, out):
    anna = shelf.people()[0]["id"]
    rename(shelf, anna, NASTY)
    export(shelf, out)
    found = pages(out)
    [mine] = [page for page in found.values() if page.text.strip().startswith(NASTY[:8])]
    for page in (mine, found["index.html"]):
        assert NASTY in page.text
        assert not page.all("script")
        assert not page.all("i")
    assert any("<i>anna</i> & 'co'.jpg" in (one.get("title") or "") for one in mine.all("span"))
    assert any(NASTY in one["alt"] for one in mine.all("img"))


def test_pages_can_be_read_aloud(shelf, out):
    export(shelf, out)
    for name, page in pages(out).items():
        assert page.all("html")[0]["lang"] == "en"
        assert len(page.all("h1")) == len(page.all("main")) == 1
        assert all("alt" in one for one in page.all("img"))
        if name != "index.html":
            alts = [one["alt"] for one in page.all("img")]
            assert alts[0] == ""  # the name stands beside it
            assert all(alt.startswith("Person ") for alt in alts[1:])
            labels = {one["aria-labelledby"] for one in page.all("section")}
            assert labels == {one["id"] for one in page.all("h2")}


def contrast(one, other):
    def light(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


def test_text_has_enough_contrast_on_light_and_dark(shelf, out):
    from album.export.pages.rendering import style

    blocks = re.findall(r":root \{([^}]*)\}", style())
    assert len(blocks) == 3  # light, dark, print
    for block in blocks:
        colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})(?=;)", re.sub(
            r"#([0-9a-f])([0-9a-f])([0-9a-f])(?=;)", r"#\1\1\2\2\3\3", block)))  # fmt: skip
        for ink in ("ink", "soft", "link"):
            assert contrast(colours[ink], colours["paper"]) >= 4.5
            assert contrast(colours[ink], colours["card"]) >= 4.5


def test_a_page_is_bounded_and_says_what_it_leaves_out(shelf, out, monkeypatch):
    monkeypatch.setattr("album.export.pages.plan.MOST", 5)
    export(shelf, out)
    anna = shelf.people()[0]
    page = pages(out)[f"person-{anna['id']}.html"]
    assert len(page.all("figure")) == 5
    assert "This page shows 5 of 13 faces" in page.text


def test_the_clearest_of_equal_stretches_are_shown(shelf, monkeypatch):
    monkeypatch.setattr("album.export.pages.plan.MOST", 4)
    with Library.open(shelf.path) as library:
        anna = list_people(library).shown[0]
        faces = list(person_faces(library, [anna]))
    life = choose(anna, faces, faces[2].face_id)
    assert life.left_out == 9
    assert life.cover is faces[2]
    places = [faces.index(face) for face in life.faces]
    assert places == sorted(places)
    assert [bisect([3, 6, 10], place) for place in places] == [0, 1, 2, 3]
    assert life.faces[0].clarity == max(face.clarity for face in faces[:3])


def test_further_people_have_no_picture(shelf, out, monkeypatch):
    monkeypatch.setattr("album.export.pages.people.WITH_FACES", 1)
    monkeypatch.setattr("album.export.pages.plan.WITH_FACES", 1)
    export(shelf, out)
    page = pages(out)["index.html"]
    assert len(page.all("img")) == 1
    assert len(page.all("a")) == 2
    assert "Further people" in page.text


def test_a_second_export_opens_no_photo(shelf, out, monkeypatch):
    export(shelf, out)
    monkeypatch.setattr(FaceTiles, "jpeg", None)
    assert "up to date" in export(shelf, out).out
    assert export(shelf, out, "--dry-run").out == f"{out} is up to date.\n"


def test_only_the_pages_concerned_are_drawn_again(shelf, out):
    export(shelf, out)
    anna = shelf.people()[0]["id"]
    rename(shelf, anna, "Anna")
    ran = export(shelf, out)
    assert ran.out.startswith("2 files written, 1 removed")
    assert "Anna.html" in pages(out)
    assert f"person-{anna}.html" not in pages(out)


def test_dry_run_draws_nothing(shelf, out, tmp_path):
    ran = export(shelf, out, "--dry-run")
    assert "write    html/index.html" in ran.out
    assert not out.exists()
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("name", ["html", "html/index.html"])
def test_a_foreign_page_is_never_overwritten(shelf, out, name):
    (out / name).parent.mkdir(parents=True, exist_ok=True)
    (out / name).write_text("mine")
    ran = export(shelf, out)
    assert ran.code == 1
    assert str(out / name) in ran.err
    assert (out / name).read_text() == "mine"


def test_a_person_called_index(shelf, out):
    anna = shelf.people()[0]["id"]
    rename(shelf, anna, "Index")
    export(shelf, out)
    assert f"Index (person-{anna}).html" in pages(out)
    assert "./Index%20%28person-" in pages(out)["index.html"].all("a")[0]["href"]


@pytest.fixture
def own(tmp_path, monkeypatch):
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_, **__: tmp_path / "cache")
    shelf = Shelf(tmp_path)
    shelf.index(family(tmp_path / "photos"))
    return shelf


def test_pages_stay_while_the_disk_of_the_photos_is_away(own, out, tmp_path):
    export(own, out)
    before = {path: path.read_bytes() for path in (out / "html").iterdir()}
    (tmp_path / "photos").rename(tmp_path / "away")
    assert "up to date" in export(own, out).out  # all pictures are in the cache
    shutil.rmtree(tmp_path / "cache")
    ran = export(own, out)
    assert ran.code == 3
    assert "anna.jpg is not there" in ran.err
    assert before == {path: path.read_bytes() for path in (out / "html").iterdir()}


def test_a_photo_that_can_not_be_read_is_named_and_tried_again(own, out, tmp_path):
    broken = tmp_path / "photos" / "2000" / "anna.jpg"
    whole = broken.read_bytes()
    broken.write_bytes(b"broken")
    ran = export(own, out)
    assert ran.code == 3
    assert f"unread   html/person-{own.people()[0]['id']}.html: {broken} can't be read." in ran.err
    page = pages(out)[f"person-{own.people()[0]['id']}.html"]
    assert "photo can’t be read" in page.text
    assert len(page.all("figure")) == 10
    broken.write_bytes(whole)
    ran = export(own, out)
    assert ran.code == 0
    assert "files written" in ran.out
    assert "photo can’t be read" not in pages(out)[f"person-{own.people()[0]['id']}.html"].text


def test_a_photo_is_decoded_once_for_all_faces_in_it(tmp_path, monkeypatch):
    path = photo(tmp_path / "three.jpg", Drawn(ANNA), Drawn(BERT), Drawn(3))
    boxes = [(24 + 96 * i, 24, 96 + 96 * i, 96) for i in range(3)]
    wanted = [Tile(1, str(path), box) for box in boxes]
    opened = []
    crop = face_tiles.crop_faces

    def spied(path, *args, **options):
        opened.append(path)
        return crop(path, *args, **options)

    monkeypatch.setattr(face_tiles, "crop_faces", spied)
    tiles = FaceTiles(Thumbnails(tmp_path / "cache"))
    tiles.expect(wanted)
    jpegs = {tiles.jpeg(tile) for tile in wanted}
    assert opened == [str(path)]
    assert len(jpegs) == 3
    again = FaceTiles(Thumbnails(tmp_path / "cache"))
    assert {again.jpeg(tile) for tile in wanted} == jpegs
    assert len(opened) == 1


def test_years_with_few_faces_share_a_part(shelf):
    with Library.open(shelf.path) as library:
        anna = list_people(library).shown[0]
        faces = list(person_faces(library, [anna]))
    parted = person_pages.sections((person_pages.year_of(face), face) for face in faces)
    assert [part.title for part in parted] == ["2000–2004", "2006–2008", "Without a date"]
    assert sum(len(part.figures) for part in parted) == len(faces)
