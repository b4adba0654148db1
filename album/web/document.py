"""The OpenAPI document: what the JSON interface can be asked, and what has to be sent with it."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from album.web.guard import CSRF_HEADER, SAFE_METHODS
from album.web.models import ProblemModel

ADDRESS = "/api/v1/openapi.json"
PROBLEMS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ProblemModel, "description": "What was wrong with the request, or refused."},
    "5XX": {"model": ProblemModel, "description": "What is wrong with the library just now."},
}
"""The answers that every path may give beside its own."""

_ABOUT = """People, faces and photos of one library, and what can be said of them.

Every change is kept in the history and can be taken back by `/api/v1/undo`. A change needs the
token of `/api/v1/token`, which is another each time the server starts."""

_SCHEMES = {
    "token": {
        "type": "apiKey",
        "in": "header",
        "name": CSRF_HEADER,
        "description": "Of /api/v1/token.",
    },
    "password": {
        "type": "http",
        "scheme": "bearer",
        "description": "Where the server was started with a password.",
    },
}


def document(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of an application, made once."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title, version=app.version, description=_ABOUT, routes=app.routes
        )
        made.setdefault("components", {})["securitySchemes"] = _SCHEMES
        for methods in made["paths"].values():
            for method, operation in methods.items():
                operation["security"] = [{}, {"password": []}]
                if method.upper() not in SAFE_METHODS:
                    operation["security"] = [{"token": []}, {"token": [], "password": []}]
        app.openapi_schema = made
    return app.openapi_schema
