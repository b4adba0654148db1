"""From errors to answers: a status, and a page or a JSON document that says what happened."""

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from album.errors import AlbumError, MediaError, Refused, Vanished
from album.people.search import Impossible
from album.web.rendering import render
from album.web.texts import text
from db import errors

STATUS: tuple[tuple[type[Exception], int], ...] = (
    (errors.UnknownPersonError, 404),
    (errors.UnknownFaceError, 404),
    (errors.AmbiguousPersonError, 409),
    (errors.ReadOnlyLibraryError, 409),
    (errors.LockedLibraryError, 503),
    (errors.LibraryError, 503),
    (Refused, 409),
    (Impossible, 400),
    (Vanished, 410),
    (MediaError, 422),
    (AlbumError, 400),
    (LookupError, 404),
)
"""The first class that fits decides."""


def is_api(request: Request) -> bool:
    """Tell whether a request wants JSON whatever happens."""
    path: str = request.scope["path"]
    return path.startswith("/api/")


def status_of(error: Exception) -> int:
    """Return the status for an error that the user can understand."""
    return next(status for kind, status in STATUS if isinstance(error, kind))


def answer(request: Request, status: int, sentence: str) -> Response:
    """Say what happened, as JSON or as a page."""
    if is_api(request):
        said, force = without_option(sentence)
        problem = {"error": said, "status": status, "can_force": force}
        response: Response = JSONResponse(problem, status)
    else:
        response = render(request, "error.html", {"sentence": sentence}, status=status)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["retry-after"] = "5"
    return response


def without_option(sentence: str) -> tuple[str, bool]:
    """Turn what a refusal says of the option --force into a question.

    Returns
    -------
    str
        The sentence for a page.
    bool
        Whether the user may insist.
    """
    said, found, _ = sentence.partition("; use --force")
    if not found:
        said, found, _ = sentence.partition(", or use --force")
    return (text("error.insist", what=said), True) if found else (sentence, False)


def explain_errors(app: FastAPI) -> None:
    """Have an application answer all errors in this way."""

    def known(request: Request, error: Exception) -> Response:
        return answer(request, status_of(error), " ".join(str(error).split()))

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

    for kind in (AlbumError, errors.LibraryError, LookupError):
        app.add_exception_handler(kind, known)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(ClientDisconnect, broken_off)
    app.add_exception_handler(Exception, unexpected)
