"""What changes something: by JSON here, and by forms that work without script."""

from collections.abc import Callable

from fastapi import APIRouter

from album.edits import decisions
from album.errors import Refused
from album.web.deps import ShelfOf
from album.web.models import ChangeModel, TokenModel
from db.errors import EmptyHistoryError
from db.journal.journal import Change
from db.library import Library

router = APIRouter(prefix="/api/v1", tags=["changes"])


def changed(change: Change) -> ChangeModel:
    """Translate a change."""
    return ChangeModel(
        event_id=change.event_id,
        kind=change.kind,
        summary=change.summary,
        person_ids=list(change.person_ids),
    )


def _reverted(shelf: ShelfOf, how: Callable[[Library], Change]) -> ChangeModel:
    with shelf.changing() as library:
        try:
            return changed(how(library))
        except EmptyHistoryError as error:
            raise Refused(str(error)) from error


@router.post("/undo")
def undo(shelf: ShelfOf) -> ChangeModel:
    """Take the last change back."""
    return _reverted(shelf, decisions.undo)


@router.post("/redo")
def redo(shelf: ShelfOf) -> ChangeModel:
    """Make the change again that was taken back last."""
    return _reverted(shelf, decisions.redo)


@router.get("/token")
def token(shelf: ShelfOf) -> TokenModel:
    """Return what every change has to carry in the header `x-csrf-token`.

    Pages of other sites can't read it: their requests are refused before they come here.
    """
    return TokenModel(token=shelf.access.csrf)
