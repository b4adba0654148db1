"""``album serve``: the album in a browser."""

import secrets
import socket
import webbrowser
from contextlib import suppress

import click

from album.cli.common import Session, everywhere
from album.errors import AlbumError

PORT = 8765
PASSWORD_BYTES = 12
"""Of a password that is made up: too many to be guessed at any rate."""


@click.command(epilog="For example:  album serve --open")
@click.option("--port", type=click.IntRange(0, 65535), default=PORT, show_default=True,
              help="0 takes any that is free.")  # fmt: skip
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS",
              help="Others than this machine may look, too, with a password.")  # fmt: skip
@click.option("--password", envvar="ALBUM_PASSWORD", help="Asked for by the page; made "
              "up and printed where --host lets others look.  [env: ALBUM_PASSWORD]")  # fmt: skip
@click.option("--allow-name", "names", multiple=True, metavar="NAME",
              help="A name by which other machines call this one.")  # fmt: skip
@click.option("--open", "open_page", is_flag=True, help="Open the page in a browser.")
@click.option("--read-only", is_flag=True, help="Nothing can be changed from the page.")
@everywhere
@click.pass_obj
def command(
    session: Session,
    port: int,
    host: str,
    password: str | None,
    names: tuple[str, ...],
    open_page: bool,
    read_only: bool,
) -> None:
    """Show the album in a browser: people, photos, questions. Stop it with Ctrl-C.

    The page is for this machine alone unless --host says otherwise; nothing is asked of any other
    machine.
    """
    from album.web.app import make_app, make_shelf
    from album.web.guard import LOOPBACK_NAMES, Access, is_loopback
    from album.web.serving import make_server

    _check_password(password)
    made_up = "" if password or is_loopback(host) else secrets.token_urlsafe(PASSWORD_BYTES)
    hosts = frozenset((*LOOPBACK_NAMES, *(name.lower() for name in names)))
    shelf = make_shelf(
        session.path, Access(hosts, password or made_up or None), read_only=read_only
    )
    shelf.library  # noqa: B018 - says now what is wrong with it
    try:
        listener = _listen(host, port)
    except AlbumError:
        shelf.close()
        raise
    address = f"http://{_shown(host)}:{listener.getsockname()[1]}/"
    click.echo(f"The album is at {address} — stop with Ctrl-C.")
    if made_up:
        click.echo(f"Its password is {made_up} (until it stops; --password sets another).")
    if open_page:
        webbrowser.open(address)
    _share_memory()
    make_server(make_app(shelf)).run(sockets=[listener])


def _check_password(password: str | None) -> None:
    """Refuse a password that no browser can send."""
    try:
        (password or "").encode()
    except UnicodeEncodeError:
        raise AlbumError(
            "The password given by --password or ALBUM_PASSWORD is not valid UTF-8; choose another."
        ) from None


def _share_memory() -> None:
    """Have threads take memory from two places only: each would keep what it has used once.

    That is a setting of the C library on Linux; others do without.
    """
    import ctypes

    arenas, few = -8, 2  # M_ARENA_MAX
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(arenas, few)


def _listen(host: str, port: int) -> socket.socket:
    """Take the port, or say that it is taken; who asks from now on waits for the server."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise AlbumError(
            f"Port {port} of {host} can't be used ({error.strerror}); choose another with --port."
        ) from error
    return listener


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
