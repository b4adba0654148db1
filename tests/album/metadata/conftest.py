import pytest

from album.files.scan import content_hash
from album.metadata.picture_digest import digests


@pytest.fixture
def look(tmp_path):
    """Return the digests of some bytes."""

    def of(data, name="x"):
        path = tmp_path / name
        path.write_bytes(data)
        found = digests(path)
        assert found.content == content_hash(path)
        return found

    return of
