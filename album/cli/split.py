"""``album split``: make some faces of a person somebody else."""

import click

from album.cli.changes import changes, person_id, tell, writable
from album.cli.common import Session


@click.command(epilog="For example:  album split Anna 1204 1377  or  album split Anna --auto")
@click.argument("person", metavar="PERSON")
@click.argument("faces", metavar="FACE…", nargs=-1, type=click.IntRange(min=1))
@click.option("--auto", is_flag=True, help="Into the groups that the faces fall into.")
@changes
@click.pass_obj
def command(
    session: Session, person: str, faces: tuple[int, ...], auto: bool, as_json: bool
) -> None:
    """Make some faces of PERSON a new person; the others stay.

    `album show PERSON --faces` lists the faces with their ids. The two are remembered as different
    people.
    """
    from album.edits.decisions import split_auto, split_person

    if auto == bool(faces):
        raise click.UsageError("Give the faces that are somebody else's, or --auto.")
    with writable(session) as library:
        who = person_id(library, person)
        change = split_auto(library, who) if auto else split_person(library, who, faces)
    tell(change, as_json=as_json)
