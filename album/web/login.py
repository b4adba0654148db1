"""Asking for the password, where there is one."""

from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from album.web.deps import ShelfOf
from album.web.rendering import render

router = APIRouter(include_in_schema=False)


@router.get("/login")
def login_page(request: Request) -> Response:
    """Show the form."""
    return render(request, "login.html", {"wrong": False})


@router.post("/login")
async def login(request: Request, shelf: ShelfOf) -> Response:
    """Compare the password and remember the browser until the server ends."""
    fields = parse_qs((await request.body()).decode("utf-8", "replace"))
    if not shelf.access.is_password(fields.get("password", [""])[0]):
        await shelf.access.hold_back(request.scope, request.receive)
        return render(request, "login.html", {"wrong": True}, status=403)
    response = RedirectResponse("/people", 303)
    cookie, session = shelf.access.cookie, shelf.access.session
    response.set_cookie(cookie, session, httponly=True, samesite="strict", path="/")
    return response
