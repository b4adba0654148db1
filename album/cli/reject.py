"""``album reject``: say that a face is not the person's."""

import click

from album.cli.changes import changes, tell, writable
from album.cli.common import Session


@click.command(epilog="For example:  album reject 1204")
@click.argument("faces", metavar="FACE…", nargs=-1, required=True, type=click.IntRange(min=1))
@changes
@click.pass_obj
def command(session: Session, faces: tuple[int, ...], as_json: bool) -> None:
    """Say that faces are not of the person who has them; that is remembered.

    They are nobody's until the next `album index`, which may find out whose they are.
    """
    from album.edits.decisions import reject_faces

    with writable(session) as library:
        change = reject_faces(library, faces)
    tell(change, as_json=as_json)
