"""The page of the library: what it holds, what could not be read, dates, history, progress."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from album.dates.sources import is_trusted
from album.errors import shown
from album.indexing.heartbeat import index_progress
from album.web.dates import source_name
from album.web.deps import ShelfOf
from album.web.models import EventModel, FailureModel, HistoryModel, ProgressModel, StatusModel
from album.web.rendering import render
from album.web.shelf import Shelf
from db.journal.journal import history
from db.photos.files import failures
from db.photos.status import date_counts, status

router = APIRouter()
EVENTS = 60
FAILURES = 500


def status_model(shelf: Shelf) -> StatusModel:
    """Return the library in numbers, with the progress of an index that is running."""
    library = shelf.library
    counts = status(library, contracts=False)
    now = index_progress(library)
    return StatusModel(
        path=shown(counts.path),
        bytes=counts.size,
        photos=counts.photos,
        clips=counts.clips,
        faces=counts.faces,
        people=counts.people - counts.passers_by,
        passers_by=counts.passers_by,
        named=counts.named,
        gone=counts.gone_files,
        failures=counts.failures,
        indexing=None
        if now is None
        else ProgressModel(
            total=now.total,
            done=now.done,
            faces=now.faces,
            failed=now.failed,
            phase=now.phase,
            seconds_left=now.seconds_left,
        ),
    )


def failure_models(shelf: Shelf) -> list[FailureModel]:
    """Return what could not be read."""
    rows = failures(shelf.library)[:FAILURES]
    return [FailureModel(path=shown(row.path), reason=shown(row.reason)) for row in rows]


@router.get("/library", include_in_schema=False)
def library_page(request: Request, shelf: ShelfOf) -> HTMLResponse:
    """Show what the library holds."""
    dates = [
        (source, source_name(source), precision, n, is_trusted(source, precision))
        for source, precision, n in date_counts(shelf.library)
    ]
    values: dict[str, Any] = {
        "status": status_model(shelf),
        "failures": failure_models(shelf),
        "dates": sorted(dates, key=lambda row: (not row[4], -row[3])),
        "events": history(shelf.library)[:EVENTS],
    }
    return render(request, "library.html", values)


@router.get("/api/v1/status", tags=["library"])
def status_get(shelf: ShelfOf) -> StatusModel:
    """Return the library in numbers, and how far an index is."""
    return status_model(shelf)


@router.get("/api/v1/failures", tags=["library"])
def failures_get(shelf: ShelfOf) -> list[FailureModel]:
    """List files that could not be read, with the reason."""
    return failure_models(shelf)


@router.get("/api/v1/history", tags=["library"])
def history_get(shelf: ShelfOf) -> HistoryModel:
    """List the last changes, newest first."""
    return HistoryModel(
        events=[
            EventModel(
                id=one.event_id, at=one.at, kind=one.kind, summary=one.summary, undone=one.undone
            )
            for one in history(shelf.library)[:EVENTS]
        ]
    )
