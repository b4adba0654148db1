"""Dates of photos: what was believed and what was not, and why; setting one by hand."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import Field

from album.dates.sources import is_trusted
from album.edits import dating
from album.errors import Refused, shown
from album.web.changes import changed
from album.web.deps import Id, Limit, Offset, ShelfOf
from album.web.images import photo_url
from album.web.models import ChangeModel, ClaimModel, DatedModel, DatesModel
from album.web.person import Strict
from album.web.rendering import date_text, render
from album.web.shelf import Shelf
from album.web.texts import ENGLISH, text
from db.errors import UnknownPhotoError
from db.photos.dates import USER, DatedPhoto, DateFilter, dates_page

router = APIRouter()
PAGE = 60

Word = Annotated[str, Query(max_length=40)]


class PhotoChanges(Strict):
    """What the user sets for a photo: when it was taken; null takes that back."""

    date: str | None = Field(max_length=40, description="1984, 1984-05, 1984-05-17, with a time.")


def source_name(source: str) -> str:
    """Return how people call what says a date."""
    key = f"date.source.{source}"
    return text(key) if key in ENGLISH else source


def dated_model(one: DatedPhoto) -> DatedModel:
    """Translate a photo with all that claims its date; one claim at most is what it goes by."""
    claims, found = [], one.date_source == USER
    for claim in one.claims:
        believed = not found and not claim["refusal"] and claim["source"] == one.date_source
        found = found or believed
        claims.append(
            ClaimModel(
                source=claim["source"],
                source_name=source_name(claim["source"]),
                text=_claimed(claim),
                refusal=shown(str(claim["refusal"])),
                believed=believed,
            )
        )
    return DatedModel(
        id=one.photo_id,
        url=f"/photos/{one.photo_id}",
        picture=photo_url(one.photo_id, 320),
        path=shown(one.path or ""),
        date=date_text(one.taken_at, one.date_precision),
        source=one.date_source,
        source_name=source_name(one.date_source),
        trusted=one.taken_at is not None and is_trusted(one.date_source, one.date_precision),
        claims=claims,
    )


def _claimed(claim: Mapping[str, Any]) -> str:
    """Return the date that is claimed, or what stands there where that is none."""
    if not claim["when"]:
        return shown(str(claim["text"]))
    when = datetime.fromisoformat(claim["when"])
    exact = claim["precision"] == "second"
    return f"{when:%Y-%m-%d %H:%M}" if exact else date_text(when, claim["precision"])


def _found(shelf: Shelf, chosen: DateFilter, offset: int, limit: int) -> DatesModel:
    found, total = dates_page(shelf.library, chosen, offset=offset, limit=limit)
    return DatesModel(total=total, offset=offset, photos=[dated_model(one) for one in found])


def _one(shelf: Shelf, photo_id: int) -> DatedPhoto:
    found, _ = dates_page(shelf.library, DateFilter(photo_id=photo_id), offset=0, limit=1)
    if not found:
        raise UnknownPhotoError(f"There is no photo {photo_id} on the disk.")
    return found[0]


def dated_photo(shelf: Shelf, photo_id: int) -> DatedModel | None:
    """Return the dates that a photo claims; None where it is not on the disk."""
    found = _found(shelf, DateFilter(photo_id=photo_id), 0, 1).photos
    return found[0] if found else None


@router.get("/dates", include_in_schema=False)
def dates_of_photos(
    request: Request,
    shelf: ShelfOf,
    source: Word = "",
    precision: Word = "",
    refused: bool = False,
    offset: Offset = 0,
) -> HTMLResponse:
    """Show photos with all that claims their dates."""
    chosen = DateFilter(source or None, precision or None, refused)
    values: dict[str, Any] = {
        "found": _found(shelf, chosen, offset, PAGE),
        "source": source,
        "source_name": source_name(source) if source else "",
        "precision": precision,
        "refused": refused,
        "offset": offset,
        "size": PAGE,
    }
    return render(request, "dates.html", values)


@router.get("/api/v1/dates", tags=["photos"])
def dates_get(
    shelf: ShelfOf,
    source: Word = "",
    precision: Word = "",
    refused: bool = False,
    offset: Offset = 0,
    limit: Limit = 60,
) -> DatesModel:
    """List photos by date with all that claims it: what was believed, what was refused and why."""
    return _found(shelf, DateFilter(source or None, precision or None, refused), offset, limit)


@router.patch("/api/v1/photos/{photo_id}", tags=["changes"])
def photo_change(shelf: ShelfOf, photo_id: Id, body: PhotoChanges) -> ChangeModel:
    """Say when a photo was taken, or take that back."""
    with shelf.changing() as library:
        one = _one(shelf, photo_id)
        if body.date is not None:
            return changed(dating.set_dates(library, [one], dating.parse_date(body.date)))
        if one.date_source != USER:
            raise Refused(
                "The date of this photo was not set by you, so nothing can be taken back."
            )
        return changed(dating.unset_dates(library, [one]))
