"""The page of one photo or clip: who is where in it, and what may be changed."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import Field

from album.dates.sources import is_trusted
from album.edits import decisions
from album.errors import shown
from album.people.faces import photo_faces
from album.web.changes import changed
from album.web.dates import dated_photo
from album.web.deps import Id, ShelfOf
from album.web.models import ChangeModel, PhotoModel, face_model
from album.web.person import Flag, Strict, Who
from album.web.rendering import date_text, render
from album.web.shelf import Shelf
from db.errors import UnknownPhotoError
from db.library import Library
from db.photos.photos import photo_row
from db.rows import PhotoRow

router = APIRouter()


Pixel = Annotated[float, Field(ge=-1_000_000, le=1_000_000)]


class Exemption(Strict):
    """Whether a person may be twice in the photo: a collage, a mirror."""

    exempt: Flag = True


class Drawn(Strict):
    """A face that was missed: its box, and whose it is; with neither, somebody new."""

    box: tuple[Pixel, Pixel, Pixel, Pixel]
    person_id: Who | None = None
    name: str | None = Field(default=None, max_length=200)
    force: Flag = False


def _row(library: Library, photo_id: int) -> PhotoRow:
    found = photo_row(library, photo_id)
    if found is None:
        raise UnknownPhotoError(f"There is no photo {photo_id}.")
    return found


def photo_model(shelf: Shelf, photo_id: int) -> PhotoModel:
    """Return a photo with the faces in it, from left to right."""
    library = shelf.library
    found = _row(library, photo_id)
    facts = found.facts
    trusted = is_trusted(facts.date_source, facts.date_precision)
    faces, people = photo_faces(library, photo_id)
    return PhotoModel(
        id=photo_id,
        kind=facts.kind,
        path=shown(found.path or ""),
        present=found.present,
        width=facts.width,
        height=facts.height,
        date=date_text(facts.taken_at, facts.date_precision),
        date_trusted=trusted,
        date_source=facts.date_source,
        faces=[face_model(face, people.get(face.person_id or 0)) for face in faces],
    )


@router.get("/photos/{photo_id}", include_in_schema=False)
def photo_page(
    request: Request,
    shelf: ShelfOf,
    photo_id: Id,
    at: Annotated[int, Query(ge=0, le=1 << 40)] = 0,
) -> HTMLResponse:
    """Show a photo with its faces, or play a clip from a moment on."""
    values: dict[str, Any] = {
        "photo": photo_model(shelf, photo_id),
        "dated": dated_photo(shelf, photo_id),
        "at": at,
    }
    return render(request, "photo.html", values)


@router.get("/api/v1/photos/{photo_id}", tags=["photos"], response_model_exclude_unset=True)
def photo_get(shelf: ShelfOf, photo_id: Id) -> PhotoModel:
    """Return a photo with the faces in it."""
    return photo_model(shelf, photo_id)


@router.post("/api/v1/photos/{photo_id}/faces", tags=["changes"])
def photo_draw(shelf: ShelfOf, photo_id: Id, body: Drawn) -> ChangeModel:
    """Mark a face that was missed, in pixels of the upright photo."""
    from album.edits.marking import mark_face

    who = {"person_id": body.person_id, "name": body.name}
    with shelf.changing() as library:
        _row(library, photo_id)
        return changed(
            mark_face(library, shelf.engine, photo_id, body.box, **who, force=body.force)  # type: ignore[arg-type]
        )


@router.post("/api/v1/photos/{photo_id}/exempt", tags=["changes"])
def photo_exempt(shelf: ShelfOf, photo_id: Id, body: Exemption) -> ChangeModel:
    """Allow that a person is twice in a photo, or no longer."""
    _row(shelf.library, photo_id)
    with shelf.changing() as library:
        return changed(decisions.exempt_photo(library, photo_id, body.exempt))
