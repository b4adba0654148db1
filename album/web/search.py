"""Searching photos by a few words."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from album.errors import AlbumError
from album.people.phrases import parse_phrase
from album.people.search import Match, find_page
from album.web.answers import sentence_of
from album.web.deps import Limit, Offset, ShelfOf
from album.web.images import photo_url
from album.web.models import FoundModel, FoundPhoto
from album.web.rendering import date_text, render
from album.web.shelf import Shelf
from album.web.texts import text
from db.errors import LibraryError

router = APIRouter()
PAGE = 90

Words = Annotated[str, Query(max_length=300)]


def found_photo(match: Match) -> FoundPhoto:
    """Translate a photo that was found."""
    names = [one.person.label for one in match.people]
    when = date_text(match.date, match.date_precision) if match.date_trusted else ""
    who = ", ".join(names) or text("search.nobody")
    return FoundPhoto(
        id=match.photo_id,
        kind=match.kind,
        date=when,
        people=who,
        alt=text("search.alt", who=who, when=when or text("face.undated")),
        url=f"/photos/{match.photo_id}",
        picture=photo_url(match.photo_id, 320),
    )


def _find(shelf: Shelf, words: str, offset: int, limit: int) -> FoundModel:
    query = parse_phrase(words)
    with shelf.heavy:
        found = find_page(shelf.library, query, offset=offset, limit=limit)
    return FoundModel(
        total=found.total, offset=offset, photos=[found_photo(one) for one in found.matches]
    )


@router.get("/search", include_in_schema=False)
def search_page(request: Request, shelf: ShelfOf, q: Words = "", offset: Offset = 0) -> Response:
    """Show the photos that were found; a search for somebody's name alone shows that, too."""
    if not q.strip():
        return RedirectResponse("/people", 307)
    problem, found = "", FoundModel(total=0, offset=0, photos=[])
    try:
        found = _find(shelf, q, offset, PAGE)
    except (AlbumError, LibraryError) as error:
        problem = sentence_of(error)
    values = {"query": q, "problem": problem, "found": found, "offset": offset, "size": PAGE}
    page: HTMLResponse = render(request, "search.html", values, status=400 if problem else 200)
    return page


@router.get("/api/v1/search", tags=["photos"])
def search(shelf: ShelfOf, q: Words, offset: Offset = 0, limit: Limit = 90) -> FoundModel:
    """Find photos by a few words: `ana with ben 2019 age 3..6`."""
    return _find(shelf, q, offset, limit)
