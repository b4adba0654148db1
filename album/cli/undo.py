"""``album undo``."""

import click

from album.cli.changes import changes, tell, writable
from album.cli.common import Session


@click.command(epilog="For example:  album undo --json")
@changes
@click.pass_obj
def command(session: Session, as_json: bool) -> None:
    """Take the last change of people back, then the one before, and so on."""
    from album.edits import decisions

    with writable(session) as library:
        change = decisions.undo(library)
    tell(change, as_json=as_json)
