"""People without a face, faces without a date, photos without a face, libraries without either."""

import pytest

from db.library import Library
from db.people.browse import cover_faces
from tests.album.albums import ANNA, BERT, Drawn, Shelf, family, photo
from tests.album.web.conftest import Client, web_shelf


def rejected(folder):
    """Person 1 has a name and no face."""
    shelf = Shelf(folder)
    shelf.index(family(folder / "photos"))
    shelf("name", 1, "Solo")
    shelf("reject", *(face["face_id"] for face in shelf.seen(1)))
    return shelf


def forgotten(folder):
    """Three people with names, one of them hidden, and not one photo."""
    shelf = Shelf(folder)
    photos = sorted(family(folder / "photos").rglob("*.jpg"))
    shelf.index(folder / "photos")
    for number, name in enumerate(("Solo", "Two", "Three"), 1):
        shelf("name", number, name)
    shelf("hide", 2)
    assert shelf("forget", "--yes", "--photo", *photos).code == 0
    return shelf


def hidden(folder):
    """Everybody is hidden."""
    shelf = Shelf(folder)
    shelf.index(family(folder / "photos"))
    shelf("name", 1, "Solo")
    for number in (1, 2, 3):
        assert shelf("hide", number).code == 0
    return shelf


def faceless(folder):
    """One photo, without a face."""
    shelf = Shelf(folder)
    photo(folder / "photos" / "a.jpg")
    shelf.index(folder / "photos")
    return shelf


def undated(folder):
    """No photo has a date."""
    shelf = Shelf(folder)
    for i in range(5):
        photo(folder / "photos" / f"{i}.jpg", Drawn(ANNA), Drawn(BERT), shade=50 + i, year=None)
    shelf.index(folder / "photos")
    shelf("name", 1, "Solo")
    return shelf


def empty(folder):
    """Nothing at all."""
    shelf = Shelf(folder)
    (folder / "photos").mkdir()
    shelf.index(folder / "photos")
    return shelf


LIBRARIES = (rejected, forgotten, hidden, faceless, undated, empty)
QUERIES = ("?group=all", "?group=hidden", "?sort=name", "?sort=born", "?sort=recent", "?name=solo")
ADDRESSES = (
    *("/people", "/people/1", "/photos/1", "/faces/1/176.jpg", "/photos/1/640.jpg"),
    *("/photos/1/file", "/review", "/map", "/library", "/dates", "/login", "/search"),
    *(f"{path}{query}" for path in ("/people", "/api/v1/people") for query in QUERIES),
    *("/people/1?newest=true", "/people/1?offset=1", "/people/2", "/review?names=true"),
    *("/map?people=1", "/api/v1/map?people=1", "/api/v1/map?people=2", "/search?q=solo"),
    *("/search?q=faces+0", "/search?q=unnamed", "/search?q=solo+age+3..6", "/dates?refused=true"),
)
COMMANDS = (
    "people", "people --all", "people --json", "people --all --csv", "show 1", "show 1 --faces",
    "show 1 --json", "find --json --person 1", "find --json --person 1 --age 3..5",
    "find --json --faces 0", "find --json --unnamed", "suggest", "suggest --no-pictures",
    "status", "dates", "regroup --dry-run", "split 1 --auto", "export --xmp --dry-run",
    "export OUT --all --format csv --format json --format folders --format html --format strip",
)  # fmt: skip


@pytest.fixture(scope="module", params=LIBRARIES, ids=lambda made: made.__name__)
def library(request, tmp_path_factory):
    return request.param(tmp_path_factory.mktemp(request.param.__name__))


def pages(client):
    """Return the address of everything that can be looked at, and some with a query."""
    paths = client.get("/api/v1/openapi.json").json()["paths"]
    found = [path for path, methods in paths.items() if "get" in methods]
    found = [path.replace("{person_id}", "1").replace("{photo_id}", "1") for path in found]
    assert {"/api/v1/people/1/faces", "/api/v1/photos/1"} <= set(found)
    return (*found, *ADDRESSES)


def test_every_page_answers(library, tmp_path):
    with Client(web_shelf(library.path, tmp_path / "cache")) as client:
        answers = {path: client.get(path) for path in pages(client)}
    assert {path: one.text for path, one in answers.items() if one.status_code >= 500} == {}
    for path in ("/people", "/review", "/map", "/library", "/dates", "/api/v1/questions"):
        assert answers[path].status_code == 200, path


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_answers(library, words, tmp_path):
    command, *rest = (str(tmp_path) if word == "OUT" else word for word in words.split())
    ran = library(command, *rest)
    assert "Unexpected" not in ran.err
    assert ran.code in (0, 1, 2)


def test_a_person_whose_faces_were_all_rejected(tmp_path):
    shelf = rejected(tmp_path)
    with Client(web_shelf(shelf.path, tmp_path / "cache")) as client:
        listed = client.get("/api/v1/people?name=solo").json()["people"]
        assert [(one["name"], one["picture"], one["faces"]) for one in listed] == [
            ("Solo", None, 0)
        ]
        assert client.get("/api/v1/people/1").json() == listed[0]
        assert client.get("/api/v1/people/1/faces").json()["faces"] == []
        assert "Solo" in client.get("/people").text
        page = client.get("/people/1")
        assert page.status_code == 200 and "<h1>Solo" in page.text
    assert "Solo" in shelf("people").out
    assert "0 photos" in shelf("show", "Solo").out
    out = tmp_path / "out"
    assert (
        shelf("export", out, "--format", "csv", "--format", "html", "--format", "strip").code == 0
    )
    assert "1,Solo,,,,,,,,,0,0,,,false,false" in (out / "people.csv").read_text().splitlines()


def test_a_person_without_a_cover_is_shown_by_their_largest_face(tmp_path):
    shelf = Shelf(tmp_path)
    for i in range(3):
        photo(tmp_path / "photos" / f"{i}.jpg", Drawn(ANNA), side=60 + 30 * i)
    shelf.index(tmp_path / "photos")
    with Library.open(shelf.path) as library:
        with library.write() as conn:
            conn.exec_driver_sql("UPDATE person SET cover_face_id = NULL")
        faces = shelf.seen(1)
        largest = max(faces, key=lambda face: face["box"][2] - face["box"][0])
        assert cover_faces(library, [1])[1].face_id == largest["face_id"]
