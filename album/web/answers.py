"""From errors to answers: a status, and a page or a JSON document that says what happened."""

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from album.errors import (
    AlbumError,
    Impossible,
    MediaError,
    NobodyAlone,
    NoEmotions,
    NotComparable,
    NothingGrouped,
    OneGroup,
    Refused,
    Vanished,
)
from album.web.rendering import render
from album.web.texts import text
from db import errors

STATUS: tuple[tuple[type[Exception], int], ...] = (
    (errors.UnknownPersonError, 404),
    (errors.UnknownFaceError, 404),
    (errors.UnknownPhotoError, 404),
    (errors.AmbiguousPersonError, 409),
    (errors.ReadOnlyLibraryError, 409),
    (errors.LockedLibraryError, 503),
    (errors.LibraryError, 503),
    (Refused, 409),
    (Impossible, 400),
    (Vanished, 410),
    (MediaError, 422),
    (AlbumError, 400),
)
"""The first class that fits decides."""
REMEDIES: tuple[tuple[type[Exception], str], ...] = (
    (NothingGrouped, "remedy.index"),
    (NotComparable, "remedy.index_again"),
    (OneGroup, "remedy.select"),
    (NobodyAlone, "remedy.name"),
    (NoEmotions, "remedy.emotions"),
)
"""What helps, as a key of `album.web.texts`."""


def is_api(request: Request) -> bool:
    """Tell whether a request wants JSON whatever happens."""
    path: str = request.scope["path"]
    return path.startswith("/api/")


def status_of(error: Exception) -> int:
    """Return the status for an error that the user can understand."""
    return next(status for kind, status in STATUS if isinstance(error, kind))


def sentence_of(error: Exception) -> str:
    """Return what is wrong, and what helps."""
    sentence = " ".join(str(error).split())
    remedy = next((text(key) for kind, key in REMEDIES if isinstance(error, kind)), "")
    return f"{sentence} {remedy}".rstrip()


def answer(request: Request, status: int, sentence: str, *, can_force: bool = False) -> Response:
    """Say what happened, as JSON or as a page."""
    if is_api(request):
        problem = {"error": sentence, "status": status, "can_force": can_force}
        response: Response = JSONResponse(problem, status)
    else:
        response = render(request, "error.html", {"sentence": sentence}, status=status)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["retry-after"] = "5"
    return response


def explain_errors(app: FastAPI) -> None:
    """Have an application answer all errors in this way."""

    def known(request: Request, error: Exception) -> Response:
        sentence, forced = sentence_of(error), getattr(error, "forced", "")
        if forced and is_api(request):
            sentence = text("error.insist", what=sentence, how=forced)
        return answer(request, status_of(error), sentence, can_force=bool(forced))

    def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        missing = error.status_code == HTTPStatus.NOT_FOUND
        sentence = text("error.missing") if missing else str(error.detail)
        response = answer(request, error.status_code, sentence)
        response.headers.update(error.headers or {})
        return response

    def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        what = f"{'.'.join(map(str, first['loc'][1:]))}: {first['msg']}"
        return answer(request, 422, text("error.query", what=what))

    def broken_off(request: Request, _: Exception) -> Response:
        return answer(request, 400, text("error.broken_off"))

    def unexpected(request: Request, _: Exception) -> Response:
        return answer(request, 500, text("error.unexpected"))

    for kind in (AlbumError, errors.LibraryError):
        app.add_exception_handler(kind, known)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(ClientDisconnect, broken_off)
    app.add_exception_handler(Exception, unexpected)
