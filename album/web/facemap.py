"""The map of faces."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from album.people.face_map import face_map
from album.web.deps import ShelfOf
from album.web.images import face_url
from album.web.models import MapModel, SpotModel, person_model
from album.web.rendering import render

router = APIRouter()

People = Annotated[str, Query(max_length=2000, description="Ids or names, with commas.")]


@router.get("/map", include_in_schema=False)
def map_page(request: Request, people: People = "") -> HTMLResponse:
    """Show the map; a script draws it."""
    return render(request, "map.html", {"people": people})


@router.get("/api/v1/map", tags=["people"])
def map_get(shelf: ShelfOf, people: People = "") -> MapModel:
    """Lay out the faces of some people, or of those with most photos, in the plane."""
    who = [one.strip() for one in people.split(",") if one.strip()]
    with shelf.heavy:
        found = face_map(shelf.library, who)
    return MapModel(
        people=[person_model(card) for card in found.people],
        left_out=found.left_out,
        spots=[
            SpotModel(
                face_id=spot.key.face_id,
                photo_id=spot.key.photo_id,
                person_id=spot.person_id,
                x=round(spot.x, 4),
                y=round(spot.y, 4),
                odd=round(spot.odd, 3),
                picture=face_url(spot.key, 96),
            )
            for spot in found.spots
        ],
    )
