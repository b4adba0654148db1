"""A library with drawn people, and a client that asks for its pages."""

import pytest
from starlette.testclient import TestClient

from album.thumbnails.cache import Thumbnails
from album.web.app import make_app, make_shelf
from album.web.guard import CSRF_HEADER, Access
from tests.album.albums import Shelf, family

HOST = "http://127.0.0.1"


class Client(TestClient):
    """Asks as the pages' own script does: with the token."""

    def __init__(self, shelf, **options):
        self.shelf = shelf
        super().__init__(make_app(shelf), base_url=HOST, raise_server_exceptions=False, **options)
        self.headers[CSRF_HEADER] = shelf.access.csrf


@pytest.fixture
def album(tmp_path):
    shelf = Shelf(tmp_path)
    shelf.index(family(tmp_path / "photos"))
    return shelf


def web_shelf(path, folder, **options):
    shelf = make_shelf(path, options.pop("access", Access()), **options)
    shelf.thumbnails = Thumbnails(folder)
    return shelf


@pytest.fixture
def client(album, tmp_path):
    with Client(web_shelf(album.path, tmp_path / "cache")) as client:
        yield client
