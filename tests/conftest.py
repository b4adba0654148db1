import pytest
from hypothesis import settings

from tests import databases

# A slow machine is no failure.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


def pytest_collection_modifyitems(items):
    if databases.WANTED == "postgres":
        for item in items:
            if "sqlite" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="is about the file of SQLite"))


@pytest.fixture(scope="session")
def server():
    """A PostgreSQL server; skips where none can be started."""
    reason = databases.why_not()
    if reason:
        pytest.skip(reason)
    made = databases.Server()
    yield made
    made.close()


@pytest.fixture(scope="session", autouse=databases.WANTED == "postgres")
def on_postgres(server):
    """Have every library that a test names lie on the server."""
    import album.paths
    import db.library
    from db.places import FilePlace, place_of

    databases.running = databases.Schemas(server)

    def elsewhere(path_or_url):
        place = place_of(path_or_url)
        if not isinstance(place, FilePlace):
            return place
        return place_of(databases.running.url(place.path))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(db.library, "place_of", elsewhere)
        patch.setattr(album.paths, "place_of", elsewhere)
        yield
    databases.running.close()
    databases.running = None
