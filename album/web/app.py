"""The application: which pages there are, and what stands before them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from anyio import to_thread
from fastapi import FastAPI
from fastapi.responses import Response
from fastapi.staticfiles import StaticFiles

from album import __version__
from album.errors import StrPath
from album.thumbnails.cache import Thumbnails
from album.web import (
    changes,
    dates,
    facemap,
    images,
    library,
    login,
    people,
    person,
    photo,
    review,
    search,
)
from album.web.answers import explain_errors
from album.web.document import ADDRESS, PROBLEMS, document
from album.web.guard import Access, Guard
from album.web.shelf import Shelf

THREADS = 8
"""Requests that are worked on at the same time; more threads only wait for each other, and each has
a connection to the library with pages of its own in memory."""
STATIC = Path(__file__).parent / "static"
ROUTERS = (
    people.router,
    person.router,
    photo.router,
    review.router,
    search.router,
    library.router,
    dates.router,
    facemap.router,
    changes.router,
    images.router,
    login.router,
)


class Static(StaticFiles):
    """Scripts and styles: kept by browsers, which ask whether they are still the same."""

    def file_response(self, *args: Any, **options: Any) -> Response:
        """Answer with a file, or that it has not changed."""
        response = super().file_response(*args, **options)
        response.headers["cache-control"] = "no-cache"
        return response


def make_shelf(path: StrPath, access: Access | None = None, *, read_only: bool = False) -> Shelf:
    """Return what the pages share, for a library."""
    return Shelf(path, access or Access(), Thumbnails.of_library(path), read_only=read_only)


def make_app(shelf: Shelf) -> Guard:
    """Return the application for one library.

    Parameters
    ----------
    shelf : Shelf
        From `make_shelf`.

    Returns
    -------
    Guard
        An ASGI application.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        to_thread.current_default_thread_limiter().total_tokens = THREADS
        yield
        shelf.close()

    app = FastAPI(
        title="album-people",
        version=__version__,
        openapi_url=ADDRESS,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        responses=PROBLEMS,
    )
    app.openapi = lambda: document(app)  # type: ignore[method-assign]
    app.state.shelf = shelf
    for router in ROUTERS:
        app.include_router(router)
    app.mount("/static", Static(directory=STATIC), name="static")
    explain_errors(app)
    return Guard(app, shelf.access)
