"""``album name``: give a person a name."""

import click

from album.cli.changes import changes, person_id, tell, writable
from album.cli.common import Session


@click.command(epilog="For example:  album name 12 'Anna Bell'")
@click.argument("person", metavar="PERSON")
@click.argument("name")
@click.option("--force", is_flag=True, help="Also if somebody else has that name.")
@changes
@click.pass_obj
def command(session: Session, person: str, name: str, force: bool, as_json: bool) -> None:
    """Give PERSON, an id or a name, a NAME; an empty one takes it back.

    A person with a name keeps it whatever is indexed later.
    """
    from album.edits.decisions import name_person

    with writable(session) as library:
        change = name_person(library, person_id(library, person), name, force=force)
    tell(change, as_json=as_json)
