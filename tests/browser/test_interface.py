"""Whatever the OpenAPI document allows, and what it does not: no error of the server.

Requests are made up by schemathesis, always the same ones.
"""

import pytest
from hypothesis import HealthCheck, given, settings

from tests.album.albums import Shelf, family

pytestmark = pytest.mark.browser

OPERATIONS = 23
"""So many are documented at least; fewer would mean that something is not looked at."""
BOUNDS = settings(
    max_examples=20,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def interface(tmp_path_factory):
    """The operations of a server over drawn people, and the token that changes need."""
    schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
    from album.thumbnails.cache import Thumbnails
    from album.web.app import make_app, make_shelf
    from album.web.document import ADDRESS
    from album.web.guard import CSRF_HEADER, Access

    folder = tmp_path_factory.mktemp("interface")
    shelf = Shelf(folder)
    shelf.index(family(folder / "photos"))
    web = make_shelf(shelf.path, Access(hosts=frozenset(("testserver",))))
    web.thumbnails = Thumbnails(folder / "cache")
    document = schemathesis.openapi.from_asgi(ADDRESS, make_app(web))
    operations = [found.ok() for found in document.get_all_operations()]
    yield operations, {CSRF_HEADER: web.access.csrf}
    web.close()


@pytest.mark.parametrize("mode", ["POSITIVE", "NEGATIVE"])
def test_no_request_makes_the_server_fail(interface, mode):
    from schemathesis import GenerationMode
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks

    operations, token = interface
    assert len(operations) >= OPERATIONS
    wanted = [
        *(not_a_server_error, checks.status_code_conformance, checks.content_type_conformance),
        checks.response_schema_conformance,
    ]
    tried = set()
    for operation in operations:

        @BOUNDS
        @given(case=operation.as_strategy(generation_mode=GenerationMode[mode]))
        def check(case):
            case.headers = {**(case.headers or {}), **token}
            case.call_and_validate(checks=wanted)
            tried.add(case.operation.label)

        try:
            check()
        except BaseException as error:
            if "Unsatisfiable" not in type(error).__name__:  # nothing can be wrong with "undo"
                raise
    assert len(tried) >= (OPERATIONS if mode == "POSITIVE" else OPERATIONS // 2)
