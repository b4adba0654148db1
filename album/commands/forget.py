"""``album forget``: delete the library."""

import click

from album.commands import text
from album.commands.common import FAILED, Session, everywhere
from album.forget import Doomed, doomed, forget


@click.command(epilog="For example:  album forget --library ~/old.db")
@click.option("--yes", is_flag=True, help="Do not ask.")
@everywhere
@click.pass_context
def command(context: click.Context, yes: bool) -> None:
    """Delete the library with its backups: every face, person and name. No photo is touched."""
    found = doomed(context.ensure_object(Session).path)
    for line in _lines(found):
        click.echo(line)
    if not yes and not _confirmed():
        click.echo("Nothing was deleted.", err=True)
        context.exit(FAILED)
    forget(found)
    click.echo("Deleted.")


def _lines(found: Doomed) -> list[str]:
    held = ""
    if found.status is not None:
        photos = text.count(found.status.photos, "photo")
        faces = text.count(found.status.faces, "face")
        names = text.count(found.status.named, "name")
        held = f" of {photos}, with {faces} and {names}"
    sizes = [(path, text.size(path.stat().st_size)) for path in found.files if path.exists()]
    return [
        f"The library{held}:",
        *(f"  {text.path_text(path)}  ({size})" for path, size in sizes),
        "The photos stay as they are. Names that you gave can't be brought back.",
    ]


def _confirmed() -> bool:
    try:
        return click.confirm("Delete it?")
    except click.Abort:  # no terminal to ask on, or Ctrl-C
        click.echo(err=True)
        return False
