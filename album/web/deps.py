"""What the functions that answer requests are given."""

from typing import Annotated

from fastapi import Depends, Path, Query, Request

from album.web.shelf import Shelf

LARGEST_ID = (1 << 63) - 1


def _shelf(request: Request) -> Shelf:
    shelf: Shelf = request.app.state.shelf
    return shelf


ShelfOf = Annotated[Shelf, Depends(_shelf)]
"""The library and its cache."""
Id = Annotated[int, Path(ge=1, le=LARGEST_ID)]
"""An id in the address."""
Offset = Annotated[int, Query(ge=0, le=100_000_000)]
Limit = Annotated[int, Query(ge=1, le=500)]
"""A page of a list."""
