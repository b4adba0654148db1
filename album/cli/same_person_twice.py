"""``album same-person-twice``: a collage, a mirror."""

import click

from album.cli.changes import changes, photo_id, tell, writable
from album.cli.common import Session


@click.command("same-person-twice", epilog="For example:  album same-person-twice collage.jpg")
@click.argument("photo", metavar="PHOTO")
@click.option("--undo", is_flag=True, help="Nobody can be twice in it, as in any other photo.")
@changes
@click.pass_obj
def command(session: Session, photo: str, undo: bool, as_json: bool) -> None:
    """Allow that one person is twice in PHOTO, the path of a collage or of one with a mirror."""
    from album.edits.decisions import exempt_photo

    with writable(session) as library:
        change = exempt_photo(library, photo_id(library, photo), not undo)
    tell(change, as_json=as_json)
