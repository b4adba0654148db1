"""``album redo``."""

import click

from album.cli.changes import changes, tell, writable
from album.cli.common import Session


@click.command(epilog="For example:  album redo --json")
@changes
@click.pass_obj
def command(session: Session, as_json: bool) -> None:
    """Make the change again that was taken back last."""
    from album.edits import decisions

    with writable(session) as library:
        change = decisions.redo(library)
    tell(change, as_json=as_json)
