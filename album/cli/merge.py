"""``album merge``: make several people one."""

import click

from album.cli.changes import changes, person_id, tell, writable
from album.cli.common import Session


@click.command(epilog="For example:  album merge Anna 31 45")
@click.argument("people", metavar="PERSON PERSON…", nargs=-1, required=True)
@click.option(
    "--force",
    is_flag=True,
    help="Although they share photos, have different names, or were said to be different.",
)
@changes
@click.pass_obj
def command(session: Session, people: tuple[str, ...], force: bool, as_json: bool) -> None:
    """Make several people one: the first who has a name, or the first.

    People who share a photo are refused, with the photos. With --force a person may be twice in
    those, as in a mirror or a collage.
    """
    from album.edits.decisions import merge_people

    with writable(session) as library:
        ids = [person_id(library, who) for who in people]
        change = merge_people(library, ids, force=force)
    tell(change, as_json=as_json)
