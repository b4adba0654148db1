"""``album move``: say whose a face is."""

import click

from album.cli.changes import changes, person_id, tell, writable
from album.cli.common import Session


@click.command(epilog="For example:  album move 1204 Anna  or  album move 1204 1377 new")
@click.argument("faces", metavar="FACE…", nargs=-1, required=True, type=click.IntRange(min=1))
@click.argument("person", metavar="PERSON|new")
@click.option("--force", is_flag=True, help="Although that person is then twice in a photo.")
@changes
@click.pass_obj
def command(
    session: Session, faces: tuple[int, ...], person: str, force: bool, as_json: bool
) -> None:
    """Say that faces are PERSON's, or those of somebody new; they stay there.

    `album show PERSON --faces` lists faces with their ids.
    """
    from album.edits.decisions import move_faces

    with writable(session) as library:
        to = None if person == "new" else person_id(library, person)
        change = move_faces(library, faces, to, force=force)
    tell(change, as_json=as_json)
