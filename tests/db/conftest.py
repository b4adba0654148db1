import pytest

from db.library import Library


@pytest.fixture
def path(tmp_path):
    return tmp_path / "library.db"


@pytest.fixture
def library(path):
    with Library.open(path) as opened:
        yield opened
