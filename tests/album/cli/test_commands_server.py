"""The commands on the URL of a server, as a user types it."""

import pytest

from tests.album.albums import Shelf, album, family
from tests.databases import PASSWORD

pytestmark = pytest.mark.postgresql

NUMBER = iter(range(1000))
QUOTED = "pass%20word"


@pytest.fixture
def url(server):
    name = f"commands{next(NUMBER)}"
    with server.connect() as raw:
        raw.execute(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0")
    return server.url(name)


@pytest.fixture
def shelf(url, tmp_path):
    made = Shelf(tmp_path)
    made.path = url
    made.index(family(tmp_path / "photos"))
    return made


def hidden(ran):
    return PASSWORD not in ran.out + ran.err and QUOTED not in ran.out + ran.err


def test_a_library_on_a_server_does_what_a_file_does(shelf, tmp_path, monkeypatch):
    assert [one["photos"] for one in shelf.people()] == [10, 5]
    ran = shelf("name", 1, "Anna")
    assert ran.code == 0, ran.err
    monkeypatch.setenv("ALBUM_LIBRARY", shelf.path)
    status = album("status")
    assert "postgresql+psycopg://album@127.0.0.1" in status.out
    assert hidden(status)
    assert album("find", "--person", "Anna", "--count").out == "10\n"
    assert shelf("undo").code == 0
    back = tmp_path / "back.db"
    ran = album("library", "copy", shelf.path, back)
    assert ran.code == 0, ran.err
    assert hidden(ran)
    assert album("people", "--json", "--library", back).json == shelf("people", "--json").json


def test_everything_is_forgotten_on_a_server(shelf, server):
    ran = shelf("forget", "--everything", "--yes")
    assert ran.code == 0, ran.err
    assert "11 photos, with 16 faces" in ran.out
    assert "all tables in postgresql+psycopg://album@" in ran.out
    assert hidden(ran)
    gone = shelf("people")
    assert gone.code == 1
    assert "There is no library at postgresql" in gone.err
    assert shelf("forget", "--everything", "--yes").code == 1
    with server.connect(shelf.path.rpartition("/")[2]) as raw:
        assert raw.execute(
            "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        ).fetchone() == (0,)


def test_tables_of_another_program_are_not_deleted(url, server):
    with server.connect(url.rpartition("/")[2]) as raw:
        raw.execute("CREATE TABLE bookmarks (url TEXT)")
        ran = album("forget", "--everything", "--yes", "--library", url)
        assert ran.code == 1
        assert "tables of another program" in ran.err
        assert raw.execute("SELECT count(*) FROM bookmarks").fetchone() == (0,)


@pytest.mark.parametrize("words", [("people",), ("people", "-v"), ("index", ".", "-v")])
def test_a_password_is_never_printed(server, words):
    wrong = server.url(password="hunter2 /@")
    for url in (
        wrong,
        wrong.replace(f":{server.port}/", ":port/"),
        wrong.replace("127.0.0.1", "no.invalid"),
    ):
        ran = album(*words, "--library", url)
        assert ran.code == 1
        assert "hunter2" not in ran.out + ran.err
        assert ran.err.splitlines()[-1].startswith("album: ")


def test_distances_of_a_large_library_are_measured_by_another_process(shelf, tmp_path, monkeypatch):
    from album.grouping import candidates
    from album.grouping.candidates import are_due
    from album.web import measuring
    from album.web.app import make_shelf
    from db.people.suggestions import save_candidates

    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_, **__: tmp_path / "cache")
    monkeypatch.setattr(measuring, "FEW", 0)
    served = make_shelf(shelf.path)
    try:
        save_candidates(served.library, "none", b"")
        monkeypatch.setattr(candidates, "measured", lambda *_, **__: pytest.fail("measured here"))
        assert are_due(served.library)
        measuring.measure(served)
        assert not are_due(served.library)
    finally:
        served.close()
