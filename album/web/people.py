"""The page of all people, and the same as JSON."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from album.people.browse import GROUPS, SORTS, people_cards
from album.web.deps import Limit, Offset, ShelfOf
from album.web.models import PeopleModel, person_model
from album.web.rendering import render

router = APIRouter()
PAGE = 120

Group = Literal["known", "all", "named", "unnamed", "passers", "hidden"]
Sort = Literal["photos", "name", "born", "recent"]
Name = Annotated[str, Query(max_length=200)]


@router.get("/", include_in_schema=False)
def home() -> RedirectResponse:
    """Go to the people."""
    return RedirectResponse("/people", 307)


@router.get("/people", include_in_schema=False)
def people_page(
    request: Request,
    shelf: ShelfOf,
    group: Group = "known",
    sort: Sort = "photos",
    name: Name = "",
    offset: Offset = 0,
) -> HTMLResponse:
    """Show the people, a page at a time; a script goes on where the page ends."""
    found = people_cards(
        shelf.library, group=group, sort=sort, name=name, offset=offset, limit=PAGE
    )
    values = {
        "cards": [person_model(card) for card in found.shown],
        "total": found.total,
        "offset": offset,
        "size": PAGE,
        "group": group,
        "sort": sort,
        "name": name,
        "groups": GROUPS,
        "sorts": SORTS,
    }
    return render(request, "people.html", values)


@router.get("/api/v1/people", tags=["people"])
def people_list(
    shelf: ShelfOf,
    group: Group = "known",
    sort: Sort = "photos",
    name: Name = "",
    offset: Offset = 0,
    limit: Limit = 200,
) -> PeopleModel:
    """List people, a page at a time."""
    found = people_cards(
        shelf.library, group=group, sort=sort, name=name, offset=offset, limit=limit
    )
    return PeopleModel(
        total=found.total, offset=offset, people=[person_model(card) for card in found.shown]
    )
