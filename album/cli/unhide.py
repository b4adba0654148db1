"""``album unhide``: show a hidden person again."""

import click

from album.cli.changes import changes, person_id, tell, writable
from album.cli.common import Session


@click.command(epilog="For example:  album unhide 12")
@click.argument("person", metavar="PERSON")
@changes
@click.pass_obj
def command(session: Session, person: str, as_json: bool) -> None:
    """Show a hidden PERSON in lists again."""
    from album.edits.decisions import hide_person

    with writable(session) as library:
        change = hide_person(library, person_id(library, person), False)
    tell(change, as_json=as_json)
