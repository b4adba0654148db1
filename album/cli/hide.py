"""``album hide``: leave a person out of lists."""

import click

from album.cli.changes import changes, person_id, tell, writable
from album.cli.common import Session


@click.command(epilog="For example:  album hide 12")
@click.argument("person", metavar="PERSON")
@changes
@click.pass_obj
def command(session: Session, person: str, as_json: bool) -> None:
    """Leave PERSON out of lists; `album people --all` still shows them."""
    from album.edits.decisions import hide_person

    with writable(session) as library:
        change = hide_person(library, person_id(library, person), True)
    tell(change, as_json=as_json)
